// Kinds that are served in another form than the stored one: events.k8s.io/v1 over core Events, autoscaling/v1 over v2, Projects over Namespaces.
// Field names differ; nothing is lost, for what the older form cannot say is kept in annotations or as it is stored.
import type { Event } from '#api/generated/types.ts';
import { errorsInEventsGroup } from '#api/kinds/core/event.ts';
import { invalidError } from '#api/status.ts';
import { apiVersionOf, kindTable } from '#api/kinds.ts';
import type { CustomKind, KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { StoredObject } from '#storage/store.ts';
import { autoscaler } from './autoscaler-conversion.ts';
import { projects } from '../projects/conversion.ts';
import { betweenVersions } from './version-conversions.ts';

type Fields = Record<string, unknown>;

export interface Conversion {
  /** New objects; the argument stays as it is. */
  fromStorage(object: KubernetesObject): KubernetesObject;
  toStorage(object: KubernetesObject): Mutable<KubernetesObject>;
  /** Rules of the served kind beyond those of the stored one, on stored objects. Throws an ApiError. */
  check?(object: KubernetesObject, previous: KubernetesObject | undefined): void;
}

/** [in events.k8s.io, in core]. */
const eventFields = [
  ['note', 'message'],
  ['regarding', 'involvedObject'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
] as const;

function renamed(
  object: KubernetesObject,
  kind: Pick<KubernetesObject, 'apiVersion'>,
  names: ReadonlyMap<string, string>,
): Fields {
  const result: Fields = {};
  for (const [key, value] of Object.entries(object)) result[names.get(key) ?? key] = value;
  result['apiVersion'] = kind.apiVersion;
  return result;
}

const toCore = new Map<string, string>(eventFields);
const fromCore = new Map<string, string>(eventFields.map(([one, other]) => [other, one]));

const events: Conversion = {
  fromStorage: (object) => renamed(object, { apiVersion: 'events.k8s.io/v1' }, fromCore) as unknown as KubernetesObject,
  toStorage: (object) => renamed(object, { apiVersion: 'v1' }, toCore) as unknown as Mutable<KubernetesObject>,
  check(object, previous) {
    const errors = errorsInEventsGroup(object as Event, previous as Event | undefined);
    if (errors.length > 0) throw invalidError({ group: '', kind: 'Event' }, object.metadata.name ?? '', errors);
  },
};

/** The row of the stored version: what is validated, admitted and written. */
export const storageRow = (row: KindRow): KindRow => {
  const { storage } = row;
  // Custom resources are looked at in the version of the request, and converted when they are read and written.
  if (row.custom !== undefined) return row;
  if (storage === undefined || (storage.group === row.group && storage.version === row.version)) return row;
  return kindTable.findKind(storage.group, storage.version, storage.kind) ?? row;
};

const others = new WeakMap<KindRow, Conversion>();

/** Undefined: stored as it is served. */
export function conversionOf(row: KindRow): Conversion | undefined {
  const { storage } = row;
  if (storage === undefined || (storage.group === row.group && storage.version === row.version)) return undefined;
  if (row.resource === 'events') return events;
  if (row.resource === 'horizontalpodautoscalers') return autoscaler;
  if (row.resource === 'projects') return projects;
  let known = others.get(row);
  if (known === undefined) others.set(row, (known = betweenVersions(row, storageRow(row))));
  return known;
}

/** The rules of the served version, before those of the stored one. Throws an ApiError. */
export function checkServed(
  row: KindRow,
  namespace: string,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
): void {
  const conversion = conversionOf(row);
  if (conversion?.check === undefined) return;
  // What the path says may be left out of the object.
  if (row.namespaced && (object.metadata.namespace ?? '') === '') object.metadata.namespace = namespace;
  // Another one is refused for that.
  else if (row.namespaced && object.metadata.namespace !== namespace) return;
  conversion.check(object, previous);
}

const cache = new WeakMap<StoredObject, Map<KindRow, KubernetesObject>>();

/** Of custom resources: found out once, with the rules of that version of their definition. */
const inStoredForm = new WeakMap<CustomKind, WeakSet<StoredObject>>();

/** Whether the stored bytes are what this row serves. */
export const isStoredForm = (row: KindRow, stored: StoredObject): boolean => {
  const { custom } = row;
  if (custom === undefined) return conversionOf(row) === undefined;
  let known = inStoredForm.get(custom);
  if (known?.has(stored) === true) return true;
  const object = stored.object();
  if (customObject(row, stored, object) !== object) return false;
  if (known === undefined) inStoredForm.set(custom, (known = new WeakSet()));
  known.add(stored);
  return true;
};

/** By the version, then by what is stored: what goes takes its conversions with it. */
const converted = new WeakMap<CustomKind, WeakMap<StoredObject, KubernetesObject>>();

/** Made by a webhook beforehand (custom-resources/conversion.ts). */
export function rememberConverted(custom: CustomKind, stored: StoredObject, object: KubernetesObject): void {
  let known = converted.get(custom);
  if (known === undefined) converted.set(custom, (known = new WeakMap()));
  known.set(stored, object);
}

/** What the row's version shows of a custom resource, before it is pruned and defaulted; undefined: only a webhook can tell. */
export function convertedObject(row: KindRow, stored: StoredObject): KubernetesObject | undefined {
  const { custom } = row;
  const object = stored.object();
  if (custom?.conversion === undefined || object.apiVersion === apiVersionOf(row)) return object;
  return converted.get(custom)?.get(stored);
}

/** A reader came before the conversion: a defect, but in `reading`. */
export class NotConverted extends Error {
  constructor(key: string) {
    super(`${key} was not converted before it was read`);
    this.name = 'NotConverted';
  }
}

/** The stored custom resource as the row shows it; `object` is the stored one, where the caller has it. */
export function customObject(row: KindRow, stored: StoredObject, object = stored.object()): KubernetesObject {
  const { custom } = row;
  if (custom!.conversion === undefined) return custom!.fromStored(object);
  const shown = object.apiVersion === apiVersionOf(row) ? object : convertedObject(row, stored);
  if (shown === undefined) throw new NotConverted(stored.key);
  return custom!.fromStored(shown);
}

/** Made once for a stored object and shared. */
export function convertedFrom(row: KindRow, stored: StoredObject): KubernetesObject {
  let byRow = cache.get(stored);
  if (byRow === undefined) cache.set(stored, (byRow = new Map()));
  let object = byRow.get(row);
  if (object === undefined) byRow.set(row, (object = conversionOf(row)!.fromStorage(stored.object())));
  return object;
}
