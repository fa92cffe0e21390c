// Whether the disk of a directory takes anything at all, without writing to it.
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import path from 'node:path';

export interface DiskState {
  readonly isReadOnly: boolean;
  /** For this user. */
  readonly freeBytes: number;
}

/** Of a directory that may not be there yet: of the one in which it would be made. */
export function diskState(directory: string): DiskState {
  let existing = path.resolve(directory);
  while (!existsSync(existing)) existing = path.dirname(existing);
  let isReadOnly = false;
  try {
    accessSync(existing, constants.W_OK);
  } catch (error) {
    isReadOnly = error instanceof Error && 'code' in error && error.code === 'EROFS';
  }
  const { bavail, bsize } = statfsSync(existing);
  return { isReadOnly, freeBytes: bavail * bsize };
}
