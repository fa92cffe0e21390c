// One value of a type from raw JSON: what decode.ts does for whole objects. Wrong types are told in the words of Go's
// decoder, which clients show.
import { canonicalQuantity, QuantityError } from '../quantity.ts';
import { WrittenNumber } from '#wire/json.ts';
import { parseDuration } from './duration.ts';
import { normalizeMicroTime, normalizeTime } from './time.ts';
import { jsonSchemaPropsName, typeFacts, type ScalarType, type StructType, type ValueType } from './type-table.ts';

export type RawObject = Readonly<Record<string, unknown>>;
export type Output = Record<string, unknown>;

/** The text of the first thing that does not fit, as upstream words it. */
export class DecodeError extends Error {
  /** As upstream words it where the value does not come from a text: in a strategic merge patch. */
  readonly unstructuredText: string;

  constructor(message: string, unstructuredText = message) {
    super(message);
    this.unstructuredText = unstructuredText;
  }
}

/** The kind of a value in Go, decoded without a type. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'map';
}

const integerTypes = new Set(['int32', 'int64', 'uint32']);

function unstructuredText(value: unknown, goType: string): string {
  const from = goKind(value);
  const type = goType.replace(/^\*/, '');
  if (type.startsWith('map[')) return `cannot restore map from ${from}`;
  if (type.startsWith('[]')) return `cannot restore slice from ${from}`;
  if (type.includes('.')) return `cannot restore struct from: ${from}`;
  const fromNumber = from === 'int64' || from === 'float64';
  const converts = type === 'string' ? from === 'int64' : integerTypes.has(type) && fromNumber;
  return converts ? `cannot convert ${from} to ${type}` : `unrecognized type: ${type}`;
}

export const isObject = (value: unknown): value is RawObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const wholeNumber = /^-?\d+$/;

export function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value instanceof WrittenNumber) return 'number';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'boolean':
      return 'bool';
    default:
      return value === null ? 'null' : 'object';
  }
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Where Go's decoder gives up: its message is part of the answer. */
function base64ErrorOffset(text: string): number {
  const bad = /[^A-Za-z0-9+/\r\n]/.exec(text);
  if (bad === null) return text.length - (text.length % 4);
  return bad.index;
}

/** What Go says of a text that is not base64. */
export const base64Problem = (text: string): string | undefined =>
  base64Pattern.test(text) || base64Pattern.test(text.replaceAll(/[\r\n]/g, ''))
    ? undefined
    : `illegal base64 data at input byte ${base64ErrorOffset(text)}`;

/** Lists whose defaults depend on whether somebody wrote an empty one. */
const emptyLists = new Set(['autoscaling.v2.HPAScalingRules.policies']);
const saysSomething = (struct: StructType, field: { readonly name: string }): boolean =>
  emptyLists.has(`${struct.name.replace(/^io\.k8s\.api\./, '')}.${field.name}`);

export class Decoder {
  /** What is decoded now: field names, list positions (numbers) and map keys (prefixed with a dot). */
  readonly #path: (string | number)[] = [];
  #struct = '';
  #firstError: DecodeError | undefined;
  readonly unknown: (readonly (string | number)[])[] = [];
  readonly #isConverted: boolean;

  /** `isConverted`: the value comes from no text, and whole numbers become what Go makes of them in a smaller type. */
  constructor(isConverted = false) {
    this.#isConverted = isConverted;
  }

