// What Pod Security says of one object in one namespace: a refusal, warnings, and notes for the audit log. Pure.
import type { Namespace, ObjectMeta, Pod, PodSpec } from '#api/generated/types.ts';
import type { FieldError } from '#api/field-error.ts';
import { ownValue } from '#base/own-value.ts';
import { detailsText, reasonsText, violationsOf } from './evaluate.ts';
import {
  isPrivileged,
  labelPrefix,
  sameStandard,
  samePolicy,
  standardText,
  type PodSecurityMode,
  type PodSecurityPolicy,
  type Standard,
} from './policy.ts';

export interface Verdict {
  /** Undefined: admitted. */
  readonly refusal?: string | undefined;
  readonly warnings: readonly string[];
  /** Keys without their prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  /** What was decided in which mode, for the metrics. */
  readonly evaluations: readonly Evaluation[];
}
export interface Evaluation {
  readonly mode: PodSecurityMode;
  readonly standard: Standard;
  readonly allowed: boolean;
}

/** `enforces`: of Pods; what only makes Pods is warned of and recorded, and its Pods are refused later. */
export function podVerdict(
  policy: PodSecurityPolicy,
  labelErrors: readonly FieldError[],
  metadata: ObjectMeta,
  spec: PodSpec,
  enforces: boolean,
): Verdict {
  const annotations: Record<string, string> = {};
  if (labelErrors.length > 0) {
    const texts = labelErrors.map((error) => `${error.field}: ${error.message}`);
    annotations['error'] =
      `Failed to parse policy: ${texts.length === 1 ? texts[0]! : `[${[...new Set(texts)].join(', ')}]`}`;
  }
  const evaluations: Evaluation[] = [];
  const warnings: string[] = [];
  let refusal: string | undefined;
  if (enforces) {
    const violations = violationsOf(policy.enforce, metadata, spec);
    annotations['enforce-policy'] = standardText(policy.enforce);
    evaluations.push({ mode: 'enforce', standard: policy.enforce, allowed: violations.length === 0 });
    if (violations.length > 0)
      refusal = `violates PodSecurity "${standardText(policy.enforce)}": ${detailsText(violations)}`;
  }
  const would = (standard: Standard): string | undefined => {
    const violations = violationsOf(standard, metadata, spec);
    return violations.length === 0
      ? undefined
      : `would violate PodSecurity "${standardText(standard)}": ${detailsText(violations)}`;
  };
  const audited = would(policy.audit);
  if (audited !== undefined) {
    annotations['audit-violations'] = audited;
    evaluations.push({ mode: 'audit', standard: policy.audit, allowed: false });
  }
  // Who is refused needs no warning.
  const warned = refusal === undefined ? would(policy.warn) : undefined;
  if (warned !== undefined) {
    warnings.push(warned);
    evaluations.push({ mode: 'warn', standard: policy.warn, allowed: false });
  }
  return { refusal, warnings, annotations, evaluations };
}

const podsMax = 3_000;
const checkMsMax = 1_000;

/** Exempt ones left out; one of each controller first, so that a bounded look sees every kind of Pod. */
function prioritized(pods: readonly Pod[], exemptRuntimeClasses: readonly string[]): readonly Pod[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const further: Pod[] = [];
  for (const pod of pods) {
    if (exemptRuntimeClasses.includes(pod.spec.runtimeClassName ?? '')) continue;
    const controller = pod.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid;
    (controller !== undefined && seen.has(controller) ? further : first).push(pod);
    if (controller !== undefined) seen.add(controller);
  }
  return [...first, ...further];
}

/** Warnings for who makes a namespace stricter than the Pods in it. `now` in milliseconds. */
export function namespaceWarnings(
  namespace: string,
  standard: Standard,
  pods: readonly Pod[],
  settings: { readonly exemptRuntimeClasses: readonly string[]; now(): number },
): string[] {
  const all = prioritized(pods, settings.exemptRuntimeClasses);
  const deadline = settings.now() + checkMsMax;
  const byReasons = new Map<string, { name: string; count: number }>();
  let checked = 0;
  for (const { metadata, spec } of all.slice(0, podsMax)) {
    checked++;
    const violations = violationsOf(standard, metadata, spec);
    if (violations.length > 0) {
      const reasons = reasonsText(violations);
      const name = metadata.name!;
      const seen = byReasons.get(reasons);
      if (seen === undefined) byReasons.set(reasons, { name, count: 1 });
      else {
        seen.count++;
        if (name < seen.name) seen.name = name;
      }
    }
    if (settings.now() >= deadline) break;
  }
  const lines = [...byReasons].map(([reasons, { name, count }]) => {
    const others = count === 1 ? '' : count === 2 ? ' (and 1 other pod)' : ` (and ${count - 1} other pods)`;
    return `${name}${others}: ${reasons}`;
  });
  return [
    ...(checked < all.length
      ? [`new PodSecurity enforce level only checked against the first ${checked} of ${all.length} existing pods`]
      : []),
    ...(lines.length > 0
      ? [
          `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${standardText(standard)}"`,
        ]
      : []),
    ...lines.toSorted(),
  ];
}

/** For who labels a namespace in which no standard is looked at. */
export function exemptNamespaceWarning(
  namespace: Namespace,
  policy: PodSecurityPolicy,
  defaults: PodSecurityPolicy,
): string[] {
  if (isPrivileged(policy) || samePolicy(policy, defaults)) return [];
  const { labels } = namespace.metadata;
  const parts = (['enforce', 'audit', 'warn'] as const)
    .filter(
      (mode) =>
        policy[mode].level !== 'privileged' &&
        [labelPrefix + mode, `${labelPrefix}${mode}-version`].some((label) => ownValue(labels, label) !== undefined),
    )
    .map((mode) => `${mode}=${standardText(policy[mode])}`);
  return [
    `namespace "${namespace.metadata.name}" is exempt from Pod Security, and the policy (${parts.join(', ')}) will be ignored`,
  ];
}

/** Whether the change of a namespace's policy can make Pods in it violate it. */
export const isStricter = (
  next: Standard,
  before: Standard,
  strictness: (level: Standard['level']) => number,
): boolean =>
  !sameStandard(next, before) &&
  next.level !== 'privileged' &&
  (next.version !== before.version || strictness(next.level) > strictness(before.level));
