// The table of kinds: every served version of every resource, one row each, with its hand-written behaviour.
// Rows come from facts (generated/kind-rows.json), behaviours from kinds/registry.ts. Rows of custom resources are a server's own
// (apiserver/custom-resources).
import data from './generated/kind-rows.json' with { type: 'json' };
import { deprecationWarning } from './deprecations.ts';
import type { ColumnRow, KindBehaviour, KindReference, KindRow, KubernetesObject, Verb } from './kind.ts';
import { behaviours } from './kinds/registry.ts';

export interface GroupRow {
  readonly name: string;
  /** Of its APIServices; absent: it has none. */
  readonly priority?: number | undefined;
  /** In order of preference. */
  readonly versions: readonly {
    readonly version: string;
    readonly servedByDefault: boolean;
    readonly priority?: number | undefined;
  }[];
  /** The first version that is served by default; absent when none is. */
  readonly preferredVersion: string | undefined;
}

export interface KindTable {
  /** All rows in upstream's order of groups; `servedByDefault` says which an unconfigured server has. */
  readonly rows: readonly KindRow[];
  /** In the order of discovery: the core group (named '') first. */
  readonly groups: readonly GroupRow[];
  find(group: string, version: string, resource: string): KindRow | undefined;
  findKind(group: string, version: string, kind: string): KindRow | undefined;
  row(reference: KindReference): KindRow | undefined;
  behaviour(row: KindReference & Pick<KindRow, 'custom'>): KindBehaviour;
  /** `PodList` for Pods. */
  listTypeName(row: KindReference & Pick<KindRow, 'custom'>): string;
}

/** Columns of kinds without their own, as upstream's default table converter. */
const defaultColumns: readonly ColumnRow[] = [
  ['Name', 'string', 'name', 0],
  ['Created At', 'date', '', 0],
];
const noBehaviour: KindBehaviour = {};

type RowData = (typeof data.rows)[number];

interface Tables {
  readonly rows: readonly KindRow[];
  readonly groups: readonly GroupRow[];
  readonly byResource: ReadonlyMap<string, KindRow>;
  readonly byKind: ReadonlyMap<string, KindRow>;
  readonly keyPattern: ReadonlyMap<string, string>;
}

const rowOf = (one: RowData): KindRow => ({
  ...one,
  verbs: one.verbs as Verb[],
  storage: 'storage' in one ? one.storage : undefined,
  columns: 'columns' in one ? (one.columns as unknown as ColumnRow[]) : defaultColumns,
  subresources: one.subresources as unknown as KindRow['subresources'],
  strategy: one.strategy as unknown as KindRow['strategy'],
  deprecation: deprecationWarning(one),
});

let built: Tables | undefined;
function tables(): Tables {
  if (built !== undefined) return built;
  const rows = data.rows.map(rowOf);
  const groupOrder = new Map(data.groups.map((group, index) => [group.name, index]));
  rows.sort((a, b) => groupOrder.get(a.group)! - groupOrder.get(b.group)!);
  built = {
    rows,
    groups: data.groups.map((group) => ({
      ...group,
      preferredVersion: group.versions.find((one) => one.servedByDefault)?.version,
    })),
    byResource: new Map(rows.map((row) => [`${row.group}/${row.version}/${row.resource}`, row])),
    byKind: new Map(rows.map((row) => [`${row.group}/${row.version}/${row.kind}`, row])),
    keyPattern: new Map(
      data.rows.flatMap((one) => ('etcdKey' in one ? [[`${one.group}/${one.resource}`, one.etcdKey!]] : [])),
    ),
  };
  return built;
}

export const kindTable: KindTable = {
  get rows() {
    return tables().rows;
  },
  get groups() {
    return tables().groups;
  },
  find: (group, version, resource) => tables().byResource.get(`${group}/${version}/${resource}`),
  findKind: (group, version, kind) => tables().byKind.get(`${group}/${version}/${kind}`),
  row: ({ group, version, resource }) => tables().byResource.get(`${group}/${version}/${resource}`),
  behaviour: ({ group, kind, custom }) =>
    custom?.behaviour ?? behaviours[group === '' ? kind : `${group}/${kind}`] ?? noBehaviour,
  listTypeName: ({ kind, custom }) => custom?.listKind ?? `${kind}List`,
};

interface KeyForm {
  /** Of all namespaces, or of all objects where there are none. */
  readonly prefix: string;
  readonly namespaced: boolean;
}
const keyForms = new WeakMap<KindReference, KeyForm>();

/** The name under which upstream stores it; custom resources: `/registry/GROUP/RESOURCE/`. */
function keyFormOf(kind: KindReference): KeyForm {
  let form = keyForms.get(kind);
  if (form === undefined) {
    const { group, resource } = kind;
    const pattern =
      tables().keyPattern.get(`${group}/${resource}`) ??
      `/registry/${group}/${resource}/${kind.namespaced ? '{namespace}/' : ''}{name}`;
    const namespaceAt = pattern.indexOf('{namespace}');
    const end = namespaceAt < 0 ? pattern.lastIndexOf('/') + 1 : namespaceAt;
    keyForms.set(kind, (form = { prefix: pattern.slice(0, end), namespaced: namespaceAt >= 0 }));
  }
  return form;
}

/** The object's key in the store. `namespace` is ignored for kinds of the cluster. */
export const storageKey = (kind: KindReference, namespace: string | undefined, name: string): string =>
  storagePrefix(kind, namespace) + name;

/** The prefix of all objects of the kind, or of one namespace's. Ends with a slash. */
export function storagePrefix(kind: KindReference, namespace?: string): string {
  const { prefix, namespaced } = keyFormOf(kind);
  return !namespaced || namespace === undefined || namespace === '' ? prefix : `${prefix}${namespace}/`;
}

export const apiVersionOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? version : `${group}/${version}`;

/** `apps/v1` -> group and version; `v1` is the core group's. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The row of an object by its apiVersion and kind. */
export const rowOfObject = (object: Pick<KubernetesObject, 'apiVersion' | 'kind'>): KindRow | undefined => {
  const { group, version } = parseApiVersion(object.apiVersion ?? '');
  return kindTable.findKind(group, version, object.kind ?? '');
};
