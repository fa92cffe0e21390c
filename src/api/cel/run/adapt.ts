// JSON as values of expressions, by declared type and without copying: parts are looked at when an expression asks for them.
import { isJsonObject } from '../../patch/json-values.ts';
import type { CelType } from '../types.ts';
import { dynType } from '../types.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import {
  ArrayList,
  CelError,
  CelList,
  CelMap,
  CelObject,
  Duration,
  EntryMap,
  Opaque,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
} from './values.ts';

export function adapt(json: unknown, type: CelType = dynType): unknown {
  if (json === null || json === undefined) return null;
  if (type.adapt !== undefined) return type.adapt(json);
  switch (type.kind) {
    case 'int':
      if (typeof json === 'number' && Number.isInteger(json)) return BigInt(json);
      break;
    case 'uint':
      if (typeof json === 'number' && Number.isInteger(json) && json >= 0) return new Uint(BigInt(json));
      break;
    case 'double':
      if (typeof json === 'number') return json;
      break;
    case 'duration':
      if (typeof json === 'string') return parseDuration(json);
      break;
    case 'timestamp':
      if (typeof json === 'string') return parseTimestamp(json);
      break;
    case 'bytes':
      if (typeof json === 'string') return new Uint8Array(Buffer.from(json, 'base64'));
      break;
    case 'list':
      if (Array.isArray(json)) return new JsonList(json, type.parameters[0]!);
      break;
    case 'map':
      if (isJsonObject(json)) return new JsonMap(json, type.parameters[1]!);
      break;
    case 'object':
      if (isJsonObject(json)) return new JsonObject(json, type);
      break;
    default:
  }
  return adaptAny(json);
}

function adaptAny(json: unknown): unknown {
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json;
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return new JsonList(json, dynType);
  return isJsonObject(json) && isPlain(json) ? new JsonMap(json, dynType) : json;
}
const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

export class JsonList extends CelList {
  readonly json: readonly unknown[];
  readonly #element: CelType;
  #values: unknown[] | undefined;
  constructor(json: readonly unknown[], element: CelType) {
    super();
    this.json = json;
    this.#element = element;
  }
  override get size(): number {
    return this.json.length;
  }
  override at(index: number): unknown {
    if (index < 0 || index >= this.json.length) return undefined;
    this.#values ??= [];
    return (this.#values[index] ??= adapt(this.json[index], this.#element));
  }
}

export class JsonMap extends CelMap {
  readonly json: Readonly<Record<string, unknown>>;
  readonly #value: CelType;
  #keys: string[] | undefined;
  constructor(json: Readonly<Record<string, unknown>>, value: CelType) {
    super();
    this.json = json;
    this.#value = value;
  }
  override get size(): number {
    return (this.#keys ??= Object.keys(this.json)).length;
  }
  override get(key: unknown): unknown {
    return typeof key === 'string' && Object.hasOwn(this.json, key) ? adapt(this.json[key], this.#value) : undefined;
  }
  override keys(): Iterable<string> {
    return (this.#keys ??= Object.keys(this.json));
  }
}

/** With fields of declared types; the names are those of the JSON. Schemas with escaped names have their own (`adapt`). */
export class JsonObject extends CelObject {
  readonly json: Readonly<Record<string, unknown>>;
  override readonly celType: CelType;
  #keys: string[] | undefined;
  constructor(json: Readonly<Record<string, unknown>>, type: CelType) {
    super();
    this.json = json;
    this.celType = type;
  }
  override get size(): number {
    return (this.#keys ??= Object.keys(this.json)).length;
  }
  override get(field: string): unknown {
    if (!Object.hasOwn(this.json, field)) return undefined;
    const value = this.json[field];
    return value === undefined ? undefined : adapt(value, this.celType.field?.(field) ?? dynType);
  }
  override keys(): Iterable<string> {
    return (this.#keys ??= Object.keys(this.json).filter((key) => this.json[key] !== undefined));
  }
}

const isValue = (value: unknown): boolean =>
  value instanceof CelList ||
  value instanceof CelMap ||
  value instanceof CelObject ||
  value instanceof Opaque ||
  value instanceof Uint ||
  value instanceof Duration ||
  value instanceof Timestamp ||
  value instanceof Optional ||
  value instanceof TypeValue ||
  value instanceof Uint8Array;

/** What a host binds to a variable: values of expressions as they are, everything else as JSON of the variable's type. */
export const adaptBinding = (value: unknown, type: CelType): unknown =>
  typeof value === 'bigint' || isValue(value) ? value : adapt(value, type);

/** Values back to JSON. Integers beyond what JSON's numbers hold exactly are rounded. Throws CelError for what has no JSON. */
export function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof JsonList || value instanceof JsonMap || value instanceof JsonObject) return value.json;
  if (value instanceof ArrayList || value instanceof CelList) return Array.from(value, toJson);
  if (value instanceof EntryMap || value instanceof CelMap || value instanceof CelObject)
    return Object.fromEntries(
      Array.from(value.keys() as Iterable<string>, (key) => [String(key), toJson(value.get(key))]),
    );
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Optional) return value.hasValue ? toJson(value.value) : null;
  throw new CelError('no JSON value');
}
