// Deletes: at once, or by marking the object and waiting for its finalizers or its grace period. Rules of upstream's
// registry/rest BeforeDelete and registry/generic Store.Delete.
import { writeConflictRetriesMax } from '#base/limits.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { kindTable } from '#api/kinds.ts';
import { formatTime, parseTime } from '#api/meta/time.ts';
import { conflictError, modifiedError, notFoundError } from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import { objectOf } from '../content/present.ts';
import { convertAhead, storedForm } from '../custom-resources/conversion.ts';
import { admissionAttributes } from './admission-attributes.ts';
import { admitMutating, admitValidating } from './admit.ts';
import { isEvent } from './durability.ts';
import { isNewest, onNewest } from './newest.ts';
import { groupResource, isTerminating, keyOf } from './resource-request.ts';
import type { ResourceRequest } from './resource-request.ts';

export interface DeleteSettings {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds: number | undefined;
  readonly propagationPolicy: 'Orphan' | 'Background' | 'Foreground' | undefined;
  /** An eviction is admitted as itself: webhooks and policies are not asked about the deletion that it is. */
  readonly isEviction?: boolean | undefined;
  /** One of many: admission is told no name, as the request has none. */
  readonly isOfCollection?: boolean | undefined;
  /** As the client sent them; for admission. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly preconditions: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined };
}

export interface Deleted {
  /** The last state, or the state that waits for its end. */
  readonly object: KubernetesObject;
  readonly stored: StoredObject | undefined;
  readonly removed: boolean;
}

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

