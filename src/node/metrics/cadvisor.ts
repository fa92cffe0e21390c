// GET /metrics/cadvisor: what the machine, each Pod and each container use and may use, with cAdvisor's names and labels (upstream:
// vendor/github.com/google/cadvisor/metrics). All of it is read when asked; in between nothing is kept.
import { Counter, type Family, Gauge, type LabelsOf } from '#base/metrics/families.ts';
import type { CgroupDetails } from '#host/linux/cgroup-details.ts';
import type { DiskSpace, NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { StatsOptions } from '../server/stats.ts';

type Base = 'container' | 'id' | 'image' | 'name' | 'namespace' | 'pod';
type Labels = LabelsOf<Base>;

const baseLabels: readonly Base[] = ['container', 'id', 'image', 'name', 'namespace', 'pod'];
const seconds = (nanoseconds: number): number => nanoseconds / 1e9;

/** Families by name, each made when something first has a value for it. */
class Sheet {
  readonly #families = new Map<string, Gauge<string> | Counter<string>>();

  /** Undefined is not told. */
  #tell(
    make: typeof Gauge<string> | typeof Counter<string>,
    name: string,
    help: string,
    labels: Readonly<Record<string, string>>,
    value: number | undefined,
  ): void {
    if (value === undefined) return;
    let family = this.#families.get(name);
    if (family === undefined) this.#families.set(name, (family = new make(name, help, Object.keys(labels))));
    family.with(labels).set(value);
  }
  gauge(name: string, help: string, labels: Readonly<Record<string, string>>, value: number | undefined): void {
    this.#tell(Gauge, name, help, labels, value);
  }
  counter(name: string, help: string, labels: Readonly<Record<string, string>>, value: number | undefined): void {
    this.#tell(Counter, name, help, labels, value);
  }
  text(): string {
    const inOrder = [...this.#families.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
    return inOrder.map((family: Family) => family.text()).join('');
  }
}

/** One line of the whole: the machine, a Pod or a container. */
interface Subject {
  readonly labels: Labels;
  readonly cgroup: string;
  readonly startSeconds: number | undefined;
}

function tellSpecification(sheet: Sheet, labels: Labels, details: CgroupDetails): void {
  const gauge = (name: string, help: string, value: number | undefined) =>
    sheet.gauge(`container_spec_${name}`, help, labels, value);
  gauge('cpu_period', 'Period of the limit on processor time in microseconds.', details.cpuPeriodMicroseconds);
  gauge('cpu_quota', 'Processor time in each period in microseconds.', details.cpuQuotaMicroseconds);
  gauge('cpu_shares', 'Weight of its processor time; 1024 a core.', details.cpuShares);
  gauge('memory_limit_bytes', 'What it may hold; 0 is no limit.', details.memoryLimitBytes);
  gauge('memory_reservation_limit_bytes', 'What it keeps in a shortage; 0 is nothing.', details.memoryReservationBytes);
  gauge('memory_swap_limit_bytes', 'What it may swap; 0 is no limit.', details.memorySwapLimitBytes);
}

function tellProcessor(sheet: Sheet, labels: Labels, usedNanoseconds: number, details: CgroupDetails): void {
  const counter = (name: string, help: string, value: number | undefined) =>
    sheet.counter(`container_cpu_${name}`, help, labels, value);
  const { throttling: throttled, cpuUserNanoseconds: user, cpuSystemNanoseconds: system } = details;
  sheet.counter(
    'container_cpu_usage_seconds_total',
    'Processor time.',
    { ...labels, cpu: 'total' },
    seconds(usedNanoseconds),
  );
  counter('user_seconds_total', 'Processor time of programs.', user && seconds(user));
  counter('system_seconds_total', 'Processor time of the kernel.', system && seconds(system));
  counter('cfs_periods_total', 'Periods of the limit on processor time.', throttled?.periods);
  counter('cfs_throttled_periods_total', 'Periods in which the limit was met.', throttled?.throttled);
  counter(
    'cfs_throttled_seconds_total',
    'Time for which the limit held it up.',
    throttled && seconds(throttled.throttledNanoseconds),
  );
}

function tellMemory(sheet: Sheet, labels: Labels, details: CgroupDetails): void {
  const gauge = (name: string, help: string, value: number | undefined) =>
    sheet.gauge(`container_memory_${name}`, help, labels, value);
  gauge('cache', 'Bytes of files that are kept.', details.memoryCacheBytes);
  gauge('kernel_usage', 'Bytes that the kernel holds for it.', details.memoryKernelBytes);
  gauge('mapped_file', 'Bytes of files that are mapped.', details.memoryMappedBytes);
  gauge('max_usage_bytes', 'The most that it held.', details.memoryMaxUsageBytes);
  gauge('swap', 'Bytes that are swapped out.', details.memorySwapBytes);
  gauge('total_active_file_bytes', 'Bytes of files that were used lately.', details.memoryActiveFileBytes);
  gauge('total_inactive_file_bytes', 'Bytes of files that were not.', details.memoryInactiveFileBytes);
  sheet.counter('container_memory_failcnt', 'How often its limit was met.', labels, details.memoryLimitHits);
  for (const [failure_type, faults] of [
    ['pgfault', details.pageFaults],
    ['pgmajfault', details.majorPageFaults],
  ] as const)
    for (const [scope, value] of [
      ['container', faults.own],
      ['hierarchy', faults.all],
    ] as const)
      sheet.counter(
        'container_memory_failures_total',
        'Pages that were not there.',
        { ...labels, failure_type, scope },
        value,
      );
  sheet.counter('container_oom_events_total', 'Processes that a shortage ended.', labels, details.oomKills);
}

function tellPressure(sheet: Sheet, labels: Labels, { pressure }: CgroupDetails): void {
  for (const kind of ['cpu', 'io', 'memory'] as const) {
    const told = pressure[kind];
    if (told === undefined) continue;
    const counter = (which: string, help: string, microseconds: number) =>
      sheet.counter(`container_pressure_${kind}_${which}_seconds_total`, help, labels, microseconds / 1e6);
    counter('waiting', 'Time for which some of it waited.', told.some.totalMicroseconds);
    counter('stalled', 'Time for which all of it waited.', told.full.totalMicroseconds);
  }
}

function tellDisk(sheet: Sheet, labels: Labels, device: string, space: DiskSpace, usedBytes: number): void {
  const on = { ...labels, device };
  sheet.gauge('container_fs_inodes_free', 'Inodes that are free there.', on, space.inodesFree);
  sheet.gauge('container_fs_inodes_total', 'Inodes that there are.', on, space.inodes);
  sheet.gauge('container_fs_limit_bytes', 'What the file system can hold.', on, space.totalBytes);
  sheet.gauge('container_fs_usage_bytes', 'What it uses there.', on, usedBytes);
}

export class CadvisorMetrics {
  readonly #options: StatsOptions;

  constructor(options: StatsOptions) {
    this.#options = options;
  }

  async read(runtime: ContainerRuntime): Promise<string> {
    const { machine, rootDirectory, runningPods } = this.#options;
    const sheet = new Sheet();
    let failures = 0;
    const tell = async (subject: Subject): Promise<void> => {
      if (!(await this.#tellCgroup(sheet, subject))) failures++;
    };
    const whole = labelsOf('/', {});
    await tell({ labels: whole, cgroup: '', startSeconds: machine.bootTimeMs() / 1000 });
    await this.#tellNetwork(sheet, whole);
    const disk = machine.diskSpace(rootDirectory);
    const device = await machine.deviceOf(rootDirectory);
    tellDisk(sheet, whole, device, disk, disk.totalBytes - disk.freeBytes);
    const [layers, images] = await Promise.all([runtime.listContainerStats(), runtime.imageFilesystem()]);
    const ofImages = images?.mountpoint ?? rootDirectory;
    const layerSpace = machine.diskSpace(ofImages);
    const layerDevice = await machine.deviceOf(ofImages);
    const layerBytes = new Map(layers.map((one) => [one.attributes.id, one.writableLayer?.usedBytes?.value]));
    for (const running of runningPods()) {
      const { pod, cgroup, containers } = running;
      const ofPod = { namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name ?? '' };
      const startSeconds = Date.parse(pod.status?.startTime ?? '') / 1000;
      const labels = labelsOf(cgroup, ofPod);
      await tell({ labels, cgroup, startSeconds: Number.isNaN(startSeconds) ? undefined : startSeconds });
      // Its containers share one network: it is told once, of the Pod.
      const first = containers[0];
      if (first !== undefined && pod.spec.hostNetwork !== true) await this.#tellNetwork(sheet, labels, first.cgroup);
      for (const { container, cgroup: inner } of containers) {
        const own = labelsOf(inner, {
          ...ofPod,
          container: container.name,
          image: container.image,
          name: container.id,
        });
        await tell({ labels: own, cgroup: inner, startSeconds: container.startedAtMs / 1000 });
        const bytes = layerBytes.get(container.id);
        if (bytes !== undefined) tellDisk(sheet, own, layerDevice, layerSpace, bytes);
      }
    }
    this.#tellMachine(sheet);
    sheet.gauge(
      'container_scrape_error',
      '1 if the use of something could not be read, else 0.',
      {},
      failures > 0 ? 1 : 0,
    );
    return sheet.text();
  }

  /** False: the cgroup is gone, or cannot be read. */
  async #tellCgroup(sheet: Sheet, { labels, cgroup, startSeconds }: Subject): Promise<boolean> {
    const { machine, clock } = this.#options;
    const [use, details] = await Promise.all([machine.cgroupUse(cgroup), machine.cgroupDetails(cgroup)]);
    if (use === undefined || details === undefined) return false;
    sheet.gauge(
      'container_last_seen',
      'When it was last seen, in seconds since 1970.',
      labels,
      Math.floor(clock.now() / 1000),
    );
    sheet.gauge('container_start_time_seconds', 'When it began, in seconds since 1970.', labels, startSeconds);
    tellSpecification(sheet, labels, details);
    tellProcessor(sheet, labels, use.cpuNanoseconds, details);
    const memory = (name: string, help: string, value: number) =>
      sheet.gauge(`container_memory_${name}`, help, labels, value);
    memory('rss', 'Bytes of memory that no file backs.', use.memoryRssBytes);
    memory('usage_bytes', 'Bytes that it holds.', use.memoryUsageBytes);
    memory('working_set_bytes', 'Bytes without those that can be dropped at once.', use.memoryWorkingSetBytes);
    tellMemory(sheet, labels, details);
    sheet.gauge('container_processes', 'Processes in it.', labels, details.processes);
    sheet.gauge('container_threads', 'Threads in it.', labels, details.threads);
    sheet.gauge('container_threads_max', 'Threads that it may have; 0 is no limit.', labels, details.threadsMax);
    for (const [numbers, traffic] of details.traffic) {
      const on = { ...labels, device: await machine.deviceName(numbers) };
      const counter = (name: string, help: string, value: number) =>
        sheet.counter(`container_fs_${name}`, help, on, value);
      counter('reads_bytes_total', 'Bytes read.', traffic.readBytes);
      counter('reads_total', 'Reads.', traffic.reads);
      counter('writes_bytes_total', 'Bytes written.', traffic.writtenBytes);
      counter('writes_total', 'Writes.', traffic.writes);
    }
    tellPressure(sheet, labels, details);
    return true;
  }

  async #tellNetwork(sheet: Sheet, labels: Labels, cgroup?: string): Promise<void> {
    for (const one of await this.#options.machine.networkUse(cgroup)) {
      const counter = (name: string, help: string, value: number) =>
        sheet.counter(`container_network_${name}`, help, { ...labels, interface: one.name }, value);
      counter('receive_bytes_total', 'Bytes received.', one.receivedBytes);
      counter('receive_errors_total', 'Errors in receiving.', one.receiveErrors);
      counter('receive_packets_dropped_total', 'Packets dropped when received.', one.receiveDrops);
      counter('receive_packets_total', 'Packets received.', one.receivedPackets);
      counter('transmit_bytes_total', 'Bytes sent.', one.sentBytes);
      counter('transmit_errors_total', 'Errors in sending.', one.sendErrors);
      counter('transmit_packets_dropped_total', 'Packets dropped when sent.', one.sendDrops);
      counter('transmit_packets_total', 'Packets sent.', one.sentPackets);
    }
  }

  #tellMachine(sheet: Sheet): void {
    const { machine } = this.#options;
    const facts: ReturnType<NodeMachine['facts']> = machine.facts();
    const labels = { boot_id: facts.bootId, machine_id: facts.machineId, system_uuid: facts.systemUuid };
    sheet.gauge('machine_cpu_cores', 'Processors of this machine.', labels, facts.cpuCount);
    sheet.gauge('machine_memory_bytes', 'Memory of this machine.', labels, facts.memoryBytes);
    sheet.gauge('machine_swap_bytes', 'What this machine can swap out.', labels, machine.swapSpace().totalBytes);
  }
}

const labelsOf = (id: string, more: Partial<Labels>): Labels =>
  ({ ...Object.fromEntries(baseLabels.map((name) => [name, ''])), id, ...more }) as Labels;
