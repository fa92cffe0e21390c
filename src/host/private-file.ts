// Whether a file that only its owner may read is just that.
import { promises as fs } from 'node:fs';

/** What is wrong, and how to mend it; undefined: nothing, or there is no such file. */
export async function exposureOf(file: string): Promise<string | undefined> {
  let mode: number;
  try {
    ({ mode } = await fs.stat(file));
  } catch {
    return undefined;
  }
  return (mode & 0o077) === 0
    ? undefined
    : `${file} may be read or written by others (its mode is ${(mode & 0o777).toString(8)}): chmod 600 ${file}`;
}
