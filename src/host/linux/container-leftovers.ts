// What containers of a containerd that is gone leave behind: shims with their processes, network namespaces, cgroups. For cleanup
// only, behind the orderly way over CRI. Only what belongs to one containerd socket.
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { sleep, type Clock } from '#base/clock.ts';
import { processStartTicks } from '../processes.ts';
import { linuxMounts } from './mounts.ts';

const namespaceDirectory = '/run/netns';
const shimSocketDirectory = '/run/containerd/s';
const runcDirectory = '/run/containerd/runc/k8s.io';
const networkResultDirectory = '/var/lib/cni/results';
const endMs = 5_000;

export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly args: readonly string[];
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const processes = (): readonly RunningProcess[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const stat = text(`/proc/${name}/stat`);
    if (stat === '') return [];
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return [{ pid: Number(name), parent, args: text(`/proc/${name}/cmdline`).split('\0') }];
  });

const programs = /^(containerd|containerd-shim.*|ctr|haproxy)$/;

/** What was started with a path below `directory`, and all below it; the deepest last. Pure. */
export function processesOf(all: readonly RunningProcess[], directory: string): readonly number[] {
  const isOurs = ({ args }: RunningProcess): boolean =>
    programs.test(path.basename(args[0] ?? '')) && args.some((one) => one.startsWith(`${directory}/`));
  const found = new Set(all.filter(isOurs).map((one) => one.pid));
  // Grows while it is walked.
  for (const parent of found) for (const one of all) if (one.parent === parent) found.add(one.pid);
  return [...found];
}

export const processesBelow = (directory: string): readonly number[] => processesOf(processes(), directory);

function inodeOf(file: string): number | undefined {
  try {
    return statSync(file).ino;
  } catch {
    return undefined;
  }
}

/**
 * Ends by force what still runs for `directory` (a killed start may have left it unrecorded), shims and their containers, and removes the network namespaces that they were in and what runc and the
 * network plugins remember of them. `tasksDirectory`: holds a folder for each container that ran.
 */
export async function endProcesses(directory: string, tasksDirectory: string, clock: Clock): Promise<void> {
  const records = processesBelow(directory).map((pid) => ({
    pid,
    startTicks: processStartTicks(pid),
    network: inodeOf(`/proc/${pid}/ns/net`),
  }));
  const own = inodeOf('/proc/self/ns/net');
  const networks = new Set(records.map((one) => one.network).filter((one) => one !== undefined && one !== own));
  const alive = () =>
    records.filter((one) => one.startTicks !== undefined && processStartTicks(one.pid) === one.startTicks);
  for (const { pid } of alive())
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with another one.
    }
  const untilMs = clock.monotonicMs() + endMs;
  while (alive().length > 0 && clock.monotonicMs() < untilMs) await sleep(clock, 20);
  for (const name of list(namespaceDirectory)) {
    const file = path.join(namespaceDirectory, name);
    const inode = inodeOf(file);
    if (!name.startsWith('cni-') || inode === undefined || !networks.has(inode)) continue;
    linuxMounts.unmount(file);
    rmSync(file, { force: true });
  }
  if (records.length > 0) removeDeadShimSockets();
  for (const id of list(tasksDirectory)) {
    rmSync(path.join(runcDirectory, id), { recursive: true, force: true });
    for (const name of list(networkResultDirectory))
      if (name.includes(`-${id}-`)) rmSync(path.join(networkResultDirectory, name), { force: true });
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Sockets of shims that nobody listens on. */
function removeDeadShimSockets(): void {
  const listening = new Set(
    text('/proc/net/unix')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[7] ?? ''),
  );
  for (const name of list(shimSocketDirectory)) {
    const file = path.join(shimSocketDirectory, name);
    if (lstatSync(file).isSocket() && !listening.has(file)) rmSync(file, { force: true });
  }
}

/** Files `cni-*` in /run/netns on which no namespace is mounted any more. */
export function removeDeadNamespaces(): void {
  const mounted = new Set(linuxMounts.list());
  for (const name of list(namespaceDirectory)) {
    const file = path.join(namespaceDirectory, name);
    if (name.startsWith('cni-') && !mounted.has(file)) rmSync(file, { force: true });
  }
}

/** Removes the cgroups above Pods where no process is left, in every hierarchy. Gives those that stay. */
export function removePodCgroups(): readonly string[] {
  const root = '/sys/fs/cgroup';
  const hierarchies = new Set([root, ...list(root).map((name) => realDirectory(path.join(root, name)))]);
  const stay: string[] = [];
  const remove = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) remove(path.join(directory, entry.name));
    try {
      rmdirSync(directory);
    } catch {
      stay.push(directory);
    }
  };
  for (const hierarchy of hierarchies)
    for (const name of ['kubepods', 'kubepods.slice'])
      if (inodeOf(path.join(hierarchy, name)) !== undefined) remove(path.join(hierarchy, name));
  return stay;
}

const realDirectory = (file: string): string => {
  try {
    return path.resolve(path.dirname(file), readlinkSync(file));
  } catch {
    return file;
  }
};
