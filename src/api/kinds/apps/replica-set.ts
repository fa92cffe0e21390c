// ReplicaSet.
import type { FieldError } from '../../field-error.ts';
import type { ReplicaSet } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { immutable, nonNegative } from '../../validation/fields.ts';
import { nameWarnings, templateWarnings } from '../../validation/pod-warnings.ts';
import { replicaStatusErrors, selectorErrors, templateErrors } from '../../validation/workloads.ts';

const validate = ({ spec }: ReplicaSet): FieldError[] => [
  ...nonNegative('spec.replicas', spec.replicas),
  ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
  // Upstream's text says deployment here too.
  ...selectorErrors('spec.selector', spec.selector, 'deployment'),
  ...templateErrors('spec.template', spec.template, spec.selector, 'ReplicaSet'),
];

export const replicaSet: KindBehaviour<ReplicaSet> = {
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate,
  warnings: (object, previous) => [
    ...(previous === undefined ? nameWarnings(object.metadata.name) : []),
    ...templateWarnings('spec.template', object.spec.template, previous?.spec.template),
  ],
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? replicaStatusErrors(object.status ?? {}, ['terminatingReplicas'])
      : [...validate(object), ...immutable('spec.selector', object.spec.selector, previous.spec.selector)],
  selectableFields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
};
