// Strategic merge patch: a merge patch that knows which lists are maps or sets, with the directives $patch,
// $setElementOrder, $deleteFromPrimitiveList and $retainKeys.
import { ApiError, badRequestError } from '../status.ts';
import { typeFacts, type FieldType, type StructType, type ValueType } from '../schema/type-table.ts';
import {
  cloneJson,
  getMember,
  isJsonObject,
  patchRejectedError,
  setMember,
  type JsonObject,
  type MutableJson,
} from './json-values.ts';

const directiveKey = '$patch';
const retainKeysKey = '$retainKeys';
const deleteFromListPrefix = '$deleteFromPrimitiveList';
const elementOrderPrefix = '$setElementOrder';

const badElementOrder = () => badRequestError('invalid patch format of setElementOrder list');
const badPrimitiveList = () => badRequestError('invalid patch format of primitive list');
const badRetainKeys = () => badRequestError('invalid patch format of retainKeys');
/** Upstream has no status for these: they come as 500 without a reason. */
const otherError = (message: string) => new ApiError(500, '', message);

const goType = (value: unknown): string => {
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'boolean':
      return 'bool';
    default:
      return value === null || value === undefined ? '%!s(<nil>)' : 'map[string]interface {}';
  }
};
const badArgument = (expected: string, actual: unknown) =>
  otherError(`expected a ${expected}, but received a ${goType(actual)}`);
const noMergeKey = (item: JsonObject, key: string) =>
  otherError(`map: ${goMap(item)} does not contain declared merge key: ${key}`);

/** As Go's %v prints a map. */
export function goMap(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  if (isJsonObject(value))
    return `map[${Object.keys(value)
      .toSorted()
      .map((key) => `${key}:${goMap(value[key])}`)
      .join(' ')}]`;
  return value === null || value === undefined ? '<nil>' : String(value as string);
}

/** A new document. Throws ApiError as upstream answers; neither argument is changed. */
export function applyStrategicMergePatch(typeName: string, document: unknown, patch: unknown): unknown {
  if (patch === null) return document;
  if (!isJsonObject(patch))
    throw badRequestError(
      `json: cannot unmarshal ${Array.isArray(patch) ? 'array' : typeof patch} into Go value of type map[string]interface {}`,
    );
  return mergeMap(isJsonObject(document) ? document : {}, patch, typeFacts(typeName));
}

interface MemberRules {
  readonly type: ValueType | undefined;
  readonly strategy: string;
  readonly mergeKey: string;
}

const noRules: MemberRules = { type: undefined, strategy: '', mergeKey: '' };

function rulesOf(type: ValueType | undefined, key: string): MemberRules {
  if (type?.kind === 'map') return { type: type.value, strategy: '', mergeKey: '' };
  if (type?.kind !== 'struct') return noRules;
  const field = (type as StructType).byName.get(key);
  return field === undefined ? noRules : fieldRules(field);
}

function fieldRules(field: FieldType): MemberRules {
  const strategies = (field.rules.patchStrategy ?? '').split(',').filter((one) => one !== 'retainKeys' && one !== '');
  if (strategies.length > 1) throw otherError(`unexpected patch strategy: ${field.rules.patchStrategy}`);
  return { type: field.type, strategy: strategies[0] ?? '', mergeKey: field.rules.patchMergeKey ?? '' };
}

const elementType = (type: ValueType | undefined) => (type?.kind === 'list' ? type.element : undefined);

function mergeMap(original: JsonObject, givenPatch: JsonObject, type: ValueType | undefined): JsonObject {
  const patch: MutableJson = { ...givenPatch };
  if (Object.hasOwn(patch, directiveKey)) {
    const directive = patch[directiveKey];
    delete patch[directiveKey];
    if (directive === 'replace') return patch;
    if (directive === 'delete') return {};
    throw otherError(`unknown patch type: ${goMap(directive)} in map: ${goMap(givenPatch)}`);
  }
  const result: MutableJson = {};
  for (const key of Object.keys(original)) setMember(result, key, original[key]);
  retainKeys(result, patch);
  applyElementOrders(result, patch, type);
  for (const patchKey of Object.keys(patch)) {
    const value = patch[patchKey];
    if (value === undefined) continue;
    const isDeletion = patchKey.startsWith(deleteFromListPrefix);
    const key = isDeletion ? directiveTarget(patchKey, deleteFromListPrefix, badPrimitiveList) : patchKey;
    if (value === null) {
      delete result[key];
      continue;
    }
    const current = getMember(result, key);
    if (current === undefined || current === null || !sameShape(current, value)) {
      if (!isDeletion) setOrDrop(result, key, withoutDirectives(withoutNulls(value)));
      continue;
    }
    const rules = rulesOf(type, key);
    if (Array.isArray(value)) {
      const list = current as readonly unknown[];
      const isMerged = rules.strategy === 'merge' || isDeletion;
      setMember(
        result,
        key,
        isMerged ? mergeList(list, value, elementType(rules.type), rules.mergeKey, isDeletion) : value,
      );
    } else if (isJsonObject(value))
      setMember(result, key, rules.strategy === 'replace' ? value : mergeMap(current as JsonObject, value, rules.type));
    else setMember(result, key, value);
  }
  return result;
}

