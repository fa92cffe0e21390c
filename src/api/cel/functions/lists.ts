// Functions of lists: Kubernetes' (isSorted, sum, min, max, indexOf), the list and set extensions, and what macros with two
// variables collect maps with. Sizes that a text can ask for are limited.
import type { FunctionTable, Run } from '../check/functions.ts';
import {
  ArrayList,
  CelError,
  compare,
  CostError,
  Duration,
  EntryMap,
  equals,
  mapKeyOf,
  typeOf,
  Uint,
  CelList,
  type CelMap,
} from '../run/values.ts';
import { intMax, intMin, uintMax } from '../syntax/numbers.ts';

const sizeMax = 1_000_000;

const isSorted = (list: CelList): boolean => {
  for (let index = 1; index < list.size; index++)
    if ((compare(list.at(index - 1), list.at(index)) ?? 0) > 0) return false;
  return true;
};
const extreme =
  (sign: number): Run =>
  (list: CelList) => {
    if (list.size === 0) throw new CelError(`${sign < 0 ? 'min' : 'max'} called on empty list`);
    let best = list.at(0);
    for (const one of list) {
      const order = compare(one, best);
      if (order === undefined) throw new CelError('no such overload');
      if (order * sign > 0) best = one;
    }
    return best;
  };
const sumInt: Run = (list: CelList) => {
  let total = 0n;
  for (const one of list) {
    total += one as bigint;
    if (total > intMax || total < intMin) throw new CelError('integer overflow');
  }
  return total;
};
const sumUint: Run = (list: CelList) => {
  let total = 0n;
  for (const one of list) total += (one as Uint).value;
  if (total > uintMax) throw new CelError('unsigned integer overflow');
  return new Uint(total);
};
const sumDouble: Run = (list: CelList) => {
  let total = 0;
  for (const one of list) total += one as number;
  return total;
};
const sumDuration: Run = (list: CelList) => {
  let total = 0n;
  for (const one of list) total += (one as Duration).nanos;
  if (total > intMax || total < intMin) throw new CelError('duration overflow');
  return new Duration(total);
};

const indexOf = (list: CelList, value: unknown): bigint => {
  for (let index = 0; index < list.size; index++) if (equals(list.at(index), value)) return BigInt(index);
  return -1n;
};
const lastIndexOf = (list: CelList, value: unknown): bigint => {
  for (let index = list.size - 1; index >= 0; index--) if (equals(list.at(index), value)) return BigInt(index);
  return -1n;
};

/** Costs as much as it does, and more than anybody may spend: it is not begun. */
const comparisonsMax = 10_000_000;
const comparing = (one: CelList, other: CelList): void => {
  if (one.size * other.size > comparisonsMax) throw new CostError();
};

const contains = (list: CelList, value: unknown): boolean => indexOf(list, value) >= 0n;
const containsAll = (list: CelList, wanted: CelList): boolean => {
  comparing(list, wanted);
  return [...wanted].every((one) => contains(list, one));
};

function slice(list: CelList, start: bigint, end: bigint): ArrayList {
  const call = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) throw new CelError(`${call}, negative indexes not supported`);
  if (start > end) throw new CelError(`${call}, start index must be less than or equal to end index`);
  if (BigInt(list.size) < end) throw new CelError(`${call}, list is length ${list.size}`);
  return new ArrayList([...list].slice(Number(start), Number(end)));
}

function flatten(list: CelList, depth: number, into: unknown[] = []): unknown[] {
  for (const one of list)
    if (one instanceof CelList && depth > 0) flatten(one, depth - 1, into);
    else into.push(one);
  return into;
}

