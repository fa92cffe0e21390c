// The rows of the table of kinds, joined from the resource, strategy and type facts: src/api/kinds.ts reads only this,
// so that a start does not parse a megabyte of facts.
import { createHash } from 'node:crypto';
import type { TypeTable } from './facts.ts';

type Columns = readonly (readonly [string, string, string, number])[];
interface SubresourceFacts {
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly gv?: readonly [string, string];
  readonly columns?: Columns;
}
interface RowFacts {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources?: Readonly<Record<string, SubresourceFacts>>;
  readonly defaultOn?: boolean;
  readonly storage?: readonly [string, string, string];
  readonly storageVersionHash?: string;
  readonly etcdKey?: string;
  readonly columns?: Columns | 'default';
  readonly fieldSelectors?: readonly string[];
  readonly generation?: boolean;
  readonly statusReset?: boolean;
  readonly strategy?: string;
}
interface StrategyFacts {
  readonly statusOnCreate?: unknown;
  readonly keptOnUpdate?: readonly string[];
  readonly generationBumpOn?: readonly string[];
  readonly resetFields?: Readonly<Record<string, readonly string[]>>;
  readonly allowCreateOnUpdate?: boolean;
  readonly allowUnconditionalUpdate?: boolean;
  readonly gcDefault?: readonly string[] | { readonly orphanFor: readonly string[] };
}
interface GroupFacts {
  readonly versions: readonly string[];
  readonly versionInfo: Readonly<Record<string, { readonly defaultOn: boolean; readonly versionPriority?: number }>>;
  readonly groupPriorityMinimum?: number;
}
export interface KindFacts {
  readonly groupOrder: readonly string[];
  readonly groups: Readonly<Record<string, GroupFacts>>;
  readonly resources: Readonly<Record<string, RowFacts>>;
  readonly strategies: Readonly<Record<string, Readonly<Record<string, StrategyFacts>>>>;
}

interface OpenshiftRow {
  readonly stored: boolean;
  readonly strategy?: StrategyFacts;
  /** It is a view of objects of another kind. */
  readonly storedAs?: { readonly gvk: readonly [string, string, string]; readonly etcdKey: string };
  /** Those that are served, where not all are. */
  readonly verbs?: readonly string[];
}
/** OpenShift resources of this project. Projects are a view of namespaces, users of who asks: nothing of its own is stored. */
const openshiftRows: Readonly<Record<string, OpenshiftRow>> = {
  'route.openshift.io/v1/routes': {
    stored: true,
    strategy: {
      statusOnCreate: 'cleared',
      keptOnUpdate: ['status'],
      allowCreateOnUpdate: false,
      allowUnconditionalUpdate: false,
      resetFields: { 'route.openshift.io/v1': ['status'] },
    },
  },
  'project.openshift.io/v1/projects': {
    stored: true,
    strategy: { keptOnUpdate: ['status'], allowCreateOnUpdate: false, allowUnconditionalUpdate: true },
    storedAs: { gvk: ['', 'v1', 'Namespace'], etcdKey: '/registry/namespaces/{name}' },
  },
  'project.openshift.io/v1/projectrequests': { stored: false },
  'security.openshift.io/v1/securitycontextconstraints': {
    stored: true,
    strategy: { allowCreateOnUpdate: false, allowUnconditionalUpdate: true },
  },
  'security.openshift.io/v1/rangeallocations': {
    stored: true,
    strategy: { allowCreateOnUpdate: false, allowUnconditionalUpdate: false },
  },
  'user.openshift.io/v1/users': { stored: false, verbs: ['get'] },
};

const amountColumns = (names: readonly string[]): Columns => [
  ['Name', 'string', 'name', 0],
  ...names.map((name): Columns[number] => [name, 'string', 'quantity', 0]),
  ['Window', 'string', 'duration', 0],
];
/** The resource usage that other clusters serve with an addition (metrics-server): answered here by asking the nodes. */
const usageRows: readonly (RowFacts & { readonly typeName: string })[] = (['nodes', 'pods'] as const).map(
  (resource) => {
    const kind = resource === 'nodes' ? 'NodeMetrics' : 'PodMetrics';
    return {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      resource,
      kind,
      singular: '',
      namespaced: resource === 'pods',
      verbs: ['get', 'list'],
      columns: amountColumns(['cpu', 'memory']),
      typeName: `io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}`,
    };
  },
);

/** Selectors that the facts carry as the names of upstream's constants. */
const selectorConstants: Readonly<Record<string, string>> = {
  'resourcev1beta1.ResourceSliceSelectorDriver': 'spec.driver',
  'resourcev1beta1.ResourceSliceSelectorNodeName': 'spec.nodeName',
};

/** What upstream compares in a few kinds is not one top-level field. */
const bumpParts: Readonly<Record<string, readonly string[]>> = {
  'apps/daemonsets': ['spec'],
  'apps/deployments': ['spec', 'metadata.annotations'],
  'discovery.k8s.io/endpointslices': ['addressType', 'endpoints', 'ports', 'metadata.labels'],
};

const apiVersionOf = (group: string, version: string) => (group === '' ? version : `${group}/${version}`);

