// What the cgroups above containers get: one a Pod, one a class of service, one above all Pods. Upstream's
// ResourceConfigForPod and QOS container manager. Pure; the host writes them.
import { amountsOf, effectiveRequests, type ResourceAmounts } from '#rules/effective-requests.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import type { Pod, ResourceRequirements } from '#api/generated/types.ts';
import { qosClass } from './cgroup-names.ts';

export interface CgroupResources {
  /** As version 1 counts; 1024 a core. */
  readonly cpuShares: number;
  /** Thousandths of a core; undefined: no limit. */
  readonly cpuLimitMilli?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
}

const sharesMin = 2;
const sharesMax = 262_144;

export const cpuShares = (milli: number): number =>
  Math.min(sharesMax, Math.max(sharesMin, Math.floor((milli * 1024) / 1000)));

/** The Pod's own limits where it has them, else the sum of its containers', where each has one. */
function limitOf(pod: Pod, resource: string): number | undefined {
  const { spec } = pod;
  const amount = (resources: ResourceRequirements | undefined): number => amountsOf(resources?.limits)[resource] ?? 0;
  const own = amount(spec.resources);
  if (own > 0) return own;
  const regular = spec.containers.map((one) => amount(one.resources));
  const initial = (spec.initContainers ?? []).map((one) => ({
    sidecar: one.restartPolicy === 'Always',
    amount: amount(one.resources),
  }));
  if ([...regular, ...initial.map((one) => one.amount)].some((one) => one === 0)) return undefined;
  let sidecars = 0;
  let peak = 0;
  for (const one of initial) {
    if (one.sidecar) sidecars += one.amount;
    peak = Math.max(peak, one.sidecar ? sidecars : sidecars + one.amount);
  }
  const sum = regular.reduce((total, one) => total + one, sidecars);
  return Math.max(sum, peak) + ((amountsOf(spec.overhead) as ResourceAmounts)[resource] ?? 0);
}

export function podCgroupResources(pod: Pod): CgroupResources {
  if (qosClass(pod) === 'BestEffort') return { cpuShares: sharesMin };
  return {
    cpuShares: cpuShares(effectiveRequests(pod)['cpu'] ?? 0),
    cpuLimitMilli: limitOf(pod, 'cpu'),
    memoryLimitBytes: limitOf(pod, 'memory'),
  };
}

/** All burstable Pods together weigh what they ask for. */
export function burstableCgroupResources(pods: readonly Pod[]): CgroupResources {
  let milli = 0;
  for (const pod of pods)
    if (!podIsTerminal(pod) && qosClass(pod) === 'Burstable') milli += effectiveRequests(pod)['cpu'] ?? 0;
  return { cpuShares: cpuShares(milli) };
}

export const bestEffortCgroupResources: CgroupResources = { cpuShares: sharesMin };
