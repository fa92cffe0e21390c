// What the server serves, as discovery documents; made once, at the first question.
import { createHash } from 'node:crypto';
import { kindTable, apiVersionOf } from '#api/kinds.ts';
import type { KindRow } from '#api/kind.ts';

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

export const servedRows = (): readonly KindRow[] => kindTable.rows.filter((row) => row.servedByDefault);

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

function resourcesOf(row: KindRow): ApiResource[] {
  const main: ApiResource = {
    name: row.resource,
    singularName: row.singular,
    namespaced: row.namespaced,
    kind: row.kind,
    verbs: row.verbs,
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

const rowsOf = (group: string, version: string): readonly KindRow[] =>
  servedRows().filter((row) => row.group === group && row.version === version);

/** Undefined: this group version is not served. */
export function resourceList(group: string, version: string): object | undefined {
  const rows = rowsOf(group, version);
  if (rows.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: rows.flatMap(resourcesOf).toSorted(byName),
  };
}

const servedVersions = (group: string): string[] => {
  const there = new Set(servedRows().flatMap((row) => (row.group === group ? [row.version] : [])));
  const ordered = kindTable.groups.find((one) => one.name === group)?.versions.map((one) => one.version) ?? [];
  return ordered.filter((version) => there.has(version));
};

function groupDocument(group: string): object | undefined {
  const versions = servedVersions(group).map((version) => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  }));
  return versions.length === 0 ? undefined : { name: group, versions, preferredVersion: versions[0] };
}

export const apiGroup = (group: string): object | undefined => {
  const document = groupDocument(group);
  return document === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...document };
};

export const apiGroupList = (): object => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: kindTable.groups.flatMap((group) => (group.name === '' ? [] : (groupDocument(group.name) ?? []))),
});

export const apiVersions = (serverAddress: string): object => ({
  kind: 'APIVersions',
  versions: servedVersions(''),
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
});

const responseKind = (row: { group: string; version: string; kind: string }) => ({
  group: row.group,
  version: row.version,
  kind: row.kind,
});

const aggregatedResource = (row: KindRow) => ({
  resource: row.resource,
  responseKind: responseKind(row),
  scope: row.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: row.singular,
  verbs: row.verbs,
  ...(row.shortNames.length === 0 ? {} : { shortNames: row.shortNames }),
  ...(row.categories.length === 0 ? {} : { categories: row.categories }),
  ...(Object.keys(row.subresources).length === 0
    ? {}
    : {
        subresources: Object.entries(row.subresources).map(([subresource, one]) => ({
          subresource,
          responseKind: responseKind(one),
          verbs: one.verbs,
        })),
      }),
});

export interface AggregatedDocument {
  readonly bytes: Uint8Array;
  readonly object: object;
  readonly etag: string;
}

const cache = new Map<string, AggregatedDocument>();

/** apidiscovery.k8s.io APIGroupDiscoveryList of `/api` or `/apis`. */
export function aggregatedDocument(path: '/api' | '/apis', version: 'v2' | 'v2beta1'): AggregatedDocument {
  const key = `${path} ${version}`;
  let document = cache.get(key);
  if (document === undefined) {
    const groups = kindTable.groups.filter((group) => (path === '/api') === (group.name === ''));
    const object = {
      kind: 'APIGroupDiscoveryList',
      apiVersion: `apidiscovery.k8s.io/${version}`,
      metadata: {},
      items: groups.flatMap((group) => {
        const versions = servedVersions(group.name);
        return versions.length === 0
          ? []
          : [
              {
                metadata: { ...(group.name === '' ? {} : { name: group.name }), creationTimestamp: null },
                versions: versions.map((one) => ({
                  version: one,
                  resources: rowsOf(group.name, one)
                    .toSorted((a, b) => (a.resource < b.resource ? -1 : 1))
                    .map(aggregatedResource),
                  freshness: 'Current',
                })),
              },
            ];
      }),
    };
    const bytes = Buffer.from(`${JSON.stringify(object)}\n`);
    document = { bytes, object, etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"` };
    cache.set(key, document);
  }
  return document;
}
