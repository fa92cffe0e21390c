// Field ownership on create, update and patch: who changed a field owns it, and nobody else does.
import { canonicalize } from '../schema/canonical.ts';
import { typeFacts } from '../schema/type-table.ts';
import type { KindRow, KubernetesObject, Mutable } from '../kind.ts';
import type { ManagedFieldsEntry } from '../generated/types.ts';
import {
  fieldsOfPaths,
  joinOldUpdaters,
  managerKey,
  readManagers,
  setFields,
  timeText,
  withoutUnowned,
  writeManagers,
  type Manager,
  type Managers,
} from './managers.ts';
import { FieldSet } from './field-set.ts';
import { shapeOfStruct } from './shape.ts';
import { compareValues } from './walk.ts';

export interface TrackOptions {
  /** Of the request: `fieldManager`, or the user agent's first part. */
  readonly manager: string;
  readonly subresource: string;
  /** Milliseconds. */
  readonly now: number;
  /** Default: those of the row for the subresource. */
  readonly resetFields?: readonly string[] | undefined;
}

const apiVersionOf = (row: KindRow) => (row.group === '' ? row.version : `${row.group}/${row.version}`);

/** The one form in which a client may ask to forget all ownership. */
const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries?.length === 1 && Object.values(entries[0]!).every((value) => value === undefined || value === '');

/** What the managers are before this change: the client's list where it sent a valid one, else that of the object. */
function managersBefore(previous: KubernetesObject | undefined, next: KubernetesObject, subresource: string): Managers {
  const live = () => readManagers(previous?.metadata.managedFields) ?? new Map<string, Manager>();
  if (subresource !== '') return live();
  if (isReset(next.metadata.managedFields)) return new Map();
  const sent = readManagers(next.metadata.managedFields);
  return sent === undefined || sent.size === 0 ? live() : sent;
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
  const struct = typeFacts(row.typeName);
  const before = previous ?? canonicalize(struct, {});
  const comparison = compareValues(shapeOfStruct(struct), withoutManagedFields(before), withoutManagedFields(next));
  const reset = fieldsOfPaths(options.resetFields ?? row.strategy?.resetFields[options.subresource] ?? []);
  const changed = comparison.modified.union(comparison.added).recursiveDifference(reset);
  const removed = comparison.removed.recursiveDifference(reset);
  if (changed.isEmpty && removed.isEmpty) return;
  for (const [key, manager] of managers)
    setFields(managers, key, { ...manager, set: manager.set.difference(changed).difference(removed) });
  const own = withoutUnowned(changed);
  if (own.isEmpty) return;
  const manager: Manager = {
    name: options.manager === '' ? 'unknown' : options.manager,
    operation: 'Update',
    apiVersion: apiVersionOf(row),
    subresource: options.subresource,
    time: timeText(options.now),
    set: own,
  };
  const key = managerKey(manager);
  managers.set(key, { ...manager, set: own.union(managers.get(key)?.set ?? new FieldSet()) });
}

function withoutManagedFields(object: object): object {
  const { metadata } = object as { metadata?: Readonly<Record<string, unknown>> };
  if (metadata?.['managedFields'] === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}
