// What a call costs when it runs, by the sizes of its arguments: upstream's tables, because rules that run out of budget there
// do so here.
import {
  CelList,
  CelMap,
  CelObject,
  Opaque,
  Optional,
  sizeOf,
  Uint,
  Duration,
  Timestamp,
  TypeValue,
} from '../run/values.ts';
import { NamedFormat } from '../functions/format-value.ts';

export const textFactor = 0.1;
export const patternFactor = 0.25;
export const listCost = 10;
export const mapCost = 30;
export const structCost = 40;
export const checkCost = 350_000;

/** The values of a call, target first, and its result. */
export type CallCost = (args: readonly unknown[], result: unknown) => number;

export function sizeForCost(value: unknown): number {
  const size = sizeOf(value);
  if (size !== undefined) return size;
  return value instanceof Optional && value.hasValue ? sizeForCost(value.value) : 1;
}

const traversal: CallCost = ([text]) => Math.ceil(sizeForCost(text) * textFactor);
const twice: CallCost = ([text]) => Math.ceil(sizeForCost(text) * 2 * textFactor);
const pattern: CallCost = ([text, expression]) =>
  Math.ceil((1 + sizeForCost(text)) * textFactor) * Math.ceil(sizeForCost(expression) * patternFactor);
const smaller: CallCost = ([one, other]) =>
  one instanceof Opaque ? 1 : Math.ceil(Math.min(sizeForCost(one), sizeForCost(other)) * textFactor);
const selector: CallCost = ([, text]) => {
  const size = sizeForCost(text);
  return listCost + Math.ceil(size * textFactor) + Math.ceil(Math.ceil(size * 0.5) * (listCost + structCost));
};
const isScalar = (value: unknown): boolean =>
  value === null ||
  typeof value !== 'object' ||
  [Uint, Duration, Timestamp, TypeValue].some((one) => value instanceof one);

/** Of everything in the value. */
function wholeCost(value: unknown): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * textFactor);
  if (value instanceof Uint8Array) return Math.floor(value.length * textFactor);
  if (isScalar(value)) return 1;
  let cost = 0;
  if (value instanceof CelList) for (const one of value) cost += wholeCost(one);
  else if (value instanceof CelMap || value instanceof CelObject)
    for (const key of value.keys() as Iterable<string>) cost += wholeCost(key) + wholeCost(value.get(key));
  else return 1;
  return cost;
}
const whole: CallCost = ([value]) => wholeCost(value);

const allocating = (factor: number, size: number): number => Math.floor(size * factor) + 1 + listCost;
const ofResult: CallCost = (_, result) => allocating(1, sizeForCost(result));
const compared =
  (index: number): CallCost =>
  (args) => {
    const list = args[index];
    const size = sizeForCost(list);
    const first = list instanceof CelList ? list.at(0) : undefined;
    return allocating(typeof first === 'string' || first instanceof Uint8Array ? 2 + textFactor : 2, size * size);
  };
const sets =
  (factor: number): CallCost =>
  ([one, other]) =>
    1 + Math.floor(sizeForCost(one) * sizeForCost(other) * factor);
const contains =
  (steps: number, more: number, parsed: boolean): CallCost =>
  ([range, other]) => {
    const size = sizeForCost(range);
    let cost = Math.ceil(2 * size * textFactor);
    if (steps > 2) cost += Math.ceil(size * textFactor) + more;
    return cost + (parsed ? Math.ceil(sizeForCost(other) * textFactor) : 0);
  };

const byOverload: Readonly<Record<string, CallCost>> = {
  list_slice: ofResult,
  lists_range: ofResult,
  list_reverse: ofResult,
  list_flatten: ([list]) => allocating(1, sizeForCost(list)),
  list_flatten_int: ([list, depth]) => allocating(Number(depth), sizeForCost(list)),
  list_distinct: compared(0),
  list_sets_contains_list: sets(1),
  list_sets_intersects_list: sets(1),
  list_sets_equivalent_list: sets(2),
};
const byFunction: Readonly<Record<string, CallCost>> = {
  check: () => checkCost,
  fieldSelector: selector,
  labelSelector: selector,
  isSorted: whole,
  sum: whole,
  max: whole,
  min: whole,
  indexOf: whole,
  lastIndexOf: whole,
  url: traversal,
  lowerAscii: traversal,
  upperAscii: traversal,
  substring: traversal,
  trim: traversal,
  'jsonpatch.escapeKey': traversal,
  replace: twice,
  split: twice,
  join: (_, result) => Math.ceil(sizeForCost(result) * 2 * textFactor),
  find: pattern,
  findAll: pattern,
  cidr: traversal,
  isIP: traversal,
  isCIDR: traversal,
  'ip.isCanonical': twice,
  quantity: traversal,
  isQuantity: traversal,
  semver: traversal,
  isSemver: traversal,
  validate: ([format, text]) =>
    format instanceof NamedFormat
      ? Math.ceil((1 + sizeForCost(text)) * textFactor) * Math.ceil(format.patternSize * patternFactor)
      : 1,
  '_==_': smaller,
  '_!=_': ([one, other]) => Math.ceil(Math.min(sizeForCost(one), sizeForCost(other)) * textFactor),
};
const byLanguageOverload: Readonly<Record<string, CallCost>> = {
  starts_with_string: traversal,
  ends_with_string: traversal,
  string_to_bytes: traversal,
  bytes_to_string: traversal,
  strings_quote: traversal,
  string_format: traversal,
  in_list: ([, list]) => sizeForCost(list),
  add_string: ([one, other]) => Math.ceil((sizeForCost(one) + sizeForCost(other)) * textFactor),
  add_bytes: ([one, other]) => Math.ceil((sizeForCost(one) + sizeForCost(other)) * textFactor),
  matches_string: pattern,
  contains_string: ([text, part]) =>
    Math.ceil(sizeForCost(text) * textFactor) * Math.ceil(sizeForCost(part) * textFactor),
};

/** `overload` is '' where types leave it open. Undefined: it costs one. */
export function callCost(name: string, overload: string): CallCost | undefined {
  if (/^list_\w+_sort$/.test(overload)) return compared(0);
  if (/^list_\w+_sortByAssociatedKeys$/.test(overload)) return compared(1);
  if (Object.hasOwn(byOverload, overload)) return byOverload[overload];
  if (name === 'ip') return overload === 'cidr_ip' ? undefined : traversal;
  if (name === 'containsIP') return contains(2, 0, overload === 'cidr_contains_ip_string');
  if (name === 'containsCIDR') return contains(3, 1, overload === 'cidr_contains_cidr_string');
  if (Object.hasOwn(byFunction, name)) return byFunction[name];
  if (Object.hasOwn(byLanguageOverload, overload)) return byLanguageOverload[overload];
  return /^(less|greater)(_equals)?_(string|bytes)$/.test(overload) ? smaller : undefined;
}
