// Server-side apply: the applied configuration is merged over the live object, the applier owns what it names, what it no
// longer names goes unless someone else owns it, and a field that another owns differently is a conflict.
import { decodeCauseOf, decodeObject } from '../schema/decode.ts';
import { applyRowDefaults } from '../schema/defaults.ts';
import { ApiError, badRequestError } from '../status.ts';
import { formatTime } from '../meta/time.ts';
import type { KindRow, KubernetesObject, Mutable } from '../kind.ts';
import type { ManagedFieldsEntry } from '../generated/types.ts';
import { equalJson, isJsonObject, type JsonObject } from '../patch/json-values.ts';
import { FieldSet, pathText, type PathElement } from './field-set.ts';
import {
  fieldsOfPaths,
  managerKey,
  readManagers,
  setFields,
  withoutUnowned,
  writeManagers,
  Manager,
  type Managers,
} from './managers.ts';
import { emptyObject, shapeOfRow } from './row-shape.ts';
import type { MapShape, Shape } from './shape.ts';
import { recordChange } from './track-update.ts';
import { checkApplied, compareValues, fieldSetOf, mergeValues, removeFields, withNamedFields } from './walk.ts';

export interface ApplyRequest {
  readonly row: KindRow;
  /** Undefined: the object is created. */
  readonly live: KubernetesObject | undefined;
  /** As sent: parsed, neither decoded nor defaulted. */
  readonly applied: unknown;
  readonly manager: string;
  readonly force: boolean;
  readonly subresource: string;
  /** Milliseconds. */
  readonly now: number;
  /** Default: those of the row for the subresource. */
  readonly resetFields?: readonly string[] | undefined;
}

const apiVersionOf = (row: KindRow) => (row.group === '' ? row.version : `${row.group}/${row.version}`);

const kubectlManager = 'kubectl';
const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** Bytes of all annotations together. */
const annotationBytesMax = 256 * 1024;

/** A new object with defaults and managedFields. Throws ApiError: 409 for conflicts, 400 and 500 as upstream for bad input. */
export function applyConfiguration(request: ApplyRequest): Mutable<KubernetesObject> {
  const { row, live } = request;
  const applied = checkedConfiguration(request);
  const shape = shapeOfRow(row);
  const before = (live ?? emptyObject(row)) as JsonObject;
  const managers = managersBefore(request, before);
  const key = managerKey({
    name: request.manager,
    operation: 'Apply',
    apiVersion: '',
    subresource: request.subresource,
  });
  const previous = managers.get(key);

  const reset = fieldsOfPaths(request.resetFields ?? row.strategy?.resetFields[request.subresource] ?? []);
  const ownSet = fieldSetOf(shape, applied).recursiveDifference(reset);
  const identity = {
    name: request.manager,
    operation: 'Apply',
    apiVersion: apiVersionOf(row),
    subresource: request.subresource,
  } as const;
  managers.set(key, Manager.of(identity, previous?.time, ownSet));
  const merged = mergeValues(shape, before, applied);
  const pruned = prune(shape, merged, managers, previous?.set);
  takeFromOthers({ shape, before, pruned, managers, key, reset, request });

  const set = withoutUnowned(ownSet);
  const isChanged = !equalJson(before, pruned);
  const isSameSet = previous !== undefined && previous.set.equals(set);
  const time = isChanged || !isSameSet ? formatTime(request.now) : previous.time;
  setFields(managers, key, Manager.of(identity, time, set));
  const object = storedObject(row, pruned as JsonObject, request.now);
  const entries = writeManagers(managers);
  if (entries.length > 0) object.metadata.managedFields = entries as Mutable<ManagedFieldsEntry>[];
  else delete object.metadata.managedFields;
  if (request.manager === kubectlManager) refreshLastApplied(object, live, applied);
  return object;
}

