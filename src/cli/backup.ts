// `microshift backup` and `microshift restore`.
import path from 'node:path';
import type { KubernetesObject } from '#api/kind.ts';
import { findBackups, nextBackup } from '#assembly/backup/folder.ts';
import type { BackupAnswer } from '#assembly/backup/for-socket.ts';
import { makeBackup } from '#assembly/backup/make.ts';
import {
  type BackupManifest,
  clusterKey,
  objectsAreOnEtcd,
  storeDirectory,
  storeFile,
} from '#assembly/backup/contents.ts';
import { beforeRestore, finishRestore, restoreBackup } from '#assembly/backup/restore.ts';
import type { MadeBackup } from '#assembly/backup/scheduled.ts';
import { checkNotMoved } from '#assembly/datastore/moved.ts';
import { finishRepair } from '#assembly/datastore/repair.ts';
import { controlSocketPath } from '#assembly/status.ts';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import { askControlSocket } from '#host/control-socket.ts';
import { systemFiles } from '#host/files.ts';
import { lockDirectory, lockHolder } from '#host/lock.ts';
import { openRowFile, type PackedRows, rowNumbers } from '#host/row-file.ts';
import { type BackupFlags, exitFailed, type SourceFlags, UsageError } from './command.ts';
import { backupsHere, dataDirectoryHere, datastoreHere } from './configuration.ts';

const describe = ({ files, revision, createdAt }: BackupManifest): string => {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, revision ${revision}, ${createdAt}`;
};

export async function backup(directory: string | undefined, flags: BackupFlags): Promise<number> {
  if (flags.output !== undefined && (flags.output !== 'json' || flags.list !== true))
    throw new UsageError(`The output format ${JSON.stringify(flags.output)} is not known here.`, 'With --list: json.');
  if (flags.list === true) return list(directory, flags);
  const dataDirectory = await ownDataDirectory(flags);
  const {
    path: target,
    manifest,
    removed,
  } = (await lockHolder(dataDirectory)) === undefined
    ? await backupOfStopped(directory, dataDirectory, flags)
    : await backupOfRunning(directory, dataDirectory);
  console.log(`Backed up to ${target}: ${describe(manifest)}.`);
  for (const name of removed) console.log(`Removed, by backup.retention: ${name}.`);
  console.log(
    'It holds the private keys of this cluster, and the key that opens its Secrets: keep it where only you can read it.',
  );
  return 0;
}

async function list(directory: string | undefined, flags: BackupFlags): Promise<number> {
  const folder = directory === undefined ? (await configuredFolder(flags)).folder : path.resolve(directory);
  const found = await findBackups(folder, systemFiles);
  const rows = found.map(({ name, manifest, isIncomplete }) => ({
    name,
    createdAt: manifest.createdAt,
    revision: manifest.revision,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    version: manifest.version,
    cluster: manifest.cluster,
    isComplete: !isIncomplete,
  }));
  if (flags.output === 'json') console.log(JSON.stringify({ folder, backups: rows }, undefined, 2));
  else if (rows.length === 0) console.log(`There are no backups in ${folder}.`);
  else {
    const width = Math.max(...rows.map(({ name }) => name.length));
    console.log(`In ${folder}, the newest first:`);
    for (const { name, createdAt, bytes, version, isComplete } of rows)
      console.log(
        `  ${name.padEnd(width)}  ${createdAt}  ${(bytes / 1e6).toFixed(1)} MB  ${version}${isComplete ? '' : '  INCOMPLETE: it cannot be restored'}`,
      );
  }
  return rows.every(({ isComplete }) => isComplete) ? 0 : exitFailed;
}

async function configuredFolder(flags: SourceFlags): Promise<{ readonly folder: string; readonly nodeName: string }> {
  const here = await backupsHere(flags);
  if (here === undefined || here.folder === '')
    throw new UsageError(
      'No directory was named, and backup.folder is not set.',
      'Name a directory, or set backup.folder in the configuration.',
    );
  return here;
}

/** Throws where the objects are not in it. */
async function ownDataDirectory(flags: SourceFlags): Promise<string> {
  if ((await datastoreHere(flags))?.etcd !== undefined) throw objectsAreOnEtcd();
  return dataDirectoryHere(flags);
}

async function backupOfRunning(directory: string | undefined, dataDirectory: string): Promise<MadeBackup> {
  const target = directory === undefined ? '' : path.resolve(directory);
  let answer: BackupAnswer | undefined;
  await askControlSocket(controlSocketPath(dataDirectory), `backup ${target}`, (value) => {
    // What our own process sends.
    answer = value as BackupAnswer;
    return false;
  });
  if (answer === undefined)
    throw new OperatorError('MicroShift ended before the backup was made.', 'Look at its log, and try again.');
  if ('message' in answer) throw new OperatorError(answer.message, answer.remedy);
  return answer;
}

const nothingIn = (dataDirectory: string): OperatorError =>
  new OperatorError(
    `There is nothing to back up in ${dataDirectory}.`,
    'Name the data directory with --data-dir, or with dataDir in the configuration file.',
  );

async function backupOfStopped(
  directory: string | undefined,
  dataDirectory: string,
  flags: SourceFlags,
): Promise<MadeBackup> {
  const file = storeFile(dataDirectory);
  // The second: of a restore that was interrupted.
  if (!(await systemFiles.exists(file)) && !(await systemFiles.exists(beforeRestore(dataDirectory))))
    throw nothingIn(dataDirectory);
  using _lock = await lockDirectory(dataDirectory);
  // Half of one state and half of another is no backup.
  await finishRestore(dataDirectory, systemFiles);
  await finishRepair(storeDirectory(dataDirectory), systemFiles);
  await checkNotMoved(storeDirectory(dataDirectory), systemFiles);
  if (!(await systemFiles.exists(file))) throw nothingIn(dataDirectory);
  let cluster: string | undefined;
  const copyStore = async (to: string): Promise<number> => {
    const store = await openRowFile({ path: file }, (rows) => (cluster ??= clusterIn(rows)));
    try {
      await store.copyTo(to);
    } finally {
      await store.close();
    }
    return store.meta.reservedRevision;
  };
  const target = directory === undefined ? await nextHere(flags) : path.resolve(directory);
  const source = { dataDirectory, copyStore, cluster: () => cluster };
  const manifest = await makeBackup(target, source, { files: systemFiles, clock: systemClock });
  return { path: target, manifest, removed: [] };
}

async function nextHere(flags: SourceFlags): Promise<string> {
  const { folder, nodeName } = await configuredFolder(flags);
  // Made here, it would be on another disk than the one that is not there.
  if (!(await systemFiles.exists(folder)))
    throw new OperatorError(`backup.folder ${folder} is not there.`, 'Make it, or mount its disk.');
  return nextBackup(folder, nodeName, systemClock.now(), systemFiles);
}

/** Undefined: it is not in these rows. */
function clusterIn({ keys, numbers, payload }: PackedRows): string | undefined {
  for (let index = 0, at = 0; index < keys.length; index++) {
    const length = numbers[index * rowNumbers + rowNumbers - 1]!;
    if (keys[index] === clusterKey) {
      const object = JSON.parse(Buffer.from(payload.subarray(at, at + length)).toString()) as KubernetesObject;
      return object.metadata.uid;
    }
    at += length;
  }
  return undefined;
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
