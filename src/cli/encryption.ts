// `microshift encryption rotate` and `microshift encryption status`.
import { encryptionKeyFile, storeDirectory, storeFile } from '#assembly/backup/contents.ts';
import { finishRestore } from '#assembly/backup/restore.ts';
import { Encryption, type RotationOutcome } from '#assembly/datastore/encryption.ts';
import { finishRepair } from '#assembly/datastore/repair.ts';
import type { RotationAnswer } from '#assembly/datastore/rotate-for-socket.ts';
import { controlSocketPath } from '#assembly/status.ts';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { askControlSocket } from '#host/control-socket.ts';
import { systemFiles } from '#host/files.ts';
import { lockDirectory, lockHolder } from '#host/lock.ts';
import { exposureOf } from '#host/private-file.ts';
import type { Resealed } from '#storage/sealing/rotation.ts';
import { openSealing, readKeyFacts } from '#storage/sealing/sealing-key.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { dataDirectoryHere, datastoreHere } from './configuration.ts';
import { exitFailed, type SourceFlags, type StatusFlags } from './command.ts';
import { keysText } from './status-text.ts';

const showProgress = ({ done, total }: Resealed): void =>
  void process.stderr.write(`encrypted again: ${done} of ${total}\n`);

export async function rotate(flags: SourceFlags): Promise<number> {
  const dataDirectory = await dataDirectoryHere(flags);
  if ((await datastoreHere(flags))?.etcd !== undefined)
    throw new OperatorError(
      'The objects of this cluster are on etcd (datastore.endpoint): other API servers may need the old key.',
      'Change it by hand, on all of them: docs/how-to/encryption.md says how.',
    );
  const { keys, objects, isComplete } =
    (await lockHolder(dataDirectory)) === undefined
      ? await rotateStopped(dataDirectory)
      : await rotateRunning(dataDirectory);
  console.log(`Encrypted again: ${objects} objects. ${keysText(keys, systemClock.now())}.`);
  if (!isComplete)
    console.log('There is no room for a snapshot with the new key only: make room, and give this command again.');
  console.log('Backups that were made before hold the old key. Make a new one, and remove those if that key got out.');
  return isComplete ? 0 : exitFailed;
}

async function rotateRunning(dataDirectory: string): Promise<RotationOutcome> {
  let answer: RotationAnswer | undefined;
  await askControlSocket(controlSocketPath(dataDirectory), 'rotate-key', (value) => {
    // What our own process sends.
    const line = value as RotationAnswer | Resealed;
    if ('total' in line) showProgress(line);
    else answer = line;
    return 'total' in line;
  });
  if (answer === undefined)
    throw new OperatorError(
      'MicroShift ended before the key was rotated.',
      'Nothing is lost: its next start finishes it. `microshift encryption status` says how far it is.',
    );
  if ('message' in answer) throw new OperatorError(answer.message, answer.remedy);
  return answer.outcome;
}

const nothingIn = (dataDirectory: string): OperatorError =>
  new OperatorError(
    `There is nothing encrypted in ${dataDirectory}.`,
    'Name the data directory with --data-dir, or with dataDir in the configuration file.',
  );

async function rotateStopped(dataDirectory: string): Promise<RotationOutcome> {
  const keyFile = encryptionKeyFile(dataDirectory);
  if (!(await systemFiles.exists(keyFile))) throw nothingIn(dataDirectory);
  using _lock = await lockDirectory(dataDirectory);
  const directory = storeDirectory(dataDirectory);
  // Data and key may belong to two states.
  await finishRestore(dataDirectory, systemFiles);
  await finishRepair(directory, systemFiles);
  const machine = { files: systemFiles, clock: systemClock };
  const ring = await openSealing({ file: keyFile, random: systemRandom, ...machine });
  if (!(await systemFiles.exists(storeFile(dataDirectory)))) throw nothingIn(dataDirectory);
  const store = await openSqliteStore({ path: storeFile(dataDirectory), clock: systemClock, sealing: ring });
  try {
    const own = { ring, keyFile, directory, store, logger: silentLogger, reserveBytes: () => 0, ...machine };
    return await new Encryption(own).rotate(showProgress);
  } finally {
    await store.close();
  }
}

/** Of the file, which says the same whether it runs or not. */
export async function status(flags: StatusFlags): Promise<number> {
  if (flags.output !== undefined && flags.output !== 'json')
    throw new OperatorError(`The output format ${JSON.stringify(flags.output)} is not known.`, 'The format is json.');
  const dataDirectory = await dataDirectoryHere(flags);
  const keyFile = encryptionKeyFile(dataDirectory);
  const keys = await readKeyFacts(keyFile, systemFiles);
  if (keys === undefined) throw nothingIn(dataDirectory);
  const problem = await exposureOf(keyFile);
  if (flags.output === 'json') console.log(JSON.stringify({ keyFile, keys, problem }, undefined, 2));
  else {
    console.log(`Encrypted are ${keysText(keys, systemClock.now())}.\nThe key is in ${keyFile}.`);
    if (problem !== undefined) console.log(`Wrong: ${problem}`);
  }
  return problem === undefined ? 0 : exitFailed;
}
