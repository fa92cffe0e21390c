// How many replicas a measured value asks for: upstream's replica calculator. Amounts are in thousandths. Pure.
import type { Pod } from '#api/generated/types.ts';
import { milliValue } from '#api/quantity.ts';
import { isWithin, MetricError, type PodSamples, type Tolerances, usageRatio, utilizationRatio } from './samples.ts';

/** Upstream's defaults: of a Pod that has just started, processor use says little. */
const cpuInitializationMs = 300_000;
const initialReadinessDelayMs = 30_000;
const replicasMax = 2_147_483_647;

export interface Proposal {
  readonly replicas: number;
  /** In thousandths, what the status tells. */
  readonly usage: number;
  /** Percent, of resources that are compared with their requests. */
  readonly utilization?: number | undefined;
}

export interface PodMetricInput {
  readonly pods: readonly Pod[];
  readonly samples: PodSamples;
  readonly currentReplicas: number;
  /** The name of a resource; empty: any other metric. */
  readonly resource: string;
  readonly tolerances: Tolerances;
  readonly nowMs: number;
}

const noPods = 'no pods returned by selector while calculating replica count';

export function replicasForUtilization(input: PodMetricInput, targetUtilization: number, container: string): Proposal {
  const groups = prepared(input);
  const requests = requestsOf(input.pods, container, input.resource);
  const ratioOf = (samples: PodSamples) => utilizationRatio(samples, requests, targetUtilization);
  const { ratio, utilization, averageValue } = ratioOf(groups.samples);
  // Of Pods without samples: all of their requests when others would go, nothing when more would come.
  const fallback = (name: string) => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, targetUtilization)) / 100);
  const replicas = proposed(input, groups, ratio, fallback, (samples) => ratioOf(samples).ratio);
  return { replicas, usage: averageValue, utilization };
}

export function replicasForUsage(input: PodMetricInput, targetUsage: number): Proposal {
  const groups = prepared(input);
  const { ratio, averageValue } = usageRatio(groups.samples, targetUsage);
  const replicas = proposed(
    input,
    groups,
    ratio,
    () => targetUsage,
    (samples) => usageRatio(samples, targetUsage).ratio,
  );
  return { replicas, usage: averageValue };
}

/** One value for all Pods; `currentReplicas` 0: neither tolerance nor ready Pods count. */
export function replicasForValue(
  { pods, currentReplicas, tolerances }: Pick<PodMetricInput, 'pods' | 'currentReplicas' | 'tolerances'>,
  value: number,
  targetValue: number,
): Proposal {
  const ratio = value / targetValue;
  if (currentReplicas === 0) return { replicas: Math.ceil(ratio), usage: value };
  if (isWithin(tolerances, ratio)) return { replicas: currentReplicas, usage: value };
  if (pods.length === 0) throw new MetricError(`unable to calculate ready pods: ${noPods}`);
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && readyCondition(pod)?.status === 'True').length;
  return { replicas: Math.min(replicasMax, Math.ceil(ratio * ready)), usage: value };
}

/** One value that is shared out among the Pods. */
export function replicasForShare(
  statusReplicas: number,
  tolerances: Tolerances,
  value: number,
  targetShare: number,
): Proposal {
  const ratio = value / (targetShare * statusReplicas);
  const replicas = isWithin(tolerances, ratio) ? statusReplicas : Math.min(replicasMax, Math.ceil(value / targetShare));
  return { replicas, usage: Math.ceil(value / statusReplicas) };
}

interface Groups {
  readonly ready: number;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
  /** Of the ready ones. */
  readonly samples: PodSamples;
}

function prepared(input: PodMetricInput): Groups {
  if (input.pods.length === 0) throw new MetricError(noPods);
  const groups = group(input);
  if (groups.samples.size === 0)
    throw new MetricError('did not receive metrics for targeted pods (pods might be unready)');
  return groups;
}

