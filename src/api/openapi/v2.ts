// OpenAPI v2 (swagger) of the whole server, for clients that read no v3. Loaded at first use.
import type { KindRow } from '../kind.ts';
import { byPath, documentSources, rootsOf } from './items.ts';
import { ownParameters, sharedParameters, type Operation, type PathItem } from './operation.ts';
import type { Parameter } from './parameters.ts';
import { customSchemas, reference, release, schemasOf, type Schema } from './schemas.ts';
import { members } from './go-json.ts';
import { SharedParameters } from './shared-parameter.ts';

/** The document as pieces of JSON text, so that others get their turn while it is made. */
export function* openApiV2(rows: readonly KindRow[]): Generator<string> {
  const items = [...documentSources(rows).values()].flatMap((source) => source.items()).toSorted(byPath);
  const shared = new SharedParameters();
  yield `{"swagger":"2.0","info":${JSON.stringify({ title: 'Kubernetes', version: release })},"paths":`;
  yield* members(items.map((item) => [item.path, () => pathItem(item, shared)]));
  yield ',"definitions":';
  yield* members(schemasOf('v2', rootsOf(items), customSchemas('v2', rows)));
  const rest = {
    parameters: shared.all(),
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  };
  yield `,${JSON.stringify(rest).slice(1)}`;
}

const parameter = ({ name, in: place, type, description }: Parameter): Schema => ({
  uniqueItems: true,
  type,
  description,
  name,
  in: place,
  ...(place === 'path' ? { required: true } : {}),
});

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const;

function pathItem(item: PathItem, document: SharedParameters): Schema {
  const shared = sharedParameters(item);
  const byMethod = new Map(item.operations.map((one) => [one.method, one]));
  return {
    ...Object.fromEntries(
      methods.flatMap((method) => {
        const one = byMethod.get(method);
        return one === undefined ? [] : [[method, operationObject(one, ownParameters(one, shared), document)]];
      }),
    ),
    ...(shared.length === 0 ? {} : { parameters: shared.map((one) => document.use(parameter(one))) }),
  };
}

const statusTexts: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

function operationObject(operation: Operation, own: readonly Parameter[], document: SharedParameters): Schema {
  const { body, consumes, groupVersionKind } = operation;
  const parameters = [
    ...(body === undefined
      ? []
      : [
          {
            name: 'body',
            in: 'body',
            ...(body.required ? { required: true } : {}),
            schema: reference('v2', body.type),
          },
        ]),
    ...own.map(parameter),
  ].map((one) => document.use(one));
  const responses: Record<string, Schema> = {};
  for (const [code, type] of Object.entries(operation.answers))
    responses[code] = {
      description: statusTexts[Number(code)] ?? '',
      schema: type === '' ? { type: 'string' } : reference('v2', type),
    };
  responses['401'] = { description: 'Unauthorized' };
  return {
    description: operation.description,
    ...(consumes === undefined ? {} : { consumes }),
    produces: operation.produces,
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.operationId,
    ...(parameters.length === 0 ? {} : { parameters }),
    responses,
    ...(operation.action === undefined ? {} : { 'x-kubernetes-action': operation.action }),
    ...(groupVersionKind === undefined ? {} : { 'x-kubernetes-group-version-kind': inOrder(groupVersionKind) }),
  };
}

/** Upstream's aggregator writes its own paths in the order of its structures, and what it aggregates in alphabetical order. */
const inOrder = ({ group, version, kind }: NonNullable<Operation['groupVersionKind']>): Schema =>
  group === 'apiregistration.k8s.io' ? { group, version, kind } : { group, kind, version };
