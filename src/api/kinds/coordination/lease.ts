// Lease: who holds something, and until when.
import { forbidden, invalid, notSupported, type FieldError } from '../../field-error.ts';
import type { Lease } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { isAbsent, nonNegative, qualifiedErrors } from '../../validation/fields.ts';

/** A name of Kubernetes', or somebody's own with a domain. The paths are upstream's, with their slip. */
export function strategyErrors(path: string, strategy: string): FieldError[] {
  if (strategy.includes('/')) return qualifiedErrors(`${path}.strategy`, strategy);
  return strategy === 'OldestEmulationVersion'
    ? []
    : [notSupported(`${path}.strategy`, strategy, ['OldestEmulationVersion'])];
}

function validate(object: Lease): FieldError[] {
  const spec: Lease['spec'] = object.spec ?? {};
  const errors: FieldError[] = [];
  const seconds = spec.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0)
    errors.push(invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  errors.push(...nonNegative('spec.leaseTransitions', spec.leaseTransitions));
  if (spec.strategy !== undefined) errors.push(...strategyErrors('spec.strategy', spec.strategy));
  if (!isAbsent(spec.preferredHolder) && isAbsent(spec.strategy))
    errors.push(forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  return errors;
}

export const lease: KindBehaviour<Lease> = {
  anyFinalizer: true,
  validate,
  validateUpdate: validate,
};
