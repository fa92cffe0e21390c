// Objects in Kubernetes' protobuf form (application/vnd.kubernetes.protobuf) to the same plain JSON values that a JSON body
// gives; decodeObject goes on from there. Typed clients, kubectl's generators among them, send their bodies so.
import { bodyDepthMax } from '#base/limits.ts';
import { printDuration } from '../schema/duration.ts';
import {
  jsonSchemaPropsName,
  typeFacts,
  type FieldType,
  type ScalarType,
  type StructType,
  type ValueType,
} from '../schema/type-table.ts';
import { notRegistered } from '../schema/unrecognized.ts';
import { envelopeMagic as magic, fieldNumbers, isListMessage, protobufTypeName, wireTypeOf } from './numbers.ts';
import { ProtobufError, WireReader, wireFields, type WireExpectation, type WireField } from './wire-reader.ts';

type Node = Record<string, unknown>;

/** A message's numbers: a field, or an inlined message with numbers of its own. */
type Numbers = Map<number, FieldType | Numbers>;

const utf8 = new TextDecoder('utf-8', { fatal: true });

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ProtobufError('proto: invalid UTF-8 string');
  }
}

const compiled = new Map<StructType, Numbers>();

function numbersOf(struct: StructType): Numbers {
  let numbers = compiled.get(struct);
  if (numbers !== undefined) return numbers;
  numbers = new Map();
  compiled.set(struct, numbers);
  const row = fieldNumbers(struct);
  struct.fields.forEach((field, index) => {
    const path = [row[index] ?? 0].flat();
    let at = numbers;
    for (const number of path.slice(0, -1)) {
      let inner = at.get(number);
      if (!(inner instanceof Map)) at.set(number, (inner = new Map()));
      at = inner;
    }
    const last = path.at(-1)!;
    if (last !== 0) at.set(last, field);
  });
  return numbers;
}

/** What an object is that does not say it. */
export interface AssumedKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The object in an envelope, with its kind and apiVersion. Throws ProtobufError. */
export function decodeProtobuf(bytes: Uint8Array, assumed?: AssumedKind): Node {
  if (bytes.length === 0) throw new ProtobufError('empty data');
  if (!magic.every((byte, index) => bytes[index] === byte))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (bytes.length === magic.length) throw new ProtobufError('empty body');
  let [apiVersion, kind] = ['', ''];
  let raw: Uint8Array = new Uint8Array();
  for (const field of wireFields(bytes.subarray(4))) {
    if (field.number === 2) raw = field.bytes;
    if (field.number === 1)
      for (const inner of wireFields(field.bytes)) {
        if (inner.number === 1) apiVersion = text(inner.bytes);
        if (inner.number === 2) kind = text(inner.bytes);
      }
  }
  if (kind === '') kind = assumed?.kind ?? '';
  if (apiVersion === '') apiVersion = assumed?.apiVersion ?? '';
  const claimed = { apiVersion, kind };
  const typeName = protobufTypeName(apiVersion, kind);
  if (typeName === undefined) throw new ProtobufError(notRegistered(apiVersion, kind), claimed);
  try {
    return { kind, apiVersion, ...decodeMessage(typeFacts(typeName), raw, 0) };
  } catch (error) {
    throw error instanceof ProtobufError ? new ProtobufError(error.message, claimed) : error;
  }
}

function decodeMessage(struct: StructType, bytes: Uint8Array, depth: number): Node {
  if (depth > bodyDepthMax) throw new ProtobufError('exceeded max depth');
  const result: Node = {};
  decodeInto(result, struct, numbersOf(struct), bytes, depth);
  return result;
}

/** As Go names fields. */
const goName = (name: string): string => (name === 'metadata' ? 'ObjectMeta' : name[0]!.toUpperCase() + name.slice(1));

const wrongWireType = (wireType: number, name: string): ProtobufError =>
  new ProtobufError(`proto: wrong wireType = ${wireType} for field ${goName(name)}`);

function checkWireType(found: FieldType | Numbers | undefined, wireType: number): void {
  if (found === undefined) return;
  if (found instanceof Map) {
    if (wireType !== 2) throw wrongWireType(wireType, 'inlined');
    return;
  }
  const { type, rules, name } = found;
  const isRepeated = type.kind === 'list' && !isListMessage(rules.go ?? '');
  const wanted = wireTypeOf(isRepeated ? type.element : type);
  // Repeated numbers may come packed.
  if (wireType !== wanted && !(isRepeated && wanted !== 2 && wireType === 2)) throw wrongWireType(wireType, name);
}

function decodeInto(result: Node, struct: StructType, numbers: Numbers, bytes: Uint8Array, depth: number): void {
  const expectation: WireExpectation = {
    typeName: struct.shortName,
    check: (number, wireType) => checkWireType(numbers.get(number), wireType),
  };
  for (const wire of wireFields(bytes, expectation)) {
    const found = numbers.get(wire.number);
    if (found === undefined) continue;
    if (found instanceof Map) decodeInto(result, struct, found, wire.bytes, depth + 1);
    else decodeField(result, found, wire, depth + 1);
  }
}

function decodeField(result: Node, field: FieldType, wire: WireField, depth: number): void {
  const { name, type } = field;
  if (type.kind === 'list') {
    if (isListMessage(field.rules.go ?? '')) result[name] = decodeItems(type.element, wire.bytes, depth);
    else {
      const list = (result[name] ??= []) as unknown[];
      appendElements(list, type.element, wire, depth);
    }
  } else if (type.kind === 'map') {
    const map = (result[name] ??= {}) as Node;
    const [key, value] = decodeEntry(type.value, wire.bytes, depth);
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  } else result[name] = decodeValue(type, wire, depth);
}

