// metadata.managedFields as a table: who owns which fields, by manager identity. Read from and written to the list in the
// object, in upstream's order.
import type { ManagedFieldsEntry } from '../generated/types.ts';
import type { Mutable } from '../kind.ts';
import { FieldSet, fromFieldsV1, toFieldsV1 } from './field-set.ts';

interface Identity {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
}

/**
 * One manager and its fields. What is read from a stored object stays as it is until a change touches it: most changes
 * touch none of an object's managers, or the same fields of one again and again.
 */
export class Manager implements Identity {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  /** As stored, canonical; undefined once the set was changed. */
  readonly #stored: unknown;
  #set: FieldSet | undefined;

  private constructor(identity: Identity, time: string | undefined, stored: unknown, set: FieldSet | undefined) {
    this.name = identity.name;
    this.operation = identity.operation;
    this.apiVersion = identity.apiVersion;
    this.subresource = identity.subresource;
    this.time = time;
    this.#stored = stored;
    this.#set = set;
  }

  static stored(identity: Identity, time: string | undefined, fieldsV1: unknown): Manager {
    return new Manager(identity, time, fieldsV1 ?? {}, undefined);
  }

  static of(identity: Identity, time: string | undefined, set: FieldSet): Manager {
    return new Manager(identity, time, undefined, set);
  }

  get set(): FieldSet {
    return (this.#set ??= fromFieldsV1(this.#stored) ?? new FieldSet());
  }

  get fieldsV1(): object {
    return typeof this.#stored === 'object' && this.#stored !== null ? this.#stored : toFieldsV1(this.set);
  }

  get isEmpty(): boolean {
    return this.#stored === undefined ? this.set.isEmpty : Object.keys(this.fieldsV1).length === 0;
  }

  overlaps(set: FieldSet): boolean {
    return this.#stored === undefined ? !this.set.intersection(set).isEmpty : overlapsStored(this.#stored, set);
  }

  contains(set: FieldSet): boolean {
    return this.#stored === undefined ? set.difference(this.set).isEmpty : containsStored(this.#stored, set);
  }

  without(set: FieldSet): Manager {
    return this.overlaps(set) ? Manager.of(this, this.time, this.set.difference(set)) : this;
  }

  withSet(set: FieldSet, time = this.time): Manager {
    return Manager.of(this, time, set);
  }

  withTime(time: string | undefined): Manager {
    return new Manager(this, time, this.#stored, this.#set);
  }
}

type StoredFields = Readonly<Record<string, unknown>>;

const isMemberNode = (node: unknown): boolean => {
  for (const key in node as StoredFields) if (key !== '.') return '.' in (node as StoredFields);
  return true;
};

function overlapsStored(stored: unknown, set: FieldSet): boolean {
  const fields = stored as StoredFields;
  for (const member of set.members) if (fields[member] !== undefined && isMemberNode(fields[member])) return true;
  for (const [element, child] of set.children)
    if (fields[element] !== undefined && overlapsStored(fields[element], child)) return true;
  return false;
}

function containsStored(stored: unknown, set: FieldSet): boolean {
  const fields = stored as StoredFields;
  for (const member of set.members) if (fields[member] === undefined || !isMemberNode(fields[member])) return false;
  for (const [element, child] of set.children) {
    if (child.isEmpty) continue;
    if (fields[element] === undefined || !containsStored(fields[element], child)) return false;
  }
  return true;
}

/** Keyed by managerKey. */
export type Managers = Map<string, Manager>;

/** An applier is the same whatever version it applies in. */
export const managerKey = (manager: Identity): string =>
  JSON.stringify([
    manager.name,
    manager.operation,
    manager.operation === 'Apply' ? '' : manager.apiVersion,
    manager.subresource,
  ]);

/** Undefined: the entries are not valid. `trusted` says that this process wrote them. */
export function readManagers(
  entries: readonly ManagedFieldsEntry[] | undefined,
  trusted = false,
): Managers | undefined {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const { operation, apiVersion } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return undefined;
    if (apiVersion === undefined || apiVersion === '' || entry.fieldsType !== 'FieldsV1') return undefined;
    const identity = {
      name: entry.manager ?? '',
      operation,
      apiVersion,
      subresource: entry.subresource ?? '',
    } as const;
    const key = managerKey(identity);
    if (trusted) {
      managers.set(key, Manager.stored(identity, entry.time, entry.fieldsV1));
      continue;
    }
    const set = fromFieldsV1(entry.fieldsV1);
    if (set === undefined) return undefined;
    managers.set(key, Manager.of(identity, entry.time, set));
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
  return [...managers.values()].sort(compareManagers).map((manager) => {
    const entry: Mutable<ManagedFieldsEntry> = {};
    if (manager.name !== '') entry.manager = manager.name;
    entry.operation = manager.operation;
    entry.apiVersion = manager.apiVersion;
    if (manager.time !== undefined) entry.time = manager.time;
    entry.fieldsType = 'FieldsV1';
    // Only this file's own writing is in it.
    entry.fieldsV1 = manager.fieldsV1 as Readonly<Record<string, unknown>>;
    if (manager.subresource !== '') entry.subresource = manager.subresource;
    return entry;
  });
}

/** Replaces a manager's set; an empty one takes the manager out. */
export function setFields(managers: Managers, key: string, manager: Manager): void {
  if (manager.isEmpty) managers.delete(key);
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

const updateManagersMax = 10;

/** Beyond the limit the oldest updaters of a version are joined into one. */
export function joinOldUpdaters(managers: Managers): void {
  if (managers.size <= updateManagersMax) return;
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
    const bucket = { name: 'ancient-changes', operation: 'Update', apiVersion, subresource: '' } as const;
    const bucketKey = managerKey(bucket);
    const current = managers.get(bucketKey) ?? managers.get(first);
    if (!managers.has(bucketKey)) managers.delete(first);
    managers.delete(key);
    managers.set(bucketKey, Manager.of(bucket, manager.time, manager.set.union(current?.set ?? new FieldSet())));
    count--;
  }
}
