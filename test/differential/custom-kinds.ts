// Two kinds of custom resources in the differential test: one whose schema says everything that a schema can say, one whose schema
// keeps what it does not know. Their definitions are in custom-kinds.yaml, their objects with all others.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { customRows } from '#api/custom/custom-rows.ts';
import type { CustomResourceDefinition } from '#api/generated/types.ts';
import type { KindRow } from '#api/kind.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import type { Json } from '#kit/start-api-server.ts';
import type { FieldType, ValueType } from './mutations.ts';
import type { ServerUnderTest } from './servers.ts';

interface CustomKindUnderTest {
  readonly row: KindRow;
  readonly fields: readonly FieldType[];
  readonly definition: Json;
}

const scalars: Readonly<Record<string, ValueType>> = {
  string: { kind: 'scalar', scalar: 'string' },
  integer: { kind: 'scalar', scalar: 'int32' },
  number: { kind: 'scalar', scalar: 'number' },
  boolean: { kind: 'scalar', scalar: 'boolean' },
};
const anything: ValueType = { kind: 'scalar', scalar: 'json' };

function typeOf(schema: Json): ValueType {
  if (schema?.['x-kubernetes-int-or-string'] === true) return { kind: 'scalar', scalar: 'intOrString' };
  if (schema?.type === 'array') return { kind: 'list', element: typeOf(schema.items) };
  if (schema?.properties !== undefined) return { kind: 'struct', fields: fieldsOf(schema) };
  if (schema?.additionalProperties !== undefined) return { kind: 'map', value: typeOf(schema.additionalProperties) };
  return scalars[schema?.type] ?? anything;
}

const fieldsOf = ({ properties, required }: Json): FieldType[] =>
  Object.entries(properties as Record<string, Json>).map(([name, schema]) => ({
    name,
    type: typeOf(schema),
    rules: { required: required?.includes(name), enum: schema.enum },
  }));

/** As once the server has accepted it. */
const accepted = (definition: Json): CustomResourceDefinition =>
  ({
    ...definition,
    status: {
      acceptedNames: definition.spec.names,
      conditions: ['NamesAccepted', 'Established'].map((type) => ({ type, status: 'True' })),
    },
  }) as CustomResourceDefinition;

export function customKinds(): CustomKindUnderTest[] {
  const text = readFileSync(path.join(import.meta.dirname, 'custom-kinds.yaml'), 'utf8');
  const metadata = typeFacts('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
  const header = (name: string): FieldType => ({ name, type: scalars['string']!, rules: {} });
  return parseAllDocuments(text).map((document) => {
    const definition = document.toJS() as Json;
    const [row] = customRows(accepted(definition));
    const own = fieldsOf(definition.spec.versions[0].schema.openAPIV3Schema);
    const fields = [header('apiVersion'), header('kind'), { name: 'metadata', type: metadata, rules: {} }, ...own];
    return { row: row!, fields, definition };
  });
}

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const roundsMax = 300;
const roundMs = 20;

/** Until the server serves it, or no longer. */
async function untilServed(server: ServerUnderTest, collection: string, isServed: boolean): Promise<void> {
  for (let round = 0; round < roundsMax; round++) {
    const { code } = await send(server, 'GET', collection);
    if ((code === 200) === isServed) return;
    await new Promise((resolve) => setTimeout(resolve, roundMs));
  }
  throw new Error(`${server.name}: ${collection} is ${isServed ? 'not' : 'still'} served`);
}

const send = (server: ServerUnderTest, method: string, at: string, body?: Json) =>
  server.send({
    method,
    path: at,
    headers: { accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'differential/1' },
    body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    watches: false,
  });

export async function define(server: ServerUnderTest, definition: Json, collection: string): Promise<void> {
  await send(server, 'POST', definitions, definition);
  await untilServed(server, collection, true);
}

export async function undefine(server: ServerUnderTest, definition: Json, collection: string): Promise<void> {
  await send(server, 'DELETE', `${definitions}/${definition.metadata.name}`);
  await untilServed(server, collection, false);
}
