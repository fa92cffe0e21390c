// Namespace: made active, held by the finalizer that empties it, ended through the finalize subresource.
import { invalid, type FieldError } from '../../field-error.ts';
import type { Namespace } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsLabel } from '../../meta/names.ts';
import { finalizerErrors } from '../../meta/object-meta.ts';
import { qualifiedErrors } from '../../validation/fields.ts';

const finalizersErrors = (
  finalizers: readonly string[] | undefined,
  pathOf: (index: number) => string,
): FieldError[] => [
  ...(finalizers ?? []).flatMap((one, index) => qualifiedErrors(pathOf(index), one)),
  ...finalizerErrors(finalizers, pathOf),
];

export const namespace: KindBehaviour<Namespace> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsDnsLabel,
  prepareForCreate(object) {
    // The default that says so was there before a name was made up.
    const { metadata } = object;
    metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' };
    object.status = { phase: 'Active' };
    object.spec ??= {};
    const finalizers = object.spec.finalizers ?? [];
    object.spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'];
  },
  prepareForUpdate(object, previous, { subresource }) {
    const spec = previous.spec ?? {};
    if (subresource === 'finalize') object.status = previous.status as typeof object.status;
    else if (subresource === 'status') object.spec = spec as typeof object.spec;
    else object.spec = { ...object.spec, finalizers: spec.finalizers as string[] | undefined };
  },
  validate: (object) => finalizersErrors(object.spec?.finalizers, () => 'spec.finalizers'),
  validateUpdate(object, previous, subresource) {
    if (subresource === 'finalize')
      return finalizersErrors(object.spec?.finalizers, (index) => `spec.finalizers[${index}]`);
    if (subresource !== 'status') return [];
    const phase = object.status?.phase ?? '';
    const deleting = (object.metadata.deletionTimestamp ?? previous.metadata.deletionTimestamp) !== undefined;
    const wanted = deleting ? 'Terminating' : 'Active';
    return phase === wanted
      ? []
      : [
          invalid(
            'status.Phase',
            phase,
            `may only be '${wanted}' if \`deletionTimestamp\` is ${deleting ? 'not empty' : 'empty'}`,
          ),
        ];
  },
  selectableFields: ({ status }) => ({ 'status.phase': status?.phase ?? '' }),
};
