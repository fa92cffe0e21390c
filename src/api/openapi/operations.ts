// The requests that a row serves, without the dialect: paths, verbs, parameters, bodies and answers.
import type { KindRow, SubresourceRow } from '../kind.ts';
import { hasType } from '../schema/type-table.ts';

export interface Parameter {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Upstream's word for the verb, such as `list` or `deletecollection`. */
  readonly action: string;
  readonly operationId: string;
  readonly tag: string;
  readonly description: string;
  readonly groupVersionKind: { readonly group: string; readonly kind: string; readonly version: string };
  readonly parameters: readonly Parameter[];
  /** Type name of the body; patches and none are told apart by `action`. */
  readonly body?: string | undefined;
  readonly bodyRequired?: boolean | undefined;
  /** Status code -> type name; '' for a text. */
  readonly answers: Readonly<Record<number, string>>;
  readonly streams?: boolean | undefined;
  /** Of custom resources, which have no strategic merge patch. */
  readonly isCustom?: boolean | undefined;
}

export interface PathItem {
  readonly path: string;
  /** In the path itself, in order. */
  readonly pathParameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const text = (name: string, description: string): Parameter => ({ name, type: 'string', description });
const integer = (name: string, description: string): Parameter => ({ name, type: 'integer', description });
const flag = (name: string, description: string): Parameter => ({ name, type: 'boolean', description });

const dryRun = text('dryRun', 'All: everything is checked and nothing is stored.');
const fieldManager = text('fieldManager', 'Name of who makes this change; with server-side apply it is required.');
const fieldValidation = text(
  'fieldValidation',
  'What happens to unknown or duplicate fields: Ignore drops them, Warn (default) warns, Strict refuses.',
);
const force = flag('force', 'Server-side apply takes fields over from others who own them.');
const writeParameters = [dryRun, fieldManager, fieldValidation];
const patchParameters = [...writeParameters, force];
const deleteParameters = [
  dryRun,
  integer('gracePeriodSeconds', 'Seconds before the object is removed; zero is at once.'),
  flag(
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'Removes an object even if what is stored of it cannot be read.',
  ),
  flag('orphanDependents', 'Deprecated: use propagationPolicy.'),
  text('propagationPolicy', 'What happens to dependents: Orphan, Background or Foreground.'),
];
const selectionParameters = [
  text('continue', 'Token of the last page, to get the next.'),
  text('fieldSelector', 'Only objects whose fields match.'),
  text('labelSelector', 'Only objects whose labels match.'),
  integer('limit', 'Largest number of objects in one answer.'),
  text('resourceVersion', 'State of the server that the answer is at least as new as.'),
  text('resourceVersionMatch', 'How resourceVersion is applied: Exact or NotOlderThan.'),
  flag('sendInitialEvents', 'A watch begins with the present state, ended by a bookmark.'),
  text('shardSelector', 'Only objects of one shard.'),
  integer('timeoutSeconds', 'Seconds after which the request ends.'),
];
const listParameters = [
  flag('allowWatchBookmarks', 'A watch sends bookmarks with the resource version it has reached.'),
  ...selectionParameters,
  flag('watch', 'Changes as they happen instead of a list.'),
];

const metaType = (name: string) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`;
const upperFirst = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);

/** `storage.k8s.io` -> `Storage`, `rbac.authorization.k8s.io` -> `RbacAuthorization`. */
const groupWord = (group: string): string =>
  group === ''
    ? 'Core'
    : group
        .replace(/\.k8s\.io$/, '')
        .split('.')
        .map(upperFirst)
        .join('');

export const pathPrefix = (group: string, version: string): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

const nameParameter = (kind: string) => text('name', `name of the ${kind}`);
const namespaceParameter = text('namespace', 'object name and auth scope, such as for teams and projects');

/** Every path of a row, subresources included. */
export function pathItemsOf(row: KindRow): PathItem[] {
  const prefix = pathPrefix(row.group, row.version);
  const scope = row.namespaced ? `${prefix}/namespaces/{namespace}` : prefix;
  const scopeParameters = row.namespaced ? [namespaceParameter] : [];
  const items: PathItem[] = [];
  const add = (path: string, pathParameters: readonly Parameter[], operations: readonly Operation[]) => {
    if (operations.length > 0) items.push({ path, pathParameters, operations });
  };
  if (row.namespaced && row.verbs.includes('list')) add(`${prefix}/${row.resource}`, [], [listAllOperation(row)]);
  add(`${scope}/${row.resource}`, scopeParameters, collectionOperations(row));
  const named = [nameParameter(row.kind), ...scopeParameters];
  add(`${scope}/${row.resource}/{name}`, named, objectOperations(row));
  for (const [name, subresource] of Object.entries(row.subresources)) {
    const operations = subresourceOperations(row, name, subresource);
    const path = `${scope}/${row.resource}/{name}/${name}`;
    add(path, named, operations);
    if (name !== 'proxy') continue;
    const { group, version, kind } = subresource;
    add(
      `${path}/{path}`,
      [...named, text('path', 'path to the resource')],
      connectOperations(row, name, { group, version, kind }, 'WithPath'),
    );
  }
  return items;
}

function base(row: KindRow): Pick<Operation, 'tag' | 'groupVersionKind'> {
  const word = groupWord(row.group);
  return {
    tag: `${word.slice(0, 1).toLowerCase()}${word.slice(1)}_${row.version}`,
    groupVersionKind: { group: row.group, kind: row.kind, version: row.version },
    ...(row.custom === undefined ? {} : { isCustom: true }),
  };
}

const idOf = (row: KindRow, verb: string, suffix = ''): string =>
  `${verb}${groupWord(row.group)}${upperFirst(row.version)}${row.namespaced ? 'Namespaced' : ''}${row.kind}${suffix}`;

const listType = (row: KindRow): string => {
  const name = `${row.typeName}List`;
  return row.custom !== undefined || hasType(name) ? name : row.typeName;
};

const listAllOperation = (row: KindRow): Operation => ({
  ...base(row),
  method: 'get',
  action: 'list',
  operationId: `list${groupWord(row.group)}${upperFirst(row.version)}${row.kind}ForAllNamespaces`,
  description: `list or watch objects of kind ${row.kind}`,
  parameters: listParameters,
  answers: { 200: listType(row) },
  streams: true,
});

function collectionOperations(row: KindRow): Operation[] {
  const operations: Operation[] = [];
  if (row.verbs.includes('list'))
    operations.push({
      ...base(row),
      method: 'get',
      action: 'list',
      operationId: idOf(row, 'list'),
      description: `list or watch objects of kind ${row.kind}`,
      parameters: listParameters,
      answers: { 200: listType(row) },
      streams: true,
    });
  if (row.verbs.includes('create'))
    operations.push({
      ...base(row),
      method: 'post',
      action: 'post',
      operationId: idOf(row, 'create'),
      description: `create a ${row.kind}`,
      parameters: writeParameters,
      body: row.typeName,
      bodyRequired: true,
      answers: { 200: row.typeName, 201: row.typeName, 202: row.typeName },
    });
  if (row.verbs.includes('deletecollection'))
    operations.push({
      ...base(row),
      method: 'delete',
      action: 'deletecollection',
      operationId: idOf(row, 'delete').replace(upperFirst(row.version), `${upperFirst(row.version)}Collection`),
      description: `delete collection of ${row.kind}`,
      parameters: [...deleteParameters, ...selectionParameters].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      body: metaType('DeleteOptions'),
      answers: { 200: metaType('Status') },
    });
  return operations;
}

const verbMethods = { get: 'get', update: 'put', patch: 'patch', delete: 'delete', create: 'post' } as const;

function objectOperations(row: KindRow): Operation[] {
  const operations: Operation[] = [];
  const { typeName } = row;
  const common = (verb: keyof typeof verbMethods, id: string) => ({
    ...base(row),
    method: verbMethods[verb],
    action: verbMethods[verb],
    operationId: idOf(row, id),
  });
  if (row.verbs.includes('get'))
    operations.push({
      ...common('get', 'read'),
      description: `read the specified ${row.kind}`,
      parameters: [],
      answers: { 200: typeName },
    });
  if (row.verbs.includes('update'))
    operations.push({
      ...common('update', 'replace'),
      description: `replace the specified ${row.kind}`,
      parameters: writeParameters,
      body: typeName,
      bodyRequired: true,
      answers: { 200: typeName, 201: typeName },
    });
  if (row.verbs.includes('patch'))
    operations.push({
      ...common('patch', 'patch'),
      description: `partially update the specified ${row.kind}`,
      parameters: patchParameters,
      answers: { 200: typeName, 201: typeName },
    });
  if (row.verbs.includes('delete'))
    operations.push({
      ...common('delete', 'delete'),
      description: `delete a ${row.kind}`,
      parameters: deleteParameters,
      body: metaType('DeleteOptions'),
      answers: { 200: metaType('Status'), 202: metaType('Status') },
    });
  return operations;
}

/** Subresources that are no objects but connections. */
const connections: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy']);

/** A proxy passes every method on, the others start with GET or POST. */
function connectOperations(
  row: KindRow,
  name: string,
  groupVersionKind: Operation['groupVersionKind'],
  suffix: 'WithPath' | '',
): Operation[] {
  const methods = name === 'proxy' ? (['get', 'put', 'post', 'patch', 'delete'] as const) : (['get', 'post'] as const);
  return methods.map((method) => ({
    tag: base(row).tag,
    groupVersionKind,
    method,
    action: 'connect',
    operationId: `connect${groupWord(row.group)}${upperFirst(row.version)}${upperFirst(method)}${row.namespaced ? 'Namespaced' : ''}${row.kind}${upperFirst(name)}${suffix}`,
    description: `connect ${method.toUpperCase()} requests to ${name} of ${row.kind}`,
    parameters: [],
    answers: { 200: '' },
  }));
}

function subresourceOperations(row: KindRow, name: string, subresource: SubresourceRow): Operation[] {
  const suffix = upperFirst(name);
  const isOwn = subresource.kind === row.kind;
  const typeName = isOwn ? row.typeName : subresourceType(row, subresource);
  const groupVersionKind = { group: subresource.group, kind: subresource.kind, version: subresource.version };
  const common = { ...base(row), groupVersionKind };
  if (connections.has(name)) return connectOperations(row, name, groupVersionKind, '');
  if (name === 'log')
    return [
      {
        ...base(row),
        method: 'get',
        action: 'get',
        operationId: idOf(row, 'read', suffix),
        description: `read log of the specified ${row.kind}`,
        parameters: logParameters,
        answers: { 200: '' },
      },
    ];
  if (typeName === undefined) return [];
  const words = { get: 'read', update: 'replace', patch: 'patch', create: 'create', delete: 'delete' } as const;
  return (['get', 'update', 'patch', 'create'] as const)
    .filter((verb) => subresource.verbs.includes(verb))
    .map((verb): Operation => ({
      ...common,
      method: verbMethods[verb],
      action: verbMethods[verb],
      operationId: idOf(row, words[verb], suffix),
      description: `${words[verb]} ${name} of the specified ${row.kind}`,
      parameters: verb === 'get' ? [] : verb === 'patch' ? patchParameters : writeParameters,
      ...(verb === 'update' || verb === 'create' ? { body: typeName, bodyRequired: true } : {}),
      answers: answersOf(verb, typeName),
    }));
}

const answersOf = (verb: string, typeName: string): Operation['answers'] =>
  verb === 'get' ? { 200: typeName } : { 200: typeName, 201: typeName };

const logParameters = [
  text('container', 'Container whose log it is; default: the only one.'),
  flag('follow', 'Go on with what is written from now on.'),
  flag('insecureSkipTLSVerifyBackend', 'The node is not verified.'),
  integer('limitBytes', 'Bytes after which the log is cut.'),
  flag('previous', 'Log of the container before its last restart.'),
  integer('sinceSeconds', 'Only what is newer than this.'),
  text('stream', 'All, Stdout or Stderr.'),
  integer('tailLines', 'Only so many lines from the end.'),
  flag('timestamps', 'Each line begins with its time.'),
];

function subresourceType(row: KindRow, subresource: SubresourceRow): string | undefined {
  const sibling = `${row.typeName.slice(0, row.typeName.lastIndexOf('.') + 1)}${subresource.kind}`;
  const word = subresource.group === '' ? 'core' : subresource.group.split('.')[0]!;
  const named = `io.k8s.api.${word}.${subresource.version}.${subresource.kind}`;
  return [named, sibling].find(hasType);
}
