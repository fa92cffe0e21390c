// OpenAPI v3 as kubectl reads it: an index with a hash a group version, and a document each. Loaded at first use; the
// documents are big, so the caller keeps bytes, not these objects.
import { createHash } from 'node:crypto';
import typeTable from '../generated/type-table.json' with { type: 'json' };
import type { KindRow } from '../kind.ts';
import { pathItemsOf, pathPrefix, type Operation, type Parameter, type PathItem } from './operations.ts';
import { customSchemas, reference, schemasOf, type Schema } from './schemas.ts';

export interface OpenApiV3Index {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

const groupVersionPath = (group: string, version: string) => pathPrefix(group, version).slice(1);

let tableHash: string | undefined;
const schemaHash = (): string => (tableHash ??= createHash('sha512').update(JSON.stringify(typeTable)).digest('hex'));

/** What the document is made of. */
const textOf = ({ custom, ...row }: KindRow): unknown => [row, custom?.openApi('v3', {})];

/** The URL of a document changes when the document may have changed: clients keep documents by it. */
export function openApiV3Index(rows: readonly KindRow[]): OpenApiV3Index {
  let index = indexes.get(rows);
  if (index === undefined) indexes.set(rows, (index = makeIndex(rows)));
  return index;
}

/** Once for a list of rows, and the costly part once for a row: custom ones come and go. */
const indexes = new WeakMap<readonly KindRow[], OpenApiV3Index>();
const rowHashes = new WeakMap<KindRow, string>();

function hashOf(row: KindRow): string {
  let hash = rowHashes.get(row);
  if (hash === undefined)
    rowHashes.set(
      row,
      (hash = createHash('sha512')
        .update(JSON.stringify(textOf(row)))
        .digest('hex')),
    );
  return hash;
}

function makeIndex(rows: readonly KindRow[]): OpenApiV3Index {
  const byPath = Map.groupBy(rows, (row) => groupVersionPath(row.group, row.version));
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const [path, members] of [...byPath].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const hash = createHash('sha512')
      .update(schemaHash())
      .update(members.map(hashOf).join(''))
      .digest('hex')
      .toUpperCase();
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { paths };
}

/** The document of one group version; undefined when no row is of it. */
export function openApiV3(group: string, version: string, rows: readonly KindRow[]): Schema | undefined {
  const own = rows.filter((row) => row.group === group && row.version === version);
  if (own.length === 0) return undefined;
  const items = own.flatMap(pathItemsOf);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths: Object.fromEntries(
      items.map((item) => [item.path, pathItem(item)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
    components: {
      schemas: schemasOf('v3', rootsOf(items), customSchemas('v3', own)),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          name: 'authorization',
          in: 'header',
        },
      },
    },
  };
}

/** Every type that a document's operations name. */
export function rootsOf(items: readonly PathItem[]): Set<string> {
  const roots = new Set<string>();
  for (const { operations } of items)
    for (const { body, answers, action } of operations) {
      if (body !== undefined) roots.add(body);
      if (action === 'patch') roots.add(patchType);
      for (const type of Object.values(answers)) if (type !== '') roots.add(type);
    }
  return roots;
}

const patchType = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';

const parameter = (where: 'query' | 'path', { name, type, description }: Parameter): Schema => ({
  name,
  in: where,
  description,
  ...(where === 'path' ? { required: true } : {}),
  schema: { type, uniqueItems: true },
});

const pretty: Parameter = {
  name: 'pretty',
  type: 'string',
  description: "If 'true', then the output is pretty printed.",
};

const pathItem = (item: PathItem): Schema => ({
  ...Object.fromEntries(item.operations.map((operation) => [operation.method, operationObject(operation)])),
  parameters: [...item.pathParameters.map((one) => parameter('path', one)), parameter('query', pretty)],
});

const answerTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streamTypes = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
const patchTypesOf = ({ isCustom }: Operation) =>
  isCustom === true ? patchTypes.filter((type) => !type.includes('strategic')) : patchTypes;
const statusTexts: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const content = (types: readonly string[], schema: Schema): Schema => ({
  content: Object.fromEntries(types.map((type) => [type, { schema }])),
});

function operationObject(operation: Operation): Schema {
  const responses: Record<string, Schema> = {};
  for (const [code, type] of Object.entries(operation.answers))
    responses[code] = {
      description: statusTexts[Number(code)] ?? '',
      ...(type === ''
        ? content(['*/*'], { type: 'string' })
        : content([...answerTypes, ...(operation.streams === true ? streamTypes : [])], reference('v3', type))),
    };
  responses['401'] = { description: 'Unauthorized' };
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.operationId,
    ...(operation.parameters.length === 0
      ? {}
      : { parameters: operation.parameters.map((one) => parameter('query', one)) }),
    ...requestBody(operation),
    responses,
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.groupVersionKind,
  };
}

function requestBody(operation: Operation): Schema {
  if (operation.action === 'patch')
    return { requestBody: { ...content(patchTypesOf(operation), reference('v3', patchType)), required: true } };
  if (operation.body === undefined) return {};
  const required = operation.bodyRequired === true ? { required: true } : {};
  return { requestBody: { ...content(['*/*'], reference('v3', operation.body)), ...required } };
}
