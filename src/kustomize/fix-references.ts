// Objects that changed their name are followed by the fields that name them.
import { isJsonObject, type MutableJson } from '#api/patch/json-values.ts';
import type { FieldSpec } from './field-specs.ts';
import { itemPlace, memberPlace, visitField, type Place } from './field-walk.ts';
import { KustomizeError } from './kustomize-error.ts';
import { nameReferences } from './name-reference-specs.ts';
import {
  effectiveNamespace,
  idText,
  isClusterScoped,
  isSelectedKind,
  type GroupVersionKind,
  type Resource,
} from './resource.ts';

export function fixReferences(resources: readonly Resource[]): void {
  const renamed = resources.filter((one) => one.previous.length > 0);
  if (renamed.length === 0) return;
  for (const referrer of resources) {
    if (referrer.object === undefined) continue;
    const { originalId } = referrer;
    let candidates: readonly Resource[] | undefined;
    for (const { target, fields } of nameReferences)
      for (const field of fields) {
        if (!isSelectedKind(originalId, field)) continue;
        candidates ??= referable(referrer, renamed);
        const fixer = new Fixer(referrer, target, field, candidates);
        visitField(referrer, { path: field.path }, undefined, (place) => fixer.fix(place));
      }
  }
}

/** Of the same namespace, of none, or of that of a subject of a RoleBinding. */
function referable(referrer: Resource, resources: readonly Resource[]): readonly Resource[] {
  const { id } = referrer;
  if (isClusterScoped(id)) return resources;
  const subjects = referrer.kind === 'RoleBinding' ? subjectNamespaces(referrer) : new Set();
  return resources.filter(
    (one) =>
      isClusterScoped(one.id) || effectiveNamespace(one.id) === effectiveNamespace(id) || subjects.has(one.namespace),
  );
}

function subjectNamespaces({ object }: Resource): ReadonlySet<unknown> {
  const subjects = object?.['subjects'];
  return new Set(
    (Array.isArray(subjects) ? (subjects as unknown[]) : [])
      .filter((one) => isJsonObject(one) && one['kind'] === 'ServiceAccount')
      .map((one) => (one as MutableJson)['namespace']),
  );
}

class Fixer {
  readonly #referrer: Resource;
  readonly #target: Partial<GroupVersionKind>;
  readonly #field: FieldSpec;
  readonly #candidates: readonly Resource[];

  constructor(
    referrer: Resource,
    target: Partial<GroupVersionKind>,
    field: FieldSpec,
    candidates: readonly Resource[],
  ) {
    this.#referrer = referrer;
    this.#target = target;
    this.#field = field;
    this.#candidates = candidates;
  }

  fix(place: Place): void {
    const { value } = place;
    if (value === null || value === undefined) return;
    if (Array.isArray(value)) value.forEach((_, index) => this.fix(itemPlace(value, index)));
    else if (isJsonObject(value)) this.#fixMap(value as MutableJson);
    else this.#fixName(place);
  }
  #fixName(place: Place): void {
    const name = String(place.value as string);
    const found = this.#find(name, this.#candidates, (one) => one.name);
    if (found !== undefined && found.name !== name) place.set(found.name);
  }
  /** `name`, and `namespace` where there is one. */
  #fixMap(reference: MutableJson): void {
    const name = memberPlace(reference, 'name').value;
    if (name === undefined)
      throw new KustomizeError(
        `updating name reference in '${this.#field.path}' field of '${idText(this.#referrer.id)}': path config error; no 'name' field in node`,
      );
    const namespace = memberPlace(reference, 'namespace').value;
    const candidates = typeof namespace === 'string' ? this.#inNamespace(namespace) : this.#candidates;
    const found = this.#find(typeof name === 'string' ? name : '', candidates, (one) => `${one.namespace}/${one.name}`);
    if (found === undefined) return;
    reference['name'] = found.name;
    if (found.namespace !== '') reference['namespace'] = found.namespace;
  }
  /** The one that it was written in wins over the one that objects are in now. */
  #inNamespace(namespace: string): readonly Resource[] {
    const original = this.#candidates.filter((one) => effectiveNamespace(one.originalId) === namespace);
    return original.length > 0 ? original : this.#candidates.filter((one) => effectiveNamespace(one.id) === namespace);
  }
  #find(name: string, candidates: readonly Resource[], identity: (one: Resource) => string): Resource | undefined {
    const roleKind = this.#roleKind();
    let found = candidates.filter((one) => {
      const ids = one.previousIds;
      return (
        ids.some((id) => id.name === name) &&
        ids.some((id) => isSelectedKind(id, this.#target)) &&
        (roleKind === undefined || ids.some((id) => isSelectedKind(id, roleKind))) &&
        this.#isReachable(one)
      );
    });
    if (found.length === 1) return found[0];
    found = found.filter((one) => hasSameAffixes(one, this.#referrer, true));
    if (found.length > 1) found = found.filter((one) => hasSameAffixes(one, this.#referrer, false));
    if (found.length === 0 || new Set(found.map(identity)).size === 1) return found[0];
    throw new KustomizeError(
      `updating name reference in '${this.#field.path}' field of '${idText(this.#referrer.id)}': found multiple possible referrals: ${found.map((one) => idText(one.id)).join(', ')}`,
    );
  }
  #roleKind(): Partial<GroupVersionKind> | undefined {
    if (!this.#field.path.endsWith('roleRef/name')) return undefined;
    const role = this.#referrer.object?.['roleRef'];
    if (!isJsonObject(role) || typeof role['apiGroup'] !== 'string' || typeof role['kind'] !== 'string')
      return undefined;
    return { group: role['apiGroup'], kind: role['kind'] };
  }
  #isReachable(one: Resource): boolean {
    const { id } = this.#referrer;
    return (
      isClusterScoped(id) ||
      isClusterScoped(one.id) ||
      one.kind === 'ServiceAccount' ||
      effectiveNamespace(one.id) === effectiveNamespace(id)
    );
  }
}

function hasSameAffixes(a: Resource, b: Resource, allowEmpty: boolean): boolean {
  const same = (left: readonly string[], right: readonly string[]) =>
    (allowEmpty && (left.length === 0 || right.length === 0)) || endsSame(left, right);
  return same(a.prefixes, b.prefixes) && same(a.suffixes, b.suffixes);
}

function endsSame(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  if (length === 0) return a.length === b.length;
  return a.slice(-length).join() === b.slice(-length).join();
}
