// Lease: who holds something, and until when.
import { forbidden, invalid, notSupported, type FieldError } from '../../field-error.ts';
import type { Lease } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { isAbsent, nonNegative } from '../../validation/fields.ts';

/** spec.strategy belongs to coordinated leader election, which is off by default: dropped as upstream does. */
function prepare(object: {
  spec?: { strategy?: string | undefined; preferredHolder?: string | undefined } | undefined;
}): void {
  if (object.spec === undefined) return;
  delete object.spec.strategy;
  delete object.spec.preferredHolder;
}

function validate(object: Lease): FieldError[] {
  const spec: Lease['spec'] = object.spec ?? {};
  const errors: FieldError[] = [];
  const seconds = spec.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0)
    errors.push(invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  errors.push(...nonNegative('spec.leaseTransitions', spec.leaseTransitions));
  if (spec.strategy !== undefined && spec.strategy !== 'OldestEmulationVersion')
    errors.push(notSupported('spec.strategy', spec.strategy, ['OldestEmulationVersion']));
  if (!isAbsent(spec.preferredHolder) && isAbsent(spec.strategy))
    errors.push(forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  return errors;
}

export const lease: KindBehaviour<Lease> = {
  anyFinalizer: true,
  prepareForCreate: prepare,
  prepareForUpdate: prepare,
  validate,
  validateUpdate: validate,
};
