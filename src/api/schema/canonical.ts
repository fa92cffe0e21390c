// The stored form of an object: fields in schema order, zero values that Go's encoder leaves out left out, those that it
// writes written: null for a list that need not be there, and for a time that is not set, where their tags do not leave them out.
import type { FieldType, Scalar, StructType, ValueType } from './type-table.ts';
import { isUnsaid, unsaidList } from './empty-lists.ts';
import { zeroOf } from './value-decoder.ts';

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What Go shows of a value of this type to which nothing was ever written. */
export const nothingOf = (struct: StructType): Node => canonicalize(struct, {}, true);

/** A new object; parts that have no schema are shared with the given one. */
export function canonicalize(struct: StructType, object: Node, isNothing = false): Node {
  const result: Node = {};
  const { fields } = struct;
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const value = object[field.name];
    const kept = value === undefined || value === null ? zeroField(field, isNothing) : canonicalField(field, value);
    if (kept !== undefined) result[field.name] = kept;
  }
  return result;
}

const isTime = ({ scalar }: { readonly scalar: Scalar }): boolean => scalar === 'time' || scalar === 'microTime';

/**
 * A list that somebody gave without elements stays so until it is stored (empty-lists.ts); where one is required, rules find one
 * without elements. What OpenShift defines as `nullable` is kept as it is given there, and given as an empty list.
 */
const noList = ({ rules }: FieldType): unknown =>
  rules.nullable === true ? [] : rules.required === true ? unsaidList() : null;

function zeroField(field: FieldType, isNothing: boolean): unknown {
  if (field.omitzero) return undefined;
  // Of a structure that may be left out, Go writes that it is not there.
  if (field.pointer)
    return field.omitempty || field.rules.required === true || field.type.kind !== 'struct' ? undefined : null;
  const { type } = field;
  switch (type.kind) {
    case 'struct':
      return canonicalize(type, {}, isNothing);
    case 'list':
      if (field.omitempty) return undefined;
      return isNothing ? null : noList(field);
    case 'map':
      if (field.omitempty) return undefined;
      return isNothing ? null : {};
    case 'scalar': {
      // Structs of Go that look like scalars are written even when empty.
      const isStruct =
        type.scalar === 'intOrString' || type.scalar === 'quantity' || type.scalar === 'duration' || isTime(type);
      if (field.omitempty && !isStruct) return undefined;
      // Bytes are a list to Go.
      return isTime(type) || type.scalar === 'bytes' ? null : (zeroOf(type) ?? undefined);
    }
  }
}

function canonicalField(field: FieldType, value: unknown): unknown {
  const { type } = field;
  if (type.kind === 'scalar') {
    if (field.pointer || !field.omitempty || type.scalar === 'intOrString') return value;
    return value === '' || value === 0 || value === false ? undefined : value;
  }
  const result = canonicalValue(type, value);
  if (type.kind === 'struct') return field.omitzero && !field.pointer && isEmptyNode(result) ? undefined : result;
  if (!isEmptyNode(result)) return result;
  if (field.omitempty) return undefined;
  return type.kind === 'list' && isUnsaid(value) ? value : result;
}

function isEmptyNode(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value as object) return false;
  return true;
}

function canonicalValue(type: ValueType, value: unknown): unknown {
  switch (type.kind) {
    case 'scalar':
      return value;
    case 'struct':
      return isNode(value) ? canonicalize(type, value) : value;
    case 'list': {
      const { element } = type;
      return element.kind === 'scalar' || !Array.isArray(value)
        ? value
        : value.map((one) => canonicalValue(element, one));
    }
    case 'map':
      return isNode(value) ? sortedMap(type.value, value) : value;
  }
}

/** Go writes maps sorted by key (bytes of UTF-8). */
function sortedMap(valueType: ValueType, map: Node): Node {
  const keys = Object.keys(map);
  let sorted = true;
  for (let index = 1; index < keys.length; index++) if (keys[index - 1]! > keys[index]!) sorted = false;
  if (sorted && valueType.kind === 'scalar') return map;
  const result: Node = {};
  for (const key of sorted ? keys : keys.toSorted(compareCodePoints)) {
    const value = canonicalValue(valueType, map[key]);
    if (key === '__proto__')
      Object.defineProperty(result, key, { value, enumerable: true, writable: true, configurable: true });
    else result[key] = value;
  }
  return result;
}

/** UTF-16 order differs from byte order only where surrogates are; those compare by code point. */
export function compareCodePoints(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const [a, b] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (a === b) continue;
    const [surrogateA, surrogateB] = [(a & 0xf800) === 0xd800, (b & 0xf800) === 0xd800];
    return surrogateA === surrogateB ? a - b : surrogateA ? 1 : -1;
  }
  return left.length - right.length;
}
