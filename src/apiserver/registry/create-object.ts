// From a decoded, defaulted object to a stored one: the order in which upstream's registry creates.
import { uuid, nameSuffix } from '#base/random.ts';
import type { KindBehaviour, KubernetesObject, Mutable } from '#api/kind.ts';
import type { NameCheck } from '#api/meta/names.ts';
import { kindTable } from '#api/kinds.ts';
import { formatTime } from '#api/meta/time.ts';
import { validateObjectMeta } from '#api/meta/object-meta.ts';
import { storedOnlyWarnings } from '#api/stored-only.ts';
import { validateSchema } from '#api/schema/validate.ts';
import {
  ApiError,
  alreadyExistsError,
  badRequestError,
  forbiddenError,
  generateNameConflictError,
  invalidError,
} from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import type { AdmissionAttributes } from '../context.ts';
import { convertAhead, storedForm } from '../custom-resources/conversion.ts';
import { admissionAttributes } from './admission-attributes.ts';
import { admitMutating, admitValidating, finish } from './admit.ts';
import { durabilityOf } from './durability.ts';
import { foldOwners } from './fold-owners.ts';
import { dropStatus, statusOnCreate } from './status-rules.ts';
import { allocateSideState } from './side-state.ts';
import { track } from './track.ts';
import { groupKind, groupResource, keyOf } from './resource-request.ts';
import type { ResourceRequest } from './resource-request.ts';

export interface CreateSettings {
  readonly dryRun: boolean;
  /** '' when the write's fields are owned by nobody (apply has done its own). */
  readonly fieldManager: string;
}

/** What a dry run answers in place of a stored object. */
export type Written =
  | { readonly type: 'stored'; readonly stored: StoredObject; readonly created: boolean }
  | { readonly type: 'unstored'; readonly object: KubernetesObject; readonly created: boolean };

const nameCheckOf = (behaviour: KindBehaviour): NameCheck | undefined =>
  behaviour.validateName === undefined ? undefined : (name, prefix) => behaviour.validateName!(name, prefix);

const generateNameAttempts = 8;
const generatedBaseLengthMax = 58;

function completeMetadata(request: ResourceRequest, object: Mutable<KubernetesObject>): void {
  const { metadata } = object;
  const { clock, random } = request.context.server.options;
  if (request.row.namespaced) {
    if ((metadata.namespace ?? '') === '') metadata.namespace = request.namespace;
    else if (metadata.namespace !== request.namespace)
      throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  } else if ((metadata.namespace ?? '') !== '') delete metadata.namespace;
  if (request.name !== '') {
    if ((metadata.name ?? '') === '') metadata.name = request.name;
    else if (metadata.name !== request.name)
      throw badRequestError(
        `the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`,
      );
  }
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  metadata.uid = uuid(random);
  metadata.creationTimestamp = formatTime(clock.now());
}

export async function createObject(
  request: ResourceRequest,
  object: Mutable<KubernetesObject>,
  settings: CreateSettings,
): Promise<Written> {
  const { server } = request.context;
  const { row } = request;
  const { metadata } = object;
  const generates = (metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '' && request.name === '';
  if ((metadata.name ?? '') !== '' && request.name !== '' && metadata.name !== request.name)
    throw badRequestError(
      `the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`,
    );

  for (let attempt = 1; ; attempt++) {
    const candidate = generates && attempt < generateNameAttempts ? structuredClone(object) : object;
    if (generates)
      candidate.metadata.name =
        metadata.generateName!.slice(0, generatedBaseLengthMax) + nameSuffix(server.options.random);
    completeMetadata(request, candidate);
    const attributes = admissionAttributes(request.context, {
      operation: 'CREATE',
      row,
      subresource: '',
      namespace: request.namespace,
      name: candidate.metadata.name ?? '',
      object: candidate,
      old: undefined,
      dryRun: settings.dryRun,
    });
    const written = await createOnce(request, candidate, attributes, settings).finally(() => finish(attributes));
    if (written !== undefined) return written;
    const name = candidate.metadata.name ?? '';
    if (!generates) throw alreadyExistsError(groupResource(row), name);
    if (attempt >= generateNameAttempts) throw generateNameConflictError(groupResource(row), name);
  }
}

/** Undefined: an object of this name exists. */
async function createOnce(
  request: ResourceRequest,
  object: Mutable<KubernetesObject>,
  attributes: AdmissionAttributes,
  settings: CreateSettings,
): Promise<Written | undefined> {
  const { server, user, warnings } = request.context;
  const { row } = request;
  const { store, clock } = server.options;
  const behaviour = kindTable.behaviour(row);
  const now = clock.now();
  await behaviour.load?.(object);

  foldOwners(object, warnings);
  if (settings.fieldManager !== '')
    track(request.served ?? row, undefined, object, { manager: settings.fieldManager, subresource: '', now });
  if (row.custom?.terminating === true)
    throw forbiddenError(
      groupResource(row),
      object.metadata.name ?? '',
      'create not allowed while custom resource definition is terminating',
    );
  const { uid, creationTimestamp } = object.metadata;
  await admitMutating(server, attributes);
  // Whatever admission made of it: these are not anybody's to choose.
  if (row.namespaced && object.metadata.namespace !== request.namespace)
    throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  object.metadata.uid = uid;
  object.metadata.creationTimestamp = creationTimestamp;

  if (row.strategy.hasGeneration) object.metadata.generation = 1;
  if (row.strategy.resetsStatus) dropStatus(row, object);
  server.dropGatedFields(row, object, undefined);
  behaviour.prepareForCreate?.(object, {
    now,
    subresource: '',
    userName: user.name,
    warn: (text) => warnings.push(text),
  });
  statusOnCreate(row, object);
  using _held = allocateSideState(server, row, object, undefined);

  const errors = [
    ...validateObjectMeta(object.metadata, {
      namespaced: row.namespaced,
      checkName: nameCheckOf(behaviour),
      customResource: behaviour.anyFinalizer === true,
    }),
    // Hand-written rules say all that the schema says, so that nothing is said twice.
    ...(behaviour.validate?.(object, server.gates) ?? validateSchema(row.typeName, object)),
  ];
  if (errors.length > 0) throw invalidError(groupKind(row), object.metadata.name ?? '', errors);
  warnings.push(...(behaviour.warnings?.(object, undefined) ?? []), ...storedOnlyWarnings(row));
  await admitValidating(server, attributes);

  const key = keyOf(request, object.metadata.name!);
  const version = object.metadata.resourceVersion ?? '';
  // Only the storage minds, which a dry run does not reach.
  if (!settings.dryRun && version !== '' && version !== '0')
    throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created');
  if (!settings.dryRun) delete object.metadata.resourceVersion;
  if (settings.dryRun) return store.get(key) === undefined ? { type: 'unstored', object, created: true } : undefined;
  const result = await server.metrics.storage.write(row, 'create', {
    key,
    expectedRevision: 0,
    object: row.custom === undefined ? object : await storedForm(server, row, object),
    ...durabilityOf(row, object, undefined),
  });
  if (!result.ok) return undefined;
  await convertAhead(server, row, [result.stored]);
  return { type: 'stored', stored: result.stored, created: true };
}
