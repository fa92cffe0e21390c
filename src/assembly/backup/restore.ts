// Puts a backup in the place of what a data directory holds. Two steps, so that a power loss leaves the old state or the new one:
// everything is copied beside it, then a marker is written; from then on it is finished, by this process or at the next start.
import path from 'node:path';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Files } from '#host/files.ts';
import { copyTree, type FileFacts, factsOfTree, rename, syncDirectory } from '#host/linux/tree-copy.ts';
import { openRowFile } from '#host/row-file.ts';
import { productVersion } from '../version.ts';
import { backupEntries, manifestFileName, manifestFormat, storeFile, type BackupManifest } from './contents.ts';

/** Clients have seen revisions that the backup does not know: the counter goes on above all of them, as etcd's restore does it. */
const revisionsAbove = 1_000_000_000;
const stagingName = 'restore.new';
const markerName = 'restore.pending';
const beforeName = 'before-restore';

/** Where what was there is kept until the next restore. */
export const beforeRestore = (dataDirectory: string): string => path.join(dataDirectory, beforeName);

/** Undefined: there is no list of contents, or none that this version can read. */
export async function readManifest(backup: string, files: Files): Promise<BackupManifest | undefined> {
  const manifest = await parseManifest(backup, files);
  return manifest !== undefined && isReadable(manifest) ? manifest : undefined;
}

async function parseManifest(backup: string, files: Files): Promise<Partial<BackupManifest> | undefined> {
  const text = await files.readText(path.join(backup, manifestFileName));
  try {
    return text === undefined ? undefined : ((JSON.parse(text) as Partial<BackupManifest> | null) ?? undefined);
  } catch {
    return undefined;
  }
}

function isReadable(manifest: Partial<BackupManifest>): manifest is BackupManifest {
  if (typeof manifest.format !== 'number' || manifest.format > manifestFormat) return false;
  const paths = Array.isArray(manifest.files) ? manifest.files.map((one: FileFacts | null) => one?.path) : [];
  return paths.includes(storeFile('.')) && paths.every((one) => typeof one === 'string');
}

/** Throws an OperatorError when `backup` is none, was changed, or is of a newer MicroShift; then nothing was changed. */
export async function readBackup(backup: string, files: Files): Promise<BackupManifest> {
  const manifest = await parseManifest(backup, files);
  if (typeof manifest?.format === 'number' && manifest.format > manifestFormat)
    throw new OperatorError(
      `${backup} was made by a newer MicroShift (${manifest.version}, this one is ${productVersion.version}).`,
      'Restore it with that version.',
    );
  if (manifest === undefined || !isReadable(manifest))
    throw new OperatorError(
      `${backup} is no backup: its ${manifestFileName} is missing or cannot be read.`,
      'Name a directory that `microshift backup` made.',
    );
  const found = (await factsOfTree(backup)).filter((one) => one.path !== manifestFileName);
  const foundText = new Map(found.map((one) => [one.path, `${one.bytes} ${one.sha256}`]));
  const wrong = manifest.files.find((one) => foundText.get(one.path) !== `${one.bytes} ${one.sha256}`);
  if (wrong !== undefined || found.length !== manifest.files.length)
    throw new OperatorError(
      wrong === undefined
        ? `${backup} holds files that were not in it when it was made.`
        : `${wrong.path} in ${backup} is not what it was when the backup was made.`,
      'Take another backup; this one cannot be trusted.',
    );
  return manifest;
}

/** The directory must be locked by the caller. */
export async function restoreBackup(backup: string, dataDirectory: string, files: Files): Promise<BackupManifest> {
  await finishRestore(dataDirectory, files);
  const manifest = await readBackup(backup, files);
  const staging = path.join(dataDirectory, stagingName);
  try {
    await files.remove(staging);
    await files.makeDirectory(dataDirectory, 0o700);
    await copyTree(backup, staging);
    await raiseRevisions(storeFile(staging));
    await syncDirectory(dataDirectory);
  } catch (error) {
    await files.remove(staging).catch(() => {});
    throw new OperatorError(
      `The backup ${backup} was not restored: ${messageOf(error)}.`,
      'Nothing was changed. Check that there is room for it in the data directory.',
      { cause: error },
    );
  }
  // What an earlier restore has kept is given up with the decision for this one.
  await files.remove(beforeRestore(dataDirectory));
  await files.makeDirectory(beforeRestore(dataDirectory), 0o700);
  await files.writeAtomic(path.join(dataDirectory, markerName), `${backup}\n`, 0o600);
  await finishRestore(dataDirectory, files);
  return manifest;
}

/** Does what is left of a restore that was interrupted; nothing otherwise. */
export async function finishRestore(dataDirectory: string, files: Files): Promise<void> {
  const marker = path.join(dataDirectory, markerName);
  const staging = path.join(dataDirectory, stagingName);
  if (!(await files.exists(marker))) {
    await files.remove(staging);
    return;
  }
  const manifest = JSON.parse((await files.readText(path.join(staging, manifestFileName))) ?? '') as BackupManifest;
  for (const entry of backupEntries) {
    const [current, kept, fresh] = [dataDirectory, beforeRestore(dataDirectory), staging].map((folder) =>
      path.join(folder, entry),
    ) as [string, string, string];
    const isInBackup = manifest.files.some((file) => file.path === entry || file.path.startsWith(`${entry}/`));
    // No longer beside it: it is in its place.
    if (isInBackup && !(await files.exists(fresh))) continue;
    if (await files.exists(current)) await rename(current, kept);
    if (isInBackup) await rename(fresh, current);
  }
  await syncDirectory(dataDirectory);
  await files.remove(marker);
  // On disk before what it needs goes.
  await syncDirectory(dataDirectory);
  await files.remove(staging);
}

/** Of a copy that takes the place of the objects; throws when it cannot be read to its end. */
export async function raiseRevisions(file: string): Promise<void> {
  const open = await openRowFile({ path: file }, () => {});
  const { reservedRevision } = open.meta;
  await open.commit(
    { keys: [], numbers: new Float64Array(0), payload: new Uint8Array(0) },
    { reservedRevision: reservedRevision + revisionsAbove, clean: false },
  );
  await open.close();
}
