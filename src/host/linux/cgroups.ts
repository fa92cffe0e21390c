// Cgroups that the node agent makes: directories of version 1 or 2 with the cgroupfs driver; slices, made by systemd itself,
// with the systemd driver.
import { existsSync, promises as fs } from 'node:fs';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface CgroupLimits {
  /** As version 1 counts; 1024 a core. */
  readonly cpuShares: number;
  readonly cpuLimitMilli?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  /** Processes and threads; undefined: what it has stays. */
  readonly processesMax?: number | undefined;
}

const root = '/sys/fs/cgroup';
const periodMicroseconds = 100_000;
const quotaMinMicroseconds = 1_000;

export const isCgroupUnified = (): boolean => existsSync(`${root}/cgroup.controllers`);

const quota = (milli: number): number =>
  Math.max(quotaMinMicroseconds, Math.floor((milli * periodMicroseconds) / 1000));
/** The conversion of KEP-2254. */
export const cpuWeight = (shares: number): number => Math.floor(((shares - 2) * 9999) / 262_142) + 1;

/** Files below the cgroup of a version 1 hierarchy, or of the unified one, in the order of writing. */
export function cgroupFiles(unified: boolean, limits: CgroupLimits): readonly (readonly [string, string, string])[] {
  const { cpuShares, cpuLimitMilli, memoryLimitBytes, processesMax } = limits;
  const processes = (controller: string): (readonly [string, string, string])[] =>
    processesMax === undefined ? [] : [[controller, 'pids.max', String(processesMax)]];
  if (unified)
    return [
      ['', 'cpu.weight', String(cpuWeight(cpuShares))],
      ['', 'cpu.max', cpuLimitMilli === undefined ? 'max' : `${quota(cpuLimitMilli)} ${periodMicroseconds}`],
      ['', 'memory.max', memoryLimitBytes === undefined ? 'max' : String(memoryLimitBytes)],
      ...processes(''),
    ];
  return [
    ['cpu', 'cpu.shares', String(cpuShares)],
    ['cpu', 'cpu.cfs_period_us', String(periodMicroseconds)],
    ['cpu', 'cpu.cfs_quota_us', cpuLimitMilli === undefined ? '-1' : String(quota(cpuLimitMilli))],
    ['memory', 'memory.limit_in_bytes', memoryLimitBytes === undefined ? '-1' : String(memoryLimitBytes)],
    ...processes('pids'),
  ];
}

/** `cgroup` is a path below the root of each hierarchy. */
export async function writeCgroup(cgroup: string, limits: CgroupLimits): Promise<void> {
  const unified = isCgroupUnified();
  if (unified) await delegate(cgroup);
  const made = new Set<string>();
  for (const [controller, file, value] of cgroupFiles(unified, limits)) {
    const directory = `${root}${controller === '' ? '' : `/${controller}`}${cgroup}`;
    if (!made.has(directory)) {
      made.add(directory);
      await fs.mkdir(directory, { recursive: true });
    }
    await fs.writeFile(`${directory}/${file}`, value);
  }
}

/** Version 2 gives a controller to children only where every level above says so. */
async function delegate(cgroup: string): Promise<void> {
  await fs.mkdir(`${root}${cgroup}`, { recursive: true });
  const names = cgroup.split('/').filter((one) => one !== '');
  for (let depth = 0; depth < names.length; depth++) {
    const directory = [root, ...names.slice(0, depth)].join('/');
    const [available, enabled] = await Promise.all(
      ['cgroup.controllers', 'cgroup.subtree_control'].map(async (file) =>
        (await fs.readFile(`${directory}/${file}`, 'utf8')).trim().split(/\s+/),
      ),
    );
    const missing = available!.filter((one) => one !== '' && !enabled!.includes(one));
    for (const one of missing)
      // One that cannot be given (cpu with real-time processes) must not keep the others back.
      await fs.writeFile(`${directory}/cgroup.subtree_control`, `+${one}`).catch(() => undefined);
  }
}

/** Arguments of busctl: a transient slice with these limits, as the runtimes themselves make theirs. */
export function sliceArguments(slice: string, unified: boolean, limits: CgroupLimits): readonly string[] {
  const { cpuShares, cpuLimitMilli, memoryLimitBytes } = limits;
  const infinite = '18446744073709551615';
  const properties: (readonly [string, string, string])[] = [
    ['Description', 's', `Pods' slice ${slice}`],
    ['DefaultDependencies', 'b', 'false'],
    ['CPUAccounting', 'b', 'true'],
    ['MemoryAccounting', 'b', 'true'],
    unified ? ['CPUWeight', 't', String(cpuWeight(cpuShares))] : ['CPUShares', 't', String(cpuShares)],
    // A second's share, in microseconds.
    ['CPUQuotaPerSecUSec', 't', cpuLimitMilli === undefined ? infinite : String(quota(cpuLimitMilli) * 10)],
    [unified ? 'MemoryMax' : 'MemoryLimit', 't', memoryLimitBytes === undefined ? infinite : String(memoryLimitBytes)],
    ...(limits.processesMax === undefined ? [] : ([['TasksMax', 't', String(limits.processesMax)]] as const)),
  ];
  return [
    'call',
    'org.freedesktop.systemd1',
    '/org/freedesktop/systemd1',
    'org.freedesktop.systemd1.Manager',
    'StartTransientUnit',
    'ssa(sv)a(sa(sv))',
    slice,
    'replace',
    String(properties.length),
    ...properties.flat(),
    '0',
  ];
}

const call = promisify(execFile);

export async function writeSlice(slice: string, limits: CgroupLimits): Promise<void> {
  const unified = isCgroupUnified();
  try {
    await call('busctl', [...sliceArguments(slice, unified, limits)]);
  } catch (error) {
    if (!String(error).includes('already')) throw error;
    // It exists: only its limits may be set, not what it is.
    const infinite = 'infinity';
    const { cpuShares, cpuLimitMilli, memoryLimitBytes } = limits;
    await call('systemctl', [
      '--runtime',
      'set-property',
      slice,
      unified ? `CPUWeight=${cpuWeight(cpuShares)}` : `CPUShares=${cpuShares}`,
      `CPUQuota=${cpuLimitMilli === undefined ? '' : `${Math.max(1, Math.floor(cpuLimitMilli / 10))}%`}`,
      `${unified ? 'MemoryMax' : 'MemoryLimit'}=${memoryLimitBytes ?? infinite}`,
      ...(limits.processesMax === undefined ? [] : [`TasksMax=${limits.processesMax}`]),
    ]);
  }
}

export async function stopSlice(slice: string): Promise<void> {
  await call('systemctl', ['stop', '--no-block', slice]).catch(() => undefined);
}
