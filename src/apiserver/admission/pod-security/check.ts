// What one check of the Pod Security Standards says of a Pod, and the words that all checks share. Texts of upstream's
// k8s.io/pod-security-admission/policy: they reach users in refusals, warnings and the audit log.
import type { Container, ObjectMeta, PodSpec } from '#api/generated/types.ts';

/** Undefined: the Pod passes. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type PodCheck = (spec: PodSpec, metadata: ObjectMeta) => Violation | undefined;

export interface VersionedCheck {
  /** From this minor version of the standards (1.x) on. */
  readonly since: number;
  readonly check: PodCheck;
  /** Of restricted checks: baseline checks that this one makes superfluous. */
  readonly overrides?: readonly string[] | undefined;
}

export interface StandardCheck {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** Oldest first. */
  readonly versions: readonly VersionedCheck[];
}

export const quoted = (items: readonly string[]): string => items.map((one) => `"${one}"`).join(', ');
export const plural = (count: number, one: string, many = `${one}s`): string => (count === 1 ? one : many);
export const containersText = (names: readonly string[]): string =>
  `${plural(names.length, 'container')} ${quoted(names)}`;
export const sorted = (values: Iterable<string>): string[] => [...new Set(values)].toSorted();

/** Init containers first, then the others, then ephemeral ones: the order of names in texts. */
export const containersOf = (spec: PodSpec): readonly Container[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...((spec.ephemeralContainers ?? []) as readonly Container[]),
];

/** Names of the containers for which the question is true. */
export const namesOf = (spec: PodSpec, isBad: (container: Container) => boolean): string[] =>
  containersOf(spec)
    .filter(isBad)
    .map((one) => one.name);

/** `pod and containers "a", "b"`; '' for nobody. */
export const settersText = (pod: boolean, names: readonly string[]): string =>
  [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])].join(' and ');

export const isWindows = (spec: PodSpec): boolean => spec.os?.name === 'windows';
export const hasUserNamespace = (spec: PodSpec): boolean => spec.hostUsers === false;

/** The check, with Pods of the given sort passing. */
export const except =
  (passes: (spec: PodSpec) => boolean, check: PodCheck): PodCheck =>
  (spec, metadata) =>
    passes(spec) ? undefined : check(spec, metadata);
