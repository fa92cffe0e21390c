// Changes a stored object under optimistic concurrency: the order in which upstream's registry updates. The new object may
// turn out to need no write, or to be the end of a deletion.
import { writeConflictRetriesMax } from '#base/limits.ts';
import { uuid } from '#base/random.ts';
import type { ObjectMeta } from '#api/generated/types.ts';
import type { FieldError } from '#api/field-error.ts';
import type { KindBehaviour, KubernetesObject, Mutable } from '#api/kind.ts';
import { kindTable } from '#api/kinds.ts';
import { nameIsDnsSubdomain, nameIsPathSegment, type NameCheck } from '#api/meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '#api/meta/object-meta.ts';
import { storedOnlyWarnings } from '#api/stored-only.ts';
import { storeEmptyLists } from '#api/schema/empty-lists.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import { validateSchema } from '#api/schema/validate.ts';
import { exactlyEqual } from '#api/validation/fields.ts';
import { invalid } from '#api/field-error.ts';
import {
  ApiError,
  badRequestError,
  conflictError,
  invalidError,
  isAlreadyExists,
  modifiedError,
  notFoundError,
} from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import { objectOf } from '../content/present.ts';
import { checkMayCreate } from '../authorization/check-may-create.ts';
import { convertAhead, storedForm } from '../custom-resources/conversion.ts';
import { admissionAttributes } from './admission-attributes.ts';
import { admitMutating, admitValidating, finish } from './admit.ts';
import { createObject } from './create-object.ts';
import type { Written } from './create-object.ts';
import type { GroupVersionKind } from '../context.ts';
import { durabilityOf } from './durability.ts';
import { isGiven } from './given-object.ts';
import { isNewest, onNewest } from './newest.ts';
import { groupKind, groupResource, isTerminating, keyOf } from './resource-request.ts';
import type { ResourceRequest } from './resource-request.ts';
import { sameObject } from './same-object.ts';
import { allocateSideState } from './side-state.ts';
import { keepAllButStatus, keepStatus } from './status-rules.ts';

export interface UpdateSettings {
  readonly dryRun: boolean;
  /** Patches may also make objects (apply), updates where the row allows it. */
  readonly createWhenAbsent: boolean;
  /** Whoever loses a race is done again on the newest state, where a resource version that was sent is looked at again. */
  readonly retriesConflicts: boolean;
  readonly fieldManager: string;
  /** A subresource with a type of its own (scale): how admission sees the object, and what it takes from that. */
  readonly shownAs?: ShownAs | undefined;
  /** The uid that an update names is a condition; of a patch it is a change like others. */
  readonly isPatch?: boolean | undefined;
  /** The server's own change (binding): admission, preparation and validation were done on what asked for it. */
  readonly isInternal?: boolean | undefined;
}

export interface ShownAs {
  readonly subresource: string;
  readonly kind: GroupVersionKind;
  show(object: KubernetesObject): Mutable<KubernetesObject>;
  take(object: Mutable<KubernetesObject>, shown: KubernetesObject): void;
}

/** Makes this request's own new object from the current state, at each attempt anew; undefined state: there is none. */
export type Transform = (
  current: KubernetesObject | undefined,
) => Mutable<KubernetesObject> | Promise<Mutable<KubernetesObject>>;

type Metadata = Mutable<KubernetesObject>['metadata'];
const set = <K extends keyof Metadata>(target: Metadata, key: K, value: Metadata[K] | null): void => {
  if (value === undefined || value === null) delete target[key];
  else target[key] = value;
};

/** What a client may leave out and can never change. */
function completeMetadata(
  request: ResourceRequest,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject,
): void {
  const { metadata } = object;
  const old = previous.metadata;
  if (request.row.namespaced) {
    if ((metadata.namespace ?? '') === '') set(metadata, 'namespace', request.namespace);
    else if (metadata.namespace !== request.namespace)
      throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  } else delete metadata.namespace;
  if ((metadata.name ?? '') === '') set(metadata, 'name', request.name);
  else if (metadata.name !== request.name)
    throw badRequestError(
      `the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`,
    );
  if ((metadata.uid ?? '') === '') set(metadata, 'uid', old.uid);
  set(metadata, 'creationTimestamp', old.creationTimestamp);
  set(metadata, 'generation', old.generation);
  if ((metadata.deletionTimestamp ?? '') === '') set(metadata, 'deletionTimestamp', old.deletionTimestamp);
  if (metadata.deletionGracePeriodSeconds === undefined)
    set(metadata, 'deletionGracePeriodSeconds', old.deletionGracePeriodSeconds);
}

const partOf = (object: KubernetesObject, path: string): unknown =>
  path.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], object);

