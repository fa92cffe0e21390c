// DaemonSet.
import { invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { DaemonSet, DaemonSetUpdateStrategy } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { everything, isEmptySelector, matcherFor, validateLabelSelector } from '../../meta/label-selector.ts';
import {
  amountOf,
  atMost100Percent,
  immutable,
  nonNegative,
  nonNegativeOrPercent,
  exactlyEqual,
} from '../../validation/fields.ts';
import { templateWarnings } from '../../validation/pod-warnings.ts';
import { workloadTemplateErrors } from '../../validation/pod-spec.ts';
import { countErrors, decrementErrors } from '../../validation/workloads.ts';

function strategyErrors(path: string, strategy: DaemonSetUpdateStrategy): FieldError[] {
  if (strategy.type === 'OnDelete') return [];
  if (strategy.type !== 'RollingUpdate')
    return [
      notSupported(path, { Type: strategy.type ?? '', RollingUpdate: strategy.rollingUpdate ?? null }, [
        'RollingUpdate',
        'OnDelete',
      ]),
    ];
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

function labelErrors({ selector, template }: DaemonSet['spec']): FieldError[] {
  const errors = validateLabelSelector(selector, 'spec.selector');
  const labels = template.metadata?.labels;
  if (errors.length === 0 && !matcherFor(selector).matches(labels))
    errors.push(
      invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'),
    );
  if (selector !== undefined && isEmptySelector(selector))
    errors.push(invalid('spec.selector', selector, 'empty selector is invalid for daemonset'));
  return errors;
}

const validate = ({ spec }: DaemonSet): FieldError[] => [
  ...labelErrors(spec),
  ...workloadTemplateErrors('spec.template', spec.template, everything, 'DaemonSet'),
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

/** How often the template changed: a field of older versions, which lives on in an annotation. */
const templateGeneration = 'deprecated.daemonset.template.generation';
const generationOf = ({ metadata }: DaemonSet): number => Number(metadata.annotations?.[templateGeneration] ?? 0);
function setGeneration(object: Mutable<DaemonSet>, generation: number): void {
  object.metadata.annotations = { ...object.metadata.annotations, [templateGeneration]: String(generation) };
}

export const daemonSet: KindBehaviour<DaemonSet> = {
  prepareForCreate: (object) => setGeneration(object, Math.max(1, generationOf(object))),
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
    const changed = !exactlyEqual(object.spec.template, previous.spec.template);
    setGeneration(object, generationOf(previous) + (changed ? 1 : 0));
  },
  validate,
  warnings: (object, previous) => templateWarnings('spec.template', object.spec.template, previous?.spec.template),
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? [
          ...countErrors(object.status ?? {}, counts, []),
          ...decrementErrors(object.status?.collisionCount, previous.status?.collisionCount),
        ]
      : [...immutable('spec.selector', object.spec.selector, previous.spec.selector), ...validate(object)],
};
