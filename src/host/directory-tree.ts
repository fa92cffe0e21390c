// The file system as a tree of entries without links, for what is read from directories that people write.
import { promises as fs } from 'node:fs';
import { directoryTreeFileBytesMax } from '#base/limits.ts';

interface Entry {
  readonly path: string;
  readonly type: 'file' | 'directory';
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(String(error.code));

export const directoryTree = {
  /** Follows links. Undefined: there is nothing, or neither a file nor a directory. */
  async find(absolutePath: string): Promise<Entry | undefined> {
    try {
      const path = await fs.realpath(absolutePath);
      const stat = await fs.stat(path);
      if (stat.isDirectory()) return { path, type: 'directory' };
      return stat.isFile() ? { path, type: 'file' } : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async read(absolutePath: string): Promise<Uint8Array> {
    const { size } = await fs.stat(absolutePath);
    if (size > directoryTreeFileBytesMax)
      throw new Error(`${absolutePath} has ${size} bytes; more than ${directoryTreeFileBytesMax} are not read`);
    return fs.readFile(absolutePath);
  },
};

/** Directories that a path, or a pattern with `*`, `?` and `[...]`, stands for; sorted. */
export async function matchingDirectories(pattern: string): Promise<readonly string[]> {
  const candidates: string[] = [];
  if (/[*?[]/.test(pattern)) for await (const one of fs.glob(pattern)) candidates.push(one);
  else candidates.push(pattern);
  const found = await Promise.all(
    candidates.map(async (one) => ((await directoryTree.find(one))?.type === 'directory' ? one : undefined)),
  );
  return found.filter((one) => one !== undefined).toSorted();
}
