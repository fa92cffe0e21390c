// Values of expressions. Integers are bigint, doubles number, texts string, null null, truth boolean; the rest is here.
// Values are never changed but by the loop that makes them.
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  isSameType,
  listType,
  mapType,
  nullType,
  optionalType,
  stringType,
  timestampType,
  typeType,
  uintType,
  type CelType,
} from '../types.ts';

/** An evaluation failed: the message is upstream's. */
export class CelError extends Error {}
/** It cost more than it may. */
export class CostError extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Timestamp {
  /** Since 1970. */
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
export class Optional {
  static readonly none = new Optional(undefined);
  readonly value: unknown;
  private constructor(value: unknown) {
    this.value = value;
  }
  static of(value: unknown): Optional {
    return new Optional(value);
  }
  get hasValue(): boolean {
    return this.value !== undefined;
  }
}
export class TypeValue {
  readonly type: CelType;
  constructor(type: CelType) {
    this.type = type;
  }
}

export abstract class CelList {
  abstract readonly size: number;
  /** Undefined where there is none. */
  abstract at(index: number): unknown;
  *[Symbol.iterator](): Generator<unknown, void> {
    for (let index = 0; index < this.size; index++) yield this.at(index);
  }
  /** Lists that are sets say here what equality is. */
  equals?(other: CelList): boolean;
  concatenate?(other: CelList): CelList;
}
export class ArrayList extends CelList {
  readonly items: unknown[];
  constructor(items: unknown[]) {
    super();
    this.items = items;
  }
  override get size(): number {
    return this.items.length;
  }
  override at(index: number): unknown {
    return this.items[index];
  }
}

export type MapKey = boolean | bigint | string;
/** Numbers that are equal are one key; undefined for what is none. */
export function mapKeyOf(value: unknown): MapKey | undefined {
  switch (typeof value) {
    case 'boolean':
    case 'bigint':
    case 'string':
      return value;
    case 'number':
      return Number.isInteger(value) ? BigInt(value) : undefined;
    default:
      return value instanceof Uint ? value.value : undefined;
  }
}

export abstract class CelMap {
  abstract readonly size: number;
  /** Undefined where there is none. */
  abstract get(key: unknown): unknown;
  abstract keys(): Iterable<unknown>;
  /** Whether the key is in it: `get` of a map with a default finds something for others, too. */
  contains(key: unknown): boolean {
    return this.get(key) !== undefined;
  }
}
export class EntryMap extends CelMap {
  readonly entries: Map<MapKey, { readonly key: unknown; readonly value: unknown }>;
  constructor(entries: Map<MapKey, { readonly key: unknown; readonly value: unknown }> = new Map()) {
    super();
    this.entries = entries;
  }
  override get size(): number {
    return this.entries.size;
  }
  override get(key: unknown): unknown {
    const normal = mapKeyOf(key);
    return normal === undefined ? undefined : this.entries.get(normal)?.value;
  }
  override *keys(): Generator<unknown, void> {
    for (const { key } of this.entries.values()) yield key;
  }
}

/** A value of a declared object type: of a schema, or of the host (a request, an authorizer). */
export abstract class CelObject {
  abstract readonly celType: CelType;
  abstract readonly size: number;
  /** Undefined where the field is not set. */
  abstract get(field: string): unknown;
  /** Names of the fields that are set. */
  abstract keys(): Iterable<string>;
  equals?(other: unknown): boolean;
}

/** Values of types that only functions look into: quantities, addresses. */
export abstract class Opaque {
  abstract readonly celType: CelType;
  abstract equals(other: unknown): boolean;
  /** What it counts for in costs; undefined for things without a size. */
  get size(): number | undefined {
    return undefined;
  }
}

export function typeOf(value: unknown): CelType {
  switch (typeof value) {
    case 'boolean':
      return boolType;
    case 'bigint':
      return intType;
    case 'number':
      return doubleType;
    case 'string':
      return stringType;
    default:
  }
  if (value === null) return nullType;
  if (value instanceof Uint) return uintType;
  if (value instanceof CelList) return listType(dynType);
  if (value instanceof CelMap) return mapType(dynType, dynType);
  if (value instanceof CelObject || value instanceof Opaque) return value.celType;
  if (value instanceof Duration) return durationType;
  if (value instanceof Timestamp) return timestampType;
  if (value instanceof Optional) return optionalType(dynType);
  if (value instanceof TypeValue) return typeType();
  return value instanceof Uint8Array ? bytesType : dynType;
}

/** Whether a function that declares `type` can take the value. */
export function fits(value: unknown, type: CelType): boolean {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'uint':
      return value instanceof Uint;
    case 'bytes':
      return value instanceof Uint8Array;
    case 'null':
      return value === null;
    case 'list':
      return value instanceof CelList;
    case 'map':
      return value instanceof CelMap || value instanceof CelObject;
    case 'duration':
      return value instanceof Duration;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'type':
      return value instanceof TypeValue;
    case 'object':
    case 'opaque':
      if (type.name === 'optional_type') return value instanceof Optional;
      return (value instanceof Opaque || value instanceof CelObject) && value.celType.name === type.name;
    default:
      return true;
  }
}

