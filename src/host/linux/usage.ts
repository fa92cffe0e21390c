// What a cgroup, a network namespace and a directory have used so far. Undefined: no such cgroup, of either version.
import { existsSync, promises as fs, readFileSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { isCgroupUnified } from './cgroups.ts';

export interface CgroupUse {
  readonly cpuNanoseconds: number;
  readonly memoryUsageBytes: number;
  /** Without what can be dropped at once. */
  readonly memoryWorkingSetBytes: number;
  readonly memoryRssBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  /** Threads too; 0 where nobody counts them. */
  readonly processes: number;
}

export interface DiskUse {
  readonly bytes: number;
  readonly inodes: number;
}

export interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  /** Tells one file system from another. */
  readonly device: number;
}

export interface InterfaceUse {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDrops: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDrops: number;
}

const root = '/sys/fs/cgroup';
const text = (file: string): Promise<string | undefined> => fs.readFile(file, 'utf8').catch(() => undefined);
const field = (content: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(content)?.[1] ?? 0);

export async function cgroupUse(cgroup: string): Promise<CgroupUse | undefined> {
  if (isCgroupUnified()) {
    const directory = `${root}${cgroup}`;
    const [cpu, current, stat, processes] = await Promise.all(
      ['cpu.stat', 'memory.current', 'memory.stat', 'pids.current'].map((one) => text(`${directory}/${one}`)),
    );
    if (cpu === undefined || stat === undefined) return undefined;
    const usage = current === undefined ? field(stat, 'anon') + field(stat, 'file') : Number(current);
    return {
      cpuNanoseconds: field(cpu, 'usage_usec') * 1000,
      memoryUsageBytes: usage,
      memoryWorkingSetBytes: Math.max(0, usage - field(stat, 'inactive_file')),
      memoryRssBytes: field(stat, 'anon'),
      pageFaults: field(stat, 'pgfault'),
      majorPageFaults: field(stat, 'pgmajfault'),
      processes: Number(processes ?? 0),
    };
  }
  const [cpu, current, stat, processes] = await Promise.all([
    text(`${root}/cpuacct${cgroup}/cpuacct.usage`),
    text(`${root}/memory${cgroup}/memory.usage_in_bytes`),
    text(`${root}/memory${cgroup}/memory.stat`),
    text(`${root}/pids${cgroup}/pids.current`),
  ]);
  if (cpu === undefined || current === undefined || stat === undefined) return undefined;
  return {
    cpuNanoseconds: Number(cpu),
    memoryUsageBytes: Number(current),
    memoryWorkingSetBytes: Math.max(0, Number(current) - field(stat, 'total_inactive_file')),
    memoryRssBytes: field(stat, 'total_rss'),
    pageFaults: field(stat, 'total_pgfault'),
    majorPageFaults: field(stat, 'total_pgmajfault'),
    processes: Number(processes ?? 0),
  };
}

export function parseNetworkDevices(content: string): readonly InterfaceUse[] {
  return content
    .split('\n')
    .slice(2)
    .map((line) => /^\s*([^:]+):\s*(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name, rest]) => {
      const values = rest!.trim().split(/\s+/).map(Number);
      return {
        name: name!,
        receivedBytes: values[0]!,
        receivedPackets: values[1]!,
        receiveErrors: values[2]!,
        receiveDrops: values[3]!,
        sentBytes: values[8]!,
        sentPackets: values[9]!,
        sendErrors: values[10]!,
        sendDrops: values[11]!,
      };
    })
    .filter((one) => one.name !== 'lo');
}

/** Of the network namespace of the cgroup's processes; without one, of this process's. */
export async function networkUse(cgroup?: string): Promise<readonly InterfaceUse[]> {
  let pid = 'self';
  if (cgroup !== undefined) {
    const file = `${root}${isCgroupUnified() ? '' : '/memory'}${cgroup}/cgroup.procs`;
    const first = (await text(file))?.split('\n')[0];
    if (first === undefined || first === '') return [];
    pid = first;
  }
  return parseNetworkDevices((await text(`/proc/${pid}/net/dev`)) ?? '');
}

/** In milliseconds since the epoch. */
export const bootTimeMs = (): number =>
  Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0) * 1000;

/** How many processes and threads there are, of how many there may be. */
export function processSpace(): { readonly most: number; readonly running: number } {
  const number = (file: string): number => Number(readFileSync(`/proc/${file}`, 'utf8'));
  const running = /^\S+ \S+ \S+ \d+\/(\d+)/.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1];
  return {
    most: Math.min(number('sys/kernel/pid_max'), number('sys/kernel/threads-max')),
    running: Number(running ?? 0),
  };
}

/** Of the file system that holds the directory, or will when it is made. */
export function diskSpace(directory: string): DiskSpace {
  let existing = directory;
  while (!existsSync(existing) && existing !== '/') existing = path.dirname(existing);
  const { bsize, blocks, bavail, files, ffree } = statfsSync(existing);
  const { dev: device } = statSync(existing);
  return { totalBytes: bsize * blocks, freeBytes: bsize * bavail, inodes: files, inodesFree: ffree, device };
}

/** 0 and 0: nothing is swapped out here. */
export function swapSpace(): { readonly totalBytes: number; readonly freeBytes: number } {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { totalBytes: of('SwapTotal'), freeBytes: of('SwapFree') };
}

/** What is mounted where the directory is, such as /dev/sda1 or overlay. */
export async function deviceOf(directory: string): Promise<string> {
  let found = { length: 0, source: '' };
  for (const line of ((await text('/proc/self/mountinfo')) ?? '').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const point = before.split(' ')[4] ?? '';
    const holds = point === '/' || directory === point || directory.startsWith(`${point}/`);
    if (holds && point !== '' && point.length >= found.length)
      found = { length: point.length, source: after.split(' ')[1] ?? '' };
  }
  return found.source;
}

const missing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** As du counts: blocks, a file with several names once. Directories one after another, so that nothing else waits. */
export async function diskUse(target: string): Promise<DiskUse> {
  const seen = new Set<number>();
  const total = { bytes: 0, inodes: 0 };
  const add = async (name: string, device: number | undefined): Promise<void> => {
    let status: Awaited<ReturnType<typeof fs.lstat>>;
    try {
      status = await fs.lstat(name);
    } catch (error) {
      if (missing(error)) return;
      throw error;
    }
    if (device !== undefined && status.dev !== device) return;
    if (status.nlink > 1 && !status.isDirectory()) {
      if (seen.has(status.ino)) return;
      seen.add(status.ino);
    }
    total.bytes += status.blocks * 512;
    total.inodes++;
    if (!status.isDirectory()) return;
    let names: string[];
    try {
      names = await fs.readdir(name);
    } catch (error) {
      if (missing(error)) return;
      throw error;
    }
    for (const one of names) await add(`${name}/${one}`, status.dev);
  };
  await add(target, undefined);
  return total;
}
