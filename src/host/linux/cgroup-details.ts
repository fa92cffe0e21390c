// Everything that metrics tell of one cgroup, beyond what usage.ts reads again and again: parts of its processor time and memory, its
// limits, input and output, and pressure. Of both versions; a number that the kernel does not tell is undefined.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { isCgroupUnified } from './cgroups.ts';

/** One line of a pressure file (PSI): microseconds for which some, or all, tasks waited; averages in percent. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalMicroseconds: number;
}
export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}
export type PressureKind = 'cpu' | 'memory' | 'io';

export interface DeviceTraffic {
  /** Such as /dev/sda. */
  readonly device: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
}

export interface CgroupDetails {
  readonly cpuUserNanoseconds: number | undefined;
  readonly cpuSystemNanoseconds: number | undefined;
  /** Of the limit on processor time; undefined without one. */
  readonly throttling:
    | { readonly periods: number; readonly throttled: number; readonly throttledNanoseconds: number }
    | undefined;
  readonly memoryCacheBytes: number;
  readonly memoryMappedBytes: number;
  readonly memoryActiveFileBytes: number;
  readonly memoryInactiveFileBytes: number;
  readonly memoryKernelBytes: number | undefined;
  readonly memorySwapBytes: number | undefined;
  readonly memoryMaxUsageBytes: number | undefined;
  /** How often a limit was met. */
  readonly memoryLimitHits: number | undefined;
  readonly oomKills: number | undefined;
  /** Of the cgroup itself and of those in it; version 2 tells one number for both. */
  readonly pageFaults: { readonly own: number; readonly all: number };
  readonly majorPageFaults: { readonly own: number; readonly all: number };
  /** 1024 a core, as version 1 counts; undefined at the root of version 2. */
  readonly cpuShares: number | undefined;
  readonly cpuPeriodMicroseconds: number | undefined;
  readonly cpuQuotaMicroseconds: number | undefined;
  /** 0: none. */
  readonly memoryLimitBytes: number;
  readonly memorySwapLimitBytes: number;
  readonly memoryReservationBytes: number;
  readonly processes: number;
  readonly threads: number | undefined;
  /** 0: no limit. */
  readonly threadsMax: number | undefined;
  /** By major and minor number, as the kernel names devices. */
  readonly traffic: ReadonlyMap<string, Omit<DeviceTraffic, 'device'>>;
  readonly pressure: Readonly<Partial<Record<PressureKind, Pressure>>>;
}

/** Reads a file of the cgroup; of version 1 below the controller's hierarchy. Undefined: there is none. */
type Read = (controller: string, file: string) => string | undefined;