/** Whether nothing holds the object back any more, so that this update ends its deletion. */
export function isReleased(request: ResourceRequest, object: KubernetesObject): boolean {
  if (!isTerminating(object) || (object.metadata.finalizers?.length ?? 0) > 0) return false;
  if ((object.metadata.deletionGracePeriodSeconds ?? 0) !== 0) return false;
  return request.row.resource !== 'namespaces' || request.row.group !== '' || namespaceIsEmpty(object);
}
const namespaceIsEmpty = (namespace: KubernetesObject): boolean =>
  ((namespace as { spec?: { finalizers?: readonly string[] } }).spec?.finalizers?.length ?? 0) === 0;

export async function updateObject(
  request: ResourceRequest,
  transform: Transform,
  settings: UpdateSettings,
): Promise<Written> {
  const { server, warnings } = request.context;
  const key = keyOf(request, request.name);
  const toldBefore = warnings.length;
  const attempt = (): Promise<Written | undefined> => {
    // What an attempt that failed had told is told again.
    warnings.length = toldBefore;
    return onNewest(request.context, key, (current) =>
      current === undefined
        ? makeAbsent(request, transform, settings)
        : updateOnce(request, current, transform, settings),
    );
  };
  const conflict = (): ApiError => modifiedError(groupResource(request.row), request.name);
  const { retriesConflicts } = settings;
  const written = retriesConflicts && server.turns.isBusy(key) ? undefined : await attempt();
  if (written !== undefined) return written;
  if (!retriesConflicts) throw conflict();
  return server.turns.run(key, async () => {
    for (let left = writeConflictRetriesMax; left > 0; left--) {
      const again = await attempt();
      if (again !== undefined) return again;
    }
    throw conflict();
  });
}

/** Undefined: somebody else made it first. */
async function makeAbsent(
  request: ResourceRequest,
  transform: Transform,
  settings: UpdateSettings,
): Promise<Written | undefined> {
  if (!settings.createWhenAbsent) throw notFoundError(groupResource(request.row), request.name);
  // Who was let in to update or patch needs the right to create as well.
  await checkMayCreate(request.context);
  const object = await transform(undefined);
  if ((object.metadata.uid ?? '') !== '')
    throw conflictError(
      groupResource(request.row),
      request.name,
      settings.isPatch === true
        ? `uid mismatch: the provided object specified uid ${object.metadata.uid}, and no existing object was found`
        : `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: `,
    );
  delete object.metadata.resourceVersion;
  try {
    return await createObject(request, object, settings);
  } catch (error) {
    if (settings.retriesConflicts && isAlreadyExists(error)) return undefined;
    throw error;
  }
}

