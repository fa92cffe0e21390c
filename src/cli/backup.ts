// `microshift backup` and `microshift restore`.
import path from 'node:path';
import type { BackupAnswer } from '#assembly/backup/for-socket.ts';
import { makeBackup } from '#assembly/backup/make.ts';
import { type BackupManifest, objectsAreOnEtcd, storeDirectory, storeFile } from '#assembly/backup/contents.ts';
import { beforeRestore, finishRestore, restoreBackup } from '#assembly/backup/restore.ts';
import { finishRepair } from '#assembly/datastore/repair.ts';
import { controlSocketPath } from '#assembly/status.ts';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import { askControlSocket } from '#host/control-socket.ts';
import { systemFiles } from '#host/files.ts';
import { lockDirectory, lockHolder } from '#host/lock.ts';
import { openRowFile } from '#host/row-file.ts';
import { dataDirectoryHere, datastoreHere } from './configuration.ts';
import type { SourceFlags } from './command.ts';

const describe = ({ files, revision, createdAt }: BackupManifest): string => {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, revision ${revision}, ${createdAt}`;
};

export async function backup(directory: string, flags: SourceFlags): Promise<number> {
  const target = path.resolve(directory);
  const dataDirectory = await ownDataDirectory(flags);
  const manifest =
    (await lockHolder(dataDirectory)) === undefined
      ? await backupOfStopped(target, dataDirectory)
      : await backupOfRunning(target, dataDirectory);
  console.log(`Backed up to ${target}: ${describe(manifest)}.`);
  console.log(
    'It holds the private keys of this cluster, and the key that opens its Secrets: keep it where only you can read it.',
  );
  return 0;
}

/** Throws where the objects are not in it. */
async function ownDataDirectory(flags: SourceFlags): Promise<string> {
  if ((await datastoreHere(flags))?.etcd !== undefined) throw objectsAreOnEtcd();
  return dataDirectoryHere(flags);
}

async function backupOfRunning(target: string, dataDirectory: string): Promise<BackupManifest> {
  let answer: BackupAnswer | undefined;
  await askControlSocket(controlSocketPath(dataDirectory), `backup ${target}`, (value) => {
    // What our own process sends.
    answer = value as BackupAnswer;
    return false;
  });
  if (answer === undefined)
    throw new OperatorError('MicroShift ended before the backup was made.', 'Look at its log, and try again.');
  if ('message' in answer) throw new OperatorError(answer.message, answer.remedy);
  return answer.manifest;
}

const nothingIn = (dataDirectory: string): OperatorError =>
  new OperatorError(
    `There is nothing to back up in ${dataDirectory}.`,
    'Name the data directory with --data-dir, or with dataDir in the configuration file.',
  );

async function backupOfStopped(target: string, dataDirectory: string): Promise<BackupManifest> {
  const file = storeFile(dataDirectory);
  // The second: of a restore that was interrupted.
  if (!(await systemFiles.exists(file)) && !(await systemFiles.exists(beforeRestore(dataDirectory))))
    throw nothingIn(dataDirectory);
  using _lock = await lockDirectory(dataDirectory);
  // Half of one state and half of another is no backup.
  await finishRestore(dataDirectory, systemFiles);
  await finishRepair(storeDirectory(dataDirectory), systemFiles);
  if (!(await systemFiles.exists(file))) throw nothingIn(dataDirectory);
  const copyStore = async (to: string): Promise<number> => {
    const store = await openRowFile({ path: file }, () => {});
    try {
      await store.copyTo(to);
    } finally {
      await store.close();
    }
    return store.meta.reservedRevision;
  };
  return makeBackup(target, { dataDirectory, copyStore }, { files: systemFiles, clock: systemClock });
}

export async function restore(directory: string, flags: SourceFlags): Promise<number> {
  const dataDirectory = await ownDataDirectory(flags);
  const holder = await lockHolder(dataDirectory);
  if (holder !== undefined)
    throw new OperatorError(
      `MicroShift runs as process ${holder} on ${dataDirectory}.`,
      `Stop it first: systemctl stop microshift, or kill ${holder}.`,
    );
  using _lock = await lockDirectory(dataDirectory);
  const manifest = await restoreBackup(path.resolve(directory), dataDirectory, systemFiles);
  console.log(`Restored into ${dataDirectory}: ${describe(manifest)}.`);
  console.log(`What was there is in ${beforeRestore(dataDirectory)}. Start MicroShift again; clients list anew.`);
  return 0;
}
