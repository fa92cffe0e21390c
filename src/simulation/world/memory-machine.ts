// A machine without a machine: files and mounts in memory, cgroups by name, and a network in which a Pod answers as long as
// its container runs. What the node agent does not use in the simulation (streams) is refused.
import type { MachineFacts, NodeMachine } from '#host/node-machine.ts';
import { MemoryFiles } from './memory-files.ts';
import type { Timeline } from './timeline.ts';

export interface MemoryMachineOptions {
  readonly name: string;
  readonly timeline: Timeline;
  /** What a program that listens on this address answers now; undefined: connection refused. */
  readonly answer: (address: string) => number | undefined;
}

const gibibyte = 2 ** 30;

export interface MemoryMachine extends NodeMachine {
  /** The machine lost its power: what the kernel held is gone. */
  reboot(): void;
}

export function memoryMachine({ name, timeline, answer }: MemoryMachineOptions): MemoryMachine {
  const files = new MemoryFiles();
  const mounts: string[] = [];
  const cgroups = new Set<string>();
  let boots = 1;
  let bootedAtMs = timeline.wallMs;
  const facts = (): MachineFacts => ({
    hostname: name,
    cpuCount: 4,
    memoryBytes: 8 * gibibyte,
    hugePages: [],
    bootId: `${name}-boot-${boots}`,
    machineId: `${name}-machine`,
    systemUuid: `${name}-system`,
    kernelVersion: '6.1.0',
    osImage: 'Simulated Linux',
    architecture: 'amd64',
  });
  files.makeDirectory('/etc', 0o755);
  files.write('/etc/resolv.conf', Buffer.from('nameserver 10.0.0.2\n'), 0o644);
  files.write('/etc/hosts', Buffer.from('127.0.0.1 localhost\n'), 0o644);
  const bytes = (content: string | Uint8Array): Uint8Array =>
    typeof content === 'string' ? Buffer.from(content) : content;
  const refused = (what: string) => Promise.reject(new Error(`${what}: connect: connection refused`));
  return {
    facts,
    reboot() {
      boots++;
      bootedAtMs = timeline.wallMs;
      for (const target of mounts.splice(0)) for (const one of files.list(target)) files.remove(`${target}/${one}`);
      cgroups.clear();
    },
    mounts: {
      list: () => [...mounts],
      isMountPoint: (target) => mounts.includes(target),
      tmpfs: (target) => void mounts.push(target),
      hugePages: (target) => void mounts.push(target),
      bind: (_source, target) => void mounts.push(target),
      unmount(target) {
        const index = mounts.lastIndexOf(target);
        if (index < 0) return;
        mounts.splice(index, 1);
        for (const one of files.list(target)) files.remove(`${target}/${one}`);
      },
    },
    async bindInside(root, relative, mode, target) {
      files.makeDirectory(`${root}/${relative}`, mode);
      mounts.push(target);
    },
    diskSpace: () => ({
      totalBytes: 100 * gibibyte,
      freeBytes: 80 * gibibyte,
      inodes: 1e6,
      inodesFree: 9e5,
      device: 1,
    }),
    processSpace: () => ({ most: 32_768, running: 300 }),
    memoryAvailableBytes: () => 6 * gibibyte,
    diskUse: async () => ({ bytes: 4096, inodes: 1 }),
    async readText(file) {
      const content = files.read(file);
      return content === undefined ? undefined : Buffer.from(content).toString('utf8');
    },
    readTail: async (file, bytesMax) => files.read(file)?.subarray(-bytesMax),
    async readAt(file, offset, bytesMax) {
      const content = files.read(file);
      if (content === undefined) throw Object.assign(new Error(`ENOENT: '${file}'`), { code: 'ENOENT' });
      return content.subarray(offset, offset + bytesMax);
    },
    write: async (file, content, mode) => files.write(file, bytes(content), mode),
    makeDirectory: async (directory, mode) => files.makeDirectory(directory, mode),
    status: async (target, followLinks = true) => files.status(target, followLinks),
    list: async (directory) => files.list(directory),
    readLink: async (target) => files.readLink(target),
    symlink: async (target, link) => files.symlink(target, link),
    rename: async (from, to) => files.rename(from, to),
    remove: async (target) => files.remove(target),
    removeEmptyDirectory: async (target) => files.removeEmptyDirectory(target),
    changeMode: async (target, mode) => files.change(target, { mode }),
    changeOwner: async (target, uid, gid) => files.change(target, { uid, gid }),
    realPath: async (target) => files.resolve(target),
    cgroupUse: async () => undefined,
    cgroupDetails: async () => undefined,
    cgroupVersion: () => 2,
    pressure: async () => undefined,
    swapSpace: () => ({ totalBytes: 0, freeBytes: 0 }),
    deviceOf: async () => '/dev/memory',
    deviceName: async (numbers) => numbers,
    networkUse: async () => [],
    bootTimeMs: () => bootedAtMs,
    limitCgroup: async (cgroup) => void cgroups.add(cgroup),
    removeCgroup: async (cgroup) => void cgroups.delete(cgroup),
    async compress(file) {
      files.rename(file, `${file}.gz`);
    },
    watch: () => ({ [Symbol.dispose]: () => undefined }),
    async tcpConnect(host, port) {
      if (answer(host) === undefined) await refused(`dial tcp ${host}:${port}`);
    },
    async httpGet({ url }) {
      const status = answer(new URL(url).hostname);
      return status === undefined ? refused(`Get ${JSON.stringify(url)}: dial tcp`) : { status, body: '' };
    },
    upgrade: (url) => refused(url),
  };
}
