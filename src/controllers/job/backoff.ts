// How long a Job waits before it replaces failed Pods: 10 s, doubled with every failure since the last success, at most
// 10 min. Counted over the Pods that are there, so that it needs no memory.
import type { ContainerStatus, Pod } from '#api/generated/types.ts';
import { podCondition } from '#rules/pod-is-ready.ts';

const baseMs = 10_000;
const maxMs = 600_000;

/** Milliseconds since the epoch. */
export function finishedAt(pod: Pod): number {
  const sidecars = new Set(
    pod.spec.initContainers?.filter((one) => one.restartPolicy === 'Always').map((one) => one.name),
  );
  const ends = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []).filter((one) => sidecars.has(one.name)),
  ].map((one: ContainerStatus) => one.state?.terminated?.finishedAt ?? undefined);
  if (ends.length > 0 && !ends.includes(undefined)) return Math.max(...ends.map((one) => Date.parse(one!)));
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && (ready.lastTransitionTime ?? undefined) !== undefined)
    return Date.parse(ready.lastTransitionTime!);
  const { deletionTimestamp, deletionGracePeriodSeconds, creationTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return Date.parse(deletionTimestamp) - (deletionGracePeriodSeconds ?? 0) * 1000;
  return creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp);
}

/** 0: a replacement may be made now. */
export function backoffLeftMs(succeeded: readonly Pod[], failed: readonly Pod[], now: number): number {
  const lastSuccess = succeeded.length === 0 ? -Infinity : Math.max(...succeeded.map(finishedAt));
  const failures = failed.map(finishedAt).filter((at) => at > lastSuccess);
  return failures.length === 0 ? 0 : leftMs(failures.length, Math.max(...failures), now);
}

/** After so many failures in a row, the last of them then. */
export const leftMs = (failures: number, lastAt: number, now: number): number =>
  Math.max(0, lastAt + Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30)) - now);
