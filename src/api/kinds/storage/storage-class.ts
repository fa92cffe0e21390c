// StorageClass: what volumes of this class are like; fixed but for expansion and mount options.
import { invalid, required, tooLong, type FieldError } from '../../field-error.ts';
import type { StorageClass } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { byteLength } from '../../meta/names.ts';
import { immutable, isAbsent, oneOf, qualifiedErrors } from '../../validation/fields.ts';

const parameterBytesMax = 256 * 1024;
const parametersMax = 512;

function parameterErrors(parameters: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(parameters);
  if (entries.length > parametersMax) return [tooLong('parameters', parametersMax)];
  const errors = entries
    .filter(([key]) => key === '')
    .map(([key]) => invalid('parameters', key, 'field can not be empty.'));
  const bytes = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return bytes > parameterBytesMax ? [...errors, tooLong('parameters', parameterBytesMax)] : errors;
}

export const storageClass: KindBehaviour<StorageClass> = {
  validate: (object) => [
    ...(isAbsent(object.provisioner)
      ? [required('provisioner')]
      : qualifiedErrors('provisioner', object.provisioner.toLowerCase())),
    ...parameterErrors(object.parameters ?? {}),
    ...(isAbsent(object.reclaimPolicy) ? [] : oneOf('reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain'])),
    ...(isAbsent(object.volumeBindingMode)
      ? [required('volumeBindingMode')]
      : oneOf('volumeBindingMode', object.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'])),
  ],
  validateUpdate: (object, previous) =>
    (['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const).flatMap((field) =>
      immutable(field, object[field], previous[field]),
    ),
};