/** Numbers may come packed. */
function appendElements(list: unknown[], element: ValueType, wire: WireField, depth: number): void {
  const isNumber = element.kind === 'scalar' && ['int32', 'int64', 'uint32', 'boolean'].includes(element.scalar);
  if (!isNumber || wire.wireType !== 2) {
    list.push(decodeValue(element, wire, depth));
    return;
  }
  const reader = new WireReader(wire.bytes);
  while (!reader.isAtEnd) list.push(decodeValue(element, { ...wire, wireType: 0, value: reader.varint() }, depth));
}

function decodeItems(element: ValueType, bytes: Uint8Array, depth: number): unknown[] {
  const list: unknown[] = [];
  for (const wire of wireFields(bytes)) if (wire.number === 1) appendElements(list, element, wire, depth);
  return list;
}

function decodeEntry(type: ValueType, bytes: Uint8Array, depth: number): [key: string, value: unknown] {
  let key = '';
  let value: unknown = null;
  for (const wire of wireFields(bytes)) {
    if (wire.number === 1) key = text(wire.bytes);
    if (wire.number === 2) value = decodeValue(type, wire, depth);
  }
  return [key, value];
}

function decodeValue(type: ValueType, wire: WireField, depth: number): unknown {
  switch (type.kind) {
    case 'struct':
      return decodeMessage(type, wire.bytes, depth);
    case 'list':
      return decodeItems(type.element, wire.bytes, depth);
    case 'map':
      throw new ProtobufError('a map of maps has no protobuf form');
    case 'scalar':
      return decodeScalar(type, wire, depth);
  }
}

const signed = (value: bigint): number => Number(BigInt.asIntN(64, value));

function decodeScalar(type: ScalarType, wire: WireField, depth: number): unknown {
  switch (type.scalar) {
    case 'string':
      return text(wire.bytes);
    case 'boolean':
      return wire.value !== 0n;
    case 'int32':
    case 'int64':
    case 'uint32':
      return signed(wire.value);
    case 'number': {
      if (wire.wireType !== 1 && wire.wireType !== 5)
        throw new ProtobufError(`proto: wrong wireType = ${wire.wireType}`);
      const view = new DataView(wire.bytes.buffer, wire.bytes.byteOffset, wire.bytes.length);
      return wire.wireType === 5 ? view.getFloat32(0, true) : view.getFloat64(0, true);
    }
    case 'bytes':
      return Buffer.from(wire.bytes).toString('base64');
    case 'quantity':
      return text(memberOf(wire.bytes, 1)?.bytes ?? new Uint8Array()) || '0';
    case 'intOrString':
      return memberOf(wire.bytes, 1)?.value === 1n
        ? text(memberOf(wire.bytes, 3)?.bytes ?? new Uint8Array())
        : signed(memberOf(wire.bytes, 2)?.value ?? 0n);
    case 'time':
    case 'microTime':
      return decodeTime(wire.bytes, type.scalar === 'microTime');
    case 'duration': {
      const nanoseconds = BigInt.asIntN(64, memberOf(wire.bytes, 1)?.value ?? 0n);
      return nanoseconds < 0n ? `-${printDuration(-nanoseconds)}` : printDuration(nanoseconds);
    }
    case 'fieldsV1':
    case 'json':
      return decodeJson(memberOf(wire.bytes, 1)?.bytes);
    case 'rawExtension': {
      const raw = memberOf(wire.bytes, 1)?.bytes;
      return raw !== undefined && raw[0] === magic[0] ? decodeProtobuf(raw) : decodeJson(raw);
    }
    case 'jsonSchemaOrArray':
    case 'jsonSchemaOrBool':
    case 'jsonSchemaOrStringArray':
      return decodeSchemaChoice(type.scalar, wire.bytes, depth);
  }
}

const memberOf = (bytes: Uint8Array, number: number): WireField | undefined => {
  let last: WireField | undefined;
  for (const wire of wireFields(bytes)) if (wire.number === number) last = wire;
  return last;
};

function decodeJson(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined || bytes.length === 0) return null;
  try {
    return JSON.parse(text(bytes)) as unknown;
  } catch {
    throw new ProtobufError('an embedded JSON value is not valid');
  }
}

/** The zero time is an empty message. */
function decodeTime(bytes: Uint8Array, withMicroseconds: boolean): string | null {
  const seconds = memberOf(bytes, 1)?.value;
  const nanoseconds = memberOf(bytes, 2)?.value ?? 0n;
  if (seconds === undefined && nanoseconds === 0n) return null;
  const date = new Date(signed(seconds ?? 0n) * 1000);
  if (Number.isNaN(date.getTime())) throw new ProtobufError('a time is out of range');
  const whole = date.toISOString().slice(0, -5);
  return withMicroseconds ? `${whole}.${String(nanoseconds / 1000n).padStart(6, '0')}Z` : `${whole}Z`;
}

/** A schema, or instead of it schemas (2), whether it is allowed (1), or names (2). */
function decodeSchemaChoice(scalar: string, bytes: Uint8Array, depth: number): unknown {
  const struct = typeFacts(jsonSchemaPropsName);
  const schema = (wire: WireField) => decodeMessage(struct, wire.bytes, depth + 1);
  const fields = [...wireFields(bytes)];
  const schemaNumber = scalar === 'jsonSchemaOrBool' ? 2 : 1;
  const found = fields.find((wire) => wire.number === schemaNumber);
  if (found !== undefined) return schema(found);
  if (scalar === 'jsonSchemaOrBool') return fields.some((wire) => wire.number === 1 && wire.value !== 0n);
  const others = fields.filter((wire) => wire.number === 2);
  return scalar === 'jsonSchemaOrArray' ? others.map(schema) : others.map((wire) => text(wire.bytes));
}
