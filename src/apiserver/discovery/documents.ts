// What the server serves, as discovery documents; made once, at the first question.
import { createHash } from 'node:crypto';
import { apiVersionOf } from '#api/kinds.ts';
import type { KindRow } from '#api/kind.ts';
import type { Served } from '../aggregation/served.ts';

export interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly storageVersionHash?: string;
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** What goes away takes nothing new. */
const verbsOf = ({ verbs, custom }: KindRow): readonly string[] =>
  custom?.terminating === true ? verbs.filter((verb) => !['patch', 'create', 'update'].includes(verb)) : verbs;

function resourcesOf(row: KindRow): ApiResource[] {
  const main: ApiResource = {
    name: row.resource,
    singularName: row.singular,
    namespaced: row.namespaced,
    kind: row.kind,
    verbs: verbsOf(row),
    ...(row.shortNames.length === 0 ? {} : { shortNames: row.shortNames }),
    ...(row.categories.length === 0 ? {} : { categories: row.categories }),
    ...(row.storage === undefined || row.storageVersionHash === ''
      ? {}
      : { storageVersionHash: row.storageVersionHash }),
  };
  const subresources = Object.entries(row.subresources).map(([name, one]): ApiResource => ({
    name: `${row.resource}/${name}`,
    singularName: '',
    namespaced: row.namespaced,
    ...(one.group === row.group && one.version === row.version ? {} : { group: one.group, version: one.version }),
    kind: one.kind,
    verbs: one.verbs,
  }));
  return [main, ...subresources];
}

type Kinds = Served;

const rowsOf = (kinds: Kinds, group: string, version: string): readonly KindRow[] =>
  kinds.rows.filter((row) => row.group === group && row.version === version);

/** Undefined: this group version is not served. */
export function resourceList(kinds: Kinds, group: string, version: string): object | undefined {
  const rows = rowsOf(kinds, group, version);
  if (rows.length === 0) return undefined;
  const isCustom = rows.every(({ custom }) => custom !== undefined);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    // Of custom resources, the parts of a kind follow it.
    resources: isCustom ? rows.flatMap(resourcesOf) : rows.flatMap(resourcesOf).toSorted(byName),
  };
}

const servedVersions = (kinds: Kinds, group: string): readonly string[] =>
  kinds.groups.find((one) => one.name === group)?.versions.map((one) => one.version) ?? [];

function groupDocument(kinds: Kinds, group: string): object | undefined {
  const versions = servedVersions(kinds, group).map((version) => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  }));
  return versions.length === 0 ? undefined : { name: group, versions, preferredVersion: versions[0] };
}

export const apiGroup = (kinds: Kinds, group: string): object | undefined => {
  const document = groupDocument(kinds, group);
  return document === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...document };
};

export const apiGroupList = (kinds: Kinds): object => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: kinds.groups.flatMap((group) => (group.name === '' ? [] : (groupDocument(kinds, group.name) ?? []))),
});

export const apiVersions = (kinds: Kinds, serverAddress: string): object => ({
  kind: 'APIVersions',
  versions: servedVersions(kinds, ''),
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
});

/** Built-in kinds name only what is not of the group version itself; custom ones name all, as upstream's do. */
const responseKind = (row: KindRow, one: { group: string; version: string; kind: string }) => {
  const isOwn = row.custom === undefined && one.group === row.group && one.version === row.version;
  return { group: isOwn ? '' : one.group, version: isOwn ? '' : one.version, kind: one.kind };
};

const aggregatedResource = (row: KindRow) => ({
  resource: row.resource,
  responseKind: responseKind(row, row),
  scope: row.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: row.singular,
  verbs: verbsOf(row),
  ...(row.shortNames.length === 0 ? {} : { shortNames: row.shortNames }),
  ...(row.categories.length === 0 ? {} : { categories: row.categories }),
  ...(Object.keys(row.subresources).length === 0
    ? {}
    : {
        subresources: Object.entries(row.subresources).map(([subresource, one]) => ({
          subresource,
          responseKind: responseKind(row, one),
          verbs: one.verbs,
        })),
      }),
});

export interface AggregatedDocument {
  readonly bytes: Uint8Array;
  readonly object: object;
  readonly etag: string;
}

/** Documents of an older state are forgotten with it. */
const cache = new WeakMap<Served, Map<string, AggregatedDocument>>();

/** apidiscovery.k8s.io APIGroupDiscoveryList of `/api` or `/apis`. */
export function aggregatedDocument(kinds: Kinds, path: '/api' | '/apis'): AggregatedDocument {
  const key = path;
  let documents = cache.get(kinds);
  if (documents === undefined) cache.set(kinds, (documents = new Map()));
  let document = documents.get(key);
  if (document === undefined) {
    const groups = kinds.groups.filter((group) => (path === '/api') === (group.name === ''));
    const object = {
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      metadata: {},
      items: groups.flatMap((group) => {
        const versions = servedVersions(kinds, group.name);
        return versions.length === 0
          ? []
          : [
              {
                metadata: group.name === '' ? {} : { name: group.name },
                versions: versions.map((one) => {
                  const remote = kinds.remotes.get(apiVersionOf({ group: group.name, version: one }));
                  if (remote !== undefined) return { version: one, ...remote };
                  const resources = rowsOf(kinds, group.name, one)
                    .toSorted((a, b) => (a.resource < b.resource ? -1 : 1))
                    .map(aggregatedResource);
                  return { version: one, resources, freshness: 'Current' };
                }),
              },
            ];
      }),
    };
    const bytes = Buffer.from(`${JSON.stringify(object)}\n`);
    document = { bytes, object, etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"` };
    documents.set(key, document);
  }
  return document;
}
