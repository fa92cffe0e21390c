// The machine as the node agent uses it: its facts, files of volumes, mounts, and network checks. One instance a node; a
// simulated node has another.
import {
  createReadStream,
  createWriteStream,
  existsSync,
  promises as fs,
  readdirSync,
  readFileSync,
  watch,
} from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type CgroupLimits, isCgroupUnified, stopSlice, writeCgroup, writeSlice } from './linux/cgroups.ts';
import {
  type CgroupDetails,
  cgroupDetails,
  deviceName,
  machinePressure,
  type Pressure,
  type PressureKind,
} from './linux/cgroup-details.ts';
import { linuxMounts, type Mounts } from './linux/mounts.ts';
import { bindInside } from './linux/subpath.ts';
import {
  bootTimeMs,
  type CgroupUse,
  cgroupUse,
  deviceOf,
  diskSpace,
  type DiskSpace,
  diskUse,
  type DiskUse,
  type InterfaceUse,
  networkUse,
  processSpace,
  swapSpace,
} from './linux/usage.ts';
import { type HttpProbe, type HttpProbeAnswer, probeHttp } from './probe-http.ts';

export type { HttpProbeAnswer } from './probe-http.ts';
export type { CgroupUse, DiskSpace, DiskUse, InterfaceUse } from './linux/usage.ts';

export interface MachineFacts {
  readonly hostname: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** That were set aside when this process began. */
  readonly hugePages: readonly { readonly sizeBytes: number; readonly count: number }[];
  readonly bootId: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** Go's names: amd64, arm64. */
  readonly architecture: string;
}

export interface FileStatus {
  readonly type: 'file' | 'directory' | 'socket' | 'character-device' | 'block-device' | 'symlink' | 'other';
  readonly mode: number;
  readonly size: number;
  readonly inode: number;
  readonly uid: number;
  readonly gid: number;
  /** When the file itself was made or changed (ctime): with the inode it tells one file from the next of its name. */
  readonly changedMs: number;
}

export interface NodeMachine {
  facts(): MachineFacts;
  readonly mounts: Mounts;
  /** Binds a path inside `root` to `target` without ever following a link; missing directories are made with `mode`. */
  bindInside(root: string, relative: string, mode: number, target: string): Promise<void>;
  /** Free and total bytes of the file system that holds `directory`. */
  diskSpace(directory: string): DiskSpace;
  /** Processes and threads: how many there are, of how many there may be. */
  processSpace(): { readonly most: number; readonly running: number };
  memoryAvailableBytes(): number;
  /** On disk, of everything below, other mounts left out; nothing when there is nothing. */
  diskUse(target: string): Promise<DiskUse>;
  readText(file: string): Promise<string | undefined>;
  /** The last bytes of a file; undefined when there is none. */
  readTail(file: string, bytesMax: number): Promise<Uint8Array | undefined>;
  readAt(file: string, offset: number, bytesMax: number): Promise<Uint8Array>;
  write(file: string, content: string | Uint8Array, mode: number): Promise<void>;
  makeDirectory(directory: string, mode: number): Promise<void>;
  status(target: string, followLinks?: boolean): Promise<FileStatus | undefined>;
  list(directory: string): Promise<readonly string[]>;
  readLink(target: string): Promise<string | undefined>;
  /** Replaces what is there. */
  symlink(target: string, link: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file, an empty tree or a tree; nothing when it is missing. Does not cross mounts that the caller left. */
  remove(target: string): Promise<void>;
  removeEmptyDirectory(target: string): Promise<boolean>;
  changeMode(target: string, mode: number): Promise<void>;
  changeOwner(target: string, uid: number, gid: number): Promise<void>;
  realPath(target: string): Promise<string>;
  /** Undefined: there is no such cgroup. */
  cgroupUse(cgroup: string): Promise<CgroupUse | undefined>;
  /** What metrics tell of it besides: some thirty files. */
  cgroupDetails(cgroup: string): Promise<CgroupDetails | undefined>;
  cgroupVersion(): 1 | 2;
  /** Of the whole machine; undefined: the kernel does not tell. */
  pressure(kind: PressureKind): Promise<Pressure | undefined>;
  swapSpace(): { readonly totalBytes: number; readonly freeBytes: number };
  /** What is mounted where the directory is. */
  deviceOf(directory: string): Promise<string>;
  /** Of a block device by its numbers, such as 8:0. */
  deviceName(numbers: string): Promise<string>;
  /** Of the network namespace that the cgroup's processes are in; without one, of the host's. */
  networkUse(cgroup?: string): Promise<readonly InterfaceUse[]>;
  bootTimeMs(): number;
  /** Makes the cgroup (a path below each hierarchy's root, or a slice of systemd's) with these limits, or gives it them. */
  limitCgroup(cgroup: string, limits: CgroupLimits): Promise<void>;
  /** Removes the cgroup and those in it, where no process is left. */
  removeCgroup(cgroup: string): Promise<void>;
  /** Compresses into `FILE.gz` and removes the file. */
  compress(file: string): Promise<void>;
  /** Tells of every change to the file or directory until closed. */
  watch(target: string, onChange: () => void): Disposable;
  tcpConnect(host: string, port: number, timeoutMs: number): Promise<void>;
  httpGet(request: HttpProbe): Promise<HttpProbeAnswer>;
  /** Sends an upgrade request to a local plain-text server (the runtime's streaming server). */
  upgrade(
    url: string,
    headers: Readonly<Record<string, string>>,
    method?: string,
  ): Promise<{
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly socket: Socket;
    readonly head: Uint8Array;
  }>;
}

const textOf = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
};

