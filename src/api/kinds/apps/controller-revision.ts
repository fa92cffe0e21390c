// ControllerRevision: a state that a workload had. Its data never changes, and its number is not negative.
import { required, type FieldError } from '../../field-error.ts';
import type { ControllerRevision } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { immutable, nonNegative } from '../../validation/fields.ts';

function dataErrors(data: unknown): FieldError[] {
  if (data === undefined || data === null) return [required('data', 'data is mandatory')];
  return typeof data === 'object' && !Array.isArray(data) ? [] : [required('data', 'data must be a valid JSON object')];
}

const validate = (object: ControllerRevision): FieldError[] => nonNegative('revision', object.revision);

export const controllerRevision: KindBehaviour<ControllerRevision> = {
  validate: (object) => [...validate(object), ...dataErrors(object.data)],
  validateUpdate: (object, previous) => [...validate(object), ...immutable('data', object.data, previous.data)],
};
