// The two ways in which a mutating policy changes an object: an apply configuration, merged as server-side apply merges, and a
// JSON patch. Both give a new object, decoded and defaulted. Pure.
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { shapeOfRow } from '#api/managed-fields/row-shape.ts';
import { settle, shapeOfMember, type Shape } from '#api/managed-fields/shape.ts';
import { checkApplied, mergeValues } from '#api/managed-fields/walk.ts';
import { applyJsonPatch, JsonPatchTestError, rejectionText } from '#api/patch/json-patch.ts';
import { isJsonObject, type JsonObject } from '#api/patch/json-values.ts';
import { decodeObject } from '#api/schema/decode.ts';
import { applyRowDefaults } from '#api/schema/defaults.ts';
import { ApiError } from '#api/status.ts';

/** The patch does not fit: the policy's failurePolicy decides. */
export class PatchError extends Error {}

function decoded(row: KindRow, content: JsonObject, fieldValidation: 'Ignore' | 'Strict'): KubernetesObject {
  const { object } = decodeObject(row, content, { fieldValidation });
  applyRowDefaults(row, object);
  return object;
}

const header = (row: KindRow): JsonObject => ({ apiVersion: apiVersionOf(row), kind: row.kind });

/** Throws PatchError. */
export function appliedTo(row: KindRow, object: KubernetesObject, given: JsonObject): KubernetesObject {
  const shape = shapeOfRow(row);
  const configuration = { ...given, ...header(row) };
  const errors = [...nullErrors(shape, configuration, ''), ...checkApplied(shape, configuration)];
  if (errors.length > 0)
    throw new PatchError(
      `error applying patch: failed to convert patch object to typed object: ${errors.length === 1 ? errors[0]! : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n')}`,
    );
  const atomic = atomicPaths(shape, configuration, '');
  if (atomic.length > 0)
    throw new PatchError(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`,
    );
  return decoded(row, mergeValues(shape, object, configuration) as JsonObject, 'Ignore');
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
  row: KindRow,
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
    return decoded(row, patched as JsonObject, 'Strict');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const text = error.message.replace(/^.*? cannot be handled as a \S+: /s, '');
    throw new ApiError(500, 'InternalError', `Internal error occurred: ${text}`, { causes: [{ message: text }] });
  }
}
