// Visits the places that a field spec names in an object, through lists, and makes missing ones where the spec says so.
import { isJsonObject, setMember, type MutableJson } from '#api/patch/json-values.ts';
import type { FieldSpec } from './field-specs.ts';
import { KustomizeError, within } from './kustomize-error.ts';
import { idText, isSelectedKind, type Resource } from './resource.ts';

/** One place in an object. */
export interface Place {
  readonly value: unknown;
  set(value: unknown): void;
  remove(): void;
}

/** `a\/b` is one part. */
export function splitPath(path: string, delimiter: string): string[] {
  const parts = path.split(delimiter);
  if (parts.length > 1 && parts[0] === '') parts.shift();
  const result = [parts[0]!];
  for (const part of parts.slice(1)) {
    const last = result.at(-1)!;
    if (last.endsWith('\\')) result[result.length - 1] = last.slice(0, -1) + delimiter + part;
    else result.push(part);
  }
  return result;
}

/** `made`: what is put where the last part is missing, if the spec allows it. Undefined: nothing is made. */
export function visitField(
  resource: Resource,
  spec: FieldSpec,
  made: '' | 'map' | undefined,
  visit: (place: Place) => void,
): void {
  const { object } = resource;
  if (object === undefined || !isSelectedKind(resource.groupVersionKind, spec)) return;
  const path = splitPath(spec.path, '/');
  within(`considering field '${spec.path}' of object ${idText(resource.id)}`, () =>
    walk(rootPlace(object), path, spec.create === true ? made : undefined, visit),
  );
}

const rootPlace = (object: MutableJson): Place => ({
  value: object,
  set: () => {},
  remove: () => {},
});

export function memberPlace(object: MutableJson, key: string): Place {
  return {
    get value() {
      return Object.hasOwn(object, key) ? object[key] : undefined;
    },
    set: (value) => setMember(object, key, value),
    remove: () => void delete object[key],
  };
}

export function itemPlace(list: unknown[], index: number): Place {
  return {
    get value() {
      return list[index];
    },
    set: (value) => void (list[index] = value),
    remove: () => void list.splice(index, 1),
  };
}

function walk(
  place: Place,
  path: readonly string[],
  made: '' | 'map' | undefined,
  visit: (place: Place) => void,
): void {
  const [part, ...rest] = path;
  if (part === undefined) return visit(place);
  const { value } = place;
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    value.forEach((_, index) => walk(itemPlace(value, index), path, made, visit));
    return;
  }
  if (!isJsonObject(value)) throw new KustomizeError('expected sequence or mapping node');
  const isList = part.endsWith('[]');
  const name = isList ? part.slice(0, -2) : part;
  const member = memberPlace(value, name);
  if (member.value === undefined || member.value === null) {
    if (made === undefined || isList) {
      if (member.value === undefined) return;
    } else member.set(rest.length > 0 || made === 'map' ? {} : '');
  }
  walk(member, rest, made, visit);
}
