// Whether a Pod may stay on, or come to, a node with taints.
import type { Taint, Toleration } from '#api/generated/types.ts';

export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
    case '':
      return (toleration.value ?? '') === (taint.value ?? '');
    default:
      return false;
  }
}

export const toleratedBy = (tolerations: readonly Toleration[] | undefined, taint: Taint): Toleration | undefined =>
  tolerations?.find((one) => toleratesTaint(one, taint));

/** The first taint of these effects that nothing tolerates. */
export const untoleratedTaint = (
  tolerations: readonly Toleration[] | undefined,
  taints: readonly Taint[] | undefined,
  effects: readonly string[],
): Taint | undefined =>
  taints?.find((taint) => effects.includes(taint.effect) && toleratedBy(tolerations, taint) === undefined);
