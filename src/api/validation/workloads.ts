// What Deployments, ReplicaSets, StatefulSets and DaemonSets have in common.
import { invalid, required, type FieldError } from '../field-error.ts';
import type { LabelSelector, PodTemplateSpec } from '../generated/types.ts';
import { isEmptySelector, matcherFor, validateLabelSelector } from '../meta/label-selector.ts';
import { nonNegative } from './fields.ts';
import { workloadTemplateErrors } from './pod-spec.ts';

const isWellFormed = (selector: LabelSelector | undefined): boolean =>
  selector === undefined || validateLabelSelector(selector, '').length === 0;

export function selectorErrors(path: string, selector: LabelSelector | undefined, what: string): FieldError[] {
  if (selector === undefined) return [required(path)];
  const errors = validateLabelSelector(selector, path);
  if (isEmptySelector(selector)) errors.push(invalid(path, selector, `empty selector is invalid for ${what}`));
  return errors;
}

export const templateErrors = (
  path: string,
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  ownerKind: string,
  brokenText = 'invalid label selector',
): FieldError[] =>
  isWellFormed(selector)
    ? template === undefined
      ? [required(path)]
      : workloadTemplateErrors(path, template, matcherFor(selector), ownerKind)
    : [invalid(path.replace(/template$/, 'selector'), selector, brokenText)];

/** Counts in status: not negative, and not more than they are part of. */
export function countErrors(
  status: object,
  fields: readonly string[],
  limits: readonly (readonly [field: string, of: string, detail: string])[],
): FieldError[] {
  const count = (field: string): number => Number((status as Readonly<Record<string, unknown>>)[field] ?? 0);
  return [
    ...fields.flatMap((field) => nonNegative(`status.${field}`, count(field))),
    ...limits
      .filter(([field, of]) => count(field) > count(of))
      .map(([field, , detail]) => invalid(`status.${field}`, count(field), detail)),
  ];
}

export const decrementErrors = (now: number | undefined, before: number | undefined): FieldError[] =>
  before !== undefined && (now ?? -1) < before
    ? [invalid('status.collisionCount', now ?? 0, 'cannot be decremented')]
    : [];

export const ofReplicas = 'cannot be greater than status.replicas';

/** Of ReplicaSets and ReplicationControllers; `more`: counts that only one of them has. */
export const replicaStatusErrors = (status: object, more: readonly string[] = []): FieldError[] =>
  countErrors(
    status,
    ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', ...more],
    [
      ['fullyLabeledReplicas', 'replicas', ofReplicas],
      ['readyReplicas', 'replicas', ofReplicas],
      ['availableReplicas', 'replicas', ofReplicas],
      ['availableReplicas', 'readyReplicas', 'cannot be greater than readyReplicas'],
    ],
  );