const sameShape = (left: unknown, right: unknown): boolean =>
  Array.isArray(left) ? Array.isArray(right) : isJsonObject(left) ? isJsonObject(right) : typeof left === typeof right;

function setOrDrop(target: MutableJson, key: string, value: unknown): void {
  if (value === undefined) delete target[key];
  else setMember(target, key, value);
}

function directiveTarget(key: string, prefix: string, error: () => ApiError): string {
  const slash = key.indexOf('/');
  if (slash < 0 || key.slice(0, slash) !== prefix) throw error();
  return key.slice(slash + 1);
}

/** Clears what the patch's $retainKeys does not name; everything in the patch must be named. */
function retainKeys(result: MutableJson, patch: MutableJson): void {
  if (!Object.hasOwn(patch, retainKeysKey)) return;
  const list = patch[retainKeysKey];
  delete patch[retainKeysKey];
  if (!Array.isArray(list)) throw badRetainKeys();
  const kept = new Set<unknown>(list);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || key.startsWith(deleteFromListPrefix) || key.startsWith(elementOrderPrefix)) continue;
    if (!kept.has(key)) throw badRetainKeys();
  }
  for (const key of Object.keys(result)) if (!kept.has(key)) delete result[key];
}

function applyElementOrders(result: MutableJson, patch: MutableJson, type: ValueType | undefined): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(elementOrderPrefix)) continue;
    const order = patch[key];
    delete patch[key];
    if (!Array.isArray(order)) throw badArgument('[]interface {}', order);
    const target = directiveTarget(key, elementOrderPrefix, badElementOrder);
    const current = getMember(result, target);
    const change = getMember(patch, target);
    if (current !== undefined && !Array.isArray(current)) throw badArgument('[]interface {}', current);
    if (change !== undefined && !Array.isArray(change)) throw badArgument('[]interface {}', change);
    const rules = rulesOf(type, target);
    checkOrder(change ?? [], order, rules.mergeKey);
    if (current === undefined && change === undefined) continue;
    let merged: readonly unknown[];
    if (change === undefined) merged = current!;
    else if (current === undefined) merged = withoutDirectives(change) as unknown[];
    else
      merged =
        rules.strategy === 'merge'
          ? mergeList(current, change, elementType(rules.type), rules.mergeKey, false)
          : change;
    if ((current ?? []).length === 0 && (change ?? []).length === 0)
      throw otherError('no elements in any of the given slices');
    setMember(result, target, inOrder(merged, order, order, current ?? [], rules.mergeKey));
    delete patch[target];
  }
}

const isDirective = (item: unknown) => isJsonObject(item) && Object.hasOwn(item, directiveKey);

/** The patch's items must be a subsequence of the order. */
function checkOrder(patch: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (patch.length === 0 || order.length === 0) return;
  const items = patch.filter((item) => {
    if (mergeKey !== '' && !isJsonObject(item)) throw badArgument('map[string]interface {}', item);
    return !isDirective(item);
  });
  let at = 0;
  for (const expected of order) {
    if (at >= items.length) return;
    if (keyOf(items[at], mergeKey) === keyOf(expected, mergeKey)) at++;
  }
  if (at < items.length)
    throw otherError(
      `The order in patch list:\n${goMap(patch)}\n doesn't match ${elementOrderPrefix} list:\n${goMap(order)}\n`,
    );
}

/** The merge key's value, or the item itself in a list of scalars. */
function keyOf(item: unknown, mergeKey: string): unknown {
  if (mergeKey === '') return item;
  if (!isJsonObject(item)) throw badArgument('map[string]interface {}', item);
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
  return item[mergeKey];
}

