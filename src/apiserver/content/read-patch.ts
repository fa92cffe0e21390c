// The body of a PATCH by its content type, as a function from a document to the changed one.
import { badRequestError } from '#api/status.ts';
import { applyJsonPatch, unknownOperationFields } from '#api/patch/json-patch.ts';
import { applyMergePatch } from '#api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '#api/patch/strategic-merge.ts';
import type { ApiRequest } from '#api/request.ts';
import { mediaTypeOf, parseBytes, readBytes, unknownFormatError } from './read-body.ts';
import type { ParsedBody } from './read-body.ts';

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const types = new Map<string, PatchType>([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);
const accepted = [...types.keys()].join(', ');
const acceptedWithoutStrategic = [...types].flatMap(([name, type]) => (type === 'strategic' ? [] : [name])).join(', ');

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

/** Custom resources have no strategic merge: nothing says how their lists merge. */
export async function readPatch(request: ApiRequest, allowsStrategic = true): Promise<ReadPatch> {
  const type = types.get(mediaTypeOf(request));
  if (type === undefined || (type === 'strategic' && !allowsStrategic))
    throw unknownFormatError(allowsStrategic ? accepted : acceptedWithoutStrategic);
  let body: ParsedBody;
  if (request.body.type === 'object') body = { value: request.body.object, duplicates: [] };
  else {
    const bytes = await readBytes(request);
    if (bytes === undefined) throw badRequestError('the body of the patch is empty');
    body = await parseBytes(bytes, type === 'apply' ? 'yaml' : 'json', type === 'apply');
  }
  return {
    type,
    body,
    unknownFields: type === 'json' ? unknownOperationFields(body.value) : [],
    apply: functionOf(type, body.value),
  };
}
