// Selectors of patches and replacements: patterns for group, version, kind, name and namespace, and label selectors.
import { parseLabelSelector } from '#api/meta/label-selector.ts';
import { messageOf } from '#base/errors.ts';
import { KustomizeError } from './kustomize-error.ts';
import { effectiveNamespace, type GroupVersionKind, type Resource, type ResourceId } from './resource.ts';

export interface Selector extends Partial<ResourceId> {
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

/** Matches the whole text; an empty pattern matches everything. */
function pattern(text: string | undefined, field: string): (value: string) => boolean {
  if (!text) return () => true;
  let compiled: RegExp;
  try {
    compiled = new RegExp(`^(?:${text})$`, 'u');
  } catch (error) {
    throw new KustomizeError(`${field}: ${messageOf(error)}`, { cause: error });
  }
  return (value) => compiled.test(value);
}

function labels(text: string | undefined, field: string): (values: Readonly<Record<string, string>>) => boolean {
  if (!text) return () => true;
  try {
    const matcher = parseLabelSelector(text);
    return (values) => matcher.matches(values);
  } catch (error) {
    throw new KustomizeError(`${field}: ${messageOf(error)}`, { cause: error });
  }
}

export interface CompiledSelector {
  matchesKind(kind: GroupVersionKind): boolean;
  matchesName(name: string): boolean;
  matchesNamespace(namespace: string): boolean;
  /** Labels and annotations. */
  matchesMarks(resource: Resource): boolean;
  matchesId(id: ResourceId): boolean;
}

export function compileSelector(selector: Selector): CompiledSelector {
  const group = pattern(selector.group, 'group');
  const version = pattern(selector.version, 'version');
  const kind = pattern(selector.kind, 'kind');
  const name = pattern(selector.name, 'name');
  const namespace = pattern(selector.namespace, 'namespace');
  const label = labels(selector.labelSelector, 'labelSelector');
  const annotation = labels(selector.annotationSelector, 'annotationSelector');
  const matchesKind = (one: GroupVersionKind) => group(one.group) && version(one.version) && kind(one.kind);
  return {
    matchesKind,
    matchesName: name,
    matchesNamespace: namespace,
    matchesMarks: (resource) => label(resource.labels) && annotation(resource.annotations),
    matchesId: (id) => matchesKind(id) && name(id.name) && namespace(id.namespace),
  };
}

/** Names match as they are or as they were first written. */
export function select(resources: readonly Resource[], selector: Selector): Resource[] {
  const compiled = compileSelector(selector);
  return resources.filter((resource) => {
    const { id, originalId } = resource;
    return (
      [originalId, id].some((one) => compiled.matchesNamespace(effectiveNamespace(one))) &&
      [originalId, id].some((one) => compiled.matchesName(one.name)) &&
      compiled.matchesKind(resource.groupVersionKind) &&
      compiled.matchesMarks(resource)
    );
  });
}