  decode(struct: StructType, raw: unknown): Output {
    if (!isObject(raw))
      throw new DecodeError(`json: cannot unmarshal ${jsonKind(raw)} into Go value of type ${struct.goType}`);
    const result = this.#decodeStruct(struct, raw);
    if (this.#firstError !== undefined) throw this.#firstError;
    return result;
  }

  /** Upstream goes on after a mismatch and reports the first; a later fatal error wins over it. */
  #mismatch(value: unknown, goType: string, field?: string): undefined {
    this.#firstError ??= new DecodeError(
      this.#mismatchText(jsonKind(value), goType, field),
      unstructuredText(value, goType),
    );
    return undefined;
  }

  #mismatchText(value: string, goType: string, field?: string): string {
    const names = this.#path.filter((part): part is string => typeof part === 'string' && !part.startsWith('.'));
    if (field !== undefined) names.push(field);
    return names.length === 0
      ? `json: cannot unmarshal ${value} into Go value of type ${goType}`
      : `json: cannot unmarshal ${value} into Go struct field ${this.#struct}.${names.join('.')} of type ${goType}`;
  }

  #decodeStruct(struct: StructType, raw: RawObject): Output {
    const outer = this.#struct;
    this.#struct = struct.shortName;
    const result: Output = {};
    const { fields } = struct;
    let found = 0;
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]!;
      const value = raw[field.name];
      if (value === undefined) {
        if (field.name in raw) found++;
        continue;
      }
      found++;
      if (value === null) continue;
      const type = field.type;
      if (type.kind === 'scalar') {
        const decoded = this.#decodeScalar(type, value, field.name);
        if (decoded === undefined) continue;
        if (
          !field.pointer &&
          field.omitempty &&
          (decoded === '' || decoded === 0 || decoded === false) &&
          type.scalar !== 'intOrString'
        )
          continue;
        result[field.name] = decoded;
        continue;
      }
      this.#path.push(field.name);
      const decoded = this.#decodeComposite(type, value);
      this.#path.pop();
      this.#struct = struct.shortName;
      if (decoded === undefined) continue;
      if (
        field.omitempty &&
        !field.pointer &&
        type.kind !== 'struct' &&
        isEmpty(decoded) &&
        !saysSomething(struct, field)
      )
        continue;
      result[field.name] = decoded;
    }
    this.#noteUnknown(struct, raw, found);
    this.#struct = outer;
    return result;
  }

  #noteUnknown(struct: StructType, raw: RawObject, found: number): void {
    let count = 0;
    for (const _ in raw) count++;
    if (count === found) return;
    for (const key of Object.keys(raw)) if (!struct.byName.has(key)) this.unknown.push([...this.#path, key]);
  }

  #decodeComposite(type: Exclude<ValueType, ScalarType>, value: unknown): unknown {
    switch (type.kind) {
      case 'struct':
        return isObject(value) ? this.#decodeStruct(type, value) : this.#mismatch(value, type.goType);
      case 'list': {
        if (!Array.isArray(value)) return this.#mismatch(value, type.goType);
        const { element } = type;
        const result: unknown[] = Array.from({ length: value.length });
        for (let index = 0; index < value.length; index++)
          result[index] = this.#decodeMember(element, value[index], index);
        return result;
      }
      case 'map': {
        if (!isObject(value)) return this.#mismatch(value, type.goType);
        const result: Output = {};
        for (const key of Object.keys(value))
          define(result, key, this.#decodeMember(type.value, value[key], `.${key}`));
        return result;
      }
    }
  }

  /** A list element or map value: null is the zero value. */
  #decodeMember(type: ValueType, value: unknown, at: string | number): unknown {
    if (value === null || value === undefined) return zeroOf(type);
    if (type.kind === 'scalar') {
      if (type.scalar === 'string' && typeof value === 'string') return value;
      return this.#decodeScalar(type, value) ?? zeroOf(type);
    }
    this.#path.push(at);
    const decoded = this.#decodeComposite(type, value);
    this.#path.pop();
    return decoded ?? zeroOf(type);
  }

  #decodeScalar(type: ScalarType, value: unknown, field?: string): unknown {
    switch (type.scalar) {
      case 'string':
        return typeof value === 'string' ? value : this.#mismatch(value, type.goType, field);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#mismatch(value, type.goType, field);
      case 'int32':
        return this.#decodeInteger(value, -2147483648, 2147483647, type.goType, field);
      case 'uint32':
        return this.#decodeInteger(value, 0, 4294967295, type.goType, field);
      case 'int64':
        return this.#decodeInteger(value, -9223372036854775808, 9223372036854774784, type.goType, field);
      case 'number':
        return typeof value === 'number' || value instanceof WrittenNumber
          ? Number(value instanceof WrittenNumber ? value.text : value)
          : this.#mismatch(value, type.goType, field);
      case 'bytes':
        return this.#decodeBytes(value, type.goType, field);
      case 'quantity':
        return decodeQuantity(value);
      case 'intOrString':
        return typeof value === 'string' ? value : this.#decodeInteger(value, -2147483648, 2147483647, 'int32', field);
      case 'time':
      case 'microTime': {
        if (typeof value !== 'string') throw new DecodeError(this.#mismatchText(jsonKind(value), 'string', field));
        const time = (type.scalar === 'time' ? normalizeTime : normalizeMicroTime)(value);
        if (typeof time === 'object' && time !== null) throw new DecodeError(time.error);
        return time ?? undefined;
      }
      case 'duration': {
        if (typeof value !== 'string') throw new DecodeError(this.#mismatchText(jsonKind(value), 'string', field));
        const duration = parseDuration(value);
        if (typeof duration === 'object') throw new DecodeError(duration.error);
        return duration;
      }
      case 'fieldsV1':
      case 'rawExtension':
      case 'json':
        return value;
      case 'jsonSchemaOrArray':
        return Array.isArray(value) ? value.map((one) => this.#decodeJsonSchema(one)) : this.#decodeJsonSchema(value);
      case 'jsonSchemaOrBool':
        return typeof value === 'boolean' ? value : this.#decodeJsonSchema(value);
      case 'jsonSchemaOrStringArray':
        return Array.isArray(value) ? value : this.#decodeJsonSchema(value);
    }
  }

  #decodeJsonSchema(value: unknown): unknown {
    const struct = typeFacts(jsonSchemaPropsName);
    return isObject(value) ? this.#decodeStruct(struct, value) : this.#mismatch(value, struct.goType);
  }

  #decodeInteger(value: unknown, min: number, max: number, goType: string, field?: string): number | undefined {
    const isWritten = value instanceof WrittenNumber;
    const number = isWritten && wholeNumber.test(value.text) ? Number(value.text) : value;
    if (typeof number === 'number' && Number.isInteger(number)) {
      if (number >= min && number <= max) return number;
      if (this.#isConverted) return convertedInteger(number, min, max);
    }
    if (typeof number !== 'number' && !isWritten) return this.#mismatch(value, goType, field);
    this.#firstError ??= new DecodeError(
      this.#mismatchText(`number ${isWritten ? value.text : String(value)}`, goType, field),
      unstructuredText(value, goType),
    );
    return undefined;
  }

  #decodeBytes(value: unknown, goType: string, field?: string): string | undefined {
    if (typeof value !== 'string') return this.#mismatch(value, goType, field);
    if (base64Pattern.test(value)) return value;
    const compact = value.replaceAll(/[\r\n]/g, '');
    if (base64Pattern.test(compact)) return compact;
    this.#firstError ??= new DecodeError(base64Problem(value)!);
    return undefined;
  }
}

