// Which APIServices this server wants there for what it answers itself: those of its own groups, and of the group versions that
// custom resource definitions name. Pure.
import type { APIService, CustomResourceDefinition } from '#api/generated/types.ts';
import { APIServices } from '#api/generated/kind-references.ts';
import type { GroupRow } from '#api/kinds.ts';
import { customPriority } from './group-order.ts';

export const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';
/** `onstart`: brought in line once, when the server starts. `true`: whenever it differs. '': made when absent, then its owner's. */
export type Management = 'onstart' | 'true' | '';
/** Its place is an installable server's as well: what somebody put there is never taken back. */
const replaceableGroups = new Set(['metrics.k8s.io']);

const local = (group: string, version: string, priorities: readonly [number, number], managed: Management) => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: APIServices.kind,
  metadata: {
    name: `${version}.${group}`,
    ...(managed === '' ? {} : { labels: { [managedLabel]: managed } }),
  },
  spec: {
    ...(group === '' ? {} : { group }),
    version,
    groupPriorityMinimum: priorities[0],
    versionPriority: priorities[1],
  },
});

/** By name. */
export const builtInServices = (
  groups: readonly GroupRow[],
  isServed: (group: string, version: string) => boolean,
): ReadonlyMap<string, APIService> =>
  new Map(
    groups.flatMap(({ name, priority, versions }) =>
      name === APIServices.group
        ? []
        : versions.flatMap((one): [string, APIService][] => {
            if (priority === undefined || one.priority === undefined || !isServed(name, one.version)) return [];
            const managed = replaceableGroups.has(name) ? '' : 'onstart';
            return [[`${one.version}.${name}`, local(name, one.version, [priority, one.priority], managed)]];
          }),
    ),
  );

export const serviceNames = ({ spec }: CustomResourceDefinition): readonly string[] =>
  spec.versions.map((one) => `${one.name}.${spec.group}`);

/** Undefined: no definition serves this group version. */
export function customService(name: string, definitions: Iterable<CustomResourceDefinition>): APIService | undefined {
  for (const { spec } of definitions)
    for (const one of spec.versions)
      if (one.served && `${one.name}.${spec.group}` === name)
        return local(spec.group, one.name, [customPriority.group, customPriority.version], 'true');
  return undefined;
}

export type Registration =
  | { readonly type: 'create' | 'update'; readonly object: APIService }
  | { readonly type: 'delete'; readonly object: APIService }
  | { readonly type: 'nothing' };

/** What to do about one name, by upstream's table of what is wanted against what is there. */
export function decideRegistration(
  wanted: APIService | undefined,
  current: APIService | undefined,
  seen: { readonly atStart: boolean; readonly done: boolean },
): Registration {
  const nothing: Registration = { type: 'nothing' };
  const managed = (one: APIService | undefined) => one?.metadata.labels?.[managedLabel] ?? '';
  if (wanted !== undefined && managed(wanted) !== 'true' && seen.done) return nothing;
  if (current === undefined) return wanted === undefined ? nothing : { type: 'create', object: wanted };
  if (managed(current) !== 'onstart' && managed(current) !== 'true') return nothing;
  if (managed(current) === 'onstart' && (!seen.atStart || seen.done)) return nothing;
  if (wanted === undefined) return { type: 'delete', object: current };
  return sameSpec(current, wanted) ? nothing : { type: 'update', object: { ...current, spec: wanted.spec } };
}

const specText = ({ spec }: APIService): string =>
  JSON.stringify([
    spec?.group ?? '',
    spec?.version ?? '',
    spec?.groupPriorityMinimum,
    spec?.versionPriority,
    spec?.service ?? null,
    spec?.caBundle ?? '',
    spec?.insecureSkipTLSVerify === true,
  ]);
const sameSpec = (one: APIService, other: APIService): boolean => specText(one) === specText(other);
