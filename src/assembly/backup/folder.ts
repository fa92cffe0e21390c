// The folder of `backup.folder`: what backups are in it, what the next one is called, and which ones are given up. Others may keep
// their own things there, other clusters their backups: only what a schedule of this cluster has made is ever removed.
import path from 'node:path';
import type { Files } from '#host/files.ts';
import { fileBytes } from '#host/file-size.ts';
import { rename } from '#host/linux/tree-copy.ts';
import type { BackupManifest } from './contents.ts';
import { readManifest } from './restore.ts';

export interface FoundBackup {
  readonly name: string;
  readonly path: string;
  /** Grows by one a backup, whatever the clock says; undefined: it was not made for a folder, but by name. */
  readonly sequence: number | undefined;
  readonly manifest: BackupManifest;
  /** Files that its list names are missing, or have another size. */
  readonly isIncomplete: boolean;
}

const nameForm = /^.+-(\d{6,12})-\d{8}T\d{6}Z$/;
const nodeNameLengthMax = 100;
const partialEnding = '.partial';
const removedEnding = '.removed';

const prefixOf = (nodeName: string): string => `${nodeName.slice(0, nodeNameLengthMax)}-`;
const sequenceOf = (name: string): number | undefined => {
  const found = nameForm.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
};

/** The newest first; those that were made by name last. */
export async function findBackups(folder: string, files: Files): Promise<readonly FoundBackup[]> {
  const found: FoundBackup[] = [];
  for (const name of await files.list(folder)) {
    if (name.endsWith(partialEnding) || name.endsWith(removedEnding)) continue;
    const directory = path.join(folder, name);
    // What this user may not read is somebody else's.
    const manifest = await readManifest(directory, files).catch(() => undefined);
    if (manifest === undefined) continue;
    const isIncomplete = manifest.files.some((one) => fileBytes(path.join(directory, one.path)) !== one.bytes);
    found.push({ name, path: directory, sequence: sequenceOf(name), manifest, isIncomplete });
  }
  return found.toSorted((a, b) => (b.sequence ?? -1) - (a.sequence ?? -1) || (a.name < b.name ? -1 : 1));
}

/** Behind all that is there, also of others. */
export async function nextBackup(folder: string, nodeName: string, now: number, files: Files): Promise<string> {
  const names = (await files.list(folder)).map((name) => name.replace(/\.(partial|removed)$/, ''));
  const sequence = Math.max(0, ...names.map((name) => sequenceOf(name) ?? 0)) + 1;
  const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return path.join(folder, `${prefixOf(nodeName)}${String(sequence).padStart(6, '0')}-${time}`);
}

/**
 * Those that are given up when `retention` good ones stay. A good one is complete; what is incomplete goes once it is older than
 * all that stay, and is never counted. Pure.
 */
export function superfluous(
  backups: readonly FoundBackup[],
  cluster: string | undefined,
  retention: number,
): readonly FoundBackup[] {
  const own = backups.filter((one) => one.sequence !== undefined && one.manifest.cluster === cluster);
  const oldestKept = own.filter((one) => !one.isIncomplete)[retention - 1];
  if (oldestKept === undefined) return [];
  return own.slice(own.indexOf(oldestKept) + 1);
}

/** One that is half removed is no backup any more: it loses its name first. */
export async function removeBackup(backup: FoundBackup, files: Files): Promise<void> {
  const removed = `${backup.path}${removedEnding}`;
  await files.remove(removed);
  await rename(backup.path, removed);
  await files.remove(removed);
}

/** What a kill has left of this machine's. Nothing may be under way. */
export async function removeLeftovers(folder: string, nodeName: string, files: Files): Promise<void> {
  for (const name of await files.list(folder))
    for (const ending of [partialEnding, removedEnding])
      if (
        name.startsWith(prefixOf(nodeName)) &&
        name.endsWith(ending) &&
        sequenceOf(name.slice(0, -ending.length)) !== undefined
      )
        await files.remove(path.join(folder, name));
}
