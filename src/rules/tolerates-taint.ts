// Whether a Pod's tolerations let it onto, or keep it on, a tainted node.
import type { Taint, Toleration } from '#api/generated/types.ts';

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return (operator === '' || operator === 'Equal') && key !== '' && value === (taint.value ?? '');
}

/** The first taint of one of these effects that is not tolerated. */
export const untoleratedTaint = (
  tolerations: readonly Toleration[] | undefined,
  taints: readonly Taint[] | undefined,
  effects: readonly string[],
): Taint | undefined =>
  taints?.find((taint) => effects.includes(taint.effect) && tolerations?.some((one) => tolerates(one, taint)) !== true);

/** Effects that keep a Pod from being scheduled. */
export const schedulingEffects: readonly string[] = ['NoSchedule', 'NoExecute'];
