// The body of a PATCH by its content type, as a function from a document to the changed one.
import { jsonKind } from '#api/schema/value-decoder.ts';
import { ApiError, badRequestError } from '#api/status.ts';
import { applyJsonPatch, unknownOperationFields } from '#api/patch/json-patch.ts';
import { applyMergePatch } from '#api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '#api/patch/strategic-merge.ts';
import type { ApiRequest } from '#api/request.ts';
import { mediaTypeOf, parsePatch, readBytes, unknownFormatError } from './read-body.ts';
import type { ParsedBody } from './read-body.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const types = new Map<string, PatchType>([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);
const cborApply = 'application/apply-patch+cbor';
const acceptedWithoutStrategic = [...types].flatMap(([name, type]) => (type === 'strategic' ? [] : [name]));

export interface ReadPatch {
  readonly type: PatchType;
  readonly body: ParsedBody;
  /** Members of the patch itself that nobody knows. */
  readonly unknownFields: readonly string[];
  /** A new document; undefined for apply, which is no function of the document alone. */
  readonly apply: ((typeName: string, document: unknown) => unknown) | undefined;
}

const functionOf = (type: PatchType, patch: unknown): ReadPatch['apply'] => {
  switch (type) {
    case 'json':
      return (_typeName, document) => applyJsonPatch(document, patch);
    case 'merge':
      return (_typeName, document) => applyMergePatch(document, patch);
    case 'strategic':
      return (typeName, document) => applyStrategicMergePatch(typeName, document, patch);
    default:
      return undefined;
  }
};

const prefixes: Readonly<Record<PatchType, string>> = {
  json: 'error decoding patch: ',
  merge: 'error decoding patch: ',
  strategic: '',
  apply: 'error decoding YAML: ',
};

/** What Go's decoder says of a patch that is of another JSON type. */
function checkShape(type: PatchType, value: unknown): void {
  if (value === null) return;
  const kind = jsonKind(value);
  const wanted = type === 'json' ? 'array' : 'object';
  if (kind === wanted) return;
  const goType = type === 'json' ? '[]handlers.jsonPatchOp' : 'map[string]interface {}';
  const decoding = type === 'apply' ? 'error unmarshaling JSON: while decoding JSON: ' : '';
  throw badRequestError(`${prefixes[type]}${decoding}json: cannot unmarshal ${kind} into Go value of type ${goType}`);
}

/** Custom resources have a handler of their own, which looks at this before anything else. */
export function checkCustomPatch(request: ApiRequest): void {
  const mediaType = mediaTypeOf(request);
  const type = types.get(mediaType);
  if (type === 'strategic' || (type === undefined && !(request.takesCbor === true && mediaType === cborApply)))
    throw unknownFormatError(
      [...acceptedWithoutStrategic, ...(request.takesCbor === true ? [cborApply] : [])].join(', '),
    );
}

export const isApply = (request: ApiRequest): boolean => types.get(mediaTypeOf(request)) === 'apply';

/** Custom resources have no strategic merge: nothing says how their lists merge. */
export async function readPatch(
  request: ApiRequest,
  { allowsStrategic, duplicates }: { readonly allowsStrategic: boolean; readonly duplicates: boolean },
): Promise<ReadPatch> {
  const mediaType = mediaTypeOf(request);
  const isCbor = mediaType === cborApply && request.takesCbor === true;
  const type = isCbor ? 'apply' : types.get(mediaType);
  // Custom resources have a handler of their own that looks; others are looked at on the way to theirs.
  if (type === undefined && allowsStrategic)
    throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  if (type === undefined || (type === 'strategic' && !allowsStrategic))
    throw unknownFormatError(
      [...acceptedWithoutStrategic, ...(request.takesCbor === true ? [cborApply] : [])].join(', '),
    );
  let body: ParsedBody;
  if (request.body.type === 'object') body = { value: request.body.object, duplicates: [] };
  else {
    const bytes = (await readBytes(request)) ?? new Uint8Array();
    const encoding = isCbor ? 'cbor' : type === 'apply' ? 'yaml' : 'json';
    const parsed = await parsePatch(bytes, encoding, prefixes[type], {
      duplicates: type === 'apply' || duplicates,
      signal: request.signal,
    });
    body = type === 'json' ? { ...parsed, duplicates: parsed.duplicates.map((text) => `json patch ${text}`) } : parsed;
  }
  checkShape(type, body.value);
  return {
    type,
    body,
    unknownFields: type === 'json' ? unknownOperationFields(body.value) : [],
    apply: functionOf(type, body.value),
  };
}