function strategyOf(row: RowFacts, facts: Readonly<Record<string, StrategyFacts>>) {
  const main = facts['main'] ?? {};
  const apiVersion = apiVersionOf(row.group, row.version);
  const resetFields: Record<string, readonly string[]> = {};
  for (const [subresource, one] of Object.entries(facts)) {
    const fields = one.resetFields?.[apiVersion];
    if (fields !== undefined && fields.length > 0) resetFields[subresource === 'main' ? '' : subresource] = fields;
  }
  const gc = main.gcDefault;
  const orphans = gc !== undefined && 'orphanFor' in gc && gc.orphanFor.includes(apiVersion);
  const resetsStatus = row.statusReset ?? main.keptOnUpdate?.includes('status') ?? false;
  return {
    generationBumpOn: bumpParts[row.strategy ?? ''] ?? main.generationBumpOn ?? [],
    hasGeneration: row.generation ?? false,
    resetsStatus,
    keepsStatusOnCreate: resetsStatus && main.statusOnCreate === undefined,
    allowCreateOnUpdate: main.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: main.allowUnconditionalUpdate ?? false,
    defaultPropagation: orphans ? 'Orphan' : 'Background',
    resetFields,
  };
}

export function generateKindRows(types: TypeTable, facts: KindFacts, openshift: Pick<KindFacts, 'resources'>): string {
  const typeByKind = new Map<string, string>();
  for (const [name, one] of Object.entries({ ...types.extraTypes, ...types.types }))
    for (const gvk of one.gvks ?? []) typeByKind.set(gvk.join('/'), name);
  const served = (group: string, version: string, kind: string) =>
    Object.values(facts.resources).some(
      (row) => row.group === group && row.version === version && row.kind === kind && row.defaultOn,
    );

  const storageOf = (row: RowFacts) => {
    if (row.storage === undefined) return undefined;
    const [group, version, kind] = row.storage;
    // A version that is not served has no readers here: store what is served, so that the stored bytes can be sent.
    const preferred = facts.groups[row.group]?.versions.find((one) => served(row.group, one, row.kind));
    return served(group, version, kind) || preferred === undefined
      ? { group, version, kind }
      : { group: row.group, version: preferred, kind: row.kind };
  };
  const rowOf = (
    row: RowFacts,
    extra: { typeName: string; etcdKey?: string; hash?: string; strategy?: StrategyFacts },
  ) => ({
    group: row.group,
    version: row.version,
    resource: row.resource,
    kind: row.kind,
    namespaced: row.namespaced,
    singular: row.singular,
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    verbs: row.verbs,
    subresources: Object.fromEntries(
      Object.entries(row.subresources ?? {}).map(([name, sub]) => {
        const [group, version] = sub.gv ?? [row.group, row.version];
        return [
          name,
          {
            kind: sub.kind,
            group,
            version,
            verbs: sub.verbs,
            ...(sub.columns === undefined ? {} : { columns: sub.columns }),
          },
        ];
      }),
    ),
    typeName: extra.typeName,
    storage: storageOf(row),
    storageVersionHash: row.storageVersionHash ?? extra.hash ?? '',
    etcdKey: row.etcdKey ?? extra.etcdKey,
    fieldSelectors: (row.fieldSelectors ?? ['metadata.name', ...(row.namespaced ? ['metadata.namespace'] : [])]).map(
      (one) => selectorConstants[one] ?? one,
    ),
    ...(row.columns === undefined || row.columns === 'default' ? {} : { columns: row.columns }),
    servedByDefault: row.defaultOn ?? true,
    strategy: strategyOf(
      row,
      extra.strategy === undefined ? (facts.strategies[row.strategy ?? ''] ?? {}) : { main: extra.strategy },
    ),
  });

  const rows = Object.values(facts.resources).map((row) => {
    const gvk = `${row.group}/${row.version}/${row.kind}`;
    const typeName = typeByKind.get(gvk);
    if (typeName === undefined) throw new Error(`no type for ${gvk}`);
    return rowOf(row, { typeName });
  });
  const openshiftGroups: string[] = [];
  for (const [key, { stored, strategy, storedAs, verbs }] of Object.entries(openshiftRows)) {
    const facts = openshift.resources[key];
    if (facts === undefined) throw new Error(`no facts for ${key}`);
    const row = verbs === undefined ? facts : { ...facts, verbs };
    const gvk = storedAs?.gvk ?? ([row.group, row.version, row.kind] as const);
    if (!openshiftGroups.includes(row.group)) openshiftGroups.push(row.group);
    rows.push(
      rowOf(stored ? { ...row, storage: gvk } : row, {
        typeName: `com.github.openshift.api.${row.group.split('.')[0]}.${row.version}.${row.kind}`,
        ...(strategy === undefined ? {} : { strategy }),
        ...(stored
          ? {
              etcdKey:
                storedAs?.etcdKey ??
                `/registry/${row.group}/${row.resource}/${row.namespaced ? '{namespace}/' : ''}{name}`,
              hash: createHash('sha256').update(gvk.join('/')).digest().subarray(0, 8).toString('base64'),
            }
          : {}),
      }),
    );
  }
  for (const row of usageRows) rows.push(rowOf(row, { typeName: row.typeName }));
  const groups = [
    ...facts.groupOrder.map((name) => {
      const group = facts.groups[name]!;
      return {
        name,
        priority: group.groupPriorityMinimum,
        versions: group.versions.map((version) => ({
          version,
          servedByDefault: group.versionInfo[version]?.defaultOn ?? false,
          priority: group.versionInfo[version]?.versionPriority,
        })),
      };
    }),
    // The priorities of OpenShift's servers and of metrics-server.
    ...openshiftGroups.map((name) => ({
      name,
      priority: 9900,
      versions: [{ version: 'v1', servedByDefault: true, priority: 15 }],
    })),
    {
      name: 'metrics.k8s.io',
      priority: 100,
      versions: [{ version: 'v1beta1', servedByDefault: true, priority: 100 }],
    },
  ];
  const lines = (list: readonly unknown[]) => `[\n${list.map((one) => JSON.stringify(one)).join(',\n')}\n]`;
  return `{"groups":${lines(groups)},\n"rows":${lines(rows)}}\n`;
}
