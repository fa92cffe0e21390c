// What both versions of the protobuf form of OpenAPI documents are written with: messages of google/gnostic-models, whose field numbers
// the files of the versions have. What a message has no field for is an error, never left out.
import { AssertionError } from 'node:assert';
import { yamlPrinter } from '#wire/yaml.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';

class Writer extends WireWriter {
  readonly yaml: (value: unknown) => string;
  readonly prepared: WeakMap<object, Uint8Array>;
  constructor(yaml: (value: unknown) => string, prepared: WeakMap<object, Uint8Array>) {
    super();
    this.yaml = yaml;
    this.prepared = prepared;
  }

  /** In the order of the fields' numbers, as upstream's library writes them. */
  fill({ name, fields, extensions }: Message, value: unknown): void {
    const known = typeof value === 'object' && value !== null ? this.prepared.get(value) : undefined;
    if (known !== undefined) {
      this.raw(known);
      return;
    }
    const members: (readonly [number: number, write: () => void])[] = [];
    for (const [key, one] of entriesOf(value)) {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (field !== undefined) members.push([field[0], () => field[1](this, field[0], one)]);
      else if (extensions !== undefined && key.startsWith('x-'))
        members.push([extensions, () => named(any)(this, extensions, key, one)]);
      else fail(`${name} has no field for ${key}`);
    }
    for (const [, write] of members.sort(([a], [b]) => a - b)) write();
  }
}

/** Texts that are no plain scalars stand in single quotes, but for those that would be read as something else. */
const asUpstream = (value: unknown, text: string): string =>
  typeof value === 'string' &&
  /^"[^\\]+"\n$/.test(text) &&
  !/^([-+.]?\d|(true|false|null|~|yes|no|on|off|y|n)$)/i.test(value)
    ? `'${value.replaceAll("'", "''")}'\n`
    : text;

/** Many values of one kind, which are written one by one before the document is. */
export interface Parts {
  readonly message: Message;
  readonly values: readonly unknown[];
}

const partsAtOnce = 8;

/** `pause` is asked between parts, so that others get their turn. */
export async function writeDocument(
  layout: Message,
  document: unknown,
  allParts: readonly Parts[],
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  const print = await yamlPrinter();
  const printed = new Map<string, string>();
  const prepared = new WeakMap<object, Uint8Array>();
  const writer = new Writer((value) => {
    // A few hundred different extensions stand in many thousand places.
    const key = JSON.stringify(value);
    const text = printed.get(key) ?? asUpstream(value, print(value));
    printed.set(key, text);
    return text;
  }, prepared);
  for (const { message: one, values } of allParts)
    for (const [index, value] of values.entries()) {
      writer.fill(one, value);
      prepared.set(value as object, writer.take());
      if (index % partsAtOnce === partsAtOnce - 1) await pause();
    }
  writer.fill(layout, document);
  return writer.finish();
}

export type Encode = (writer: Writer, number: number, value: unknown) => void;
export type EncodeNamed = (writer: Writer, number: number, name: string, value: unknown) => void;
export interface Message {
  readonly name: string;
  /** By the name in the JSON document. */
  readonly fields: Readonly<Record<string, readonly [number: number, encode: Encode]>>;
  /** Number of `vendor_extension`: keys that begin with `x-`. */
  readonly extensions?: number;
}

export function fail(message: string): never {
  throw new AssertionError({ message: `OpenAPI v2: ${message}` });
}

export const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : fail(`an object was expected, not ${JSON.stringify(value)}`);
export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : fail(`a list was expected, not ${JSON.stringify(value)}`);
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : fail(`a text was expected, not ${JSON.stringify(value)}`);
const numberOf = (value: unknown): number =>
  typeof value === 'number' ? value : fail(`a number was expected, not ${JSON.stringify(value)}`);
export const member = (value: unknown, key: string): unknown => entriesOf(value).find(([name]) => name === key)?.[1];

export const text: Encode = (writer, number, value) => {
  if (value !== '') writer.text(number, textOf(value));
};
export const bool: Encode = (writer, number, value) => {
  if (typeof value !== 'boolean') fail(`true or false was expected, not ${JSON.stringify(value)}`);
  if (value) writer.bool(number, true);
};
export const double: Encode = (writer, number, value) => {
  if (value !== 0) writer.double(number, numberOf(value));
};
export const integer: Encode = (writer, number, value) => {
  if (value !== 0)
    writer.int64(number, Number.isSafeInteger(value) ? numberOf(value) : fail(`${String(value)} is no integer`));
};
/** Any value, as YAML. */
export const any: Encode = (writer, number, value) => writer.message(number, () => writer.text(2, writer.yaml(value)));
export const texts: Encode = (writer, number, value) => {
  for (const one of listOf(value)) writer.text(number, textOf(one));
};
export const list =
  (encode: Encode): Encode =>
  (writer, number, value) => {
    for (const one of listOf(value)) encode(writer, number, one);
  };
/** Lazy, because messages contain each other. */
export const message =
  (layout: () => Message): Encode =>
  (writer, number, value) =>
    writer.message(number, () => writer.fill(layout(), value));
/** A message in a message, for choices and for lists that are messages. */
export const wrapped =
  (inner: number, encode: Encode): Encode =>
  (writer, number, value) =>
    writer.message(number, () => encode(writer, inner, value));
export const named =
  (encode: Encode): EncodeNamed =>
  (writer, number, name, value) =>
    writer.message(number, () => {
      text(writer, 1, name);
      encode(writer, 2, value);
    });
/** An object with names of its own: a message with a list of named values. */
export const mapOf =
  (encode: Encode): Encode =>
  (writer, number, value) =>
    writer.message(number, () => {
      for (const [name, one] of entriesOf(value)) named(encode)(writer, 1, name, one);
    });
export const isReference = (value: unknown): boolean => member(value, '$ref') !== undefined;