export function parsePressure(text: string | undefined): Pressure | undefined {
  const line = (kind: string): PressureLine | undefined => {
    const match = new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)$`, 'm').exec(
      text ?? '',
    );
    if (match === null) return undefined;
    const [avg10, avg60, avg300, totalMicroseconds] = match.slice(1).map(Number) as [number, number, number, number];
    return { avg10, avg60, avg300, totalMicroseconds };
  };
  const some = line('some');
  // Old kernels tell no `full` of the processor: upstream says 0 then.
  const none = { avg10: 0, avg60: 0, avg300: 0, totalMicroseconds: 0 };
  return some && { some, full: line('full') ?? none };
}

const field = (text: string | undefined, name: string): number | undefined => {
  const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
};
const number = (text: string | undefined): number | undefined => {
  const value = Number(text?.trim() ?? Number.NaN);
  return Number.isNaN(value) ? undefined : value;
};
/** Version 1 says "no limit" with a number near 2^63. */
const unlimitedBytes = 2 ** 62;
const limit = (text: string | undefined): number => {
  const value = number(text) ?? 0;
  return value > unlimitedBytes ? 0 : value;
};
const times = (value: number | undefined, factor: number): number | undefined => value && value * factor;
/** 0 in place of "max". */
const threadLimit = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : (number(text) ?? 0);

const throttling = (stat: string | undefined, unit: 'usec' | 'time'): CgroupDetails['throttling'] => {
  const [periods, throttled] = [field(stat, 'nr_periods'), field(stat, 'nr_throttled')];
  const time = unit === 'usec' ? times(field(stat, 'throttled_usec'), 1000) : field(stat, 'throttled_time');
  return periods === undefined || throttled === undefined
    ? undefined
    : { periods, throttled, throttledNanoseconds: time ?? 0 };
};
const count = (text: string | undefined): number => (text ?? '').split('\n').filter((line) => line !== '').length;

function trafficOf(read: Read, unified: boolean): CgroupDetails['traffic'] {
  const found = new Map<string, { readBytes: number; writtenBytes: number; reads: number; writes: number }>();
  const of = (device: string) => {
    const entry = found.get(device) ?? { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };
    found.set(device, entry);
    return entry;
  };
  if (unified) {
    for (const line of (read('', 'io.stat') ?? '').split('\n')) {
      const [device = '', ...rest] = line.split(' ');
      const values = new Map(rest.map((pair) => pair.split('=') as [string, string]));
      if (!values.has('rbytes')) continue;
      Object.assign(of(device), {
        readBytes: Number(values.get('rbytes')),
        writtenBytes: Number(values.get('wbytes')),
        reads: Number(values.get('rios')),
        writes: Number(values.get('wios')),
      });
    }
    return found;
  }
  for (const [file, reads, writes] of [
    ['blkio.throttle.io_service_bytes_recursive', 'readBytes', 'writtenBytes'],
    ['blkio.throttle.io_serviced_recursive', 'reads', 'writes'],
  ] as const)
    for (const match of (read('blkio', file) ?? '').matchAll(/^(\d+:\d+) (Read|Write) (\d+)$/gm))
      of(match[1]!)[match[2] === 'Read' ? reads : writes] = Number(match[3]);
  return found;
}

/** Undefined: there is no such cgroup. */
export function parseCgroupDetails(read: Read, unified: boolean): CgroupDetails | undefined {
  const stat = read('memory', 'memory.stat');
  if (stat === undefined) return undefined;
  const traffic = trafficOf(read, unified);
  const processes = count(read('memory', 'cgroup.procs'));
  const threads = number(read('pids', 'pids.current'));
  const threadsMax = threadLimit(read('pids', 'pids.max'));
  const shared = { traffic, processes, threads, threadsMax };
  if (!unified) {
    const cpu = read('cpu', 'cpu.stat');
    const quota = number(read('cpu', 'cpu.cfs_quota_us'));
    return {
      ...shared,
      cpuUserNanoseconds: number(read('cpuacct', 'cpuacct.usage_user')),
      cpuSystemNanoseconds: number(read('cpuacct', 'cpuacct.usage_sys')),
      throttling: quota === undefined || quota < 0 ? undefined : throttling(cpu, 'time'),
      memoryCacheBytes: field(stat, 'total_cache') ?? 0,
      memoryMappedBytes: field(stat, 'total_mapped_file') ?? 0,
      memoryActiveFileBytes: field(stat, 'total_active_file') ?? 0,
      memoryInactiveFileBytes: field(stat, 'total_inactive_file') ?? 0,
      memoryKernelBytes: number(read('memory', 'memory.kmem.usage_in_bytes')),
      memorySwapBytes: field(stat, 'total_swap'),
      memoryMaxUsageBytes: number(read('memory', 'memory.max_usage_in_bytes')),
      memoryLimitHits: number(read('memory', 'memory.failcnt')),
      oomKills: field(read('memory', 'memory.oom_control'), 'oom_kill'),
      pageFaults: { own: field(stat, 'pgfault') ?? 0, all: field(stat, 'total_pgfault') ?? 0 },
      majorPageFaults: { own: field(stat, 'pgmajfault') ?? 0, all: field(stat, 'total_pgmajfault') ?? 0 },
      cpuShares: number(read('cpu', 'cpu.shares')),
      cpuPeriodMicroseconds: number(read('cpu', 'cpu.cfs_period_us')),
      cpuQuotaMicroseconds: quota === undefined || quota < 0 ? undefined : quota,
      memoryLimitBytes: limit(read('memory', 'memory.limit_in_bytes')),
      memorySwapLimitBytes: limit(read('memory', 'memory.memsw.limit_in_bytes')),
      memoryReservationBytes: limit(read('memory', 'memory.soft_limit_in_bytes')),
      pressure: {},
    };
  }
  const cpu = read('', 'cpu.stat');
  const [quota, period] = (read('', 'cpu.max') ?? '').trim().split(' ');
  const quotaMicroseconds = number(quota === '' ? undefined : quota);
  const weight = number(read('', 'cpu.weight'));
  const events = read('', 'memory.events');
  const faults = field(stat, 'pgfault') ?? 0;
  const majorFaults = field(stat, 'pgmajfault') ?? 0;
  const pressure: Partial<Record<PressureKind, Pressure>> = {};
  for (const kind of ['cpu', 'memory', 'io'] as const) {
    const told = parsePressure(read('', `${kind}.pressure`));
    if (told !== undefined) pressure[kind] = told;
  }
  return {
    ...shared,
    cpuUserNanoseconds: times(field(cpu, 'user_usec'), 1000),
    cpuSystemNanoseconds: times(field(cpu, 'system_usec'), 1000),
    throttling: quotaMicroseconds === undefined ? undefined : throttling(cpu, 'usec'),
    memoryCacheBytes: field(stat, 'file') ?? 0,
    memoryMappedBytes: field(stat, 'file_mapped') ?? 0,
    memoryActiveFileBytes: field(stat, 'active_file') ?? 0,
    memoryInactiveFileBytes: field(stat, 'inactive_file') ?? 0,
    memoryKernelBytes: field(stat, 'kernel'),
    memorySwapBytes: number(read('', 'memory.swap.current')),
    memoryMaxUsageBytes: number(read('', 'memory.peak')),
    memoryLimitHits: field(events, 'max'),
    oomKills: field(events, 'oom_kill'),
    pageFaults: { own: faults, all: faults },
    majorPageFaults: { own: majorFaults, all: majorFaults },
    // The inverse of KEP-2254's conversion.
    cpuShares: weight === undefined ? undefined : Math.floor(2 + ((weight - 1) * 262_142) / 9_999),
    cpuPeriodMicroseconds: number(period),
    cpuQuotaMicroseconds: quotaMicroseconds,
    memoryLimitBytes: limit(read('', 'memory.max')),
    memorySwapLimitBytes: limit(read('', 'memory.swap.max')),
    memoryReservationBytes: limit(read('', 'memory.low')),
    pressure,
  };
}

const root = '/sys/fs/cgroup';
const files: readonly (readonly [controller: string, file: string])[] = [
  ['memory', 'memory.stat'],
  ['memory', 'cgroup.procs'],
  ['pids', 'pids.current'],
  ['pids', 'pids.max'],
];
const filesOfOne: typeof files = [
  ...files,
  ['cpuacct', 'cpuacct.usage_user'],
  ['cpuacct', 'cpuacct.usage_sys'],
  ...['cpu.stat', 'cpu.shares', 'cpu.cfs_period_us', 'cpu.cfs_quota_us'].map((file) => ['cpu', file] as const),
  ...[
    'kmem.usage_in_bytes',
    'max_usage_in_bytes',
    'failcnt',
    'oom_control',
    'limit_in_bytes',
    'memsw.limit_in_bytes',
    'soft_limit_in_bytes',
  ].map((file) => ['memory', `memory.${file}`] as const),
  ['blkio', 'blkio.throttle.io_service_bytes_recursive'],
  ['blkio', 'blkio.throttle.io_serviced_recursive'],
];
const filesOfTwo: typeof files = [
  ...files,
  ...['cpu.stat', 'cpu.max', 'cpu.weight', 'io.stat', 'cpu.pressure', 'memory.pressure', 'io.pressure'].map(
    (file) => ['', file] as const,
  ),
  ...['swap.current', 'peak', 'events', 'max', 'swap.max', 'low'].map((file) => ['', `memory.${file}`] as const),
];

const text = (file: string): Promise<string | undefined> => fs.readFile(file, 'utf8').catch(() => undefined);

/** Undefined: there is no such cgroup. The cgroup is a path below the hierarchies' roots; '' is the whole machine. */
export async function cgroupDetails(cgroup: string): Promise<CgroupDetails | undefined> {
  const unified = isCgroupUnified();
  const contents = new Map<string, string | undefined>();
  await Promise.all(
    (unified ? filesOfTwo : filesOfOne).map(async ([controller, file]) => {
      const directory = unified || controller === '' ? root : `${root}/${controller}`;
      contents.set(file, await text(`${directory}${cgroup}/${file}`));
    }),
  );
  return parseCgroupDetails((_, file) => contents.get(file), unified);
}

/** Of the whole machine, by /proc/pressure. Undefined: this kernel does not tell. */
export async function machinePressure(kind: PressureKind): Promise<Pressure | undefined> {
  return parsePressure(await text(`/proc/pressure/${kind}`));
}

/** Such as /dev/sda of 8:0; the numbers themselves where nobody knows a name. */
export async function deviceName(numbers: string): Promise<string> {
  const link = await fs.readlink(`/sys/dev/block/${numbers}`).catch(() => undefined);
  return link === undefined ? numbers : `/dev/${path.basename(link)}`;
}
