// Readiness and availability of a Pod, as every controller counts it.
import type { Pod, PodCondition } from '#api/generated/types.ts';

export const podCondition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((one) => one.type === type);

export const podIsReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';

/** Milliseconds until a ready Pod has been ready for `minReadySeconds` (0: it is available); undefined when it is not ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  if ((ready.lastTransitionTime ?? undefined) === undefined) return minReadySeconds * 1000;
  return Math.max(0, Date.parse(ready.lastTransitionTime!) + minReadySeconds * 1000 - now);
}
export const podIsAvailable = (pod: Pod, minReadySeconds: number, now: number): boolean =>
  availableInMs(pod, minReadySeconds, now) === 0;