const looseKeyOf = (item: unknown, mergeKey: string): unknown =>
  mergeKey === '' ? item : isJsonObject(item) ? getMember(item, mergeKey) : undefined;

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  element: ValueType | undefined,
  mergeKey: string,
  isDeletion: boolean,
): unknown[] {
  if (original.length === 0 && patch.length === 0) return [];
  if (isScalarList(original, patch)) {
    if (isDeletion) {
      const deleted = new Set(patch);
      return original.filter((item) => !deleted.has(item));
    }
    return inOrder([...new Set([...original, ...patch])], patch, patch, original, '');
  }
  if (mergeKey === '')
    throw otherError(
      `cannot merge lists without merge key for ${element?.kind === 'struct' ? element.shortName : 'interface {}'}`,
    );
  const { kept, changes } = applyListDirectives(original, patch, mergeKey);
  const merged = [...kept];
  const positions = new Map<unknown, number>();
  for (const [at, item] of merged.entries()) {
    const key = looseKeyOf(item, mergeKey);
    if (!positions.has(key)) positions.set(key, at);
  }
  for (const change of changes) {
    const key = keyOf(change, mergeKey);
    const at = positions.get(key);
    if (at === undefined) positions.set(key, merged.push(change) - 1);
    else merged[at] = mergeMap(merged[at] as JsonObject, change, element);
  }
  return inOrder(merged, changes, changes, kept, mergeKey);
}

function isScalarList(original: readonly unknown[], patch: readonly unknown[]): boolean {
  const [first] = [...original, ...patch];
  const isMap = isJsonObject(first);
  for (const item of [...original, ...patch]) {
    if (Array.isArray(item)) throw patchRejectedError();
    if (isJsonObject(item) !== isMap) throw otherError('list element types are not identical');
  }
  return !isMap;
}

/** $patch: delete removes matching items, $patch: replace anywhere in the list makes the patch the whole list. */
function applyListDirectives(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
): { kept: readonly unknown[]; changes: readonly JsonObject[] } {
  const deleted = new Set<unknown>();
  let isReplaced = false;
  const changes: JsonObject[] = [];
  for (const item of patch as readonly JsonObject[]) {
    const directive = item[directiveKey];
    if (!Object.hasOwn(item, directiveKey)) changes.push(item);
    else if (directive === 'delete') deleted.add(keyOf(item, mergeKey));
    else if (directive === 'replace') isReplaced = true;
    else if (directive === 'merge') throw otherError('merging lists cannot yet be specified in the patch');
    else throw otherError(`unknown patch type: ${goMap(directive)} in map: ${goMap(item)}`);
  }
  const kept = deleted.size === 0 ? original : original.filter((one) => !deleted.has(looseKeyOf(one, mergeKey)));
  return isReplaced ? { kept: changes, changes: [] } : { kept, changes };
}

/**
 * Items that `patched` names come in the order of `patchOrder`, the others in the order of `serverOrder`; the two rows
 * are interleaved by the positions that items had on the server.
 */
function inOrder(
  items: readonly unknown[],
  patched: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const patchKeys = new Set(patched.map((item) => looseKeyOf(item, mergeKey)));
  const patchRank = ranks(patchOrder, mergeKey);
  const serverRank = ranks(serverOrder, mergeKey);
  const rankIn = (rank: ReadonlyMap<unknown, number>, item: unknown) =>
    rank.get(looseKeyOf(item, mergeKey)) ?? Number.MAX_SAFE_INTEGER;
  const sorted = (wanted: boolean, rank: ReadonlyMap<unknown, number>) =>
    items
      .filter((item) => patchKeys.has(keyOf(item, mergeKey)) === wanted)
      .toSorted((a, b) => rankIn(rank, a) - rankIn(rank, b));
  const fromPatch = sorted(true, patchRank);
  const fromServer = sorted(false, serverRank);
  const result: unknown[] = [];
  let [left, right] = [0, 0];
  while (left < fromServer.length || right < fromPatch.length) {
    if (left >= fromServer.length) result.push(fromPatch[right++]);
    else if (right >= fromPatch.length) result.push(fromServer[left++]);
    else {
      const a = serverRank.get(looseKeyOf(fromServer[left], mergeKey));
      const b = serverRank.get(looseKeyOf(fromPatch[right], mergeKey));
      result.push(a !== undefined && b !== undefined && a < b ? fromServer[left++] : fromPatch[right++]);
    }
  }
  return result;
}

function ranks(items: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const result = new Map<unknown, number>();
  items.forEach((item, index) => {
    const key = looseKeyOf(item, mergeKey);
    if (!result.has(key)) result.set(key, index);
  });
  return result;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const result: MutableJson = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setMember(result, key, withoutNulls(value[key]));
  return result;
}

/** Undefined: the value is itself a directive and is not kept. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => {
      const kept = withoutDirectives(item);
      return kept === undefined ? [] : [kept];
    });
  if (!isJsonObject(value)) return cloneJson(value);
  if (Object.hasOwn(value, directiveKey)) return undefined;
  const result: MutableJson = {};
  for (const key of Object.keys(value)) {
    const kept = withoutDirectives(value[key]);
    if (kept !== undefined) setMember(result, key, kept);
  }
  return result;
}
