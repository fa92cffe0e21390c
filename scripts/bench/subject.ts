// What is measured: a control plane on a machine of its own, MicroShift or upstream, and its processes as this host sees them.
import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Machine } from '#kit/machine/machine.ts';

export interface Subject {
  readonly machine: Machine;
  /** As another host of the machine's LAN calls it. */
  readonly server: string;
  /** With what the machine's administrator calls it. */
  readonly kubectl: readonly string[];
  /** File names of its programs, without those of containers and the container runtime. */
  readonly programs: readonly string[];
}
export type Programs = Pick<Subject, 'machine' | 'programs'>;

const linkOf = (file: string): string | undefined => {
  try {
    return readlinkSync(file);
  } catch {
    // It has ended, or belongs to the kernel.
    return undefined;
  }
};

/** By the file that each runs: the name of a process of Node is its main thread's. */
export async function processesOf({ machine, programs }: Programs): Promise<number[]> {
  const namespace = (await machine.succeed(['readlink', '/proc/self/ns/pid'])).trim();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => linkOf(`/proc/${pid}/ns/pid`) === namespace)
    .filter((pid) => programs.includes(path.basename(linkOf(`/proc/${pid}/exe`) ?? '')))
    .map(Number);
}

/** What is not measured at the moment takes no processor time meanwhile. */
export async function alone<T>(others: readonly Programs[], measure: () => Promise<T>): Promise<T> {
  const stopped = (await Promise.all(others.map(processesOf))).flat();
  for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  try {
    return await measure();
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
  }
}
