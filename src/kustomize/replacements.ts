// Replacements: a value of one object, or a text, is copied into fields of others.
import { isJsonObject } from '#api/patch/json-values.ts';
import { plainScalar } from '#wire/yaml-documents.ts';
import type { Place } from './field-walk.ts';
import type { FieldOptions, Replacement } from './kustomization.ts';
import { KustomizeError } from './kustomize-error.ts';
import { findPlaces, lookUp, pathParts, scalarText, type Made } from './object-paths.ts';
import { effectiveNamespace, idText, isSelectedKind, type Resource, type ResourceId } from './resource.ts';
import { compileSelector, type Selector } from './select.ts';

const defaultPath = 'metadata.name';

export function applyReplacement(resources: readonly Resource[], replacement: Replacement): void {
  const { source, sourceValue, targets } = replacement;
  if ((source === undefined && sourceValue === undefined) || targets === undefined)
    throw new KustomizeError('replacements must specify a source and at least one target');
  if (source !== undefined && sourceValue !== undefined)
    throw new KustomizeError('value and resource selectors are mutually exclusive');
  const value = sourceValue ?? sourceOf(resources, source!);
  for (const target of targets) {
    if (target.select === undefined) throw new KustomizeError('target must specify resources to select');
    const paths = target.fieldPaths?.length ? target.fieldPaths : [defaultPath];
    for (const resource of targetsOf(resources, target.select, target.reject ?? []))
      for (const path of paths) copyTo(resource, path, value, target.options ?? {});
  }
}

const idsOf = (resource: Resource): ResourceId[] => [resource.id, ...resource.previousIds];

type Source = NonNullable<Replacement['source']>;

function sourceOf(resources: readonly Resource[], source: Source): unknown {
  const { name = '', namespace = '', group = '', version = '', kind = '' } = source;
  const wanted: ResourceId = { group, version, kind, name, namespace };
  const found = resources.filter((one) =>
    idsOf(one).some(
      (id) =>
        (name === '' || name === id.name) &&
        (namespace === '' || effectiveNamespace(wanted) === effectiveNamespace(id)) &&
        isSelectedKind(id, wanted),
    ),
  );
  if (found.length > 1) throw new KustomizeError(`multiple matches for selector ${idText(wanted)}`);
  if (found.length === 0) throw new KustomizeError(`nothing selected by ${idText(wanted)}`);
  const path = source.fieldPath || defaultPath;
  const value = lookUp(found[0]!.object, pathParts(path));
  const isEmpty =
    value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
  if (isEmpty) throw new KustomizeError(`fieldPath \`${path}\` is missing for replacement source ${idText(wanted)}`);
  const { delimiter, index = 0 } = source.options ?? {};
  if (!delimiter) return value;
  requireScalar(value);
  const part = scalarText(value).split(delimiter)[index];
  if (part === undefined)
    throw new KustomizeError(`options.index ${index} is out of bounds for value ${scalarText(value)}`);
  return typeof value === 'string' ? part : plainScalar(part);
}

function requireScalar(value: unknown): void {
  if (typeof value === 'object' && value !== null)
    throw new KustomizeError('delimiter option can only be used with scalar nodes');
}

function targetsOf(resources: readonly Resource[], wanted: Selector, rejected: readonly Selector[]): Resource[] {
  const select = compileSelector(wanted);
  const rejects = rejected.map((one) => ({
    compiled: compileSelector(one),
    hasId: [one.group, one.version, one.kind, one.name, one.namespace].some(Boolean),
    hasMarks: Boolean(one.labelSelector) || Boolean(one.annotationSelector),
  }));
  return resources.filter((resource) => {
    const ids = idsOf(resource);
    return (
      select.matchesMarks(resource) &&
      ids.some((id) => select.matchesId(id)) &&
      !rejects.some(({ compiled, hasMarks }) => hasMarks && compiled.matchesMarks(resource)) &&
      !rejects.some(({ compiled, hasId }) => hasId && ids.some((id) => compiled.matchesId(id)))
    );
  });
}

function copyTo(resource: Resource, path: string, value: unknown, options: FieldOptions): void {
  const parts = pathParts(path);
  const made: Made =
    options.create === true ? (Array.isArray(value) ? 'list' : isJsonObject(value) ? 'map' : 'scalar') : undefined;
  const root: Place = { value: resource.object, set: () => {}, remove: () => {} };
  if (setInText(resource, parts, value, made)) return;
  const missing = `unable to find ${made === undefined ? '' : 'or create '}field "${path}" in replacement target ${idText(resource.id)}`;
  let places: Place[];
  try {
    places = findPlaces(root, parts, made);
  } catch (error) {
    if (error instanceof KustomizeError) throw new KustomizeError(`${missing}: ${error.message}`, { cause: error });
    throw error;
  }
  if (places.length === 0) throw new KustomizeError(missing);
  for (const place of places) setField(place, value, options);
}

function setField(place: Place, given: unknown, { delimiter, index = 0 }: FieldOptions): void {
  let value = given;
  const old = place.value;
  if (delimiter) {
    requireScalar(old);
    const parts = scalarText(old).split(delimiter);
    if (index < 0) parts.unshift(scalarText(value));
    else if (index >= parts.length) parts.push(scalarText(value));
    else parts[index] = scalarText(value);
    value = parts.join(delimiter);
  }
  if (typeof old === 'object' && old !== null) place.set(structuredClone(value));
  else if (typeof value === 'object' && value !== null) place.set(old === undefined ? structuredClone(value) : '');
  else place.set(asTypeOf(old, value));
}

/** A text field stays a text, a number a number; a new field takes what the text reads as. */
function asTypeOf(old: unknown, value: unknown): unknown {
  const text = scalarText(value);
  if (typeof old === 'string') return text;
  const read = plainScalar(text);
  return old === undefined || old === null || typeof read === typeof old ? read : text;
}

/** Into a field that holds JSON as a text. False: there is none on this path. */
function setInText(resource: Resource, parts: readonly string[], value: unknown, made: Made): boolean {
  for (let length = 1; length < parts.length; length++) {
    let holder: unknown;
    try {
      holder = lookUp(resource.object, parts.slice(0, length));
    } catch {
      continue;
    }
    if (typeof holder !== 'string') continue;
    const text = holder.trim();
    if (!text.startsWith('{') && !text.startsWith('['))
      throw new KustomizeError(
        `field "${parts.join('.')}" goes into a text: only JSON texts can be changed inside, not YAML`,
      );
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch {
      return false;
    }
    const places = findPlaces({ value: content, set: () => {}, remove: () => {} }, parts.slice(length), made);
    if (places.length === 0) return false;
    for (const place of places) place.set(typeof place.value === 'object' ? value : asTypeOf(place.value, value));
    const isPretty = holder.includes('\n') && holder.includes('  ');
    const [at] = findPlaces(
      { value: resource.object, set: () => {}, remove: () => {} },
      parts.slice(0, length),
      undefined,
    );
    at?.set(sortedJson(content, isPretty));
    return true;
  }
  return false;
}

function sortedJson(value: unknown, isPretty: boolean): string {
  const sorted = (one: unknown): unknown =>
    Array.isArray(one)
      ? one.map(sorted)
      : isJsonObject(one)
        ? Object.fromEntries(
            Object.keys(one)
              .toSorted()
              .map((key) => [key, sorted(one[key])]),
          )
        : one;
  return JSON.stringify(sorted(value), undefined, isPretty ? 2 : undefined);
}