function checkPreconditions(request: ResourceRequest, stored: StoredObject, { preconditions }: DeleteSettings): void {
  const { uid } = stored.object().metadata;
  if (preconditions.uid !== undefined && preconditions.uid !== uid)
    throw conflictError(
      { group: request.row.group, resource: request.row.kind },
      request.name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  if (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== String(stored.revision))
    throw conflictError(
      { group: request.row.group, resource: request.row.kind },
      request.name,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${stored.revision}). The object might have been modified`,
    );
}

/** Events have no dependents, so the garbage collector's finalizers never go on them. */
function finalizersFor(
  request: ResourceRequest,
  object: KubernetesObject,
  settings: DeleteSettings,
): readonly string[] {
  const current = object.metadata.finalizers ?? [];
  if (isEvent(request.row)) return current;
  const cleanup = isTerminating(object) ? undefined : kindTable.behaviour(request.row).deletionFinalizer;
  // Whoever cleans up comes first: what else is asked for is looked at when it is deleted again.
  if (cleanup !== undefined) return current.includes(cleanup) ? current : [...current, cleanup];
  const { propagationPolicy: policy } = settings;
  const orphan =
    policy === undefined
      ? current.includes(orphanFinalizer) ||
        (!current.includes(foregroundFinalizer) && request.row.strategy.defaultPropagation === 'Orphan')
      : policy === 'Orphan';
  const foreground = policy === undefined ? current.includes(foregroundFinalizer) : policy === 'Foreground';
  const kept = current.filter((one) => one !== orphanFinalizer && one !== foregroundFinalizer);
  const wanted = [...kept, ...(orphan ? [orphanFinalizer] : []), ...(foreground ? [foregroundFinalizer] : [])];
  const same = wanted.length === current.length && wanted.every((one) => current.includes(one));
  return same ? current : wanted;
}

interface Marked {
  readonly timestamp: string;
  readonly gracePeriodSeconds: number;
}

/** 'pending': already on its way, nothing to change. Undefined: not graceful. */
function gracefulMark(
  request: ResourceRequest,
  object: KubernetesObject,
  settings: DeleteSettings,
): Marked | 'pending' | undefined {
  const { clock } = request.context.server.options;
  const behaviour = kindTable.behaviour(request.row);
  if (behaviour.gracefulDeletion === undefined) return undefined;
  const now = clock.now();
  const asked =
    settings.gracePeriodSeconds !== undefined && settings.gracePeriodSeconds < 0 ? 1 : settings.gracePeriodSeconds;
  if (isTerminating(object)) {
    const given = object.metadata.deletionGracePeriodSeconds ?? 0;
    if (given === 0) return undefined;
    if (asked === undefined || asked >= given) return 'pending';
    const began = (parseTime(object.metadata.deletionTimestamp) ?? now) - given * 1000;
    let at = began + asked * 1000;
    let period = asked;
    if (at < now) {
      at = now;
      if (period !== 0) period = 1;
    }
    return { timestamp: formatTime(at), gracePeriodSeconds: period };
  }
  const graceful = behaviour.gracefulDeletion(object, { gracePeriodSeconds: asked }, now);
  return graceful === undefined
    ? undefined
    : {
        timestamp: formatTime(now + graceful.gracePeriodSeconds * 1000),
        gracePeriodSeconds: graceful.gracePeriodSeconds,
      };
}

/** Namespaces wait for the namespace controller to empty spec.finalizers. */
const waitsForFinalize = (request: ResourceRequest, object: KubernetesObject): boolean =>
  request.row.group === '' &&
  request.row.resource === 'namespaces' &&
  ((object as { spec?: { finalizers?: readonly string[] } }).spec?.finalizers?.length ?? 0) > 0;

function markedObject(
  request: ResourceRequest,
  object: KubernetesObject,
  graceful: Marked | undefined,
  finalizers: readonly string[],
): Mutable<KubernetesObject> {
  const now = request.context.server.options.clock.now();
  const wasTerminating = isTerminating(object);
  const copy = structuredClone(object) as Mutable<KubernetesObject>;
  const { metadata } = copy;
  const behaviour = kindTable.behaviour(request.row);
  // Kinds with a cleanup of their own are marked by it, which counts neither seconds nor generations.
  const beginsItself = !wasTerminating && behaviour.deletionFinalizer !== undefined;
  if (finalizers.length > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  if (graceful !== undefined) {
    metadata.deletionTimestamp = graceful.timestamp;
    metadata.deletionGracePeriodSeconds = graceful.gracePeriodSeconds;
  } else {
    if (!wasTerminating) metadata.deletionTimestamp = formatTime(now);
    if (!waitsForFinalize(request, object) && !beginsItself) metadata.deletionGracePeriodSeconds = 0;
  }
  if (!wasTerminating && !beginsItself && (metadata.generation ?? 0) > 0)
    metadata.generation = metadata.generation! + 1;
  if (request.row.group === '' && request.row.resource === 'namespaces')
    Object.assign(copy, { status: { ...(copy as { status?: object }).status, phase: 'Terminating' } });
  if (!wasTerminating) behaviour.onDeletionBegins?.(copy, now);
  return copy;
}

export async function deleteObject(request: ResourceRequest, settings: DeleteSettings): Promise<Deleted> {
  const { turns } = request.context.server;
  const key = keyOf(request, request.name);
  const attempt = (): Promise<Deleted | undefined> =>
    onNewest(request.context, key, (current) => deleteOnce(request, current, settings));
  const deleted = turns.isBusy(key) ? undefined : await attempt();
  if (deleted !== undefined) return deleted;
  return turns.run(key, async () => {
    for (let left = writeConflictRetriesMax; left > 0; left--) {
      const again = await attempt();
      if (again !== undefined) return again;
    }
    throw modifiedError(groupResource(request.row), request.name);
  });
}

/** Undefined: somebody else wrote first. */
async function deleteOnce(
  request: ResourceRequest,
  current: StoredObject | undefined,
  settings: DeleteSettings,
): Promise<Deleted | undefined> {
  const { server } = request.context;
  const { row } = request;
  if (current === undefined) throw notFoundError(groupResource(row), request.name);
  const { key } = current;
  /** Nothing is written: that must be right of the newest state. */
  const unwritten = async (deleted: Deleted): Promise<Deleted | undefined> =>
    (await isNewest(request.context, key, current)) ? deleted : undefined;
  checkPreconditions(request, current, settings);
  await convertAhead(server, row, [current]);
  const object = objectOf(row, current);
  const attributes = admissionAttributes(request.context, {
    operation: 'DELETE',
    row,
    subresource: '',
    namespace: request.namespace,
    name: settings.isOfCollection === true ? '' : request.name,
    object: undefined,
    old: object,
    dryRun: settings.dryRun,
    deleteOptions: settings.options ?? {},
  });
  const plugins =
    settings.isEviction === true ? server.admission.filter((one) => one.isDynamic !== true) : server.admission;
  await admitMutating(server, attributes, plugins);
  await admitValidating(server, attributes, plugins);

  const graceful = gracefulMark(request, object, settings);
  if (graceful === 'pending') return unwritten({ object, stored: current, removed: false });
  const finalizers = finalizersFor(request, object, settings);
  const mustWait =
    finalizers.length > 0 ||
    waitsForFinalize(request, object) ||
    (graceful !== undefined && graceful.gracePeriodSeconds > 0);
  const unchanged =
    mustWait &&
    graceful === undefined &&
    isTerminating(object) &&
    finalizers === (object.metadata.finalizers ?? finalizers);
  if (unchanged && (waitsForFinalize(request, object) || object.metadata.deletionGracePeriodSeconds === 0))
    return unwritten({ object, stored: current, removed: false });
  const marked = mustWait || graceful !== undefined ? markedObject(request, object, graceful, finalizers) : undefined;
  const next = mustWait ? marked : undefined;
  if (settings.dryRun) return unwritten({ object: marked ?? object, stored: undefined, removed: next === undefined });
  let revision = current.revision;
  if (marked !== undefined && next === undefined) {
    // Who waits no time is marked all the same before it goes: those who watch see it.
    const begun = await server.metrics.storage.write(row, 'update', {
      key,
      expectedRevision: revision,
      object: marked,
      durability: 'lazy',
    });
    if (begun.ok) ({ revision } = begun.stored);
    else if (begun.current === undefined) throw notFoundError(groupResource(row), request.name);
    else return undefined;
  }
  const result = await server.metrics.storage.write(row, next === undefined ? 'delete' : 'update', {
    key,
    expectedRevision: revision,
    object: next === undefined || row.custom === undefined ? next : await storedForm(server, row, next),
    durability: isEvent(row) ? 'lazy' : 'durable',
  });
  if (result.ok) {
    await convertAhead(server, row, [result.stored]);
    return { object: objectOf(row, result.stored), stored: result.stored, removed: next === undefined };
  }
  if (result.current === undefined) throw notFoundError(groupResource(row), request.name);
  return undefined;
}
