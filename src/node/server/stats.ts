// /stats/summary: what the node, its Pods and their containers use. From cgroups, network namespaces and file systems; the
// size of writable layers from the runtime. Read when asked; nothing is sampled in between.
import { type Clock, sleep } from '#base/clock.ts';
import type { Pod } from '#api/generated/types.ts';
import type { CgroupUse, DiskUse, InterfaceUse, NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { RuntimeContainer } from '../pod/runtime-status.ts';
import { timeText } from '../pod/conditions.ts';

/** A Pod that runs, and where to look for it. */
export interface RunningPod {
  readonly pod: Pod;
  /** Below the hierarchies' roots. */
  readonly cgroup: string;
  readonly containers: readonly { readonly container: RuntimeContainer; readonly cgroup: string }[];
  readonly logDirectory: string;
  /** Its own volumes on disk, by name. */
  readonly volumes: () => Promise<ReadonlyMap<string, DiskUse>>;
}

export interface StatsOptions {
  readonly clock: Clock;
  readonly machine: NodeMachine;
  readonly nodeName: string;
  readonly rootDirectory: string;
  readonly runningPods: () => readonly RunningPod[];
  /** Of all Pods, and what they may have; undefined before it is known. */
  readonly podsCgroup: () => { readonly name: string; readonly memoryBytes: number } | undefined;
}

/** A rate is of the time since the last question, if that was in this range; else of a moment taken now. */
const rateMinMs = 1_000;
const rateMaxMs = 60_000;
const momentMs = 200;

interface Sample {
  readonly atMs: number;
  readonly cpu: ReadonlyMap<string, number>;
}

export class StatsSummary {
  readonly #options: StatsOptions;
  #last: Sample | undefined;

  constructor(options: StatsOptions) {
    this.#options = options;
  }

  async #read(
    pods: readonly RunningPod[],
  ): Promise<{ readonly sample: Sample; readonly uses: Map<string, CgroupUse> }> {
    const { machine, clock } = this.#options;
    const all = this.#options.podsCgroup()?.name;
    const cgroups = [
      '',
      ...(all === undefined ? [] : [all]),
      ...pods.flatMap((one) => [one.cgroup, ...one.containers.map((other) => other.cgroup)]),
    ];
    const uses = new Map<string, CgroupUse>();
    for (const cgroup of cgroups) {
      const use = await machine.cgroupUse(cgroup);
      if (use !== undefined) uses.set(cgroup, use);
    }
    const cpu = new Map([...uses].map(([cgroup, use]) => [cgroup, use.cpuNanoseconds]));
    return { sample: { atMs: clock.monotonicMs(), cpu }, uses };
  }

  async read(runtime: ContainerRuntime): Promise<object> {
    const { clock, machine, nodeName, rootDirectory, runningPods } = this.#options;
    const podsCgroup = this.#options.podsCgroup();
    const pods = runningPods();
    let before = this.#last;
    const age = before === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() - before.atMs;
    if (age < rateMinMs || age > rateMaxMs) {
      before = (await this.#read(pods)).sample;
      await sleep(clock, momentMs);
    }
    const { sample, uses } = await this.#read(pods);
    this.#last = sample;
    const time = timeText(clock.now());
    const usage = (cgroup: string): { cpu?: object; memory?: object } => {
      const use = uses.get(cgroup);
      if (use === undefined) return {};
      const earlier = before?.cpu.get(cgroup);
      const passedMs = sample.atMs - (before?.atMs ?? 0);
      return {
        cpu: {
          time,
          ...(earlier === undefined
            ? {}
            : { usageNanoCores: Math.max(0, Math.round(((use.cpuNanoseconds - earlier) / passedMs) * 1000)) }),
          usageCoreNanoSeconds: use.cpuNanoseconds,
        },
        memory: {
          time,
          usageBytes: use.memoryUsageBytes,
          workingSetBytes: use.memoryWorkingSetBytes,
          rssBytes: use.memoryRssBytes,
          pageFaults: use.pageFaults,
          majorPageFaults: use.majorPageFaults,
        },
      };
    };
    const disk = machine.diskSpace(rootDirectory);
    const spaceOf = (space: typeof disk) => ({
      time,
      availableBytes: space.freeBytes,
      capacityBytes: space.totalBytes,
      inodes: space.inodes,
      inodesFree: space.inodesFree,
    });
    const filesystem = spaceOf(disk);
    const usedIn = (space: typeof filesystem, use: DiskUse) => ({
      ...space,
      usedBytes: use.bytes,
      inodesUsed: use.inodes,
    });
    const used = (use: DiskUse) => usedIn(filesystem, use);
    const [layers, imageFilesystem] = await Promise.all([runtime.listContainerStats(), runtime.imageFilesystem()]);
    const layerUse = new Map(
      layers.map(({ attributes, writableLayer }): [string, DiskUse] => [
        attributes.id,
        { bytes: writableLayer?.usedBytes?.value ?? 0, inodes: writableLayer?.inodesUsed?.value ?? 0 },
      ]),
    );
    const available = machine.memoryAvailableBytes();
    const processes = machine.processSpace();
    const images = spaceOf(imageFilesystem === undefined ? disk : machine.diskSpace(imageFilesystem.mountpoint));
    const ofImages = {
      ...images,
      usedBytes: imageFilesystem?.usedBytes ?? 0,
      inodesUsed: images.inodes - images.inodesFree,
    };
    const ofAllPods = ({ cpu, memory }: ReturnType<typeof usage>) => ({
      cpu,
      memory: {
        ...memory,
        availableBytes: Math.max(
          0,
          (podsCgroup?.memoryBytes ?? 0) - (uses.get(podsCgroup?.name ?? '')?.memoryWorkingSetBytes ?? 0),
        ),
      },
    });
    const ofNode = usage('');
    const told: object[] = [];
    for (const { pod, cgroup, containers, logDirectory, volumes } of pods) {
      const volumeBytes = await volumes();
      const total = { bytes: 0, inodes: 0 };
      const count = (use: DiskUse): void => {
        total.bytes += use.bytes;
        total.inodes += use.inodes;
      };
      for (const one of volumeBytes.values()) count(one);
      const ofContainers: object[] = [];
      for (const one of containers) {
        const logs = await machine.diskUse(`${logDirectory}/${one.container.name}`);
        const root = layerUse.get(one.container.id) ?? { bytes: 0, inodes: 0 };
        count(logs);
        count(root);
        ofContainers.push({
          name: one.container.name,
          startTime: timeText(one.container.startedAtMs),
          ...usage(one.cgroup),
          rootfs: usedIn(images, root),
          logs: used(logs),
        });
      }
      const first = containers[0];
      const network =
        pod.spec.hostNetwork === true || first === undefined ? [] : await machine.networkUse(first.cgroup);
      told.push({
        podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
        startTime: pod.status?.startTime ?? time,
        containers: ofContainers,
        ...usage(cgroup),
        ...networkStats(network, time),
        volume: [...volumeBytes].map(([name, use]) => ({ ...used(use), name })),
        process_stats: { process_count: uses.get(cgroup)?.processes ?? 0 },
        'ephemeral-storage': used(total),
      });
    }
    return {
      node: {
        nodeName,
        startTime: timeText(machine.bootTimeMs()),
        ...ofNode,
        memory: {
          ...ofNode.memory,
          time,
          availableBytes: available,
          workingSetBytes: machine.facts().memoryBytes - available,
        },
        ...networkStats(await machine.networkUse(), time),
        systemContainers:
          podsCgroup === undefined || !uses.has(podsCgroup.name)
            ? []
            : [{ name: 'pods', startTime: timeText(machine.bootTimeMs()), ...ofAllPods(usage(podsCgroup.name)) }],
        fs: used({ bytes: disk.totalBytes - disk.freeBytes, inodes: disk.inodes - disk.inodesFree }),
        // Images and writable layers are in one place, with the runtimes that there are.
        runtime: { imageFs: ofImages, containerFs: ofImages },
        rlimit: { time, maxpid: processes.most, curproc: processes.running },
      },
      pods: told,
    };
  }
}

function networkStats(interfaces: readonly InterfaceUse[], time: string): { network?: object } {
  const list = interfaces.map((one) => ({
    name: one.name,
    rxBytes: one.receivedBytes,
    rxErrors: one.receiveErrors,
    txBytes: one.sentBytes,
    txErrors: one.sendErrors,
  }));
  const main = list.find((one) => one.name === 'eth0') ?? list[0];
  return main === undefined ? {} : { network: { time, ...main, interfaces: list } };
}
