// The templates that a DaemonSet or StatefulSet has had, kept as ControllerRevisions: what rollout history and undo read.
import { ControllerRevisions } from '#api/generated/kind-references.ts';
import type { ControllerRevision, PodTemplateSpec } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { controllerOf, controllerReference } from '#api/meta/owner.ts';
import { canonicalText, fnv32, safeText } from '../deployment/template-hash.ts';
import { claim } from '../ownership/ownership.ts';
import { create, remove, update, type Action } from '../runtime/action.ts';

/** On Pods: the revision of which they are. */
export const revisionLabel = 'controller-revision-hash';

export interface HistoryInput {
  readonly ownerKind: KindReference;
  readonly owner: KubernetesObject;
  readonly template: PodTemplateSpec;
  /** For a revision that is made now; upstream's kinds have each their own. */
  readonly hash: () => string;
  /** The label of a revision that holds its hash. */
  readonly hashLabel: string;
  /** Revisions of the namespace that it controls, and those without a controller. */
  readonly candidates: readonly ControllerRevision[];
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
  named(name: string): ControllerRevision | undefined;
}

export interface History {
  /** Of the template as it is now; possibly made by the actions. */
  readonly current: ControllerRevision;
  /** Others that hold the same template: they are to go. */
  readonly twins: readonly ControllerRevision[];
  /** From the oldest on. */
  readonly old: readonly ControllerRevision[];
  readonly actions: readonly Action[];
  /** Another template has the same name: count one more collision and look again. */
  readonly collides: boolean;
}

function keysSorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(keysSorted) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, keysSorted(member)])) as T;
}

/** In the order of upstream's encoder: clients (kubectl rollout undo) compare the bytes with their own. */
const dataOf = (template: PodTemplateSpec) => keysSorted({ spec: { template: { ...template, $patch: 'replace' } } });

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};
/** Characters of the owner's name that a revision's name begins with. */
const prefixMax = 223;

/** As Go's encoder writes it, with what HTML would read escaped. */
const goJson = (value: unknown): string => JSON.stringify(value).replace(/[<>&\u2028\u2029]/gu, (one) => escapes[one]!);

/** As upstream's HashControllerRevision, of a template in the form in which it is stored. */
export const revisionHash = (template: PodTemplateSpec, collisionCount: number | undefined): string =>
  safeText(String(fnv32(Buffer.from(`${goJson(dataOf(template))}${collisionCount ?? ''}`))));

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as unknown as ReturnType<typeof dataOf>).spec.template;
  return template;
}

export function historyOf(input: HistoryInput): History {
  const { owner, ownerKind, hashLabel } = input;
  const claims = claim({
    ownerKind,
    owner,
    kind: ControllerRevisions,
    candidates: input.candidates,
    matches: (revision) => input.matches(revision.metadata.labels),
  });
  const ending = owner.metadata.deletionTimestamp !== undefined;
  const data = dataOf(input.template);
  const text = canonicalText(data);
  const isSame = (one: ControllerRevision) => canonicalText(one.data) === text;
  // An owner that is going makes nothing: what the garbage collector has orphaned already is still its history.
  const orphaned = input.candidates.filter(
    (one) => controllerOf(one) === undefined && input.matches(one.metadata.labels),
  );
  const sorted = [...claims.claimed, ...(ending ? orphaned : [])].toSorted(
    (one, other) => one.revision - other.revision,
  );
  const same = sorted.filter(isSame);
  const old = sorted.filter((one) => !same.includes(one));
  const number = (old.at(-1)?.revision ?? 0) + 1;
  const found = same.at(-1);
  if (found !== undefined) {
    // Back to an older template: its revision becomes the newest.
    const current = found.revision < number && !ending ? { ...found, revision: number } : found;
    return {
      current,
      twins: same.slice(0, -1),
      old,
      actions: [...claims.actions, ...(current === found ? [] : [update(ControllerRevisions, current)])],
      collides: false,
    };
  }
  const hash = input.hash();
  const { annotations } = owner.metadata;
  const current: ControllerRevision = {
    kind: 'ControllerRevision',
    apiVersion: 'apps/v1',
    metadata: {
      name: `${owner.metadata.name!.slice(0, prefixMax)}-${hash}`,
      namespace: owner.metadata.namespace,
      labels: { ...input.template.metadata.labels, [hashLabel]: hash },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(ownerKind, owner)],
    },
    data,
    revision: number,
  };
  const collides = !ending && input.named(current.metadata.name!) !== undefined;
  return {
    current,
    twins: [],
    old,
    actions: [...claims.actions, ...(collides || ending ? [] : [create(ControllerRevisions, current)])],
    collides,
  };
}

/** The oldest of those that nothing uses, beyond the limit. */
export function surplus(
  old: readonly ControllerRevision[],
  limit: number,
  isLive: (one: ControllerRevision) => boolean,
) {
  const unused = old.filter((one) => !isLive(one));
  return unused.slice(0, Math.max(0, unused.length - limit)).map((one) => remove(ControllerRevisions, one));
}
