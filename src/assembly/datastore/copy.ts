// A whole cluster from the data file to etcd, or from there to the data file, while nothing runs. Objects keep everything but their
// resource versions, which go on above all that anybody has seen. At every moment at most one of the two can be started from: what
// was copied away is marked, and so is what is not whole yet.
import { createPublicKey } from 'node:crypto';
import path from 'node:path';
import { Leases } from '#api/generated/kind-references.ts';
import type { Lease } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import { parseTime } from '#api/meta/time.ts';
import type { Clock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import type { Files } from '#host/files.ts';
import { fileBytes } from '#host/file-size.ts';
import { rename, syncDirectory } from '#host/linux/tree-copy.ts';
import { openRowFile } from '#host/row-file.ts';
import { serviceAccountKeyPath } from '#pki/plan.ts';
import type { EtcdClientOptions } from '#storage/etcd/client.ts';
import { openEtcdStore } from '#storage/etcd/store.ts';
import { type ClusterContents, copyIntoEtcd, isCopying, markMoved } from '#storage/etcd/transfer.ts';
import { type KeyRing, openSealing } from '#storage/sealing/sealing-key.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { encryptionKeyFile, storeDirectory, storeFile, storeFileName } from '../backup/contents.ts';
import { finishRestore } from '../backup/restore.ts';
import { clusterOf } from './etcd.ts';
import { movedFile, type MovedNotice } from './moved.ts';
import { finishRepair } from './repair.ts';

export interface CopyOptions {
  /** Locked by the caller. */
  readonly dataDirectory: string;
  readonly etcd: EtcdClientOptions;
  /** For whoever finds the marks. */
  readonly hostname: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
export interface Copied {
  readonly objects: number;
  /** With which the cluster goes on. */
  readonly revision: number;
}

const everything = '/registry/';
/** Writes that wait in memory at a time. */
const batchItems = 500;
const leaders = ['kube-controller-manager', 'kube-scheduler'];
/** In a data directory whose etcd may not have been marked yet. */
const pendingName = 'copied-from-etcd';

export async function copyToEtcd(options: CopyOptions): Promise<Copied> {
  const { dataDirectory, etcd, files, clock, logger } = options;
  const directory = storeDirectory(dataDirectory);
  await finishRestore(dataDirectory, files);
  await finishRepair(directory, files);
  if (fileBytes(storeFile(dataDirectory)) === 0)
    throw new OperatorError(
      `there is no cluster in ${dataDirectory}`,
      'Name the data directory with --data-dir, or with dataDir in the configuration file.',
    );
  const moved = await files.readText(movedFile(directory));
  if (moved !== undefined && !(await isCopying(etcd)))
    throw new OperatorError(
      `the cluster of ${dataDirectory} has been copied to etcd already`,
      `Set datastore.endpoint, and start MicroShift. To copy what was here before once more, remove ${movedFile(directory)}.`,
    );
  const [ring, cluster] = await keysOf(options);
  const store = await openSqliteStore({ path: storeFile(dataDirectory), clock, logger, sealing: ring });
  try {
    await ring.keep();
    const contents: ClusterContents = { items: store.list(everything).items, revision: store.revision };
    const notice: MovedNotice = { to: etcd.members, at: new Date(clock.now()).toISOString() };
    const beforeEnd = (): Promise<void> =>
      files.writeAtomic(movedFile(directory), `${JSON.stringify(notice, undefined, 2)}\n`, 0o600);
    const revision = await copyIntoEtcd(contents, { etcd, sealing: ring, cluster, logger, beforeEnd });
    return { objects: contents.items.length, revision };
  } finally {
    await store.close();
  }
}

export async function copyFromEtcd(options: CopyOptions): Promise<Copied> {
  const { dataDirectory, etcd, hostname, files, clock, logger } = options;
  const directory = storeDirectory(dataDirectory);
  const isReplaceable = (await files.exists(movedFile(directory))) || (await files.exists(pendingFile(directory)));
  if (fileBytes(storeFile(dataDirectory)) > 0 && !isReplaceable)
    throw new OperatorError(
      `there is a cluster in ${dataDirectory}`,
      'Name another data directory with --data-dir, or move the directory storage in it away.',
    );
  const [ring, cluster] = await keysOf(options);
  const staging = `${directory}.new`;
  const store = await openEtcdStore({ ...etcd, clock, logger, sealing: ring, cluster, keepKey: () => ring.keep() });
  try {
    for (const name of leaders) {
      const lease = store.get(storageKey(Leases, 'kube-system', name))?.object() as Lease | undefined;
      checkNotHeld(lease, clock.now());
    }
    const contents: ClusterContents = { items: store.list(everything).items, revision: store.revision };
    await files.remove(staging);
    await files.makeDirectory(staging, 0o700);
    const revision = await fill(path.join(staging, storeFileName), contents, ring, options);
    await store.consistent();
    if (store.revision !== contents.revision)
      throw new OperatorError(
        'somebody has written to this etcd meanwhile: a MicroShift still runs on it',
        'Stop every MicroShift whose datastore.endpoint names this etcd, and give the command again. Nothing was changed.',
      );
    await files.writeAtomic(pendingFile(staging), '', 0o600);
    await ring.keep();
    const before = `${directory}.before-copy`;
    if (await files.exists(directory)) {
      await files.remove(before);
      await rename(directory, before);
    }
    await rename(staging, directory);
    await syncDirectory(dataDirectory);
    await markMoved(etcd, `${hostname}:${dataDirectory}`);
    await files.remove(pendingFile(directory));
    return { objects: contents.items.length, revision };
  } finally {
    await store.close();
    await files.remove(staging);
  }
}

const pendingFile = (directory: string): string => path.join(directory, pendingName);

/** Those with which Secrets and tokens of this cluster are read. */
async function keysOf({ dataDirectory, files, random, clock }: CopyOptions): Promise<[ring: KeyRing, cluster: string]> {
  const file = path.join(dataDirectory, `${serviceAccountKeyPath}.key`);
  const key = await files.readText(file);
  if (key === undefined)
    throw new OperatorError(
      `the keys of the cluster are not in ${dataDirectory}: there is no ${file}`,
      'Copy the directories certs and resources and the file secrets.key there from the data directory of a server of this cluster.',
    );
  const publicKeyPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
  const ring = await openSealing({ file: encryptionKeyFile(dataDirectory), files, random, clock });
  return [ring, clusterOf(publicKeyPem)];
}

function checkNotHeld(lease: Lease | undefined, now: number): void {
  const { holderIdentity = '', renewTime, leaseDurationSeconds = 0 } = lease?.spec ?? {};
  const untilMs = (parseTime(renewTime) ?? 0) + leaseDurationSeconds * 1_000;
  if (holderIdentity === '' || untilMs <= now) return;
  throw new OperatorError(
    `a MicroShift runs on this etcd, or did until a few seconds ago: ${holderIdentity} holds a Lease`,
    'Stop every MicroShift whose datastore.endpoint names this etcd, and give the command again after 15 seconds.',
  );
}

/** A new data file. */
async function fill(
  file: string,
  { items, revision }: ClusterContents,
  ring: KeyRing,
  { clock, logger }: CopyOptions,
): Promise<number> {
  const empty = await openRowFile({ path: file }, () => {});
  await empty.commit(
    { keys: [], numbers: new Float64Array(0), payload: new Uint8Array(0) },
    { reservedRevision: revision, clean: false },
  );
  await empty.close();
  const store = await openSqliteStore({ path: file, clock, logger, sealing: ring });
  try {
    for (let done = 0; done < items.length; done += batchItems)
      await Promise.all(
        items.slice(done, done + batchItems).map((item) =>
          store.write({
            key: item.key,
            expectedRevision: 0,
            object: withoutRevision(item.object()),
            durability: 'durable',
            // What is over by now is removed at once.
            timeToLiveSeconds: item.expiresAt === 0 ? undefined : Math.max(1, (item.expiresAt - clock.now()) / 1_000),
          }),
        ),
      );
    return store.revision;
  } finally {
    await store.close();
  }
}

function withoutRevision(object: KubernetesObject): KubernetesObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
