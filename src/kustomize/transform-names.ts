// Namespace, prefix and suffix.
import { isJsonObject } from '#api/patch/json-values.ts';
import { namespaceSpecs } from './field-specs.ts';
import { visitField } from './field-walk.ts';
import { KustomizeError } from './kustomize-error.ts';
import type { ResourceList } from './resource-list.ts';
import { idText, isClusterScoped, isSameId, isSelectedKind, type Resource } from './resource.ts';

/** Puts every namespaced object there, with what refers to it by namespace. */
export function transformNamespace(list: ResourceList, namespace: string): void {
  if (namespace === '') return;
  for (const resource of list.items) {
    resource.rememberId();
    const { apiVersion, groupVersionKind } = resource;
    if (!isClusterScoped(groupVersionKind)) resource.namespace = namespace;
    if (groupVersionKind.kind === 'RoleBinding' || groupVersionKind.kind === 'ClusterRoleBinding')
      moveDefaultSubjects(resource, namespace);
    for (const spec of namespaceSpecs) {
      if (spec.path === 'metadata/name' && apiVersion !== 'v1') continue;
      visitField(resource, spec, '', (place) => place.set(namespace));
    }
    const { id } = resource;
    if (list.items.filter((one) => isSameId(one.id, id)).length !== 1)
      throw new KustomizeError(`namespace transformation produces ID conflict: ${idText(id)}`);
  }
}

/** Other service accounts follow when their own object is in the kustomization (fix-references.ts). */
function moveDefaultSubjects({ object }: Resource, namespace: string): void {
  const subjects = object?.['subjects'];
  if (!Array.isArray(subjects)) return;
  for (const subject of subjects as unknown[])
    if (isJsonObject(subject) && subject['name'] === 'default')
      (subject as Record<string, unknown>)['namespace'] = namespace;
}

const unnamedKinds = [{ kind: 'CustomResourceDefinition' }, { kind: 'Namespace' }];
const unprefixedKinds = [...unnamedKinds, { group: 'apiregistration.k8s.io', kind: 'APIService' }];

export function transformPrefix(list: ResourceList, prefix: string): void {
  if (prefix === '') return;
  for (const resource of list.items) {
    if (unprefixedKinds.some((kind) => isSelectedKind(resource.originalId, kind))) continue;
    resource.prefixes.push(prefix);
    resource.rememberId();
    resource.name = prefix + resource.name;
  }
}

export function transformSuffix(list: ResourceList, suffix: string): void {
  if (suffix === '') return;
  for (const resource of list.items) {
    if (unprefixedKinds.some((kind) => isSelectedKind(resource.originalId, kind))) continue;
    resource.suffixes.push(suffix);
    resource.rememberId();
    resource.name += suffix;
  }
}
