// Measured values of Pods, and how they compare with what is wanted. Amounts are in thousandths. Pure.

export interface PodSample {
  readonly value: number;
  /** Milliseconds since the epoch; NaN: not told. */
  readonly atMs: number;
  readonly windowMs: number;
}

/** By the Pod's name. */
export type PodSamples = Map<string, PodSample>;

/** What keeps a number of replicas from being known; its message is upstream's. */
export class MetricError extends Error {}

export interface Tolerances {
  readonly scaleDown: number;
  readonly scaleUp: number;
}

export const isWithin = ({ scaleDown, scaleUp }: Tolerances, ratio: number): boolean =>
  1 - scaleDown <= ratio && ratio <= 1 + scaleUp;

export interface UtilizationRatio {
  readonly ratio: number;
  /** Percent of what is requested. */
  readonly utilization: number;
  readonly averageValue: number;
}

export function utilizationRatio(
  samples: PodSamples,
  requests: ReadonlyMap<string, number>,
  targetUtilization: number,
): UtilizationRatio {
  let [used, requested, count] = [0, 0, 0];
  for (const [name, { value }] of samples) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    count++;
  }
  if (requested === 0) throw new MetricError('no metrics returned matched known pods');
  const utilization = Math.trunc((used * 100) / requested);
  return { ratio: utilization / targetUtilization, utilization, averageValue: Math.trunc(used / count) };
}

export interface UsageRatio {
  readonly ratio: number;
  readonly averageValue: number;
}

export function usageRatio(samples: PodSamples, targetUsage: number): UsageRatio {
  let used = 0;
  for (const { value } of samples.values()) used += value;
  const averageValue = Math.trunc(used / samples.size);
  return { ratio: averageValue / targetUsage, averageValue };
}
