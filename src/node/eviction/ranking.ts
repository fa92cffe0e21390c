// Which Pod goes first when something runs short, and what is said of it: upstream's order and words. Pure.
import { formatQuantity } from '#api/quantity.ts';
import type { Pod } from '#api/generated/types.ts';
import { amountOf, effectiveRequests } from '#rules/effective-requests.ts';
import type { Observations } from './decide.ts';
import { amountOfThreshold, type ScarceResource, type Signal, signals, type Threshold } from './thresholds.ts';

export interface DiskUse {
  readonly bytes: number;
  readonly inodes: number;
}
export interface ContainerUse {
  readonly name: string;
  readonly memoryBytes: number | undefined;
  readonly writableLayer: DiskUse;
  readonly logs: DiskUse;
}
export interface PodUse {
  readonly memoryBytes: number;
  readonly processes: number;
  readonly containers: readonly ContainerUse[];
  /** Of local volumes. */
  readonly volumes: DiskUse;
}
/** Absent: nothing is known of it, and it goes first. */
export type PodUses = ReadonlyMap<string, PodUse>;

/** Images and writable layers have a file system of their own. */
type Comparison = (one: Pod, other: Pod) => number;
const priorityOf = (pod: Pod): number => pod.spec.priority ?? 0;
const requestOf = (pod: Pod, resource: string): number => effectiveRequests(pod)[resource] ?? 0;
const trueFirst = (one: boolean, other: boolean): number => Number(other) - Number(one);

export function diskUseOf(use: PodUse, signal: Signal, separateImages: boolean): DiskUse {
  const sum = { bytes: 0, inodes: 0 };
  const add = ({ bytes, inodes }: DiskUse): void => {
    sum.bytes += bytes;
    sum.inodes += inodes;
  };
  const ofImages = signal.startsWith('imagefs');
  for (const { writableLayer, logs } of use.containers) {
    if (!separateImages || ofImages) add(writableLayer);
    if (!separateImages || !ofImages) add(logs);
  }
  if (!separateImages || !ofImages) add(use.volumes);
  return sum;
}

export function rankPods(pods: readonly Pod[], uses: PodUses, signal: Signal, separateImages: boolean): readonly Pod[] {
  const useOf = (pod: Pod): PodUse | undefined => uses.get(pod.metadata.uid ?? '');
  const known =
    (compare: (one: readonly [Pod, PodUse], other: readonly [Pod, PodUse]) => number): Comparison =>
    (one, other) => {
      const [a, b] = [useOf(one), useOf(other)];
      if (a === undefined || b === undefined) return trueFirst(a === undefined, b === undefined);
      return compare([one, a], [other, b]);
    };
  const byPriority: Comparison = (one, other) => priorityOf(one) - priorityOf(other);
  const resource: ScarceResource = signals[signal].resource;
  let comparisons: readonly Comparison[];
  if (resource === 'pids') comparisons = [byPriority, known(([, a], [, b]) => b.processes - a.processes)];
  else {
    const used = (use: PodUse): number =>
      resource === 'memory'
        ? use.memoryBytes
        : diskUseOf(use, signal, separateImages)[resource === 'inodes' ? 'inodes' : 'bytes'];
    // Nobody asks for inodes; upstream takes what was asked of the disk off them all the same.
    const relative = resource === 'memory' ? 'memory' : 'ephemeral-storage';
    const exceeds = (pod: Pod, use: PodUse) => used(use) > requestOf(pod, resource);
    const above = (pod: Pod, use: PodUse) => used(use) - requestOf(pod, relative);
    comparisons = [
      known((one, other) => trueFirst(exceeds(...one), exceeds(...other))),
      byPriority,
      known((one, other) => above(...other) - above(...one)),
    ];
  }
  return pods.toSorted((one, other) => {
    for (const compare of comparisons) {
      const result = compare(one, other);
      if (result !== 0) return result;
    }
    return 0;
  });
}

const text = (value: number, binary: boolean): string =>
  formatQuantity({ value: BigInt(Math.trunc(value)), scale: 0, format: binary ? 'BinarySI' : 'DecimalSI' });

/** With upstream's blank at the end. */
export function evictionMessage(input: {
  readonly resource: ScarceResource;
  readonly pod: Pod;
  readonly use: PodUse | undefined;
  readonly thresholds: readonly Threshold[];
  readonly observations: Observations;
}): { readonly message: string; readonly annotations: Readonly<Record<string, string>> } {
  const { resource, pod, use, thresholds, observations } = input;
  let message = `The node was low on resource: ${resource}. `;
  const met = thresholds.find((one) => signals[one.signal].resource === resource && observations[one.signal]);
  const seen = met && observations[met.signal];
  const isBinary = resource === 'memory' || resource === 'ephemeral-storage';
  if (met !== undefined && seen !== undefined)
    message += `Threshold quantity: ${text(amountOfThreshold(met.value, seen.capacity), met.value.binary)}, available: ${text(seen.available, isBinary)}. `;
  if (use === undefined) return { message, annotations: {} };
  const annotations: Record<string, string> = {};
  const wholeRequest = resource === 'memory' ? pod.spec.resources?.requests?.['memory'] : undefined;
  if (wholeRequest !== undefined) {
    const used = text(use.memoryBytes, true);
    message += `Pod ${pod.metadata.name} was using ${used}, request is ${wholeRequest}, has larger consumption of memory. `;
    annotations['offending_pod'] = pod.metadata.name ?? '';
    annotations['offending_pod_usage'] = used;
  }
  const offending: string[] = [];
  const usages: string[] = [];
  for (const one of use.containers) {
    const spec = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === one.name);
    if (spec === undefined) continue;
    const used =
      resource === 'memory'
        ? one.memoryBytes
        : resource === 'ephemeral-storage'
          ? one.writableLayer.bytes + one.logs.bytes
          : undefined;
    const request = spec.resources?.requests?.[resource];
    if (used === undefined || used <= (request === undefined ? 0 : amountOf(resource, request))) continue;
    message += `Container ${one.name} was using ${text(used, true)}, request is ${request ?? '0'}, has larger consumption of ${resource}. `;
    offending.push(one.name);
    usages.push(text(used, true));
  }
  return {
    message,
    annotations: {
      ...annotations,
      offending_containers: offending.join(','),
      offending_containers_usage: usages.join(','),
      starved_resource: resource,
    },
  };
}
