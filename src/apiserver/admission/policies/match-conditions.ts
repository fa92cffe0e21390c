// matchConditions of a policy or webhook: all true, and it is asked; one false, and it is not; an error is one only when no
// condition is false.
import type { Bindings } from '#api/cel/cel.ts';
import {
  BudgetError,
  matchConditionsCostMax,
  Round,
  type PolicyExpression,
  type PolicyExpressions,
} from '#api/policies/expressions.ts';

/** Text: what went wrong. */
export async function conditionsMatch(
  expressions: PolicyExpressions,
  conditions: readonly PolicyExpression[],
  bindings: Bindings,
): Promise<boolean | { readonly error: string }> {
  if (conditions.length === 0) return true;
  const round = new Round(expressions, { ...bindings, namespaceObject: null }, matchConditionsCostMax);
  const errors: string[] = [];
  try {
    const values: unknown[] = [];
    for (const condition of conditions) {
      const { value, error } = await round.evaluate(condition);
      if (error !== undefined) errors.push(error);
      values.push(value);
    }
    if (values.includes(false)) return false;
  } catch (error) {
    if (error instanceof BudgetError) return { error: error.message };
    throw error;
  }
  if (errors.length === 0) return true;
  return { error: errors.length === 1 ? errors[0]! : `[${[...new Set(errors)].join(', ')}]` };
}
