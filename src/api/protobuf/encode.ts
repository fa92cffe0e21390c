// Plain JSON values of known types to Kubernetes' protobuf form, to the byte as the generated code of upstream writes it:
// fields by number, what is no pointer in Go always, maps sorted by key. decode.ts is the way back.
import { assert } from '#base/errors.ts';
import { compareCodePoints } from '../schema/canonical.ts';
import { parseNanoseconds } from '../schema/duration.ts';
import {
  jsonSchemaPropsName,
  typeFacts,
  type ScalarType,
  type StructType,
  type ValueType,
} from '../schema/type-table.ts';
import { BackwardWriter } from './backward-writer.ts';
import { envelopeMagic, fieldNumbers, isListMessage, protobufTypeName, wireTypeOf } from './numbers.ts';

type Node = Readonly<Record<string, unknown>>;
/** Writes what a value is, without its key. */
type WriteValue = (writer: BackwardWriter, value: unknown) => void;
/** Writes a field of the object, with its key; nothing where Go writes nothing. */
type WriteField = (writer: BackwardWriter, object: Node) => void;

const lengthDelimited = 2;
const noNode: Node = {};
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

const plans = new Map<StructType, readonly WriteField[]>();

/** Fields in falling order of their numbers; compiled at first use. */
function planOf(struct: StructType): readonly WriteField[] {
  const there = plans.get(struct);
  if (there !== undefined) return there;
  const numbers = fieldNumbers(struct);
  const paths = struct.fields.map((field, index) => ({ field, path: [numbers[index] ?? 0].flat() }));
  const compile = (members: readonly (typeof paths)[number][], depth: number): WriteField[] => {
    const byNumber = Map.groupBy(members, ({ path }) => path[depth]!);
    return [...byNumber]
      .toSorted(([a], [b]) => b - a)
      .map(([number, group]) => {
        const [{ field, path }] = group as [(typeof paths)[number]];
        return path.length === depth + 1
          ? fieldWriter(struct, field.name, number)
          : inlinedWriter(compile(group, depth + 1), number);
      });
  };
  const plan = compile(
    paths.filter(({ path }) => path[0] !== 0),
    0,
  );
  plans.set(struct, plan);
  return plan;
}

const key = (number: number, wireType: number): number => number * 8 + wireType;

/** A struct of Go that JSON does not show: a message of its own, always written. */
function inlinedWriter(plan: readonly WriteField[], number: number): WriteField {
  const tag = key(number, lengthDelimited);
  return (writer, object) => {
    const before = writer.length;
    for (const write of plan) write(writer, object);
    writer.varint(writer.length - before);
    writer.varint(tag);
  };
}

function fieldWriter(struct: StructType, name: string, number: number): WriteField {
  const field = struct.byName.get(name)!;
  const { type } = field;
  if (type.kind === 'map') return mapWriter(type.value, name, number);
  if (type.kind === 'list') {
    // Go's named slices of strings are messages of their own; other lists repeat the field.
    const isMessage = isListMessage(field.rules.go ?? '');
    return isMessage ? messageListWriter(type.element, name, number) : listWriter(type.element, name, number);
  }
  const write = valueWriter(type);
  const tag = key(number, wireTypeOf(type));
  // Go knows no bytes and no embedded JSON apart from empty ones.
  const isLeftOut = field.pointer || (type.kind === 'scalar' && type.scalar === 'bytes');
  return (writer, object) => {
    const value = object[name];
    if ((value === undefined || value === null) && isLeftOut) return;
    write(writer, value);
    writer.varint(tag);
  };
}

function listWriter(element: ValueType, name: string, number: number): WriteField {
  const write = valueWriter(element);
  const tag = key(number, wireTypeOf(element));
  return (writer, object) => {
    const list = object[name];
    if (!Array.isArray(list)) return;
    for (let index = list.length - 1; index >= 0; index--) {
      write(writer, list[index]);
      writer.varint(tag);
    }
  };
}

