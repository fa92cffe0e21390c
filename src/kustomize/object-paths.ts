// Paths of replacements and vars, such as `spec.template.spec.containers.[name=web].image`.
import { isJsonObject, type MutableJson } from '#api/patch/json-values.ts';
import { itemPlace, memberPlace, splitPath, type Place } from './field-walk.ts';
import { KustomizeError } from './kustomize-error.ts';

/** What is put where a path ends in nothing. Undefined: nothing. */
export type Made = 'scalar' | 'map' | 'list' | undefined;

/** Parts in brackets may have dots. */
export function pathParts(path: string): string[] {
  const result: string[] = [];
  const parts = splitPath(path, '.');
  for (let at = 0; at < parts.length; at++) {
    let part = parts[at]!;
    if (part.startsWith('[') && !part.endsWith(']')) {
      while (at < parts.length - 1 && !part.endsWith(']')) part += `.${parts[++at]}`;
      if (!part.includes('=')) part = part.replace(/^\[|\]$/g, '');
    }
    result.push(part);
  }
  return result;
}

const isIndex = (part: string) => /^\+?\d+$/.test(part);
const isMatch = (part: string) => part.startsWith('[') && part.endsWith(']');

function matchOf(part: string): readonly [key: string, value: string] {
  const inner = part.slice(1, -1);
  const equals = inner.indexOf('=');
  if (equals < 0) throw new KustomizeError('list path element must contain fieldName=fieldValue for element to match');
  return [inner.slice(0, equals), inner.slice(equals + 1)];
}

export const scalarText = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value as string);

/** One value; undefined: it is not there. */
export function lookUp(object: unknown, parts: readonly string[]): unknown {
  let value = object;
  for (const given of parts) {
    const part = given.trim();
    if (part === '') continue;
    if (value === null || value === undefined) return undefined;
    if (part === '*') throw new KustomizeError('wildcard is not supported in the path of a source');
    if (isIndex(part) || part === '-') value = asList(value, part).at(part === '-' ? -1 : Number(part));
    else if (isMatch(part)) {
      const [key, wanted] = matchOf(part);
      value = asList(value, part).find((one) =>
        key === ''
          ? scalarText(one) === wanted
          : isJsonObject(one) && Object.hasOwn(one, key) && scalarText(one[key]) === wanted,
      );
    } else value = memberPlace(asMap(value, part), part).value;
  }
  return value;
}

function asList(value: unknown, part: string): unknown[] {
  if (!Array.isArray(value)) throw new KustomizeError(`${part} stands for an item, but there is no list`);
  return value;
}
function asMap(value: unknown, part: string): MutableJson {
  if (!isJsonObject(value)) throw new KustomizeError(`${part} stands for a field, but there is no map`);
  return value;
}

const emptyOf = (next: string | undefined, made: Made): unknown => {
  const made2 = next === undefined ? made : isMatch(next) || isIndex(next) ? 'list' : 'map';
  return made2 === 'list' ? [] : made2 === 'map' ? {} : undefined;
};

/** All places that a path stands for. Items are matched by pattern, as kustomize does. */
export function findPlaces(place: Place, parts: readonly string[], made: Made): Place[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [place];
  const { value } = place;
  if (isIndex(part)) {
    const list = asList(value, part);
    const index = Number(part);
    if (list.length === index && made !== undefined) list.push(emptyOf(rest[0], made));
    if (list.length <= index)
      throw new KustomizeError(`index ${index} specified but only ${list.length} elements found`);
    return findPlaces(itemPlace(list, index), rest, made);
  }
  if (isMatch(part)) {
    const list = asList(value, part);
    const [key, wanted] = matchOf(part);
    const pattern = new RegExp(wanted);
    const find = () =>
      list.flatMap((item, index) => {
        if (key === '') return pattern.test(scalarText(item)) ? [itemPlace(list, index)] : [];
        const isFound = isJsonObject(item) && Object.hasOwn(item, key) && pattern.test(scalarText(item[key]));
        return isFound ? findPlaces(itemPlace(list, index), rest, made) : [];
      });
    const found = find();
    if (found.length > 0 || made === undefined) return found;
    list.push(key === '' ? wanted : { [key]: wanted });
    return find();
  }
  if (part === '*') {
    const list = asList(value, part);
    return list.flatMap((_, index) => findPlaces(itemPlace(list, index), rest, made));
  }
  if (value === null || value === undefined) return [];
  const member = memberPlace(asMap(value, part), part);
  if (member.value === undefined) {
    if (made === undefined) return [];
    member.set(emptyOf(rest[0], made));
  }
  return findPlaces(member, rest, made);
}
