// The quality-of-service class, computed from requests and limits of cpu and memory at creation.
import type { PodSpec, ResourceRequirements } from '../generated/types.ts';
import { compareQuantities } from '../quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const computeResources = ['cpu', 'memory'] as const;
const isPositive = (amount: string | number | undefined): boolean =>
  amount !== undefined && compareQuantities(String(amount), '0') > 0;

function mentionsCompute({ requests, limits }: ResourceRequirements): boolean {
  return computeResources.some((name) => isPositive(requests?.[name]) || isPositive(limits?.[name]));
}

function limitsEqualRequests({ requests, limits }: ResourceRequirements): boolean {
  return computeResources.every((name) => {
    const limit = limits?.[name];
    if (!isPositive(limit)) return false;
    const request = requests?.[name];
    return request !== undefined && compareQuantities(String(request), String(limit)) === 0;
  });
}

/** Resources of the Pod itself, where given, decide alone. */
export function podQosClass(spec: PodSpec): QosClass {
  const own = spec.resources;
  const list: readonly ResourceRequirements[] =
    own !== undefined && Object.keys({ ...own.requests, ...own.limits }).length > 0
      ? [own]
      : [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((one) => one.resources ?? {});
  if (!list.some(mentionsCompute)) return 'BestEffort';
  return list.every(limitsEqualRequests) ? 'Guaranteed' : 'Burstable';
}