/** size() where there is one; undefined for values without. Texts count their code points. */
export function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return textSize(value);
  if (value instanceof CelList || value instanceof CelMap || value instanceof CelObject || value instanceof Opaque)
    return value.size;
  return value instanceof Uint8Array ? value.length : undefined;
}

export function textSize(text: string): number {
  let size = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length) {
      size--;
      at++;
    }
  }
  return size;
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
const plain = (value: unknown): bigint | number => (value instanceof Uint ? value.value : (value as bigint | number));

/** -1, 0, 1; undefined where the two have no order. Numbers of all types have one. */
export function compare(one: unknown, other: unknown): number | undefined {
  if (isNumber(one) && isNumber(other)) {
    const [left, right] = [plain(one), plain(other)];
    if (left !== left || right !== right) return undefined;
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (typeof one === 'string' && typeof other === 'string') return Math.sign(compareText(one, other));
  if (typeof one === 'boolean' && typeof other === 'boolean') return Number(one) - Number(other);
  if (
    (one instanceof Duration && other instanceof Duration) ||
    (one instanceof Timestamp && other instanceof Timestamp)
  )
    return one.nanos < other.nanos ? -1 : one.nanos > other.nanos ? 1 : 0;
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other);
  return undefined;
}

/** By code points, as bytes of UTF-8 would. */
function compareText(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (left === right) continue;
    // Surrogates are beyond every other unit.
    const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
    return rank(left) - rank(right);
  }
  return one.length - other.length;
}

export function equals(one: unknown, other: unknown): boolean {
  if (one === other) return one === one;
  if (isNumber(one)) return compare(one, other) === 0;
  if (one instanceof CelList) return other instanceof CelList && equalLists(one, other);
  if (one instanceof CelObject && one.equals !== undefined) return one.equals(other);
  if (one instanceof CelMap || one instanceof CelObject)
    return (other instanceof CelMap || other instanceof CelObject) && equalMaps(one, other);
  if (one instanceof Opaque) return one.equals(other);
  if (one instanceof Duration || one instanceof Timestamp)
    return one.constructor === other?.constructor && one.nanos === (other as Duration).nanos;
  if (one instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(one, other) === 0;
  if (one instanceof TypeValue) return other instanceof TypeValue && isSameNamedType(one.type, other.type);
  if (one instanceof Optional)
    return (
      other instanceof Optional && one.hasValue === other.hasValue && (!one.hasValue || equals(one.value, other.value))
    );
  return false;
}

/** `type([1])` and `list` are the same type. */
const isSameNamedType = (one: CelType, other: CelType): boolean => isSameType(one, other) || one.name === other.name;

function equalLists(one: CelList, other: CelList): boolean {
  if (one.equals !== undefined) return one.equals(other);
  if (other.equals !== undefined) return other.equals(one);
  if (one.size !== other.size) return false;
  for (let index = 0; index < one.size; index++) if (!equals(one.at(index), other.at(index))) return false;
  return true;
}

function equalMaps(one: CelMap | CelObject, other: CelMap | CelObject): boolean {
  if (one.size !== other.size) return false;
  for (const key of one.keys()) {
    const value = other.get(key as string);
    if (value === undefined || !equals(one.get(key as string), value)) return false;
  }
  return true;
}
