// Who owns the replicas of an object, seen from its scale and back: after upstream's rules for the subresource. A scale knows of
// those managers that own the replicas; what becomes of them there is carried over to the object.
import type { ManagedFieldsEntry } from '../generated/types.ts';
import { FieldSet } from './field-set.ts';
import { managerKey, readManagers, writeManagers, Manager, type Managers } from './managers.ts';

const scaleVersion = 'autoscaling/v1';
const pathInScale = ['f:spec', 'f:replicas'];

export interface ScaleOwners {
  /** Of the object before the change. */
  readonly entries: readonly ManagedFieldsEntry[] | undefined;
  /** Where its replicas are, such as `['spec', 'replicas']`. */
  readonly path: readonly string[];
  readonly apiVersion: string;
}

const pathOf = ({ path }: ScaleOwners): string[] => path.map((name) => `f:${name}`);
const managersOf = (entries: readonly ManagedFieldsEntry[] | undefined): Managers =>
  readManagers(entries, true) ?? new Map<string, Manager>();
const inVersion = ({ name, operation, subresource }: Manager, apiVersion: string) =>
  ({ name, operation, subresource, apiVersion }) as const;

/** What the scale shows. */
export function ownersOfScale(owners: ScaleOwners): ManagedFieldsEntry[] {
  const shown: Managers = new Map();
  for (const manager of managersOf(owners.entries).values()) {
    if (!manager.set.has(pathOf(owners))) continue;
    const identity = inVersion(manager, scaleVersion);
    shown.set(managerKey(identity), Manager.of(identity, manager.time, FieldSet.of(pathInScale)));
  }
  return writeManagers(shown);
}

/** Of the object, after its scale was changed and has the owners `changed`. */
export function ownersAfterScale(
  owners: ScaleOwners,
  changed: readonly ManagedFieldsEntry[] | undefined,
): ManagedFieldsEntry[] {
  const path = FieldSet.of(pathOf(owners));
  const ofScale = managersOf(changed);
  const kept: Manager[] = [];
  for (const [key, manager] of managersOf(owners.entries)) {
    const isKept = !manager.set.has(pathOf(owners)) || ofScale.delete(key);
    const rest = isKept ? manager : manager.without(path);
    if (!rest.isEmpty) kept.push(rest);
  }
  // Who is known by another version here and there, as every updater is, comes as a manager of its own, as upstream has it.
  for (const manager of ofScale.values())
    if (manager.set.has(pathInScale)) kept.push(Manager.of(inVersion(manager, owners.apiVersion), undefined, path));
  return writeManagers(new Map(kept.map((manager, index) => [String(index), manager])));
}
