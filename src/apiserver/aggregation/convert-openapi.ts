// The OpenAPI v2 document of a server that has no v3, as upstream's aggregator converts it. Shared parameters stand where they are used. Pure.
import { inOrder } from '#api/openapi/custom-order.ts';
import { isObject, type OpenApi, type OpenApiPart } from './merge-openapi.ts';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const;
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
const objects = (value: unknown): readonly OpenApi[] => (Array.isArray(value) ? value.filter(isObject) : []);
const entries = (value: unknown): readonly (readonly [string, unknown])[] =>
  isObject(value) ? Object.entries(value) : [];
const some = (source: OpenApi, names: readonly string[]): OpenApi =>
  Object.fromEntries(names.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])));
const extensions = (source: OpenApi): OpenApi =>
  some(
    source,
    Object.keys(source)
      .filter((name) => name.startsWith('x-'))
      .toSorted(),
  );

/** A reference that has company stands in `allOf`. */
function schemaOf(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { $ref, ...rest } = value;
  const converted = Object.fromEntries(
    Object.entries(rest).map(([name, one]) => {
      if (name === 'properties')
        return [name, Object.fromEntries(entries(one).map(([key, inner]) => [key, schemaOf(inner)]))];
      if (name === 'items' || name === 'additionalProperties') return [name, schemaOf(one)];
      return [name, one];
    }),
  );
  if (typeof $ref !== 'string') return converted;
  const reference = { $ref: $ref.replace('#/definitions/', '#/components/schemas/') };
  return Object.keys(converted).length === 0 ? reference : { ...converted, allOf: [reference] };
}
const ordered = (value: unknown): unknown => {
  const converted = schemaOf(value);
  return isObject(converted) ? inOrder('v3', converted) : converted;
};

const content = (types: readonly string[], schema: unknown): OpenApi => ({
  content: Object.fromEntries(types.toSorted().map((type) => [type, { schema: ordered(schema) }])),
});

const parameterOf = (parameter: OpenApi): OpenApi => ({
  ...some(parameter, ['name', 'in', 'description', 'required', 'allowEmptyValue']),
  schema:
    parameter['schema'] === undefined
      ? some(parameter, ['type', 'format', 'uniqueItems'])
      : ordered(parameter['schema']),
  ...extensions(parameter),
});

function operationOf(operation: OpenApi, resolve: (parameter: OpenApi) => OpenApi): OpenApi {
  const all = objects(operation['parameters']).map(resolve);
  const body = all.find(({ name, schema }) => name === 'body' && schema !== undefined);
  const parameters = all.filter((one) => one !== body).map(parameterOf);
  const produces = texts(operation['produces']);
  const responses = entries(operation['responses']).map(([code, response]) => {
    if (!isObject(response)) return [code, response];
    const { description = '', schema } = response;
    return [code, { description, ...(schema === undefined ? {} : content(produces, schema)), ...extensions(response) }];
  });
  return {
    ...some(operation, ['tags', 'summary', 'description', 'operationId']),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: content(texts(operation['consumes']), body['schema']) }),
    responses: Object.fromEntries(responses) as OpenApi,
    ...some(operation, ['deprecated']),
    ...extensions(operation),
  };
}

/** `document`: whose part it is. */
export function convertToV3(document: OpenApi, { paths, definitions, parameters }: OpenApiPart): OpenApi {
  const prefix = '#/parameters/';
  const resolve = (parameter: OpenApi): OpenApi => {
    const { $ref } = parameter;
    const shared =
      typeof $ref === 'string' && $ref.startsWith(prefix) ? parameters[$ref.slice(prefix.length)] : undefined;
    return isObject(shared) ? shared : parameter;
  };
  const pathItem = (item: unknown): OpenApi => {
    if (!isObject(item)) return {};
    const shared = objects(item['parameters']).map(resolve).map(parameterOf);
    return {
      ...Object.fromEntries(
        methods.flatMap((method) => {
          const operation = item[method];
          return isObject(operation) ? [[method, operationOf(operation, resolve)]] : [];
        }),
      ),
      ...(shared.length === 0 ? {} : { parameters: shared }),
      ...extensions(item),
    };
  };
  const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
  const security = entries(document['securityDefinitions']).map(([name, one]) => [
    name,
    isObject(one) ? some(one, ['type', 'description', 'name', 'in']) : one,
  ]);
  return {
    openapi: '3.0.0',
    info: document['info'] ?? { title: '', version: '' },
    paths: Object.fromEntries(
      Object.entries(paths)
        .toSorted(byName)
        .map(([path, item]) => [path, pathItem(item)]),
    ),
    components: {
      schemas: Object.fromEntries(
        Object.entries(definitions)
          .toSorted(byName)
          .map(([name, schema]) => [name, ordered(schema)]),
      ),
      ...(security.length === 0 ? {} : { securitySchemes: Object.fromEntries(security) as OpenApi }),
    },
  };
}
