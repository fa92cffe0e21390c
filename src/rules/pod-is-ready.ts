// Whether a Pod serves: its Ready condition is True. Set by the node agent.
import type { Pod } from '#api/generated/types.ts';
import { conditionIsTrue, findCondition } from '#api/meta/conditions.ts';
import { parseTime } from '#api/meta/time.ts';

export const podIsReady = (pod: Pod): boolean => conditionIsTrue(pod.status?.conditions, 'Ready');

/** Milliseconds since the epoch at which it became ready; undefined when it is not. */
export function podReadySince(pod: Pod): number | undefined {
  const condition = findCondition(pod.status?.conditions, 'Ready');
  return condition?.status === 'True' ? parseTime(condition.lastTransitionTime) : undefined;
}
