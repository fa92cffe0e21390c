// OpenAPI v2 (swagger) of the whole server, for clients that read no v3. Loaded at first use.
import type { KindRow } from '../kind.ts';
import { pathItemsOf, type Operation, type Parameter } from './operations.ts';
import { customSchemas, reference, schemasOf, type Schema } from './schemas.ts';
import { rootsOf } from './v3.ts';

export function openApiV2(rows: readonly KindRow[], version = 'unversioned'): Schema {
  const items = rows.flatMap(pathItemsOf);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths: Object.fromEntries(
      items
        .map(
          (item) =>
            [
              item.path,
              {
                ...Object.fromEntries(item.operations.map((one) => [one.method, operationObject(one)])),
                parameters: item.pathParameters.map((one) => parameter('path', one)),
              },
            ] as const,
        )
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
    definitions: schemasOf('v2', rootsOf(items), customSchemas('v2', rows)),
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  };
}

const parameter = (where: 'query' | 'path', { name, type, description }: Parameter): Schema => ({
  uniqueItems: true,
  type,
  description,
  name,
  in: where,
  ...(where === 'path' ? { required: true } : {}),
});

const statusTexts: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const produces = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

function operationObject(operation: Operation): Schema {
  const bodyType = operation.action === 'patch' ? 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch' : operation.body;
  const body: readonly Schema[] =
    bodyType === undefined
      ? []
      : [
          {
            name: 'body',
            in: 'body',
            ...(operation.bodyRequired === true || operation.action === 'patch' ? { required: true } : {}),
            schema: reference('v2', bodyType),
          },
        ];
  const responses: Record<string, Schema> = {};
  for (const [code, type] of Object.entries(operation.answers))
    responses[code] = {
      description: statusTexts[Number(code)] ?? '',
      schema: type === '' ? { type: 'string' } : reference('v2', type),
    };
  responses['401'] = { description: 'Unauthorized' };
  return {
    description: operation.description,
    consumes:
      operation.action === 'patch'
        ? patchTypes.filter((type) => operation.isCustom !== true || !type.includes('strategic'))
        : ['*/*'],
    produces,
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.operationId,
    parameters: [...body, ...operation.parameters.map((one) => parameter('query', one))],
    responses,
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.groupVersionKind,
  };
}
