// A webhook's JSON patch on the object that it was sent: decoded and defaulted as upstream's, with its texts for what fails.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { applyRowDefaults } from '#api/schema/defaults.ts';
import { decodeObject } from '#api/schema/decode.ts';
import { applyJsonPatch, rejectionText } from '#api/patch/json-patch.ts';
import { ApiError, internalError } from '#api/status.ts';
import type { AdmissionAttributes } from '../../context.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import { decodedSubresource } from '../dynamic/subresource-object.ts';

/** The answer is at fault, not what it did to the object: the failure policy holds. */
export class PatchProblem extends Error {}

export interface PatchRequest {
  readonly matched: Matched;
  readonly attributes: AdmissionAttributes;
  /** In the matched version; null: the request has none. */
  readonly object: KubernetesObject | null;
  /** Base64. */
  readonly patch: string;
  readonly patchType: string;
  readonly webhook: string;
}

export interface Patched {
  readonly object: Mutable<KubernetesObject>;
  readonly operations: readonly unknown[];
}

/** Undefined: a patch of nothing. Throws a PatchProblem, or an ApiError (500). */
export function patchedObject(request: PatchRequest): Patched | undefined {
  const { matched, attributes, object, patch, patchType, webhook } = request;
  const operations = operationsOf(patch);
  if (operations.length === 0) return undefined;
  if (object === null)
    throw internalError(
      `admission webhook ${JSON.stringify(webhook)} attempted to modify the object, which is not supported for this operation`,
    );
  if (patchType !== 'JSONPatch') throw new PatchProblem(`unsupported patch type ${JSON.stringify(patchType)}`);
  let document: unknown;
  try {
    document = applyJsonPatch(object, operations);
  } catch (error) {
    if (error instanceof ApiError) throw internalError(rejectionText(error));
    throw error;
  }
  return { object: decoded(matched, attributes, document), operations };
}

function operationsOf(patch: string): readonly unknown[] {
  const undecodable = (cause: string) => new PatchProblem(`received undecodable patch in webhook response: ${cause}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
  } catch (error) {
    throw undecodable((error as Error).message);
  }
  if (!Array.isArray(parsed)) {
    const type = parsed === null ? 'null' : typeof parsed;
    throw undecodable(`json: cannot unmarshal ${type} into Go value of type jsonpatch.Patch`);
  }
  return parsed;
}

const withoutPrefix = (message: string): string => message.replace(/^.*? cannot be handled as a \S+: /s, '');

function decoded(
  matched: Matched,
  { subresourceKind }: AdmissionAttributes,
  document: unknown,
): Mutable<KubernetesObject> {
  try {
    if (subresourceKind !== undefined) return decodedSubresource(subresourceKind, document);
    const { object } = decodeObject(matched.row, document, { fieldValidation: 'Ignore' });
    applyRowDefaults(matched.row, object);
    return object;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const text = withoutPrefix(error.message);
    throw text.startsWith('converting (') ? new ApiError(500, '', text) : internalError(text);
  }
}