function decodeQuantity(value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : JSON.stringify(value);
  try {
    return canonicalQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) throw new DecodeError(error.message);
    throw error;
  }
}

const isEmpty = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value as object) return false;
  return true;
};

const int64Min = -(2n ** 63n);

/** As the machine converts: what is no 64-bit integer becomes the least of them, of others the low bits are kept. */
function convertedInteger(value: number, min: number, max: number): number {
  const big = BigInt(value);
  const whole = BigInt.asIntN(64, big) === big ? big : int64Min;
  const bits = max > 2 ** 32 ? 64 : 32;
  return Number(min === 0 ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole));
}

/** Plain assignment would lose a map key named __proto__. */
function define(target: Output, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}

/** Go's zero value of a list element or map value, as it is written to JSON. */
export function zeroOf(type: ValueType): unknown {
  switch (type.kind) {
    case 'struct':
      return {};
    case 'list':
    case 'map':
      return null;
    case 'scalar':
      switch (type.scalar) {
        case 'string':
        case 'bytes': // Go writes null, and reads both as no bytes
          return '';
        case 'boolean':
          return false;
        case 'int32':
        case 'int64':
        case 'uint32':
        case 'number':
        case 'intOrString':
          return 0;
        case 'quantity':
          return '0';
        case 'duration':
          return '0s';
        default:
          return null;
      }
  }
}

function pathText(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path)
    if (typeof part === 'number') text += `[${part}]`;
    else if (part.startsWith('.')) text += part;
    else text += text === '' ? part : `.${part}`;
  return text;
}

/** In the order of the text, as upstream reports them. */
export function inDocumentOrder(raw: unknown, paths: readonly (readonly (string | number)[])[]): string[] {
  if (paths.length < 2) return paths.map(pathText);
  const positions = new Map<object, ReadonlyMap<string, number>>();
  const positionIn = (object: object, key: string): number => {
    let found = positions.get(object);
    if (found === undefined)
      positions.set(object, (found = new Map(Object.keys(object).map((name, index) => [name, index]))));
    return found.get(key) ?? -1;
  };
  const rank = (path: readonly (string | number)[]): number[] => {
    let at = raw;
    return path.map((part) => {
      if (typeof part === 'number') {
        at = Array.isArray(at) ? at[part] : undefined;
        return part;
      }
      const key = part.startsWith('.') ? part.slice(1) : part;
      const position = isObject(at) ? positionIn(at, key) : -1;
      at = isObject(at) ? at[key] : undefined;
      return position;
    });
  };
  return paths
    .map((path) => ({ path, rank: rank(path) }))
    .toSorted((a, b) => {
      for (let index = 0; index < Math.min(a.rank.length, b.rank.length); index++)
        if (a.rank[index] !== b.rank[index]) return a.rank[index]! - b.rank[index]!;
      return a.rank.length - b.rank.length;
    })
    .map((one) => pathText(one.path));
}