function storedObject(row: KindRow, content: JsonObject, now: number): Mutable<KubernetesObject> {
  let object: Mutable<KubernetesObject>;
  try {
    ({ object } = decodeObject(row, content, { fieldValidation: 'Ignore' }));
  } catch (error) {
    const cause = decodeCauseOf(error);
    if (cause === undefined) throw error;
    const { name = '', namespace = '' } = (content['metadata'] ?? {}) as { name?: string; namespace?: string };
    const kind = `${row.group === '' ? '/' : ''}${apiVersionOf(row)}, Kind=${row.kind}`;
    const text = `unable to convert unstructured object to ${kind}: ${cause.unstructuredText}`;
    throw new ApiError(
      500,
      '',
      `failed to convert new object (${namespace}/${name}; ${kind}) to proper version: ${text}`,
    );
  }
  applyRowDefaults(row, object, now);
  return object;
}

function checkedConfiguration({ row, applied }: ApplyRequest): JsonObject {
  if (!isJsonObject(applied)) throw badRequestError('error decoding YAML: the applied configuration must be an object');
  const version = applied['apiVersion'];
  if (version !== apiVersionOf(row))
    throw badRequestError(
      `Incorrect version specified in apply patch. Specified patch version: ${typeof version === 'string' ? version : ''}, expected: ${apiVersionOf(row)}`,
    );
  const { kind } = applied;
  if (kind !== row.kind)
    throw badRequestError(
      `invalid object type: ${row.group === '' ? '/' : ''}${apiVersionOf(row)}, Kind=${typeof kind === 'string' ? kind : ''}`,
    );
  const metadata = isJsonObject(applied['metadata']) ? applied['metadata'] : {};
  if ((metadata['managedFields'] ?? undefined) !== undefined)
    throw badRequestError('metadata.managedFields must be nil');
  const errors = checkApplied(shapeOfRow(row), applied);
  if (errors.length > 0) {
    const text = (value: unknown) => (typeof value === 'string' ? value : '');
    const detail = errors.length === 1 ? errors[0]! : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n');
    throw new ApiError(
      500,
      '',
      `failed to create typed patch object (${text(metadata['namespace'])}/${text(metadata['name'])}; ${row.group === '' ? `/${row.version}` : apiVersionOf(row)}, Kind=${row.kind}): ${detail}`,
    );
  }
  return applied;
}

/** An object that nobody's ownership is known of belongs to one updater, from before the first apply. */
function managersBefore({ row, live, now }: ApplyRequest, before: object): Managers {
  const managers = readManagers(live?.metadata.managedFields, true);
  if (managers === undefined) throw new ApiError(500, '', 'failed to decode managed fields');
  if (live !== undefined && managers.size === 0)
    recordChange(row, undefined, before as KubernetesObject, managers, {
      manager: 'before-first-apply',
      subresource: '',
      now,
      resetFields: [],
    });
  return managers;
}

/** Removes what the applier named last time, does not name now, and nobody else owns. */
function prune(shape: Shape, merged: unknown, managers: Managers, lastSet: FieldSet | undefined): unknown {
  if (lastSet === undefined || lastSet.isEmpty) return merged;
  const last = withNamedFields(shape, lastSet);
  const named = (value: unknown) => withNamedFields(shape, fieldSetOf(shape, value ?? {}));
  const mergedSet = named(merged);
  let owned = new FieldSet();
  for (const manager of managers.values()) owned = owned.union(manager.set);
  const bare = removeFields(shape, merged, last);
  const kept = named(bare).union(withNamedFields(shape, owned));
  const withOwned = removeFields(shape, merged, mergedSet.difference(kept));
  return removeFields(shape, merged, mergedSet.difference(named(withOwned)).intersection(last)) ?? {};
}

interface Takeover {
  readonly shape: MapShape;
  readonly before: JsonObject;
  readonly pruned: unknown;
  readonly managers: Managers;
  readonly key: string;
  readonly reset: FieldSet;
  readonly request: ApplyRequest;
}

interface Conflict {
  readonly manager: Manager;
  readonly path: readonly PathElement[];
}

