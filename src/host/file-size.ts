// How much of the disk a file takes, and how much is left.
import { promises as fs, statSync } from 'node:fs';

/** In bytes; 0: it is not there. */
export const fileBytes = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** For this user, on the disk of `directory`. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await fs.statfs(directory);
  return bavail * bsize;
}