/** Undefined: somebody else wrote first. */
async function updateOnce(
  request: ResourceRequest,
  current: StoredObject,
  transform: Transform,
  settings: UpdateSettings,
): Promise<Written | undefined> {
  const { server, user } = request.context;
  const { row, subresource } = request;
  const { clock } = server.options;
  const behaviour = kindTable.behaviour(row);
  const converting = convertAhead(server, row, [current]);
  if (converting !== undefined) await converting;
  const previous = objectOf(row, current);
  const now = clock.now();
  const loading = behaviour.load?.(previous);
  if (loading !== undefined) await loading;

  const transformed = transform(previous);
  const object = transformed instanceof Promise ? await transformed : transformed;
  const { shownAs } = settings;
  const shown = shownAs?.show(object);
  const attributes = admissionAttributes(request.context, {
    operation: 'UPDATE',
    row,
    subresource: shownAs?.subresource ?? subresource,
    subresourceKind: shownAs?.kind,
    namespace: request.namespace,
    name: request.name,
    object: shown ?? object,
    old: shownAs?.show(previous) ?? previous,
    dryRun: settings.dryRun,
  });
  using _finished = { [Symbol.dispose]: () => finish(attributes) };
  const changing = settings.isInternal === true ? undefined : admitMutating(server, attributes);
  if (changing !== undefined) await changing;
  if (shown !== undefined) shownAs!.take(object, shown);

  const version = object.metadata.resourceVersion ?? '';
  if (version === '' || version === '0') {
    if (!row.strategy.allowUnconditionalUpdate)
      // Told of the resource, where all others are told of the kind.
      throw invalidError({ group: row.group, kind: row.resource }, request.name, [
        invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    object.metadata.resourceVersion = String(current.revision);
  } else if (!/^\d+$/.test(version)) {
    throw new ApiError(500, '', `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
  } else if (version !== String(current.revision)) throw modifiedError(groupResource(row), request.name);
  const uid = object.metadata.uid ?? '';
  if (settings.isPatch !== true && uid !== '' && uid !== previous.metadata.uid)
    throw conflictError(
      groupResource(row),
      request.name,
      // As upstream's store words it.
      `StorageError: invalid object, Code: 4, Key: ${current.key.replace(/^\/registry/, '')}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
    );

  completeMetadata(request, object, previous);
  if (subresource === 'status') keepAllButStatus(row, object, previous);
  else if (subresource === '' && row.strategy.resetsStatus) keepStatus(object, previous);
  if (settings.isInternal !== true) server.dropGatedFields(row, object, previous);
  if (settings.isInternal !== true)
    behaviour.prepareForUpdate?.(object, previous, {
      now,
      subresource,
      userName: user.name,
      uuid: () => uuid(server.options.random),
    });
  if (
    row.strategy.hasGeneration &&
    settings.isInternal !== true &&
    subresource !== 'status' &&
    object.metadata.generation === previous.metadata.generation &&
    // A list without elements is none.
    row.strategy.generationBumpOn.some((path) => !exactlyEqual(partOf(object, path), partOf(previous, path)))
  )
    object.metadata.generation = (previous.metadata.generation ?? 0) + 1;
  // A status has the spec as it was stored: nothing to choose, and not ours to change.
  const allocating =
    subresource === 'status' ? undefined : allocateSideState(server, row, object, previous, settings.dryRun);
  using _held = allocating instanceof Promise ? await allocating : allocating;
  if (settings.isInternal !== true) {
    check(request, object, previous);
    const judging = admitValidating(server, attributes);
    if (judging !== undefined) await judging;
  }
  if (row.custom === undefined) storeEmptyLists(typeFacts(row.typeName), object);

  if (isReleased(request, object)) return removeNow(request, current, object, settings.dryRun);
  const next = row.custom === undefined ? object : await storedForm(server, row, object);
  // A custom resource is compared as it is stored: what is there in an older form is written again, so versions migrate.
  if (sameObject(next, row.custom === undefined ? previous : current.object()))
    return (await isNewest(request.context, current.key, current))
      ? { type: 'stored', stored: current, created: false }
      : undefined;
  if (settings.dryRun)
    return (await isNewest(request.context, current.key, current))
      ? { type: 'unstored', object, created: false }
      : undefined;
  const result = await server.metrics.storage.write(row, 'update', {
    key: current.key,
    expectedRevision: current.revision,
    object: unversioned(next),
    isGiven: isGiven(request.context.request, row),
    ...durabilityOf(row, object, previous),
  });
  if (!result.ok) return undefined;
  const converted = convertAhead(server, row, [result.stored]);
  if (converted !== undefined) await converted;
  return { type: 'stored', stored: result.stored, created: false };
}

/** As it is stored. */
function unversioned(object: KubernetesObject): KubernetesObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Upstream's server looks at metadata in three ways, one after another; each says what is wrong. */
function metadataErrors(
  { row, subresource }: ResourceRequest,
  behaviour: KindBehaviour,
  meta: ObjectMeta,
  previous: ObjectMeta,
): FieldError[] {
  const asUpdate = (customResource: boolean) => validateObjectMetaUpdate(meta, previous, { customResource });
  const whole = (checkName: NameCheck | undefined, customResource: boolean) =>
    validateObjectMeta(meta, { namespaced: row.namespaced, checkName, customResource });
  const anyFinalizer = behaviour.anyFinalizer === true;
  const first = asUpdate(anyFinalizer);
  if (first.length === 0 && (meta.finalizers ?? []).length === 0 && (meta.generateName ?? '') === '') return first;
  const { metadataInUpdate = ['update'] } = subresource === 'status' ? {} : behaviour;
  return [
    ...whole(nameIsPathSegment, true),
    ...asUpdate(true),
    ...metadataInUpdate.flatMap((one) =>
      one === 'update'
        ? first
        : whole(
            (name, prefix) => behaviour.validateName?.(name, prefix) ?? nameIsDnsSubdomain(name, prefix),
            anyFinalizer,
          ),
    ),
  ];
}

/** Throws an ApiError (422). */
function check(request: ResourceRequest, object: Mutable<KubernetesObject>, previous: KubernetesObject): void {
  const { row, subresource } = request;
  const { warnings, server } = request.context;
  const behaviour = kindTable.behaviour(row);
  const context = { gates: server.gates, now: server.options.clock.now() };
  const errors = [
    ...metadataErrors(request, behaviour, object.metadata, previous.metadata),
    ...(behaviour.validate === undefined ? validateSchema(row.typeName, object) : []),
    ...(behaviour.validateUpdate === undefined
      ? subresource === ''
        ? (behaviour.validate?.(object, context) ?? [])
        : []
      : behaviour.validateUpdate(object, previous, subresource, context)),
  ];
  if (errors.length > 0) throw invalidError(groupKind(row), request.name, errors);
  if (subresource === '') warnings.push(...(behaviour.warnings?.(object, previous) ?? []), ...storedOnlyWarnings(row));
}

/** The removal that an update of the last finalizer means. */
async function removeNow(
  request: ResourceRequest,
  current: StoredObject,
  object: KubernetesObject,
  dryRun: boolean,
): Promise<Written | undefined> {
  const removed: Written = { type: 'unstored', object, created: false };
  if (dryRun) return removed;
  const result = await request.context.server.metrics.storage.write(request.row, 'delete', {
    key: current.key,
    expectedRevision: current.revision,
    object: undefined,
    durability: 'durable',
  });
  return result.ok ? removed : undefined;
}