function takeFromOthers({ shape, before, pruned, managers, key, reset, request }: Takeover): void {
  const comparison = compareValues(shape, before, pruned);
  const changed = comparison.modified.union(comparison.added).recursiveDifference(reset);
  const removed = comparison.removed.recursiveDifference(reset);
  const others = [...managers].filter(([one]) => one !== key);
  const conflicts: Conflict[] = others.flatMap(([, manager]) =>
    [...manager.set.intersection(changed).paths()].map((path) => ({ manager, path })),
  );
  if (conflicts.length > 0 && !request.force && !isAllowedByLastApplied(shape, before, conflicts, request))
    throw conflictError(conflicts);
  for (const [one, manager] of others) setFields(managers, one, manager.without(changed).without(removed));
}

const managerText = ({ name, operation, apiVersion, subresource }: Manager): string => {
  const text = JSON.stringify(name) + (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${text} using ${apiVersion}` : text;
};

function conflictError(conflicts: readonly Conflict[]): ApiError {
  const sorted = conflicts.toSorted((a, b) =>
    managerKey(a.manager) < managerKey(b.manager) ? -1 : managerKey(a.manager) > managerKey(b.manager) ? 1 : 0,
  );
  const causes = sorted.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: pathText(path),
  }));
  let message: string;
  if (sorted.length === 1)
    message = `Apply failed with 1 conflict: conflict with ${managerText(sorted[0]!.manager)}: ${pathText(sorted[0]!.path)}`;
  else {
    const lines: string[] = [];
    let current: Manager | undefined;
    for (const { manager, path } of sorted) {
      if (manager !== current) lines.push(`conflicts with ${managerText(manager)}:`);
      current = manager;
      lines.push(`- ${pathText(path)}`);
    }
    message = `Apply failed with ${sorted.length} conflicts: ${lines.join('\n')}`;
  }
  return new ApiError(409, 'Conflict', message, { causes });
}

const lastAppliedOf = (object: KubernetesObject | JsonObject | undefined): string | undefined => {
  const metadata = (object as { metadata?: { annotations?: Readonly<Record<string, string>> } } | undefined)?.metadata;
  return metadata?.annotations?.[lastAppliedAnnotation];
};

/** Someone who moves from client-side to server-side apply has no conflict with what they applied themselves. */
function isAllowedByLastApplied(
  shape: MapShape,
  live: JsonObject,
  conflicts: readonly Conflict[],
  { manager, row }: ApplyRequest,
): boolean {
  const text = manager === kubectlManager ? lastAppliedOf(live) : undefined;
  if (text === undefined) return false;
  let lastApplied: unknown;
  try {
    lastApplied = JSON.parse(text);
  } catch {
    return false;
  }
  if (!isJsonObject(lastApplied) || lastApplied['apiVersion'] !== apiVersionOf(row)) return false;
  if (checkApplied(shape, lastApplied).length > 0) return false;
  const comparison = compareValues(shape, lastApplied, live);
  const still = fieldSetOf(shape, lastApplied)
    .difference(comparison.modified)
    .difference(comparison.added)
    .difference(comparison.removed);
  return conflicts.every(({ path }) => still.has(path));
}

/** kubectl's client-side annotation follows a server-side apply, so that going back works. */
function refreshLastApplied(
  object: Mutable<KubernetesObject>,
  live: KubernetesObject | undefined,
  applied: JsonObject,
): void {
  if (lastAppliedOf(live) === undefined) return;
  const metadata = isJsonObject(applied['metadata']) ? { ...applied['metadata'] } : {};
  if (isJsonObject(metadata['annotations'])) {
    const { [lastAppliedAnnotation]: _, ...annotations } = metadata['annotations'];
    metadata['annotations'] = annotations;
  }
  const text = `${JSON.stringify({ ...applied, metadata })}\n`;
  const annotations = { ...object.metadata.annotations };
  const others = Object.entries(annotations).filter(([name]) => name !== lastAppliedAnnotation);
  const bytes = others.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  annotations[lastAppliedAnnotation] = bytes + Buffer.byteLength(text) > annotationBytesMax ? '' : text;
  object.metadata.annotations = annotations;
}
