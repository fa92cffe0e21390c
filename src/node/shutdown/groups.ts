// In which order Pods end when the machine is shut down, and how long each may take. Upstream's nodeshutdown manager. Pure.
import type { Pod } from '#api/generated/types.ts';

export interface ShutdownPeriods {
  readonly totalSeconds: number;
  /** Of the total, for critical Pods at its end. */
  readonly criticalSeconds: number;
}

export interface ShutdownGroup {
  readonly seconds: number;
  readonly pods: readonly Pod[];
}

const criticalPriority = 2_000_000_000;
const isCritical = (pod: Pod): boolean => (pod.spec.priority ?? 0) >= criticalPriority;

/** Those without Pods are left out: nobody waits for them. */
export const shutdownGroups = (
  pods: readonly Pod[],
  { totalSeconds, criticalSeconds }: ShutdownPeriods,
): readonly ShutdownGroup[] =>
  [
    { seconds: totalSeconds - criticalSeconds, pods: pods.filter((one) => !isCritical(one)) },
    { seconds: criticalSeconds, pods: pods.filter(isCritical) },
  ].filter((one) => one.pods.length > 0);

export const graceInGroup = (pod: Pod, { seconds }: ShutdownGroup): number =>
  Math.min(pod.spec.terminationGracePeriodSeconds ?? seconds, seconds);