function messageListWriter(element: ValueType, name: string, number: number): WriteField {
  const writeItems = itemsWriter(element);
  const tag = key(number, lengthDelimited);
  return (writer, object) => {
    const list = object[name];
    if (list === undefined || list === null) return;
    writeItems(writer, list);
    writer.varint(tag);
  };
}

/** A message whose field 1 repeats. */
function itemsWriter(element: ValueType): WriteValue {
  const write = listWriter(element, 'items', 1);
  return (writer, items) => {
    const before = writer.length;
    write(writer, { items });
    writer.varint(writer.length - before);
  };
}

function mapWriter(valueType: ValueType, name: string, number: number): WriteField {
  const write = valueWriter(valueType);
  const [keyTag, valueTag, tag] = [key(1, 2), key(2, wireTypeOf(valueType)), key(number, lengthDelimited)];
  return (writer, object) => {
    const map = object[name];
    if (!isNode(map)) return;
    const keys = Object.keys(map).toSorted(compareCodePoints);
    for (let index = keys.length - 1; index >= 0; index--) {
      const before = writer.length;
      write(writer, map[keys[index]!]);
      writer.varint(valueTag);
      writer.text(keys[index]!);
      writer.varint(keyTag);
      writer.varint(writer.length - before);
      writer.varint(tag);
    }
  };
}

function valueWriter(type: ValueType): WriteValue {
  switch (type.kind) {
    case 'struct':
      return structWriter(type);
    case 'list':
      return itemsWriter(type.element);
    case 'map':
      return () => assert(false, 'a map of maps has no protobuf form');
    case 'scalar':
      return scalarWriter(type);
  }
}

/** Its plan is looked up when it is used: types refer to each other in circles. */
function structWriter(struct: StructType): WriteValue {
  let plan: readonly WriteField[] | undefined;
  return (writer, value) => {
    const before = writer.length;
    writeFields(writer, (plan ??= planOf(struct)), value);
    writer.varint(writer.length - before);
  };
}

function writeFields(writer: BackwardWriter, plan: readonly WriteField[], value: unknown): void {
  const object = isNode(value) ? value : noNode;
  for (const write of plan) write(writer, object);
}

function scalarWriter({ scalar }: ScalarType): WriteValue {
  switch (scalar) {
    case 'string':
      return (writer, value) => writer.text(typeof value === 'string' ? value : '');
    case 'boolean':
      return (writer, value) => writer.varint(value === true ? 1 : 0);
    case 'int32':
    case 'int64':
    case 'uint32':
      return (writer, value) => writer.int64(typeof value === 'number' ? value : 0);
    case 'number':
      return (writer, value) => writer.double(typeof value === 'number' ? value : 0);
    case 'bytes':
      return (writer, value) => {
        const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64');
        writer.bytes(bytes);
        writer.varint(bytes.length);
      };
    case 'quantity':
      return message((writer, value) => {
        writer.text(typeof value === 'string' ? value : '0');
        writer.varint(key(1, 2));
      });
    case 'intOrString':
      return message(writeIntOrString);
    case 'time':
      return message((writer, value) => writeTime(writer, value, false));
    case 'microTime':
      return message((writer, value) => writeTime(writer, value, true));
    case 'duration':
      return message((writer, value) => {
        const nanoseconds = parseNanoseconds(typeof value === 'string' ? value : '0');
        writer.int64(typeof nanoseconds === 'bigint' ? nanoseconds : 0);
        writer.varint(key(1, 0));
      });
    case 'fieldsV1':
    case 'json':
    case 'rawExtension':
      return message((writer, value) => {
        if (value === undefined || (value === null && scalar !== 'json')) return;
        writer.text(JSON.stringify(value));
        writer.varint(key(1, 2));
      });
    case 'jsonSchemaOrArray':
    case 'jsonSchemaOrBool':
    case 'jsonSchemaOrStringArray':
      return message(schemaChoiceWriter(scalar));
  }
}

