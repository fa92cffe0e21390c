// Field ownership on create, update and patch: who changed a field owns it, and nobody else does.
import type { KindRow, KubernetesObject, Mutable } from '../kind.ts';
import type { ManagedFieldsEntry } from '../generated/types.ts';
import {
  fieldsOfPaths,
  joinOldUpdaters,
  managerKey,
  readManagers,
  setFields,
  withoutUnowned,
  writeManagers,
  Manager,
  type Managers,
} from './managers.ts';
import { formatTime } from '../meta/time.ts';
import { equalJson } from '../patch/json-values.ts';
import { FieldSet } from './field-set.ts';
import { nothingYet, shapeOfRow } from './row-shape.ts';
import { compareValues } from './walk.ts';

export interface TrackOptions {
  /** Of the request: `fieldManager`, or the user agent's first part. */
  readonly manager: string;
  readonly subresource: string;
  /** Milliseconds. */
  readonly now: number;
  /** Default: those of the row for the subresource. */
  readonly resetFields?: readonly string[] | undefined;
  /** What else the objects look like: who wrote in another version owns fields of that version. */
  readonly otherVersion?: OtherVersion | undefined;
}

export interface OtherVersion {
  readonly row: KindRow;
  convert(object: KubernetesObject): KubernetesObject;
}

const nothingReset = new FieldSet();

const apiVersionOf = (row: KindRow) => (row.group === '' ? row.version : `${row.group}/${row.version}`);

/** The one form in which a client may ask to forget all ownership. */
const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries?.length === 1 && Object.values(entries[0]!).every((value) => value === undefined || value === '');

/** What the managers are before this change: the client's list where it sent a valid one, else that of the object. */
function managersBefore(previous: KubernetesObject | undefined, next: KubernetesObject, subresource: string): Managers {
  const live = () => readManagers(previous?.metadata.managedFields, true) ?? new Map<string, Manager>();
  const sentEntries = next.metadata.managedFields;
  if (subresource !== '' || sentEntries === undefined || sentEntries.length === 0) return live();
  if (isReset(sentEntries)) return new Map();
  // A client that changes what it read sends the list back as it was.
  const liveEntries = previous?.metadata.managedFields;
  if (previous !== undefined && (sentEntries === liveEntries || equalJson(sentEntries, liveEntries))) return live();
  return readManagers(sentEntries) ?? live();
}

/**
 * Sets `next.metadata.managedFields`. `next` is this request's own object, defaulted; `previous` is undefined on create.
 * Objects whose ownership was never recorded stay so.
 */
export function trackUpdate(
  row: KindRow,
  previous: KubernetesObject | undefined,
  next: Mutable<KubernetesObject>,
  options: TrackOptions,
): void {
  const managers = managersBefore(previous, next, options.subresource);
  const { metadata } = next;
  delete metadata.managedFields;
  if (managers.size === 0 && previous !== undefined) return;
  recordChange(row, previous, next, managers, options);
  joinOldUpdaters(managers);
  const entries = writeManagers(managers);
  if (entries.length > 0) metadata.managedFields = entries as Mutable<ManagedFieldsEntry>[];
}

/** Changes `managers`: takes what changed from everyone and gives it to the manager. */
export function recordChange(
  row: KindRow,
  previous: KubernetesObject | undefined,
  next: KubernetesObject,
  managers: Managers,
  options: TrackOptions,
): void {
  const before = previous ?? nothingYet(row);
  const comparison = compareValues(shapeOfRow(row), withoutManagedFields(before), withoutManagedFields(next));
  const resetPaths = options.resetFields ?? row.strategy?.resetFields[options.subresource] ?? [];
  const reset = resetPaths.length === 0 ? nothingReset : fieldsOfPaths(resetPaths);
  const changed = comparison.modified.union(comparison.added).recursiveDifference(reset);
  const removed = comparison.removed.recursiveDifference(reset);
  if (changed.isEmpty && removed.isEmpty) return;
  const own = withoutUnowned(changed);
  const identity = {
    name: options.manager === '' ? 'unknown' : options.manager,
    operation: 'Update',
    apiVersion: apiVersionOf(row),
    subresource: options.subresource,
  } as const;
  const ownKey = managerKey(identity);
  const time = formatTime(options.now);
  const mine = managers.get(ownKey);
  const isSame = mine !== undefined && !mine.overlaps(removed) && mine.contains(own);
  const other = options.otherVersion;
  let otherChanges: FieldSet | undefined;
  for (const [key, manager] of managers) {
    if (key === ownKey && isSame) continue;
    if (other === undefined || manager.apiVersion !== apiVersionOf(other.row))
      setFields(managers, key, manager.without(changed).without(removed));
    else {
      otherChanges ??= changesIn(other, previous, next);
      setFields(managers, key, manager.without(otherChanges));
    }
  }
  if (own.isEmpty) return;
  if (isSame) managers.set(ownKey, mine.withTime(time));
  else managers.set(ownKey, Manager.of(identity, time, own.union(managers.get(ownKey)?.set ?? new FieldSet())));
}

function changesIn(other: OtherVersion, previous: KubernetesObject | undefined, next: KubernetesObject): FieldSet {
  const { row } = other;
  const before = previous === undefined ? nothingYet(row) : other.convert(previous);
  const { modified, added, removed } = compareValues(
    shapeOfRow(row),
    withoutManagedFields(before),
    withoutManagedFields(other.convert(next)),
  );
  return modified.union(added).union(removed);
}

function withoutManagedFields(object: object): object {
  const { metadata } = object as { metadata?: Readonly<Record<string, unknown>> };
  if (metadata?.['managedFields'] === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}
