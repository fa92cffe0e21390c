// JSON merge patch (RFC 7396).
import { badRequestError } from '../status.ts';
import { getMember, isJsonObject, setMember, type MutableJson } from './json-values.ts';

/** A new document; parts that the patch leaves alone are shared with the old one. Throws ApiError 400. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch) && !Array.isArray(patch)) throw badRequestError('Invalid JSON Patch');
  return merge(document, patch);
}

function merge(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: MutableJson = isJsonObject(document) ? { ...document } : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) delete result[key];
    else setMember(result, key, merge(getMember(result, key), value));
  }
  return result;
}
