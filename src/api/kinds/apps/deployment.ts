// Deployment.
import { forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { Deployment, DeploymentStrategy } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { amountOf, atMost100Percent, immutable, nonNegative, nonNegativeOrPercent } from '../../validation/fields.ts';
import { nameWarnings, templateWarnings } from '../../validation/pod-warnings.ts';
import {
  countErrors,
  decrementErrors,
  ofReplicas,
  selectorErrors,
  templateErrors,
} from '../../validation/workloads.ts';

function strategyErrors(path: string, strategy: DeploymentStrategy): FieldError[] {
  const rolling = strategy.rollingUpdate;
  const at = `${path}.rollingUpdate`;
  if (strategy.type === 'Recreate')
    return rolling === undefined ? [] : [forbidden(at, "may not be specified when strategy `type` is 'Recreate'")];
  if (strategy.type !== 'RollingUpdate')
    return [
      notSupported(path, { Type: strategy.type ?? '', RollingUpdate: rolling ?? null }, ['Recreate', 'RollingUpdate']),
    ];
  if (rolling === undefined) return [required(at, 'this should be defaulted and never be nil')];
  const { maxUnavailable, maxSurge } = rolling;
  return [
    ...nonNegativeOrPercent(`${at}.maxUnavailable`, maxUnavailable),
    ...nonNegativeOrPercent(`${at}.maxSurge`, maxSurge),
    ...(amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0
      ? [invalid(`${at}.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0')]
      : []),
    ...atMost100Percent(`${at}.maxUnavailable`, maxUnavailable),
  ];
}

function validate({ spec }: Deployment): FieldError[] {
  const deadline = spec.progressDeadlineSeconds;
  const minReady = spec.minReadySeconds ?? 0;
  return [
    ...nonNegative('spec.replicas', spec.replicas),
    ...selectorErrors('spec.selector', spec.selector, 'deployment'),
    ...templateErrors('spec.template', spec.template, spec.selector, 'ReplicaSet'),
    ...strategyErrors('spec.strategy', spec.strategy ?? {}),
    ...nonNegative('spec.minReadySeconds', minReady),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...nonNegative('spec.progressDeadlineSeconds', deadline),
    ...(deadline !== undefined && deadline <= minReady
      ? [invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')]
      : []),
  ];
}

const counts = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
];

export const deployment: KindBehaviour<Deployment> = {
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource !== 'status') return;
    object.spec = previous.spec as typeof object.spec;
    object.metadata.labels = previous.metadata.labels as typeof object.metadata.labels;
  },
  validate,
  warnings: (object, previous) => [
    ...(previous === undefined ? nameWarnings(object.metadata.name) : []),
    ...templateWarnings('spec.template', object.spec.template, previous?.spec.template),
  ],
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? [
          ...countErrors(object.status ?? {}, counts, [
            ['updatedReplicas', 'replicas', ofReplicas],
            ['readyReplicas', 'replicas', ofReplicas],
            ['availableReplicas', 'replicas', ofReplicas],
            ['availableReplicas', 'readyReplicas', 'cannot be greater than readyReplicas'],
          ]),
          ...decrementErrors(object.status?.collisionCount, previous.status?.collisionCount),
        ]
      : [...validate(object), ...immutable('spec.selector', object.spec.selector, previous.spec.selector)],
};
