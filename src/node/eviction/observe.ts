// What is left of memory, disk and processes on the machine, and what Pods use of them.
import type { Pod } from '#api/generated/types.ts';
import type { DiskUse, NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { RunningPod } from '../server/stats.ts';
import type { Observations } from './decide.ts';
import type { ContainerUse, PodUse, PodUses } from './ranking.ts';
import type { ScarceResource } from './thresholds.ts';

export interface Surroundings {
  readonly machine: NodeMachine;
  readonly runtime: ContainerRuntime;
  readonly rootDirectory: string;
  /** Of all Pods, below the hierarchies' roots. */
  readonly podsCgroup: string;
  /** What all Pods may have. */
  readonly podsMemoryBytes: number;
}

export interface Surface {
  readonly observations: Observations;
  /** Images and writable layers are on another file system than volumes and logs. */
  readonly separateImages: boolean;
}

/** Where images are is asked of the runtime once. */
export class Surveyor {
  readonly #given: Surroundings;
  #imageDirectory: string | undefined;

  constructor(given: Surroundings) {
    this.#given = given;
  }

  async survey(): Promise<Surface> {
    const { machine, runtime, rootDirectory, podsCgroup, podsMemoryBytes } = this.#given;
    // Not told, it is looked for again the next time.
    this.#imageDirectory ??= (await runtime.imageFilesystem().catch(() => undefined))?.mountpoint;
    const ofPods = await machine.cgroupUse(podsCgroup);
    const node = machine.diskSpace(rootDirectory);
    const images = this.#imageDirectory === undefined ? undefined : machine.diskSpace(this.#imageDirectory);
    const processes = machine.processSpace();
    const memory = machine.memoryAvailableBytes();
    const disk = (space: typeof node) => ({ available: space.freeBytes, capacity: space.totalBytes });
    const inodes = (space: typeof node) => ({ available: space.inodesFree, capacity: space.inodes });
    return {
      separateImages: images !== undefined && images.device !== node.device,
      observations: {
        // A kernel that does not tell is no shortage.
        ...(memory > 0 ? { 'memory.available': { available: memory, capacity: machine.facts().memoryBytes } } : {}),
        ...(ofPods === undefined
          ? {}
          : {
              'allocatableMemory.available': {
                available: Math.max(0, podsMemoryBytes - ofPods.memoryWorkingSetBytes),
                capacity: podsMemoryBytes,
              },
            }),
        'nodefs.available': disk(node),
        'nodefs.inodesFree': inodes(node),
        ...(images === undefined ? {} : { 'imagefs.available': disk(images), 'imagefs.inodesFree': inodes(images) }),
        'pid.available': { available: processes.most - processes.running, capacity: processes.most },
      },
    };
  }

  /** Disks are walked only where it is disk that is short. */
  async uses(pods: readonly RunningPod[], resource: ScarceResource): Promise<PodUses> {
    const { machine, runtime } = this.#given;
    const ofDisk = resource === 'ephemeral-storage' || resource === 'inodes';
    const nothing: DiskUse = { bytes: 0, inodes: 0 };
    const layers = new Map<string, DiskUse>();
    if (ofDisk)
      for (const { attributes, writableLayer } of await runtime.listContainerStats())
        layers.set(attributes.id, {
          bytes: writableLayer?.usedBytes?.value ?? 0,
          inodes: writableLayer?.inodesUsed?.value ?? 0,
        });
    const uses = new Map<string, PodUse>();
    for (const { pod, cgroup, containers, logDirectory, volumes } of pods) {
      const whole = await machine.cgroupUse(cgroup);
      if (whole === undefined) continue;
      const told: ContainerUse[] = [];
      for (const one of containers) {
        const own = ofDisk ? undefined : await machine.cgroupUse(one.cgroup);
        told.push({
          name: one.container.name,
          memoryBytes: own?.memoryWorkingSetBytes,
          writableLayer: layers.get(one.container.id) ?? nothing,
          logs: ofDisk ? await machine.diskUse(`${logDirectory}/${one.container.name}`) : nothing,
        });
      }
      const sum = { bytes: 0, inodes: 0 };
      for (const one of ofDisk ? (await volumes()).values() : []) {
        sum.bytes += one.bytes;
        sum.inodes += one.inodes;
      }
      uses.set(uidOf(pod), {
        memoryBytes: whole.memoryWorkingSetBytes,
        processes: whole.processes,
        containers: told,
        volumes: sum,
      });
    }
    return uses;
  }
}

const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';
