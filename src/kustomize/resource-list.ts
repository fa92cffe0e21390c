// The objects of a kustomization in their order, found by the names that they have and had.
import { KustomizeError } from './kustomize-error.ts';
import { idText, isSameId, type Resource, type ResourceId } from './resource.ts';

export class ResourceList {
  #items: Resource[] = [];

  get items(): readonly Resource[] {
    return this.#items;
  }
  append(resource: Resource): void {
    const { id } = resource;
    if (this.#items.some((one) => isSameId(one.id, id)))
      throw new KustomizeError(`may not add resource with an already registered id: ${idText(id)}`);
    this.#items.push(resource);
  }
  appendAll(resources: Iterable<Resource>): void {
    for (const one of resources) this.append(one);
  }
  /** By the present and all former ids. */
  withAnyId(matches: (id: ResourceId) => boolean): Resource[] {
    return this.#items.filter((one) => one.object !== undefined && [...one.previousIds, one.id].some(matches));
  }
  /** The one object that has, or had, this id. */
  find(id: ResourceId): Resource {
    const found = this.withAnyId((one) => isSameId(one, id));
    if (found.length === 1) return found[0]!;
    throw new KustomizeError(
      `${found.length === 0 ? 'no matches' : 'multiple matches'} for Id ${idText(id)}; failed to find unique target for patch ${idText(id)}`,
    );
  }
  /** Generated objects join by their behavior: new, or onto one that is there. */
  absorb(resource: Resource): void {
    const { id, behavior } = resource;
    const found = this.withAnyId((one) => isSameId(one, id));
    const [old] = found;
    if (old === undefined) {
      if (behavior === 'merge' || behavior === 'replace')
        throw new KustomizeError(`id ${idText(id)} does not exist; cannot merge or replace`);
      this.append(resource);
      return;
    }
    if (found.length > 1)
      throw new KustomizeError(
        `found multiple objects ${found.map((one) => idText(one.id)).join(', ')} that could accept merge of ${idText(id)}`,
      );
    if (behavior !== 'merge' && behavior !== 'replace')
      throw new KustomizeError(
        `id ${idText(id)} exists; can not use behavior: '${behavior}', behavior must be merge or replace`,
      );
    mergeInto(resource, old, behavior === 'merge');
    this.#items[this.#items.indexOf(old)] = resource;
  }
  dropDeleted(): void {
    this.#items = this.#items.filter((one) => one.object !== undefined && Object.keys(one.object).length > 0);
  }
  keep(wanted: (resource: Resource) => boolean): void {
    this.#items = this.#items.filter(wanted);
  }
  sort(compare: (a: Resource, b: Resource) => number): void {
    this.#items = this.#items.toSorted(compare);
  }
}

/** The new one takes the place, and the identity, of the old one. */
function mergeInto(resource: Resource, old: Resource, withData: boolean): void {
  const { name, namespace, previous, prefixes, suffixes, behavior, variables } = old;
  resource.labels = { ...old.labels, ...resource.labels };
  const origin = withData ? originOf(old) : {};
  resource.annotations = { ...old.annotations, ...resource.annotations, ...origin };
  const needsHash = old.needsHash && resource.needsHash;
  Object.assign(resource, { name, namespace, previous, prefixes, suffixes, behavior, variables, needsHash });
  if (!withData) return;
  for (const field of ['data', 'binaryData']) {
    const merged = {
      ...(old.object?.[field] as object | undefined),
      ...(resource.object?.[field] as object | undefined),
    };
    if (Object.keys(merged).length > 0) resource.object![field] = merged;
  }
}

export const originAnnotation = 'config.kubernetes.io/origin';
function originOf({ annotations }: Resource): Record<string, string> {
  const origin = annotations[originAnnotation];
  return origin === undefined ? {} : { [originAnnotation]: origin };
}
