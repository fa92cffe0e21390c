// metadata.managedFields as a table: who owns which fields, by manager identity. Read from and written to the list in the
// object, in upstream's order.
import type { ManagedFieldsEntry } from '../generated/types.ts';
import { FieldSet, fromFieldsV1, toFieldsV1 } from './field-set.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
}

/** Keyed by managerKey. */
export type Managers = Map<string, Manager>;

/** An applier is the same whatever version it applies in. */
export const managerKey = (manager: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>): string =>
  JSON.stringify([
    manager.name,
    manager.operation,
    manager.operation === 'Apply' ? '' : manager.apiVersion,
    manager.subresource,
  ]);

/** Undefined: the entries are not valid. */
export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers | undefined {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const { operation, apiVersion } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return undefined;
    if (apiVersion === undefined || apiVersion === '' || entry.fieldsType !== 'FieldsV1') return undefined;
    const set = fromFieldsV1(entry.fieldsV1);
    if (set === undefined) return undefined;
    const manager: Manager = {
      name: entry.manager ?? '',
      operation,
      apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time,
      set,
    };
    managers.set(managerKey(manager), manager);
  }
  return managers;
}

const compareTexts = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const compareManagers = (a: Manager, b: Manager): number =>
  compareTexts(a.operation, b.operation) ||
  compareTexts(a.time ?? '', b.time ?? '') ||
  compareTexts(a.name, b.name) ||
  compareTexts(a.apiVersion, b.apiVersion) ||
  compareTexts(a.subresource, b.subresource);

export function writeManagers(managers: Managers): ManagedFieldsEntry[] {
  return [...managers.values()].toSorted(compareManagers).map((manager) => ({
    ...(manager.name === '' ? {} : { manager: manager.name }),
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(manager.set),
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

/** Replaces a manager's set; an empty one takes the manager out. */
export function setFields(managers: Managers, key: string, manager: Manager): void {
  if (manager.set.isEmpty) managers.delete(key);
  else managers.set(key, manager);
}

const field = (...names: string[]) => names.map((name) => `f:${name}`);

/** Fields that nobody owns: identity, and what only the server sets. */
const unowned = FieldSet.of(
  field('apiVersion'),
  field('kind'),
  field('metadata'),
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => field('metadata', name)),
);

export const withoutUnowned = (set: FieldSet): FieldSet => set.difference(unowned);

/** Dotted paths, such as `status` or `metadata.deletionTimestamp`. */
export const fieldsOfPaths = (paths: readonly string[]): FieldSet =>
  FieldSet.of(...paths.map((path) => field(...path.split('.'))));

export const timeText = (now: number): string => `${new Date(now).toISOString().slice(0, 19)}Z`;

const updateManagersMax = 10;

/** Beyond the limit the oldest updaters of a version are joined into one. */
export function joinOldUpdaters(managers: Managers): void {
  const updaters = [...managers.entries()]
    .filter(([, manager]) => manager.operation === 'Update')
    .toSorted(([keyA, a], [keyB, b]) => compareTexts(a.time ?? '', b.time ?? '') || compareTexts(keyA, keyB));
  let count = updaters.length;
  const firstOfVersion = new Map<string, string>();
  for (const [key, manager] of updaters) {
    if (count <= updateManagersMax) return;
    const { apiVersion } = manager;
    const first = firstOfVersion.get(apiVersion);
    if (first === undefined) {
      firstOfVersion.set(apiVersion, key);
      continue;
    }
    const bucket: Manager = { ...manager, name: 'ancient-changes', subresource: '' };
    const bucketKey = managerKey(bucket);
    const current = managers.get(bucketKey) ?? managers.get(first);
    if (!managers.has(bucketKey)) managers.delete(first);
    managers.delete(key);
    managers.set(bucketKey, { ...bucket, set: manager.set.union(current?.set ?? new FieldSet()) });
    count--;
  }
}