function group({ pods, samples, resource, nowMs }: PodMetricInput): Groups {
  let ready = 0;
  const [unready, missing, left]: [string[], string[], PodSamples] = [[], [], new Map(samples)];
  for (const pod of pods) {
    const name = pod.metadata.name ?? '';
    const sample = samples.get(name);
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') left.delete(name);
    else if (pod.status?.phase === 'Pending') unready.push(name);
    else if (sample === undefined) missing.push(name);
    else if (resource === 'cpu' && isStarting(pod, sample, nowMs)) unready.push(name);
    else ready++;
  }
  for (const name of unready) left.delete(name);
  return { ready, unready, missing, samples: left };
}

const readyCondition = (pod: Pod) => pod.status?.conditions?.find((one) => one.type === 'Ready');

/** What it uses now is not what it will use. */
function isStarting(pod: Pod, sample: { readonly atMs: number; readonly windowMs: number }, nowMs: number): boolean {
  const condition = readyCondition(pod);
  const startedMs = Date.parse(pod.status?.startTime ?? '');
  if (condition === undefined || Number.isNaN(startedMs)) return true;
  const changedMs = Date.parse(condition.lastTransitionTime ?? '') || 0;
  if (startedMs + cpuInitializationMs > nowMs)
    return condition.status === 'False' || sample.atMs < changedMs + sample.windowMs;
  return condition.status === 'False' && startedMs + initialReadinessDelayMs > changedMs;
}

function proposed(
  { currentReplicas, tolerances }: PodMetricInput,
  { ready, unready, missing, samples }: Groups,
  ratio: number,
  fallback: (name: string) => number,
  ratioOf: (samples: PodSamples) => number,
): number {
  const growsWithUnready = unready.length > 0 && ratio > 1;
  if (!growsWithUnready && missing.length === 0)
    return isWithin(tolerances, ratio) ? currentReplicas : Math.ceil(ratio * ready);
  const all: PodSamples = new Map(samples);
  const assume = (names: readonly string[], valueOf: (name: string) => number) => {
    for (const name of names) all.set(name, { value: valueOf(name), atMs: NaN, windowMs: 0 });
  };
  if (ratio < 1) assume(missing, fallback);
  else if (ratio > 1) assume(missing, () => 0);
  if (growsWithUnready) assume(unready, () => 0);
  const assumed = ratioOf(all);
  // Guesses may make a change smaller, never turn it round.
  if (isWithin(tolerances, assumed) || (ratio < 1 && assumed > 1) || (ratio > 1 && assumed < 1)) return currentReplicas;
  const replicas = Math.ceil(assumed * all.size);
  if ((assumed < 1 && replicas > currentReplicas) || (assumed > 1 && replicas < currentReplicas))
    return currentReplicas;
  return replicas;
}

/** In thousandths, by the Pod's name. */
export function requestsOf(pods: readonly Pod[], container: string, resource: string): ReadonlyMap<string, number> {
  return new Map(pods.map((pod) => [pod.metadata.name ?? '', requestOf(pod, container, resource)]));
}

function requestOf(pod: Pod, container: string, resource: string): number {
  const own = pod.spec.resources?.requests;
  const atLevelOfPod = ['cpu', 'memory'].some((name) => own?.[name] !== undefined);
  if (container === '' && atLevelOfPod && own?.[resource] !== undefined) return milliValue(String(own[resource]));
  const sidecars = (pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  let sum = 0;
  for (const { name, resources } of [...pod.spec.containers, ...sidecars]) {
    if (container !== '' && container !== name) continue;
    const request = resources?.requests?.[resource];
    if (request === undefined) {
      if (container === '' && atLevelOfPod)
        throw new MetricError(`missing pod-level request for ${resource} in Pod ${pod.metadata.name}`);
      throw new MetricError(`missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`);
    }
    sum += milliValue(String(request));
    if (container === name) return sum;
  }
  if (container !== '') throw new MetricError(`container ${container} not found in Pod ${pod.metadata.name}`);
  return sum;
}
