// Plain JSON values to CBOR as upstream writes it: every text and every name as a byte string (Go's strings need not be UTF-8),
// bytes with the tag that says they are shown in base64, numbers in their shortest form. Types are needed for bytes and
// for numbers with a fraction only; what has none (custom resources) is written as it stands.
import {
  jsonSchemaPropsName,
  typeFacts,
  type ScalarType,
  type StructType,
  type ValueType,
} from '../schema/type-table.ts';
import { protobufTypeName } from '../protobuf/numbers.ts';
import { major, selfDescribedTag } from './reader.ts';

const sizeFirst = 4_096;
const laterBase64Tag = 22;
const safe = Number.MAX_SAFE_INTEGER;

class CborWriter {
  #bytes = Buffer.allocUnsafe(sizeFirst);
  #length = 0;

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  head(type: number, argument: number): void {
    const first = type << 5;
    if (argument < 24) this.#bytes[this.#reserve(1)] = first | argument;
    else if (argument < 0x1_00) {
      const at = this.#reserve(2);
      this.#bytes[at] = first | 24;
      this.#bytes[at + 1] = argument;
    } else if (argument < 0x1_00_00) {
      const at = this.#reserve(3);
      this.#bytes[at] = first | 25;
      this.#bytes.writeUInt16BE(argument, at + 1);
    } else if (argument < 0x1_00_00_00_00) {
      const at = this.#reserve(5);
      this.#bytes[at] = first | 26;
      this.#bytes.writeUInt32BE(argument, at + 1);
    } else {
      const at = this.#reserve(9);
      this.#bytes[at] = first | 27;
      this.#bytes.writeBigUInt64BE(BigInt(argument), at + 1);
    }
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.head(major.bytes, length);
    const at = this.#reserve(length);
    this.#bytes.write(value, at, length, 'utf8');
  }

  base64(value: string): void {
    const content = Buffer.from(value, 'base64');
    this.head(major.tag, laterBase64Tag);
    this.head(major.bytes, content.length);
    this.raw(content);
  }

  raw(content: Uint8Array): void {
    const at = this.#reserve(content.length);
    this.#bytes.set(content, at);
  }

  simple(value: 20 | 21 | 22): void {
    this.head(major.primitive, value);
  }

  integer(value: number): void {
    if (value >= 0) this.head(major.positive, value);
    else this.head(major.negative, -1 - value);
  }

  float(value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat16(0, value);
    if (Object.is(view.getFloat16(0), value)) return this.#sized(25, view, 2);
    view.setFloat32(0, value);
    if (Object.is(view.getFloat32(0), value)) return this.#sized(26, view, 4);
    view.setFloat64(0, value);
    return this.#sized(27, view, 8);
  }

  #sized(info: number, view: DataView, size: number): void {
    this.#bytes[this.#reserve(1)] = (major.primitive << 5) | info;
    this.raw(new Uint8Array(view.buffer, 0, size));
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

function writeList(writer: CborWriter, list: readonly unknown[], element: ValueType | undefined): void {
  writer.head(major.array, list.length);
  for (const one of list) writeValue(writer, one, element);
}

function writeMap(
  writer: CborWriter,
  map: Readonly<Record<string, unknown>>,
  typeOf: (name: string) => ValueType | undefined,
): void {
  const names = Object.keys(map).filter((name) => map[name] !== undefined);
  writer.head(major.map, names.length);
  for (const name of names) {
    writer.text(name);
    writeValue(writer, map[name], typeOf(name));
  }
}

const untyped = (): undefined => undefined;
const structOf = (struct: StructType) => (name: string) => struct.byName.get(name)?.type;

function writeValue(writer: CborWriter, value: unknown, type: ValueType | undefined): void {
  switch (typeof value) {
    case 'string':
      if (type?.kind === 'scalar' && type.scalar === 'bytes') writer.base64(value);
      else writer.text(value);
      return;
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0) || isFloat(type)) writeLarge(writer, value, type);
      else writer.integer(value);
      return;
    case 'boolean':
      writer.simple(value ? 21 : 20);
      return;
    default:
  }
  if (value === null || typeof value !== 'object') writer.simple(22);
  else if (Array.isArray(value)) writeList(writer, value, elementOf(type));
  else writeMap(writer, value as Record<string, unknown>, membersOf(type));
}

const isFloat = (type: ValueType | undefined): boolean => type?.kind === 'scalar' && type.scalar === 'number';

/** A fraction, or an integer that a double holds no longer exactly: Go has 64 bits for those. */
function writeLarge(writer: CborWriter, value: number, type: ValueType | undefined): void {
  if (Number.isInteger(value) && Math.abs(value) > safe && Math.abs(value) < 2 ** 63 && !isFloat(type))
    writer.integer(value);
  else writer.float(value);
}

const isSchemaChoice = ({ scalar }: ScalarType): boolean =>
  scalar === 'jsonSchemaOrArray' || scalar === 'jsonSchemaOrBool' || scalar === 'jsonSchemaOrStringArray';

function elementOf(type: ValueType | undefined): ValueType | undefined {
  if (type?.kind === 'list') return type.element;
  return type?.kind === 'scalar' && type.scalar === 'jsonSchemaOrArray' ? typeFacts(jsonSchemaPropsName) : undefined;
}

function membersOf(type: ValueType | undefined): (name: string) => ValueType | undefined {
  if (type?.kind === 'struct') return structOf(type);
  if (type?.kind === 'map') return () => type.value;
  return type?.kind === 'scalar' && isSchemaChoice(type) ? structOf(typeFacts(jsonSchemaPropsName)) : untyped;
}

/** Undefined: written as it stands. */
function typeOfObject(object: Readonly<Record<string, unknown>>): StructType | undefined {
  const { apiVersion, kind } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const name = protobufTypeName(apiVersion, kind);
  return name === undefined ? undefined : typeFacts(name);
}

/** Items of lists say no kind of their own. */
function itemTypeOf(object: Readonly<Record<string, unknown>>): StructType | undefined {
  const { apiVersion, kind } = object;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(object['items'])) return undefined;
  return typeOfObject({ apiVersion, kind: kind.slice(0, -4) });
}

function writeObject(writer: CborWriter, object: Readonly<Record<string, unknown>>): void {
  const type = typeOfObject(object);
  const item = type === undefined ? itemTypeOf(object) : undefined;
  writer.head(major.tag, selfDescribedTag);
  if (item === undefined) writeValue(writer, object, type);
  else writeMap(writer, object, (name) => (name === 'items' ? listOf(item) : undefined));
}

const listOf = (element: ValueType): ValueType => ({ kind: 'list', element, goType: '' });

/** An object or a list of them, with the tag in front that says that this is CBOR. */
export function encodeCborObject(object: object): Uint8Array {
  const writer = new CborWriter();
  writeObject(writer, object as Readonly<Record<string, unknown>>);
  return writer.finish();
}

/** One item of the sequence that a watch is. */
export function encodeCborEvent(type: string, object: object): Uint8Array {
  const writer = new CborWriter();
  writer.head(major.tag, selfDescribedTag);
  writer.head(major.map, 2);
  writer.text('type');
  writer.text(type);
  writer.text('object');
  writeObject(writer, object as Readonly<Record<string, unknown>>);
  return writer.finish();
}