const message =
  (fill: WriteValue): WriteValue =>
  (writer, value) => {
    const before = writer.length;
    fill(writer, value);
    writer.varint(writer.length - before);
  };

function writeIntOrString(writer: BackwardWriter, value: unknown): void {
  const isText = typeof value === 'string';
  writer.text(isText ? value : '');
  writer.varint(key(3, 2));
  writer.int64(typeof value === 'number' ? value : 0);
  writer.varint(key(2, 0));
  writer.varint(isText ? 1 : 0);
  writer.varint(key(1, 0));
}

/** The zero time is an empty message. */
function writeTime(writer: BackwardWriter, value: unknown, withMicroseconds: boolean): void {
  if (typeof value !== 'string') return;
  const milliseconds = Date.parse(`${value.slice(0, 19)}Z`);
  if (Number.isNaN(milliseconds)) return;
  const fraction = withMicroseconds ? /\.(\d+)/.exec(value)?.[1] : undefined;
  writer.varint(fraction === undefined ? 0 : Number(fraction.padEnd(6, '0').slice(0, 6)) * 1000);
  writer.varint(key(2, 0));
  writer.int64(milliseconds / 1000);
  writer.varint(key(1, 0));
}

/** A schema, or instead of it schemas, whether it is allowed, or names. */
function schemaChoiceWriter(scalar: ScalarType['scalar']): WriteValue {
  const writeSchema = structWriter(typeFacts(jsonSchemaPropsName));
  return (writer, value) => {
    if (scalar === 'jsonSchemaOrBool') {
      if (isNode(value)) {
        writeSchema(writer, value);
        writer.varint(key(2, 2));
      }
      // Beside a schema Go's decoder sets it too.
      writer.varint(value === true || isNode(value) ? 1 : 0);
      writer.varint(key(1, 0));
      return;
    }
    for (const one of Array.isArray(value) ? value.toReversed() : []) {
      if (scalar === 'jsonSchemaOrArray') writeSchema(writer, one);
      else writer.text(typeof one === 'string' ? one : '');
      writer.varint(key(2, 2));
    }
    if (isNode(value)) {
      writeSchema(writer, value);
      writer.varint(key(1, 2));
    }
  };
}

/** The message of one value of a type, without envelope. */
export function encodeMessage(typeName: string, value: unknown): Uint8Array {
  const writer = new BackwardWriter();
  writeFields(writer, planOf(typeFacts(typeName)), value);
  return writer.finish();
}

/** Whether objects that say they are this can be encoded. */
export const hasProtobufForm = (apiVersion: string, kind: string): boolean =>
  protobufTypeName(apiVersion, kind) !== undefined;

/** An object of a kind, without envelope; one without a protobuf form is a mistake of the caller. */
export function encodeObject(apiVersion: string, kind: string, object: object): Uint8Array {
  const typeName = protobufTypeName(apiVersion, kind);
  assert(typeName !== undefined, `${apiVersion} ${kind} has no protobuf form`);
  return encodeMessage(typeName, object);
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** contentEncoding and contentType, which are empty and written all the same. */
const envelopeEnd = Uint8Array.of(key(3, 2), 0, key(4, 2), 0);

/** What stands before and behind a message (runtime.Unknown): the message itself may be in parts. */
export function envelope(
  apiVersion: string,
  kind: string,
  messageLength: number,
): readonly [head: Uint8Array, tail: Uint8Array] {
  const writer = new BackwardWriter();
  writer.text(kind);
  writer.varint(key(2, 2));
  writer.text(apiVersion);
  writer.varint(key(1, 2));
  const typeMeta = writer.finish();
  const head = [key(1, 2), ...varintBytes(typeMeta.length), ...typeMeta, key(2, 2), ...varintBytes(messageLength)];
  return [Uint8Array.from([...envelopeMagic, ...head]), envelopeEnd];
}

/** Key and length of a field that holds so many bytes. */
export const fieldHead = (number: number, length: number): Uint8Array =>
  Uint8Array.from([...varintBytes(key(number, lengthDelimited)), ...varintBytes(length)]);
