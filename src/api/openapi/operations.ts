// The requests that a built-in kind serves: paths, verbs, parameters, bodies and answers, as upstream's installer registers them.
import { answersDeletionWithObject } from '../answers-deletion.ts';
import type { KindRow, SubresourceRow } from '../kind.ts';
import { hasType } from '../schema/type-table.ts';
import {
  articleOf,
  metaType,
  objectTypes,
  operationIdOf,
  pathPrefix,
  streamTypes,
  tagOf,
  upperFirst,
  type Operation,
  type PathItem,
} from './operation.ts';
import {
  connectionParameters,
  deleteParameters,
  listParameters,
  logParameters,
  nameParameter,
  namespaceParameter,
  patchParameters,
  pathParameter,
  pretty,
  selectionParameters,
  writeParameters,
  type Parameter,
} from './parameters.ts';

/** A place of a kind: what its operations have in common. */
interface Place {
  readonly row: KindRow;
  readonly path: readonly Parameter[];
}

/** Every path of a row, subresources included. */
export function pathItemsOf(row: KindRow): PathItem[] {
  const prefix = pathPrefix(row.group, row.version);
  const scopePath = row.namespaced ? '/namespaces/{namespace}' : '';
  const collection: Place = { row, path: row.namespaced ? [namespaceParameter] : [] };
  const object: Place = { row, path: [nameParameter(row.kind), ...collection.path] };
  const items: PathItem[] = [];
  const add = (path: string, operations: readonly Operation[]) => {
    if (operations.length > 0) items.push({ path: `${prefix}${path}`, operations });
  };
  const everywhere: Place = { row, path: [] };
  if (row.namespaced && row.verbs.includes('list'))
    add(`/${row.resource}`, [listOperation(everywhere, `${row.kind}ForAllNamespaces`)]);
  add(`${scopePath}/${row.resource}`, collectionOperations(collection));
  add(`${scopePath}/${row.resource}/{name}`, objectOperations(object));
  if (row.verbs.includes('watch')) {
    if (row.namespaced) add(`/watch/${row.resource}`, [watchList(everywhere, `${row.kind}ListForAllNamespaces`)]);
    add(`/watch${scopePath}/${row.resource}`, [watchList(collection, scopedKind(row, 'List'))]);
    add(`/watch${scopePath}/${row.resource}/{name}`, [watchOperation(object)]);
  }
  for (const [name, subresource] of Object.entries(row.subresources)) {
    const path = `${scopePath}/${row.resource}/{name}/${name}`;
    const place: Place = { row, path: [nameParameter(subresource.kind), ...collection.path] };
    add(path, subresourceOperations(place, name, subresource));
    if (name === 'proxy')
      add(
        `${path}/{path}`,
        connectOperations({ row, path: [...place.path, pathParameter] }, name, subresource, 'WithPath'),
      );
  }
  return items;
}

const scopedKind = (row: KindRow, suffix = ''): string => `${row.namespaced ? 'Namespaced' : ''}${row.kind}${suffix}`;

function base({ row, path }: Place, verb: string, rest: string) {
  return {
    tag: tagOf(row.group, row.version),
    groupVersionKind: { group: row.group, kind: row.kind, version: row.version },
    operationId: operationIdOf(verb, row.group, row.version, rest),
    parameters: [...path, ...pretty],
    consumes: ['*/*'],
    produces: objectTypes,
  };
}

const listType = ({ typeName }: KindRow): string => (hasType(`${typeName}List`) ? `${typeName}List` : typeName);

function listOperation(place: Place, rest = scopedKind(place.row)): Operation {
  const own = base(place, 'list', rest);
  const { row } = place;
  return {
    ...own,
    method: 'get',
    action: 'list',
    description: `list${row.verbs.includes('watch') ? ' or watch' : ''} objects of kind ${row.kind}`,
    parameters: [...own.parameters, ...listParameters],
    produces: streamTypes,
    answers: { 200: listType(row) },
  };
}

const deprecated = "deprecated: use the 'watch' parameter with a list operation instead";

function watchList(place: Place, rest: string): Operation {
  const own = base(place, 'watch', rest);
  return {
    ...own,
    method: 'get',
    action: 'watchlist',
    description: `watch individual changes to a list of ${place.row.kind}. ${deprecated}.`,
    parameters: [...own.parameters, ...listParameters],
    produces: streamTypes,
    answers: { 200: metaType('WatchEvent') },
  };
}

const watchOperation = (place: Place): Operation => ({
  ...watchList(place, scopedKind(place.row)),
  action: 'watch',
  description: `watch changes to an object of kind ${place.row.kind}. ${deprecated}, filtered to a single item with the 'fieldSelector' parameter.`,
});

const deleteBody = { type: metaType('DeleteOptions'), required: false };

function collectionOperations(place: Place): Operation[] {
  const { row } = place;
  const operations: Operation[] = [];
  if (row.verbs.includes('list')) operations.push(listOperation(place));
  if (row.verbs.includes('create')) {
    const own = base(place, 'create', scopedKind(row));
    operations.push({
      ...own,
      method: 'post',
      action: 'post',
      description: `create${articleOf(row.kind)}${row.kind}`,
      parameters: [...own.parameters, ...writeParameters],
      body: { type: row.typeName, required: true },
      answers: { 200: row.typeName, 201: row.typeName, 202: row.typeName },
    });
  }
  if (row.verbs.includes('deletecollection')) {
    const own = base(place, 'delete', `Collection${scopedKind(row)}`);
    operations.push({
      ...own,
      method: 'delete',
      action: 'deletecollection',
      description: `delete collection of ${row.kind}`,
      parameters: [...own.parameters, ...deleteParameters, ...selectionParameters],
      body: deleteBody,
      answers: { 200: metaType('Status') },
    });
  }
  return operations;
}

