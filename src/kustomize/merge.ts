// Strategic merge as kustomize does it: merged lists begin with the patch's items, and lists are matched by all their map
// keys. What the API server does with such a patch (api/patch/strategic-merge.ts) differs in both.
import { isJsonObject, setMember, type JsonObject, type MutableJson } from '#api/patch/json-values.ts';
import { typeFacts, type StructType, type ValueType } from '#api/schema/type-table.ts';
import { kindTable } from '#api/kinds.ts';
import { KustomizeError } from './kustomize-error.ts';
import { splitApiVersion } from './resource.ts';

const directiveKey = '$patch';
type Directive = 'merge' | 'replace' | 'delete';

/** What to do with lists in this place. */
interface Rules {
  readonly type: ValueType | undefined;
  /** Undefined: the patch's list takes the place of the old one. Empty: a set of scalars. */
  readonly keys: readonly string[] | undefined;
}
const noRules: Rules = { type: undefined, keys: undefined };

/** A new object; undefined: the patch deletes it. Lists of unknown kinds are replaced. */
export function strategicMerge(object: JsonObject, patch: JsonObject): MutableJson | undefined {
  const { apiVersion, kind } = object;
  const { group, version } = splitApiVersion(typeof apiVersion === 'string' ? apiVersion : '');
  const row = kindTable.findKind(group, version, typeof kind === 'string' ? kind : '');
  const type = row === undefined ? undefined : typeFacts(row.typeName);
  const merged = mergeValue(structuredClone(object), structuredClone(patch), { type, keys: undefined }, []);
  return merged as MutableJson | undefined;
}

function rulesOf(type: ValueType | undefined, key: string): Rules {
  if (type?.kind === 'map') return { type: type.value, keys: undefined };
  const field = type?.kind === 'struct' ? (type as StructType).byName.get(key) : undefined;
  if (field === undefined) return noRules;
  const { patchStrategy = '', patchMergeKey, listMapKeys } = field.rules;
  const isMerged = patchStrategy.split(',').includes('merge');
  const keys = listMapKeys ?? (patchMergeKey === undefined ? [] : [patchMergeKey]);
  return { type: field.type, keys: isMerged ? keys : undefined };
}

const kindOf = (value: unknown): 'map' | 'list' | 'scalar' =>
  Array.isArray(value) ? 'list' : isJsonObject(value) ? 'map' : 'scalar';
const isAbsent = (value: unknown): boolean => value === undefined || value === null;

/** `patch` undefined: nothing is said about this place. Result undefined: the place is cleared. */
function mergeValue(target: unknown, patch: unknown, rules: Rules, path: readonly string[]): unknown {
  if (patch === undefined) return target;
  if (isAbsent(target) && patch === null) return undefined;
  const kind = kindOf(isAbsent(target) ? patch : target);
  if (patch !== null && kindOf(patch) !== kind)
    throw new KustomizeError(`wrong Node Kind for ${path.join('.')} expected: ${kind} but was ${kindOf(patch)}`);
  if (kind === 'scalar') return patch ?? undefined;
  if (patch === null) return undefined;
  return kind === 'map'
    ? mergeMap(target as MutableJson | null | undefined, patch as MutableJson, rules, path)
    : mergeList(target as unknown[] | null | undefined, patch as unknown[], rules, path);
}

function mergeMap(
  target: MutableJson | null | undefined,
  patch: MutableJson,
  rules: Rules,
  path: readonly string[],
): MutableJson | undefined {
  const directive = directiveOf(patch);
  if (directive === 'delete') return undefined;
  // What is new is merged with itself: that takes nulls and directives out.
  const result = isAbsent(target) || directive === 'replace' ? patch : target!;
  for (const key of new Set([...Object.keys(result), ...Object.keys(patch)])) {
    const change = Object.hasOwn(patch, key) ? patch[key] : undefined;
    const current = Object.hasOwn(result, key) ? result[key] : undefined;
    const merged = mergeValue(current, change, rulesOf(rules.type, key), [...path, key]);
    if (merged === undefined) delete result[key];
    else setMember(result, key, merged);
  }
  return result;
}

/** Takes the directive out of the patch. */
function directiveOf(patch: MutableJson): Directive {
  if (!Object.hasOwn(patch, directiveKey)) return 'merge';
  const directive = patch[directiveKey];
  if (directive === 'delete' || directive === 'replace' || directive === 'merge') {
    delete patch[directiveKey];
    return directive;
  }
  throw new KustomizeError(`unknown patch strategy '${JSON.stringify(directive)}'`);
}

/** Of a whole list: an item that holds nothing but the directive. */
function listDirectiveOf(patch: unknown[]): Directive {
  const at = patch.findIndex((item) => isJsonObject(item) && Object.keys(item).join() === directiveKey);
  if (at < 0) return 'merge';
  const directive = directiveOf({ ...(patch[at] as JsonObject) });
  patch.splice(at, 1);
  return directive;
}

