// `microshift datastore copy`.
import { type CopyOptions, copyFromEtcd, copyToEtcd } from '#assembly/datastore/copy.ts';
import { etcdOptions } from '#assembly/datastore/etcd.ts';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { systemFiles } from '#host/files.ts';
import { hostIdentity } from '#host/identity.ts';
import { lockDirectory, lockHolder } from '#host/lock.ts';
import { dataDirectoryHere, datastoreOrThrow } from './configuration.ts';
import { type SourceFlags, UsageError } from './command.ts';

export interface CopyFlags extends SourceFlags {
  readonly from?: string;
  readonly to?: string;
}

export async function copy({ from, to, ...flags }: CopyFlags): Promise<number> {
  if ((from === undefined) === (to === undefined))
    throw new UsageError(
      'One of --from and --to must be given: the other side is the data directory.',
      'Write microshift datastore copy --to etcd://HOST:PORT, or --from.',
    );
  const endpoint = (from ?? to)!;
  const { etcd } = await datastoreOrThrow({ ...flags, datastore: endpoint });
  if (etcd === undefined) throw new UsageError('An endpoint is missing.', 'Write etcd://HOST:PORT.');
  const dataDirectory = await dataDirectoryHere({ ...flags, datastore: endpoint });
  const holder = await lockHolder(dataDirectory);
  if (holder !== undefined)
    throw new OperatorError(
      `MicroShift runs as process ${holder} on ${dataDirectory}.`,
      `Stop it first: systemctl stop microshift, or kill ${holder}.`,
    );
  using _lock = await lockDirectory(dataDirectory);
  const options: CopyOptions = {
    dataDirectory,
    etcd: await etcdOptions(etcd, systemFiles),
    hostname: hostIdentity().hostname,
    files: systemFiles,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  };
  if (from === undefined) {
    const { objects, revision } = await copyToEtcd(options);
    console.log(`Copied ${objects} objects to ${endpoint}; resource versions go on behind ${revision}.`);
    console.log(`What is in ${dataDirectory} is not used any more, but its keys are. Set datastore.endpoint to`);
    console.log(`${endpoint}, and start MicroShift; clients list anew.`);
  } else {
    const { objects, revision } = await copyFromEtcd(options);
    console.log(`Copied ${objects} objects to ${dataDirectory}; resource versions go on behind ${revision}.`);
    console.log('What is in etcd is not used any more. Remove datastore.endpoint from the configuration, and start');
    console.log('MicroShift; clients list anew.');
  }
  return 0;
}