function objectOperations(place: Place): Operation[] {
  const { row } = place;
  const operations = verbOperations(place, '', row.typeName, row.verbs, row);
  if (row.verbs.includes('delete')) {
    const own = base(place, 'delete', scopedKind(row));
    // Namespaces, whose deletion is another's work, are not told of.
    const isNamed = answersDeletionWithObject(row) && row.kind !== 'Namespace';
    const answer = isNamed ? row.typeName : metaType('Status');
    operations.push({
      ...own,
      method: 'delete',
      action: 'delete',
      description: `delete${articleOf(row.kind)}${row.kind}`,
      parameters: [...own.parameters, ...deleteParameters],
      body: deleteBody,
      answers: { 200: answer, 202: answer },
    });
  }
  return operations;
}

/** Get, put, patch and post of an object or of one of its subresources. */
function verbOperations(
  place: Place,
  subresource: string,
  typeName: string,
  verbs: readonly string[],
  groupVersionKind: NonNullable<Operation['groupVersionKind']>,
): Operation[] {
  const { row } = place;
  const { group, kind, version } = groupVersionKind;
  const common = (verb: string, words: string) => ({
    ...base(place, verb, scopedKind(row, upperFirst(subresource))),
    groupVersionKind: { group, kind, version },
    description: `${words}${subresource === '' ? '' : ` ${subresource} of`}`,
  });
  const operations: Operation[] = [];
  const specified = ` the specified ${row.kind}`;
  if (verbs.includes('get')) {
    const own = common('read', 'read');
    operations.push({
      ...own,
      method: 'get',
      action: 'get',
      description: `${own.description}${specified}`,
      answers: { 200: typeName },
    });
  }
  if (verbs.includes('update')) {
    const own = common('replace', 'replace');
    operations.push({
      ...own,
      method: 'put',
      action: 'put',
      description: `${own.description}${specified}`,
      parameters: [...own.parameters, ...writeParameters],
      body: { type: typeName, required: true },
      answers: { 200: typeName, 201: typeName },
    });
  }
  if (verbs.includes('patch')) {
    const own = common('patch', 'partially update');
    operations.push({
      ...own,
      method: 'patch',
      action: 'patch',
      description: `${own.description}${specified}`,
      parameters: [...own.parameters, ...patchParameters],
      body: { type: metaType('Patch'), required: true },
      consumes: patchTypes,
      answers: { 200: typeName, 201: typeName },
    });
  }
  if (subresource !== '' && verbs.includes('create')) {
    const own = common('create', 'create');
    operations.push({
      ...own,
      method: 'post',
      action: 'post',
      description: `${own.description}${articleOf(row.kind)}${row.kind}`,
      parameters: [...own.parameters, ...writeParameters],
      body: { type: typeName, required: true },
      answers: { 200: typeName, 201: typeName, 202: typeName },
    });
  }
  return operations;
}

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** Subresources that are no objects but connections. */
const isConnection = (name: string): boolean => ['exec', 'attach', 'portforward', 'proxy'].includes(name);

/** A proxy passes every method on, the others start with GET or POST. */
function connectOperations(
  place: Place,
  name: string,
  { group, kind, version }: SubresourceRow,
  suffix: 'WithPath' | '',
): Operation[] {
  const methods =
    name === 'proxy'
      ? (['get', 'put', 'post', 'delete', 'options', 'head', 'patch'] as const)
      : (['get', 'post'] as const);
  const { row, path } = place;
  return methods.map((method) => ({
    ...base(place, 'connect', `${upperFirst(method)}${scopedKind(row, `${upperFirst(name)}${suffix}`)}`),
    groupVersionKind: { group, kind, version },
    method,
    action: 'connect',
    description: `connect ${method.toUpperCase()} requests to ${name} of ${row.kind}`,
    parameters: [...path, ...(connectionParameters[kind] ?? [])],
    produces: ['*/*'],
    answers: { 200: '' },
  }));
}

function subresourceOperations(place: Place, name: string, subresource: SubresourceRow): Operation[] {
  const { row } = place;
  if (isConnection(name)) return connectOperations(place, name, subresource, '');
  if (name === 'log') {
    const own = base(place, 'read', scopedKind(row, upperFirst(name)));
    return [
      {
        ...own,
        method: 'get',
        action: 'get',
        description: `read log of the specified ${row.kind}`,
        parameters: [...own.parameters, ...logParameters],
        produces: ['text/plain', ...objectTypes],
        answers: { 200: '' },
      },
    ];
  }
  const typeName = subresource.kind === row.kind ? row.typeName : subresourceType(row, subresource);
  if (typeName === undefined) return [];
  return verbOperations(place, name, typeName, subresource.verbs, subresource);
}

function subresourceType(row: KindRow, subresource: SubresourceRow): string | undefined {
  const sibling = `${row.typeName.slice(0, row.typeName.lastIndexOf('.') + 1)}${subresource.kind}`;
  const word = subresource.group === '' ? 'core' : subresource.group.split('.')[0]!;
  const named = `io.k8s.api.${word}.${subresource.version}.${subresource.kind}`;
  return [named, sibling].find(hasType);
}
