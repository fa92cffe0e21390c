// Lists of conditions in status, keyed by type.

/** What conditions of all kinds have in common. */
export interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly lastTransitionTime?: string | undefined;
}

export const findCondition = <C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined => conditions?.find((one) => one.type === type);

export const conditionIsTrue = (conditions: readonly ConditionLike[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === 'True';

/** A list with `condition` in place of the one of its type; the old transition time stays while the status does. */
export function withCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  condition: C,
): readonly C[] {
  const current = findCondition(conditions, condition.type);
  const next =
    current !== undefined &&
    current.status === condition.status &&
    (current.lastTransitionTime ?? undefined) !== undefined
      ? { ...condition, lastTransitionTime: current.lastTransitionTime }
      : condition;
  return current === undefined
    ? [...(conditions ?? []), next]
    : conditions!.map((one) => (one.type === condition.type ? next : one));
}

export const withoutCondition = <C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] => (conditions ?? []).filter((one) => one.type !== type);
