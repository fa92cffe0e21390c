// DaemonSet.
import { invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { DaemonSet, DaemonSetUpdateStrategy } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { isEmptySelector, matcherFor, validateLabelSelector } from '../../meta/label-selector.ts';
import { amountOf, atMost100Percent, immutable, nonNegative, nonNegativeOrPercent } from '../../validation/fields.ts';
import { templateWarnings } from '../../validation/pod-warnings.ts';
import { workloadTemplateErrors } from '../../validation/pod-spec.ts';
import { countErrors, decrementErrors } from '../../validation/workloads.ts';

function strategyErrors(path: string, strategy: DaemonSetUpdateStrategy): FieldError[] {
  if (strategy.type === 'OnDelete') return [];
  if (strategy.type !== 'RollingUpdate') return [notSupported(path, strategy, ['RollingUpdate', 'OnDelete'])];
  const at = `${path}.rollingUpdate`;
  if (strategy.rollingUpdate === undefined) return [required(at)];
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  const errors = [
    ...nonNegativeOrPercent(`${at}.maxUnavailable`, maxUnavailable),
    ...nonNegativeOrPercent(`${at}.maxSurge`, maxSurge),
    ...atMost100Percent(`${at}.maxUnavailable`, maxUnavailable),
    ...atMost100Percent(`${at}.maxSurge`, maxSurge),
  ];
  const [unavailable, surge] = [amountOf(maxUnavailable), amountOf(maxSurge)];
  if (unavailable !== 0 && surge !== 0)
    errors.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (unavailable === 0 && surge === 0) errors.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return errors;
}

const validate = ({ spec }: DaemonSet): FieldError[] => [
  ...validateLabelSelector(spec.selector, 'spec.selector'),
  ...(isEmptySelector(spec.selector) && spec.selector !== undefined
    ? [invalid('spec.selector', spec.selector, 'empty selector is invalid for daemonset')]
    : []),
  ...workloadTemplateErrors('spec.template', spec.template, matcherFor(spec.selector), 'DaemonSet'),
  ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
  ...strategyErrors('spec.updateStrategy', spec.updateStrategy ?? {}),
  ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
];

const counts = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

export const daemonSet: KindBehaviour<DaemonSet> = {
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate,
  warnings: (object, previous) => templateWarnings('spec.template', object.spec.template, previous?.spec.template),
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? [
          ...countErrors(object.status ?? {}, counts, []),
          ...decrementErrors(object.status?.collisionCount, previous.status?.collisionCount),
        ]
      : [...validate(object), ...immutable('spec.selector', object.spec.selector, previous.spec.selector)],
};
