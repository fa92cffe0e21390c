// Copies of files and trees that are on disk when the call is done, with the modes of the originals.
import { createHash } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import path from 'node:path';

async function syncedCopy(from: string, to: string): Promise<void> {
  await fs.copyFile(from, to);
  const handle = await fs.open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Copies a file or a directory with all files below; `to` must not exist. `from` may be a link; links and what else is no file are left out below it. */
export async function copyTree(from: string, to: string): Promise<void> {
  await copyEntry(await fs.realpath(from), to);
}

async function copyEntry(from: string, to: string): Promise<void> {
  const what = await fs.lstat(from);
  if (what.isFile()) await syncedCopy(from, to);
  else if (what.isDirectory()) {
    await fs.mkdir(to, { mode: what.mode & 0o777 });
    for (const name of await fs.readdir(from)) await copyEntry(path.join(from, name), path.join(to, name));
    await syncDirectory(to);
  }
}

export async function isEmptyDirectory(directory: string): Promise<boolean> {
  return (await fs.stat(directory)).isDirectory() && (await fs.readdir(directory)).length === 0;
}

export interface FileFacts {
  /** Below the root. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Every file below `root`, in order of their paths. */
export async function factsOfTree(root: string, below = ''): Promise<FileFacts[]> {
  const facts: FileFacts[] = [];
  for (const entry of (await fs.readdir(path.join(root, below), { withFileTypes: true })).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const relative = path.join(below, entry.name);
    if (entry.isDirectory()) facts.push(...(await factsOfTree(root, relative)));
    else if (entry.isFile()) {
      const full = path.join(root, relative);
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(full)) hash.update(chunk as Uint8Array);
      facts.push({ path: relative, bytes: (await fs.stat(full)).size, sha256: hash.digest('hex') });
    }
  }
  return facts;
}

/** Moves over a whole file or tree; both must be of one file system. */
export const rename = (from: string, to: string): Promise<void> => fs.rename(from, to);
