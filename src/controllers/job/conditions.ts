// A Job's conditions.
import type { Job, JobCondition } from '#api/generated/types.ts';
import { conditionOf, timestamp } from '../runtime/conditions.ts';

export const jobCondition = (
  type: string,
  status: 'True' | 'False',
  reason: string,
  message: string,
  now: number,
): JobCondition => ({
  type,
  status,
  lastProbeTime: timestamp(now),
  lastTransitionTime: timestamp(now),
  reason,
  message,
});

/** Undefined: unchanged. What was never there does not become false. */
export function changedConditions(
  conditions: readonly JobCondition[],
  condition: JobCondition,
): readonly JobCondition[] | undefined {
  const current = conditionOf(conditions, condition.type);
  if (current === undefined) return condition.status === 'False' ? undefined : [...conditions, condition];
  const same =
    current.status === condition.status && current.reason === condition.reason && current.message === condition.message;
  return same ? undefined : conditions.map((one) => (one === current ? condition : one));
}

export const trueCondition = (job: Job, type: string): JobCondition | undefined => {
  const found = conditionOf(job.status?.conditions, type);
  return found?.status === 'True' ? found : undefined;
};

/** The condition with which it ended. */
export const endOf = (job: Job): JobCondition | undefined =>
  trueCondition(job, 'Complete') ?? trueCondition(job, 'Failed');
