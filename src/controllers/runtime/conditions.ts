// Conditions as the workload controllers keep them: unlike api/meta's, the same status and reason leave the old one as it is.
import type { Time } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';

export const timestamp = formatTime;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly lastTransitionTime?: Time | undefined;
}

export const conditionOf = <C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((one) => one.type === type);

export const withoutCondition = <C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] =>
  conditions?.some((one) => one.type === type) === true
    ? conditions.filter((one) => one.type !== type)
    : (conditions ?? []);

/** Same status and reason: nothing changes. Same status: the transition time is kept. A changed one goes to the end. */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, condition: C): readonly C[] {
  const current = conditionOf(conditions, condition.type);
  if (current !== undefined && current.status === condition.status && current.reason === condition.reason)
    return conditions!;
  const kept =
    current !== undefined && current.status === condition.status
      ? { ...condition, lastTransitionTime: current.lastTransitionTime }
      : condition;
  return [...withoutCondition(conditions, condition.type), kept];
}