function sortBy(list: CelList, keys: CelList): CelList {
  if (list.size !== keys.size)
    throw new CelError(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`,
    );
  if (list.size === 0) return list;
  const all = [...keys];
  const kind = typeOf(all[0]).text;
  if (compare(all[0], all[0]) === undefined) throw new CelError('list elements must be comparable');
  if (all.some((one) => typeOf(one).text !== kind)) throw new CelError('list elements must have the same type');
  const order = all.map((_, index) => index).toSorted((a, b) => compare(all[a], all[b]) ?? 0);
  return new ArrayList(order.map((index) => list.at(index)));
}

function distinct(list: CelList): ArrayList {
  comparing(list, list);
  const seen: unknown[] = [];
  const known = new Set<unknown>();
  for (const one of list) {
    const key = mapKeyOf(one);
    if (key !== undefined ? known.has(key) : seen.some((other) => equals(one, other))) continue;
    if (key !== undefined) known.add(key);
    seen.push(one);
  }
  return new ArrayList(seen);
}

function range(count: bigint): ArrayList {
  if (count > BigInt(sizeMax)) throw new CostError();
  return new ArrayList(Array.from({ length: Math.max(0, Number(count)) }, (_, index) => BigInt(index)));
}

/** Into the map that a loop makes: nothing else sees it before the end. */
function insert(map: CelMap, key: unknown, value: unknown): CelMap {
  const normal = mapKeyOf(key);
  if (normal === undefined) throw new CelError('unsupported key type');
  if (map.get(key) !== undefined) throw new CelError(`insert failed: key ${String(key)} already exists`);
  if (!(map instanceof EntryMap)) throw new CelError('no such overload');
  map.entries.set(normal, { key, value });
  return map;
}
const insertAll = (map: CelMap, more: CelMap): CelMap => {
  let result = map;
  for (const key of more.keys()) result = insert(result, key, more.get(key));
  return result;
};

const summable: readonly (readonly [string, Run])[] = [
  ['int', sumInt],
  ['uint', sumUint],
  ['double', sumDouble],
  ['duration', sumDuration],
];
const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

export function declareLists(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  for (const type of comparable) {
    add(`list_${type}_is_sorted_bool: list(${type}).isSorted(): bool`, isSorted);
    add(`list_${type}_max_${type}: list(${type}).max(): ${type}`, extreme(1));
    add(`list_${type}_min_${type}: list(${type}).min(): ${type}`, extreme(-1));
    add(`list_${type}_sort: list(${type}).sort(): list(${type})`, (list: CelList) => sortBy(list, list));
    add(`list_${type}_sortByAssociatedKeys: list(T).@sortByAssociatedKeys(list(${type})): list(T)`, sortBy);
  }
  for (const [type, run] of summable) add(`list_${type}_sum_${type}: list(${type}).sum(): ${type}`, run);
  add('list_a_index_of_int: list(A).indexOf(A): int', indexOf);
  add('list_a_last_index_of_int: list(A).lastIndexOf(A): int', lastIndexOf);

  add('list_slice: list(T).slice(int, int): list(T)', slice);
  add('list_flatten: list(list(T)).flatten(): list(T)', (list: CelList) => new ArrayList(flatten(list, 1)));
  add('list_flatten_int: list(dyn).flatten(int): list(dyn)', (list: CelList, depth: bigint) => {
    if (depth < 0n) throw new CelError('level must be non-negative');
    return new ArrayList(flatten(list, Number(depth)));
  });
  add('list_reverse: list(T).reverse(): list(T)', (list: CelList) => new ArrayList([...list].toReversed()));
  add('list_distinct: list(T).distinct(): list(T)', distinct);
  add('lists_range: lists.range(int): list(int)', range);

  add('list_sets_contains_list: sets.contains(list(T), list(T)): bool', containsAll);
  add(
    'list_sets_equivalent_list: sets.equivalent(list(T), list(T)): bool',
    (one: CelList, other: CelList) => containsAll(one, other) && containsAll(other, one),
  );
  add('list_sets_intersects_list: sets.intersects(list(T), list(T)): bool', (one: CelList, other: CelList) => {
    comparing(one, other);
    return [...other].some((value) => contains(one, value));
  });

  add('@mapInsert_map_key_value: cel.@mapInsert(map(K, V), K, V): map(K, V)', insert);
  add('@mapInsert_map_map: cel.@mapInsert(map(K, V), map(K, V)): map(K, V)', insertAll);
}
