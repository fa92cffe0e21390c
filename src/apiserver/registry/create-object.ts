// From a decoded, defaulted object to a stored one: the order in which upstream's registry creates.
import { flatText } from '#base/flat-text.ts';
import { uuid, nameSuffix } from '#base/random.ts';
import type { KindBehaviour, KubernetesObject, Mutable } from '#api/kind.ts';
import type { NameCheck } from '#api/meta/names.ts';
import { kindTable } from '#api/kinds.ts';
import { formatTime } from '#api/meta/time.ts';
import { validateObjectMeta } from '#api/meta/object-meta.ts';
import { storedOnlyWarnings } from '#api/stored-only.ts';
import { storeEmptyLists } from '#api/schema/empty-lists.ts';
import { typeFacts } from '#api/schema/type-table.ts';
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
import { isGiven } from './given-object.ts';
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
  if (request.row.namespaced) {
    if ((metadata.namespace ?? '') === '') metadata.namespace = flatText(request.namespace);
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
  // Admission that changes sees neither these nor a name that is to be made up: all come after it.
  delete metadata.uid;
  delete metadata.creationTimestamp;
}

export async function createObject(
  request: ResourceRequest,
  object: Mutable<KubernetesObject>,
  settings: CreateSettings,
): Promise<Written> {
  const { server, warnings } = request.context;
  const { row } = request;
  const { metadata } = object;
  if ((metadata.name ?? '') !== '' && request.name !== '' && metadata.name !== request.name)
    throw badRequestError(
      `the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`,
    );
  completeMetadata(request, object);
  const loading = kindTable.behaviour(row).load?.(object);
  if (loading !== undefined) await loading;
  foldOwners(object, warnings);
  const now = server.options.clock.now();
  if (settings.fieldManager !== '')
    track(request.served ?? row, undefined, object, { manager: settings.fieldManager, subresource: '', now });
  if (row.custom?.terminating === true)
    throw forbiddenError(
      groupResource(row),
      metadata.name ?? '',
      'create not allowed while custom resource definition is terminating',
    );
  const attributesOf = (candidate: Mutable<KubernetesObject>): AdmissionAttributes =>
    admissionAttributes(request.context, {
      operation: 'CREATE',
      row,
      subresource: '',
      namespace: request.namespace,
      name: candidate.metadata.name ?? '',
      object: candidate,
      old: undefined,
      dryRun: settings.dryRun,
    });
  const attributes = attributesOf(object);
  try {
    const admitting = admitMutating(server, attributes);
    if (admitting !== undefined) await admitting;
    // Whatever admission made of it: this is not anybody's to choose.
    if (row.namespaced && object.metadata.namespace !== request.namespace)
      throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
    const isNamed = (object.metadata.name ?? '') !== '' || (object.metadata.generateName ?? '') === '';
    for (let attempt = 1; ; attempt++) {
      const isLast = isNamed || attempt >= generateNameAttempts;
      const candidate = isLast ? object : structuredClone(object);
      if (!isNamed)
        candidate.metadata.name = flatText(
          object.metadata.generateName!.slice(0, generatedBaseLengthMax) + nameSuffix(server.options.random),
        );
      const judged = isNamed ? attributes : attributesOf(candidate);
      let written: Written | undefined;
      try {
        written = await createOnce(request, candidate, judged, settings, now);
      } finally {
        finish(judged);
      }
      if (written !== undefined) return written;
      if (!isLast) continue;
      const { name = '', generateName = '' } = candidate.metadata;
      throw generateName === ''
        ? alreadyExistsError(groupResource(row), name)
        : generateNameConflictError(groupResource(row), name);
    }
  } finally {
    finish(attributes);
  }
}

/** Undefined: an object of this name exists. */
async function createOnce(
  request: ResourceRequest,
  object: Mutable<KubernetesObject>,
  attributes: AdmissionAttributes,
  { dryRun }: CreateSettings,
  now: number,
): Promise<Written | undefined> {
  const { server, warnings, user } = request.context;
  const { row } = request;
  const { store, random } = server.options;
  const behaviour = kindTable.behaviour(row);
  object.metadata.uid = flatText(uuid(random));
  object.metadata.creationTimestamp = formatTime(now);

  if (row.strategy.hasGeneration) object.metadata.generation = 1;
  if (row.strategy.resetsStatus) dropStatus(row, object);
  server.dropGatedFields(row, object, undefined);
  behaviour.prepareForCreate?.(object, {
    now,
    subresource: '',
    userName: user.name,
    uuid: () => uuid(random),
    warn: (text) => warnings.push(text),
  });
  statusOnCreate(row, object);
  const allocating = allocateSideState(server, row, object, undefined, dryRun);
  using _held = allocating instanceof Promise ? await allocating : allocating;

  const metadataErrors = validateObjectMeta(object.metadata, {
    namespaced: row.namespaced,
    checkName: nameCheckOf(behaviour),
    customResource: behaviour.anyFinalizer === true,
  });
  // Hand-written rules say all that the schema says, so that nothing is said twice.
  const ruleErrors = behaviour.validate?.(object, { gates: server.gates, now }) ?? validateSchema(row.typeName, object);
  // Rules that do not look at metadata come first, and what the server finds in it only where they find nothing.
  const isLater = behaviour.metadataInUpdate?.length === 0 && ruleErrors.length > 0;
  const errors = isLater ? ruleErrors : [...metadataErrors, ...ruleErrors];
  // A custom resource may say that it is another kind: it is told so under that name.
  const { group, kind } =
    row.custom === undefined ? groupKind(row) : { group: row.group, kind: object.kind ?? row.kind };
  if (errors.length > 0) throw invalidError({ group, kind }, object.metadata.name ?? '', errors);
  warnings.push(...(behaviour.warnings?.(object, undefined) ?? []), ...storedOnlyWarnings(row));
  const admitting = admitValidating(server, attributes);
  if (admitting !== undefined) await admitting;
  if (row.custom === undefined) storeEmptyLists(typeFacts(row.typeName), object);

  const key = keyOf(request, object.metadata.name!);
  const version = object.metadata.resourceVersion ?? '';
  // Only the storage minds, which a dry run does not reach.
  if (!dryRun && version !== '' && version !== '0')
    throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created');
  if (!dryRun) delete object.metadata.resourceVersion;
  if (dryRun) return store.get(key) === undefined ? { type: 'unstored', object, created: true } : undefined;
  const result = await server.metrics.storage.write(row, 'create', {
    key,
    expectedRevision: 0,
    object: row.custom === undefined ? object : await storedForm(server, row, object),
    isGiven: isGiven(request.context.request, row),
    ...durabilityOf(row, object, undefined),
  });
  if (!result.ok) return undefined;
  const converting = convertAhead(server, row, [result.stored]);
  if (converting !== undefined) await converting;
  return { type: 'stored', stored: result.stored, created: true };
}
