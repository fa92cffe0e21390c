// OpenAPI v3: a document of a group version, a group or a path of the server. Loaded at first use; documents are big, so that the
// caller keeps bytes, not these objects.
import { escapedJson, members } from './go-json.ts';
import { byPath, rootsOf, type DocumentSource } from './items.ts';
import { ownParameters, sharedParameters, type Operation, type PathItem } from './operation.ts';
import type { Parameter } from './parameters.ts';
import { customSchemas, reference, release, schemasOf, type Schema } from './schemas.ts';

/** The document as pieces of JSON text, so that others get their turn while it is made. */
export function* openApiV3(source: DocumentSource): Generator<string> {
  const { rows } = source;
  const items = source.items().toSorted(byPath);
  const isCustom = rows.length > 0 && rows.every(({ custom }) => custom !== undefined);
  const info = isCustom
    ? { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' }
    : { title: 'Kubernetes', version: release };
  yield `{"openapi":"3.0.0","info":${JSON.stringify(info)},"paths":`;
  yield* members(
    items.map((item) => [item.path, () => pathItem(item)]),
    escapedJson,
  );
  const roots = rootsOf(items);
  yield ',"components":{';
  if (roots.size > 0) {
    yield '"schemas":';
    yield* members(schemasOf('v3', roots, customSchemas('v3', rows), rows[0]), escapedJson);
  }
  if (!isCustom) yield `${roots.size > 0 ? ',' : ''}"securitySchemes":${JSON.stringify(securitySchemes)}`;
  yield '}}';
}

const securitySchemes = {
  BearerToken: {
    type: 'apiKey',
    description: 'Bearer Token authentication',
    name: 'authorization',
    in: 'header',
  },
};

const parameter = ({ name, in: place, type, description }: Parameter): Schema => ({
  name,
  in: place,
  description,
  ...(place === 'path' ? { required: true } : {}),
  schema: { type, uniqueItems: true },
});

const parametersOf = (parameters: readonly Parameter[]): Schema =>
  parameters.length === 0 ? {} : { parameters: parameters.map(parameter) };

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const;

function pathItem(item: PathItem): Schema {
  const shared = sharedParameters(item);
  const byMethod = new Map(item.operations.map((one) => [one.method, one]));
  return {
    ...Object.fromEntries(
      methods.flatMap((method) => {
        const one = byMethod.get(method);
        return one === undefined ? [] : [[method, operationObject(one, shared)]];
      }),
    ),
    ...parametersOf(shared),
  };
}

const statusTexts: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const content = (types: readonly string[], schema: Schema): Schema => ({
  content: Object.fromEntries(types.toSorted().map((type) => [type, { schema }])),
});

function operationObject(operation: Operation, shared: readonly Parameter[]): Schema {
  const responses: Record<string, Schema> = {};
  for (const [code, type] of Object.entries(operation.answers))
    responses[code] = {
      description: statusTexts[Number(code)] ?? '',
      ...content(operation.produces, type === '' ? { type: 'string' } : reference('v3', type)),
    };
  responses['401'] = { description: 'Unauthorized' };
  const { body, consumes = [], groupVersionKind } = operation;
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.operationId,
    ...parametersOf(ownParameters(operation, shared)),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            ...content(consumes, reference('v3', body.type)),
            ...(body.required ? { required: true } : {}),
          },
        }),
    responses,
    ...(operation.action === undefined ? {} : { 'x-kubernetes-action': operation.action }),
    ...(groupVersionKind === undefined ? {} : { 'x-kubernetes-group-version-kind': inOrder(groupVersionKind) }),
  };
}

const inOrder = ({ group, version, kind }: NonNullable<Operation['groupVersionKind']>): Schema => ({
  group,
  version,
  kind,
});
