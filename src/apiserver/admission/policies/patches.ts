// The two ways in which a mutating policy changes an object: an apply configuration, merged as server-side apply merges, and a
// JSON patch. Both give a new object, decoded and defaulted. Pure.
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { shapeOfRow } from '#api/managed-fields/row-shape.ts';
import { settle, shapeOfMember, shapeOfStruct, type MapShape, type Shape } from '#api/managed-fields/shape.ts';
import { checkApplied, mergeValues } from '#api/managed-fields/walk.ts';
import { applyJsonPatch, JsonPatchTestError, rejectionText } from '#api/patch/json-patch.ts';
import { isJsonObject, type JsonObject } from '#api/patch/json-values.ts';
import { decodeObject } from '#api/schema/decode.ts';
import { applyRowDefaults } from '#api/schema/defaults.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import { ApiError } from '#api/status.ts';
import type { GroupVersionKind } from '../../context.ts';
import { decodedSubresource, typeNameOf } from '../dynamic/subresource-object.ts';

/** The patch does not fit: the policy's failurePolicy decides. */
export class PatchError extends Error {}

/** What the patched object is. */
export interface PatchTarget {
  readonly row: KindRow;
  /** Of subresources with a type of their own. */
  readonly subresourceKind: GroupVersionKind | undefined;
}

function decoded(
  { row, subresourceKind }: PatchTarget,
  content: JsonObject,
  fieldValidation: 'Ignore' | 'Strict',
): KubernetesObject {
  if (subresourceKind !== undefined) return decodedSubresource(subresourceKind, content, fieldValidation);
  const { object } = decodeObject(row, content, { fieldValidation });
  applyRowDefaults(row, object);
  return object;
}

const conversionFailed = 'error applying patch: failed to convert patch object to typed object: ';

/** Upstream merges no types that are published with another group's resources. Throws PatchError. */
function shapeOf({ row, subresourceKind }: PatchTarget): MapShape {
  if (subresourceKind === undefined) return shapeOfRow(row);
  const { group, version, kind } = subresourceKind;
  const name = group === row.group && version === row.version ? typeNameOf(subresourceKind) : undefined;
  if (name === undefined)
    throw new PatchError(`${conversionFailed}no corresponding type for ${group}/${version}, Kind=${kind}`);
  return shapeOfStruct(typeFacts(name));
}

/** Throws PatchError. */
export function appliedTo(target: PatchTarget, object: KubernetesObject, given: JsonObject): KubernetesObject {
  const shape = shapeOf(target);
  const kind = target.subresourceKind ?? target.row;
  const configuration = { ...given, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const errors = [...nullErrors(shape, configuration, ''), ...checkApplied(shape, configuration)];
  if (errors.length > 0)
    throw new PatchError(
      `${conversionFailed}${errors.length === 1 ? errors[0]! : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n')}`,
    );
  const atomic = atomicPaths(shape, configuration, '');
  if (atomic.length > 0)
    throw new PatchError(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`,
    );
  return decoded(target, mergeValues(shape, object, configuration) as JsonObject, 'Ignore');
}

const expectedOf = (shape: Shape): string =>
  shape.kind !== 'scalar' ? shape.kind : shape.expected === 'number' ? 'numeric (int or float)' : shape.expected;

/** Nothing can be taken away by naming it null. */
function nullErrors(given: Shape, value: unknown, path: string): string[] {
  const shape = settle(given, undefined, value);
  if (value === null) return [`${path}: expected ${expectedOf(shape)}, got &{NULL_VALUE}`];
  if (shape.kind === 'map' && isJsonObject(value))
    return Object.entries(value).flatMap(([name, member]) => {
      const inner = shapeOfMember(shape, name);
      return inner === undefined ? [] : nullErrors(inner, member, `${path}.${name}`);
    });
  if (shape.kind === 'list' && Array.isArray(value))
    return value.flatMap((item, index) => nullErrors(shape.element, item, `${path}[${index}]`));
  return [];
}

/** A part that would be replaced as a whole is nothing that somebody means who names some of its fields. */
function atomicPaths(given: Shape, value: unknown, path: string): string[] {
  const shape = settle(given, undefined, value);
  if (shape.kind === 'map' && isJsonObject(value))
    return [
      ...(shape.atomic ? [path] : []),
      ...Object.entries(value).flatMap(([name, member]) => {
        const inner =
          shape.struct === undefined && shape.members === undefined ? undefined : shapeOfMember(shape, name);
        return inner === undefined ? [] : atomicPaths(inner, member, `${path}.${name}`);
      }),
    ];
  if (shape.kind === 'list' && Array.isArray(value))
    return [
      ...(shape.atomic ? [path] : []),
      ...value.flatMap((item, index) => atomicPaths(shape.element, item, `${path}[${index}]`)),
    ];
  return [];
}

/** The same object when a test of the patch fails. Throws PatchError, or an ApiError (500) for what is no object any more. */
export function patchedWith(
  target: PatchTarget,
  object: KubernetesObject,
  operations: readonly JsonObject[],
): KubernetesObject {
  let patched: unknown;
  try {
    patched = applyJsonPatch(object, operations);
  } catch (error) {
    if (error instanceof JsonPatchTestError) return object;
    throw error instanceof ApiError ? new PatchError(`JSON Patch: ${rejectionText(error)}`) : error;
  }
  try {
    return decoded(target, patched as JsonObject, 'Strict');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const text = error.message.replace(/^.*? cannot be handled as a \S+: /s, '');
    throw new ApiError(500, 'InternalError', `Internal error occurred: ${text}`, { causes: [{ message: text }] });
  }
}