const missing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

function hugePages(): { sizeBytes: number; count: number }[] {
  const folder = '/sys/kernel/mm/hugepages';
  const sizes = existsSync(folder) ? readdirSync(folder) : [];
  return sizes
    .flatMap((name) => {
      const kibibytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      const count = Number(textOf(`${folder}/${name}/nr_hugepages`));
      return kibibytes === undefined ? [] : [{ sizeBytes: Number(kibibytes) * 1024, count }];
    })
    .toSorted((one, other) => one.sizeBytes - other.sizeBytes);
}

const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export function linuxNodeMachine(): NodeMachine {
  let facts: MachineFacts | undefined;
  return {
    facts() {
      facts ??= {
        hostname: hostname(),
        cpuCount: availableParallelism(),
        memoryBytes: totalmem(),
        hugePages: hugePages(),
        bootId: textOf('/proc/sys/kernel/random/boot_id'),
        machineId: textOf('/etc/machine-id'),
        systemUuid: textOf('/sys/class/dmi/id/product_uuid') || textOf('/etc/machine-id'),
        kernelVersion: release(),
        osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(textOf('/etc/os-release'))?.[1] ?? 'Linux',
        architecture: goArchitectures[arch()] ?? arch(),
      };
      return facts;
    },
    mounts: linuxMounts,
    bindInside,
    diskSpace,
    processSpace,
    memoryAvailableBytes: () => Number(/^MemAvailable:\s+(\d+)/m.exec(textOf('/proc/meminfo'))?.[1] ?? 0) * 1024,
    diskUse,
    async readText(file) {
      try {
        return await fs.readFile(file, 'utf8');
      } catch (error) {
        if (missing(error)) return undefined;
        throw error;
      }
    },
    async readTail(file, bytesMax) {
      try {
        await using handle = await fs.open(file);
        const { size } = await handle.stat();
        const length = Math.min(size, bytesMax);
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
        return buffer.subarray(0, bytesRead);
      } catch (error) {
        if (missing(error)) return undefined;
        throw error;
      }
    },
    async readAt(file, offset, bytesMax) {
      await using handle = await fs.open(file);
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(bytesMax), 0, bytesMax, offset);
      return buffer.subarray(0, bytesRead);
    },
    async write(file, content, mode) {
      await fs.writeFile(file, content, { mode });
      await fs.chmod(file, mode);
    },
    async makeDirectory(directory, mode) {
      const made = await fs.mkdir(directory, { recursive: true, mode });
      if (made !== undefined) await fs.chmod(directory, mode);
    },
    async status(target, followLinks = true) {
      try {
        const status = await (followLinks ? fs.stat(target) : fs.lstat(target));
        const type = status.isFile()
          ? 'file'
          : status.isDirectory()
            ? 'directory'
            : status.isSymbolicLink()
              ? 'symlink'
              : status.isSocket()
                ? 'socket'
                : status.isCharacterDevice()
                  ? 'character-device'
                  : status.isBlockDevice()
                    ? 'block-device'
                    : 'other';
        return {
          type,
          mode: status.mode & 0o7777,
          size: status.size,
          inode: status.ino,
          uid: status.uid,
          gid: status.gid,
          changedMs: status.ctimeMs,
        };
      } catch (error) {
        if (missing(error)) return undefined;
        throw error;
      }
    },
    async list(directory) {
      try {
        return await fs.readdir(directory);
      } catch (error) {
        if (missing(error)) return [];
        throw error;
      }
    },
    async readLink(target) {
      try {
        return await fs.readlink(target);
      } catch {
        return undefined;
      }
    },
    async symlink(target, link) {
      const temporary = `${link}_tmp`;
      await fs.rm(temporary, { force: true });
      await fs.symlink(target, temporary);
      await fs.rename(temporary, link);
    },
    rename: (from, to) => fs.rename(from, to),
    remove: (target) => fs.rm(target, { recursive: true, force: true }),
    async removeEmptyDirectory(target) {
      try {
        await fs.rmdir(target);
        return true;
      } catch {
        return false;
      }
    },
    changeMode: (target, mode) => fs.chmod(target, mode),
    changeOwner: (target, uid, gid) => fs.lchown(target, uid, gid),
    realPath: (target) => fs.realpath(target),
    cgroupUse,
    cgroupDetails,
    cgroupVersion: () => (isCgroupUnified() ? 2 : 1),
    pressure: machinePressure,
    swapSpace,
    deviceOf,
    deviceName,
    networkUse,
    bootTimeMs,
    limitCgroup: (cgroup, limits) =>
      cgroup.endsWith('.slice') ? writeSlice(cgroup, limits) : writeCgroup(cgroup, limits),
    removeCgroup: (cgroup) => (cgroup.endsWith('.slice') ? stopSlice(cgroup) : removeCgroup(cgroup)),
    async compress(file) {
      await pipeline(createReadStream(file), createGzip(), createWriteStream(`${file}.tmp`, { mode: 0o640 }));
      await fs.rename(`${file}.tmp`, `${file}.gz`);
      await fs.rm(file);
    },
    watch(target, onChange) {
      const watcher = watch(target, { persistent: false }, onChange);
      watcher.on('error', () => watcher.close());
      return { [Symbol.dispose]: () => watcher.close() };
    },
    tcpConnect: (host, port, timeoutMs) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port });
        socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`)));
        socket.once('connect', () => {
          socket.destroy();
          resolve();
        });
        socket.once('error', (error: NodeJS.ErrnoException) =>
          reject(
            error.code === 'ECONNREFUSED' ? new Error(`dial tcp ${host}:${port}: connect: connection refused`) : error,
          ),
        );
      }),
    httpGet: probeHttp,
    upgrade: (url, headers, method = 'POST') =>
      new Promise((resolve, reject) => {
        const request = httpRequest(url, { method, headers, agent: false });
        request.once('error', reject);
        const flat = (message: IncomingMessage): Record<string, string> =>
          Object.fromEntries(
            Object.entries(message.headers).map(([name, value]) => [
              name,
              Array.isArray(value) ? value.join(', ') : (value ?? ''),
            ]),
          );
        request.once('upgrade', (message, socket, head) => {
          socket.setNoDelay(true);
          socket.setTimeout(0);
          resolve({ status: message.statusCode ?? 101, headers: flat(message), socket, head });
        });
        request.once('response', (message) => {
          let body = '';
          message.setEncoding('utf8');
          message.on('data', (chunk: string) => (body += chunk));
          message.on('end', () => reject(new Error(`unable to upgrade connection: ${message.statusCode}: ${body}`)));
        });
        request.end();
      }),
  };
}

/** Version 1 has a hierarchy a controller, version 2 one for all. */
async function removeCgroup(cgroup: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const isUnified = existsSync(`${root}/cgroup.controllers`);
  const hierarchies = isUnified ? [root] : (await fs.readdir(root)).map((one) => `${root}/${one}`);
  const removeTree = async (directory: string): Promise<void> => {
    const entries = await fs.readdir(directory, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory()) await removeTree(`${directory}/${entry.name}`);
    await fs.rmdir(directory);
  };
  for (const hierarchy of hierarchies)
    try {
      await removeTree(`${hierarchy}${cgroup}`);
    } catch (error) {
      // Busy: a process is left in it, and the next look tries again.
      if (!missing(error) && !(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
    }
}
