// PodDisruptionBudget.
import { invalid, type FieldError } from '../../field-error.ts';
import type { PodDisruptionBudget } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { nameIsPathSegment } from '../../meta/names.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import { atMost100Percent, nonNegative, nonNegativeOrPercent, optionalOneOf } from '../../validation/fields.ts';

function validate(object: PodDisruptionBudget): FieldError[] {
  const spec: PodDisruptionBudget['spec'] = object.spec ?? {};
  const errors: FieldError[] =
    spec.minAvailable !== undefined && spec.maxUnavailable !== undefined
      ? [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
      : [];
  for (const field of ['minAvailable', 'maxUnavailable'] as const)
    errors.push(
      ...nonNegativeOrPercent(`spec.${field}`, spec[field]),
      ...atMost100Percent(`spec.${field}`, spec[field]),
    );
  return [
    ...errors,
    ...validateLabelSelector(spec.selector, 'spec.selector'),
    ...optionalOneOf('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, [
      'AlwaysAllow',
      'IfHealthyBudget',
    ]),
  ];
}

export const podDisruptionBudget: KindBehaviour<PodDisruptionBudget> = {
  // Upstream's rules of budgets do not look at metadata.
  metadataInUpdate: [],
  anyFinalizer: true,
  validateName: nameIsPathSegment,
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate,
  validateUpdate: (object, _previous, subresource) =>
    subresource === 'status'
      ? [
          ...conditionErrors('status.conditions', object.status?.conditions),
          ...(['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const).flatMap((field) =>
            nonNegative(`status.${field}`, object.status?.[field]),
          ),
        ]
      : validate(object),
};
