// The requests that a custom resource serves, as upstream tells of them: other media types and answers than those of built-in kinds.
import type { KindRow } from '../kind.ts';
import {
  articleOf,
  metaType,
  operationIdOf,
  pathPrefix,
  tagOf,
  upperFirst,
  type Operation,
  type PathItem,
} from './operation.ts';
import {
  deleteParameters,
  listParameters,
  nameParameter,
  namespaceParameter,
  patchParameters,
  pretty,
  readParameters,
  writeParameters,
  type Parameter,
} from './parameters.ts';

const types = ['application/json', 'application/yaml'];
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'];
const scaleType = 'io.k8s.api.autoscaling.v1.Scale';

export function customItemsOf(row: KindRow): PathItem[] {
  const prefix = pathPrefix(row.group, row.version);
  const scope = row.namespaced ? `${prefix}/namespaces/{namespace}` : prefix;
  const path = row.namespaced ? [namespaceParameter] : [];
  const named = [nameParameter(row.kind), ...path];
  const object = `${scope}/${row.resource}/{name}`;
  const list: Operation = {
    ...base(row, path, 'list', ''),
    method: 'get',
    action: 'list',
    description: `list objects of kind ${row.kind}`,
    parameters: [...path, ...pretty, ...listParameters],
    answers: { 200: `${row.typeName}List` },
  };
  const everywhere: PathItem = {
    path: `${prefix}/${row.resource}`,
    operations: [
      {
        ...list,
        operationId: operationIdOf('list', row.group, row.version, `${row.kind}ForAllNamespaces`),
        parameters: [...pretty, ...listParameters],
      },
    ],
  };
  return [
    ...(row.namespaced ? [everywhere] : []),
    { path: `${scope}/${row.resource}`, operations: [list, ...collectionOperations(row, path)] },
    { path: object, operations: [...verbOperations(row, named, '', row.typeName), deletion(row, named)] },
    ...Object.keys(row.subresources).map((name) => ({
      path: `${object}/${name}`,
      operations: verbOperations(row, named, name, name === 'scale' ? scaleType : row.typeName),
    })),
  ];
}

const base = (row: KindRow, path: readonly Parameter[], verb: string, suffix: string) => ({
  tag: tagOf(row.group, row.version),
  groupVersionKind: { group: row.group, kind: row.kind, version: row.version },
  operationId: operationIdOf(verb, row.group, row.version, `${row.namespaced ? 'Namespaced' : ''}${row.kind}${suffix}`),
  parameters: [...path, ...pretty],
  consumes: types,
  produces: types,
});

function collectionOperations(row: KindRow, path: readonly Parameter[]): Operation[] {
  const create = base(row, path, 'create', '');
  const deletes = base(row, path, 'delete', '');
  const rest = `Collection${row.namespaced ? 'Namespaced' : ''}${row.kind}`;
  return [
    {
      ...create,
      method: 'post',
      action: 'post',
      description: `create${articleOf(row.kind)}${row.kind}`,
      parameters: [...create.parameters, ...writeParameters],
      body: { type: row.typeName, required: true },
      answers: { 200: row.typeName, 201: row.typeName, 202: row.typeName },
    },
    {
      ...deletes,
      operationId: operationIdOf('delete', row.group, row.version, rest),
      method: 'delete',
      action: 'deletecollection',
      description: `delete collection of ${row.kind}`,
      parameters: [...deletes.parameters, ...listParameters],
      answers: { 200: metaType('Status') },
    },
  ];
}

function deletion(row: KindRow, path: readonly Parameter[]): Operation {
  const own = base(row, path, 'delete', '');
  return {
    ...own,
    method: 'delete',
    action: 'delete',
    description: `delete${articleOf(row.kind)}${row.kind}`,
    parameters: [...own.parameters, ...deleteParameters],
    body: { type: metaType('DeleteOptions'), required: false },
    answers: { 200: metaType('Status'), 202: metaType('Status') },
  };
}

function verbOperations(row: KindRow, path: readonly Parameter[], subresource: string, typeName: string): Operation[] {
  const rest = `${subresource === '' ? '' : ` ${subresource} of`} the specified ${row.kind}`;
  const common = (verb: string) => base(row, path, verb, upperFirst(subresource));
  const read = common('read');
  const replace = common('replace');
  const patch = common('patch');
  return [
    {
      ...read,
      method: 'get',
      action: 'get',
      description: `read${rest}`,
      parameters: [...read.parameters, ...readParameters],
      answers: { 200: typeName },
    },
    {
      ...replace,
      method: 'put',
      action: 'put',
      description: `replace${rest}`,
      parameters: [...replace.parameters, ...writeParameters],
      body: { type: typeName, required: true },
      answers: { 200: typeName, 201: typeName },
    },
    {
      ...patch,
      method: 'patch',
      action: 'patch',
      description: `partially update${rest}`,
      parameters: [...patch.parameters, ...patchParameters],
      body: { type: metaType('Patch'), required: true },
      consumes: patchTypes,
      answers: { 200: typeName },
    },
  ];
}
