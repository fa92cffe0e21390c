// Read back with protobufjs by a layout of its own, schemas must tell all that the JSON document tells. The whole document is compared
// with upstream's (openapi.test.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { parse as parseYaml } from 'yaml';
import { openApiV2Protobuf } from './v2-protobuf.ts';

/** The fields of openapi.v2 that schemas use: message, then `name number type`, a list with `*`. */
const layout: Readonly<Record<string, string>> = {
  Document: 'swagger 1 string, definitions 9 Properties',
  Properties: 'named 1 NamedSchema*',
  NamedSchema: 'name 1 string, value 2 Schema',
  Schema:
    '_ref 1 string, format 2 string, description 4 string, default 5 Any, multipleOf 6 double, maximum 7 double, minimum 9 double, maxLength 11 int64, minLength 12 int64, pattern 13 string, maxItems 14 int64, minItems 15 int64, required 19 string*, enum 20 Any*, additionalProperties 21 AdditionalProperties, type 22 Texts, items 23 Items, properties 25 Properties, extensions 31 NamedAny*',
  AdditionalProperties: 'schema 1 Schema, boolean 2 bool',
  Items: 'schema 1 Schema*',
  Texts: 'value 1 string*',
  NamedAny: 'name 1 string, value 2 Any',
  Any: 'yaml 2 string',
};

const types = new protobuf.Root();
for (const [name, fields] of Object.entries(layout)) {
  const type = new protobuf.Type(name);
  for (const field of fields.split(', ')) {
    const [key = '', number, of = ''] = field.split(' ');
    const isList = of.endsWith('*');
    type.add(new protobuf.Field(key, Number(number), of.replace('*', ''), isList ? 'repeated' : undefined));
  }
  types.add(type);
}

interface Decoded {
  readonly [key: string]: Decoded;
}
const listOf = (value: Decoded | undefined): readonly Decoded[] => (value ?? []) as unknown as readonly Decoded[];
const decode = (name: string, bytes: Uint8Array): Decoded => {
  const type = types.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number }) as Decoded;
};

const mapped = (entries: Decoded | undefined, of: (value: Decoded) => unknown): Record<string, unknown> =>
  Object.fromEntries(listOf(entries).map(({ name, value }) => [name, of(value!)]));
const anyOf = ({ yaml }: Decoded): unknown => parseYaml(yaml as unknown as string, { version: '1.1' });
const only = (value: Decoded): Decoded => {
  const [one, ...more] = Object.values(value);
  assert.ok(one !== undefined && more.length === 0, 'a choice holds one');
  return one;
};

function schemaOf(schema: Decoded): unknown {
  const {
    _ref,
    extensions,
    properties,
    type,
    items,
    additionalProperties,
    enum: values,
    default: value,
    ...plain
  } = schema;
  return {
    ...plain,
    ...(_ref === undefined ? {} : { $ref: _ref }),
    ...(type === undefined ? {} : { type: listOf(type['value'])[0] }),
    ...(items === undefined ? {} : { items: schemaOf(listOf(items['schema'])[0]!) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: choiceOf(additionalProperties) }),
    ...(properties === undefined ? {} : { properties: mapped(properties['named'], schemaOf) }),
    ...(values === undefined ? {} : { enum: listOf(values).map(anyOf) }),
    ...(value === undefined ? {} : { default: anyOf(value) }),
    ...mapped(extensions, anyOf),
  };
}
const choiceOf = (value: Decoded): unknown => (typeof only(value) === 'boolean' ? only(value) : schemaOf(only(value)));

const documentOf = ({ definitions, ...plain }: Decoded): unknown => ({
  ...plain,
  definitions: mapped(definitions!['named'], schemaOf),
});

test('the facts of schemas that only some documents have', async () => {
  const document = {
    swagger: '2.0',
    definitions: {
      empty: { type: 'object', properties: {} },
      closed: { type: 'object', additionalProperties: false },
      open: { type: 'object', additionalProperties: true },
      number: { type: 'number', minimum: -1.5, maximum: 2.25, default: 'yes', enum: ['no', 'ü: #', 4, ''] },
      text: { type: 'string', minLength: 300, maxLength: 2 ** 40, pattern: '^ä{2}$' },
      below: { type: 'array', items: { type: 'integer' }, minItems: -1 },
      extended: { 'x-kubernetes-preserve-unknown-fields': true, 'x-list': [{ a: [] }] },
    },
  };
  assert.deepEqual(documentOf(decode('Document', await openApiV2Protobuf(document))), document);
});

test('what the message has no field for is an error', async () => {
  await assert.rejects(openApiV2Protobuf({ definitions: { one: { oneOf: [] } } }), /Schema has no field for oneOf/);
  await assert.rejects(openApiV2Protobuf({ definitions: { one: { title: 1 } } }), /a text was expected, not 1/);
});
