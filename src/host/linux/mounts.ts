// Mounts of the node agent: tmpfs and bind mounts, and what is mounted now.
import { readFileSync } from 'node:fs';
import { errno, mount, mountFlag, SystemCallError, unmount, unmountFlag } from './system-calls.ts';

export interface Mounts {
  /** Absolute targets of every mount of this mount namespace, in order of mounting. */
  list(): readonly string[];
  isMountPoint(target: string): boolean;
  tmpfs(target: string, options: { readonly sizeBytes?: number | undefined; readonly mode: number }): void;
  /** `pageSize` as the kernel reads it: 2Mi, 1Gi. */
  hugePages(target: string, pageSize: string): void;
  bind(source: string, target: string, options?: { readonly readOnly?: boolean }): void;
  /** Nothing happens when nothing is mounted there. A busy mount is detached and goes with its last user. */
  unmount(target: string): void;
}

/** /proc/self/mountinfo writes space, tab, newline and backslash as octal. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export const parseMountInfo = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => unescape(line.split(' ')[4] ?? ''));

export const linuxMounts: Mounts = {
  list: () => parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')),
  isMountPoint: (target) => linuxMounts.list().includes(target),
  tmpfs(target, { sizeBytes, mode }) {
    const size = sizeBytes === undefined ? '' : `size=${sizeBytes},`;
    mount('tmpfs', target, 'tmpfs', mountFlag.noSuid | mountFlag.noDev, `${size}mode=${mode.toString(8)}`);
  },
  hugePages(target, pageSize) {
    mount('nodev', target, 'hugetlbfs', 0, `pagesize=${pageSize}`);
  },
  bind(source, target, options = {}) {
    mount(source, target, 'none', mountFlag.bind | mountFlag.recursive);
    if (options.readOnly === true)
      mount('none', target, 'none', mountFlag.bind | mountFlag.remount | mountFlag.readOnly);
  },
  unmount(target) {
    try {
      unmount(target, unmountFlag.noFollow);
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      if (error.errno === errno.EBUSY) unmount(target, unmountFlag.detach | unmountFlag.noFollow);
      else if (error.errno !== errno.EINVAL && error.errno !== errno.ENOENT) throw error;
    }
  },
};
