// What a Pod was given of its node, and what of it has arrived: KEP-1287. A Pod's spec says what is wanted; the node works with
// what it has allocated. Pure.
import { formatQuantity } from '#api/quantity.ts';
import { amountOf } from '#rules/effective-requests.ts';
import type { Container, Pod, ResourceRequirements } from '#api/generated/types.ts';
import type { CgroupResources } from './cgroups.ts';

/** By container; CPU and memory are what can change, the others are kept with them. */
export interface Allocation {
  readonly containers: Readonly<Record<string, ResourceRequirements>>;
  readonly pod?: ResourceRequirements | undefined;
}

/** CPU in thousandths of a core, memory in bytes; 0: none. */
export interface ContainerAmounts {
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  readonly memoryRequest: number;
  readonly memoryLimit: number;
}

/** What is kept on disk, so that a restart in the middle of a change goes on with it. */
export interface ResourceRecord {
  readonly allocated: Allocation;
  /** Of containers whose configuration is not what is allocated. */
  readonly actuated: Readonly<Record<string, ContainerAmounts>>;
  /** Of the Pod as a whole, as last written. */
  readonly cgroup?: CgroupResources | undefined;
  /** Ids of containers that are stopped only to start again with other resources. */
  readonly restarting: readonly string[];
}

/** PodResizePending or PodResizeInProgress, as the Pod's status tells it. */
export interface ResizeCondition {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly generation: number;
  readonly transitionMs: number;
}

const resizable = (pod: Pod): readonly Container[] => [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];

export const allocationOf = (pod: Pod): Allocation => ({
  containers: Object.fromEntries(resizable(pod).map((one) => [one.name, one.resources ?? {}])),
  pod: pod.spec.resources,
});

type Quantities = Readonly<Record<string, string | number>>;

/** By amount: `1Gi` and `1024Mi` are the same. */
function sameQuantities(one: Quantities = {}, other: Quantities = {}): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(
      (name) =>
        Object.hasOwn(other, name) &&
        (one[name] === other[name] || amountOf(name, one[name]!) === amountOf(name, other[name]!)),
    )
  );
}

const isSame = (one: ResourceRequirements | undefined, other: ResourceRequirements | undefined): boolean =>
  one === other || (sameQuantities(one?.requests, other?.requests) && sameQuantities(one?.limits, other?.limits));

const made = new WeakMap<Pod, { readonly allocation: Allocation; readonly result: Pod }>();

/** The Pod with what it has instead of what it wants; the same object where both are the same. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (allocation === undefined) return pod;
  const before = made.get(pod);
  if (before?.allocation === allocation) return before.result;
  const differs = (one: Container) =>
    Object.hasOwn(allocation.containers, one.name) && !isSame(one.resources, allocation.containers[one.name]);
  const given = (one: Container): Container =>
    differs(one) ? { ...one, resources: allocation.containers[one.name] } : one;
  const { initContainers } = pod.spec;
  const result: Pod =
    resizable(pod).some(differs) || !isSame(pod.spec.resources, allocation.pod)
      ? {
          ...pod,
          spec: {
            ...pod.spec,
            resources: allocation.pod,
            containers: pod.spec.containers.map(given),
            ...(initContainers === undefined ? {} : { initContainers: initContainers.map(given) }),
          },
        }
      : pod;
  made.set(pod, { allocation, result });
  return result;
}

/** Containers without limits of their own have the Pod's. */
export function containerAmounts(pod: Pod, { resources }: Container): ContainerAmounts {
  const amount = (part: 'requests' | 'limits', name: string, level: ResourceRequirements | undefined) => {
    const quantity = level?.[part]?.[name];
    return quantity === undefined ? 0 : amountOf(name, quantity);
  };
  const limit = (name: string) =>
    amount('limits', name, resources) > 0
      ? amount('limits', name, resources)
      : amount('limits', name, pod.spec.resources);
  return {
    cpuRequest: amount('requests', 'cpu', resources),
    cpuLimit: limit('cpu'),
    memoryRequest: amount('requests', 'memory', resources),
    memoryLimit: limit('memory'),
  };
}

export const sameAmounts = (one: ContainerAmounts, other: ContainerAmounts): boolean =>
  one.cpuRequest === other.cpuRequest &&
  one.cpuLimit === other.cpuLimit &&
  one.memoryRequest === other.memoryRequest &&
  one.memoryLimit === other.memoryLimit;

export const sameCgroup = (one: CgroupResources, other: CgroupResources): boolean =>
  one.cpuShares === other.cpuShares &&
  one.cpuLimitMilli === other.cpuLimitMilli &&
  one.memoryLimitBytes === other.memoryLimitBytes;

/** A limit that was there and is not wanted any more stays: removing is not supported, as upstream. */
export const keepLimits = (wanted: CgroupResources, current: CgroupResources): CgroupResources => ({
  cpuShares: wanted.cpuShares,
  cpuLimitMilli: wanted.cpuLimitMilli ?? current.cpuLimitMilli,
  memoryLimitBytes: wanted.memoryLimitBytes ?? current.memoryLimitBytes,
});

/** A quantity of so much; CPU in thousandths. */
export const amountText = (name: 'cpu' | 'memory', amount: number): string =>
  formatQuantity(
    name === 'cpu'
      ? { value: BigInt(amount), scale: -3, format: 'DecimalSI' }
      : { value: BigInt(amount), scale: 0, format: 'BinarySI' },
  );