function mergeList(
  target: unknown[] | null | undefined,
  patch: unknown[],
  { type, keys }: Rules,
  path: readonly string[],
): unknown[] | undefined {
  if (keys === undefined) return patch;
  const directive = isAbsent(target) ? 'merge' : listDirectiveOf(patch);
  if (directive === 'delete') return undefined;
  const current = isAbsent(target) || directive === 'replace' ? patch : target!;
  const element = type?.kind === 'list' ? type.element : undefined;
  return keys.length === 0 ? mergeSet(current, patch) : mergeByKeys(current, patch, element, keys, path);
}

const mergeSet = (target: readonly unknown[], patch: readonly unknown[]): unknown[] => [
  ...new Set([...patch, ...target]),
];

const keyText = (item: unknown, key: string): string => {
  const value = isJsonObject(item) && Object.hasOwn(item, key) ? item[key] : undefined;
  return isAbsent(value) || typeof value === 'object' ? '' : String(value as string | number | boolean);
};
const hasKeys = (item: unknown, keys: readonly string[], values: readonly string[]): boolean =>
  isJsonObject(item) &&
  keys.every((key, at) => Object.hasOwn(item, key) && (values[at] === '' || keyText(item, key) === values[at]));

/** Two items that agree in one key, and of which one says nothing of another, are taken for one. */
function unified(all: string[][]): string[][] {
  for (let i = 0; i < all.length; i++)
    for (let j = 0; j < all.length; j++) {
      const [a, b] = [all[i]!, all[j]!];
      const isCommon = a.some((value, at) => value === b[at]);
      const isOpposed = a.some((value, at) => value !== b[at] && value !== '' && b[at] !== '');
      if (isCommon && !isOpposed) all[i] = all[j] = a.map((value, at) => (value !== '' ? value : b[at]!));
    }
  return all;
}

function mergeByKeys(
  target: unknown[],
  patch: unknown[],
  element: ValueType | undefined,
  allKeys: readonly string[],
  path: readonly string[],
): unknown[] | undefined {
  const found = new Map<string, string[]>();
  for (const item of [...patch, ...target]) {
    const values = allKeys.map((key) => keyText(item, key));
    found.set(JSON.stringify(values), values);
  }
  const all = allKeys.length > 1 ? unified([...found.values()]) : [...found.values()];
  const used = allKeys.filter((_, at) => all.some((values) => values[at] !== ''));
  const keys = used.length === 0 ? allKeys : used;
  const rules: Rules = { type: element, keys: undefined };
  const isSelf = target === patch;
  let rest = target;
  let first: unknown[] = [];
  for (const given of all) {
    const values = given.filter((_, at) => keys.includes(allKeys[at]!));
    const present = keys.filter((_, at) => values[at] !== '');
    const [lookKeys, lookValues] =
      present.length === 0 ? [keys, values] : [present, values.filter((value) => value !== '')];
    const find = (list: readonly unknown[]) => list.find((item) => hasKeys(item, lookKeys, lookValues));
    const change = find(patch);
    const current = isSelf ? change : find(rest);
    const merged = mergeValue(current, change, rules, [...path, values.join(',')]);
    if (isAbsent(merged) || (isJsonObject(merged) && Object.keys(merged).length === 0)) {
      rest = rest.filter((item) => !hasKeys(item, keys, values));
      continue;
    }
    keys.forEach((key, at) => {
      if (!Object.hasOwn(merged as object, key) && values[at] !== '') (merged as MutableJson)[key] = values[at];
    });
    first = put(first, merged, keys, values);
  }
  if (all.length === 0) return target;
  for (const item of rest) first = append(first, item, keys);
  return first;
}

/**
 * Where lists have one key, an item of the old list stands where the patch's item of that key stands; where they have
 * several, it goes behind all, and takes the place of those that agree in the keys that it has.
 */
function append(list: readonly unknown[], item: unknown, keys: readonly string[]): unknown[] {
  const present = keys.filter((key) => isJsonObject(item) && !isAbsent(item[key]));
  if (present.length === 0) return list.includes(item) ? [...list] : [...list, item];
  const values = present.map((key) => keyText(item, key));
  if (keys.length === 1) return put(list, item, keys, values);
  return [...list.filter((one) => one !== item && !hasKeys(one, present, values)), item];
}

/** In the place of the item with these keys, else behind all. */
function put(list: readonly unknown[], item: unknown, keys: readonly string[], values: readonly string[]): unknown[] {
  const at = list.findIndex((one) => hasKeys(one, keys, values));
  return at < 0 ? [...list, item] : list.map((one, index) => (index === at ? item : one));
}
