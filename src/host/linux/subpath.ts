// Mounts a path inside a volume somewhere else, whatever the volume's owner does to it meanwhile: every step is opened from
// the one before and never through a symbolic link, and what is mounted is the opened file itself, not its name.
import { constants, promises as fs } from 'node:fs';
import { linuxMounts } from './mounts.ts';

/** Linux's O_PATH, which Node does not name: a file to hold on to, not to read. */
const openPath = 0o10000000;

export class SubPathError extends Error {}

/**
 * `relative` has no symbolic links any more, no `..` and no leading slash. What is missing of it is made with `mode`. Binds
 * it to `target`, which is made to fit.
 */
export async function bindInside(root: string, relative: string, mode: number, target: string): Promise<void> {
  let current = await fs.open(root, openPath | constants.O_DIRECTORY);
  try {
    for (const name of relative.split('/').filter((one) => one !== '' && one !== '.')) {
      if (name === '..') throw new SubPathError(`${relative} leads out of the volume`);
      const step = `/proc/self/fd/${current.fd}/${name}`;
      const flags = openPath | constants.O_NOFOLLOW;
      const next = await fs.open(step, flags).catch(async (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
        await fs.mkdir(step, { mode });
        await fs.chmod(step, mode);
        return fs.open(step, flags);
      });
      await current.close();
      current = next;
      // Opened without following it, a link is a link.
      if ((await current.stat()).isSymbolicLink()) throw new SubPathError(`${relative} changed while it was opened`);
    }
    const isDirectory = (await current.stat()).isDirectory();
    if (linuxMounts.isMountPoint(target)) linuxMounts.unmount(target);
    await fs.mkdir(isDirectory ? target : target.slice(0, target.lastIndexOf('/')), { recursive: true, mode: 0o750 });
    if (!isDirectory) await fs.writeFile(target, '', { flag: 'a', mode: 0o640 });
    linuxMounts.bind(`/proc/self/fd/${current.fd}`, target);
  } finally {
    await current.close();
  }
}
