// The bytes of an object: serialised once, when it is written; every answer is made from them by splicing in the resource
// version, which is known only after the commit. Not here: other encodings (protobuf, tables).
import type { KubernetesObject } from '#api/kind.ts';
import { ApiError } from '#api/status.ts';
import { assert } from '#base/errors.ts';
import { objectBytesMax } from '#base/limits.ts';
import type { StoredObject } from './store.ts';

export interface EncodedObject {
  readonly bytes: Uint8Array;
  readonly versionOffset: number;
}

const metadataOpening = '"metadata":{';
/** Parts of a long list are joined up to this size: few large writes, no single huge buffer. */
const listPartBytes = 256 * 1024;

/** `{"kind":..,"apiVersion":..,"metadata":{..` without metadata.resourceVersion. Throws an ApiError (500) for what is too long. */
export function encodeObject(object: KubernetesObject): EncodedObject {
  const { kind, apiVersion, metadata, ...rest } = object;
  assert(kind !== undefined && apiVersion !== undefined, 'an object without kind and apiVersion cannot be stored');
  const { resourceVersion: _, ...kept } = metadata;
  const head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},${metadataOpening}`;
  const metadataText = JSON.stringify(kept);
  assert(metadataText !== '{}', 'an object without a name cannot be stored');
  const restText = JSON.stringify(rest);
  const tail = restText === '{}' ? '}' : `,${restText.slice(1)}`;
  const text = head + metadataText.slice(1) + tail;
  // Patches that copy could make it longer again and again. Upstream's words.
  if (Buffer.byteLength(text) > objectBytesMax) throw new ApiError(500, '', 'etcdserver: request is too large');
  return { bytes: ownBytes(text), versionOffset: Buffer.byteLength(head) };
}

/** Its own memory, not a slice of Node's pool, which a long-lived object would pin. */
function ownBytes(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

const versionText = (stored: StoredObject): string => `"resourceVersion":"${stored.revision}",`;

/** The JSON of one object with its resource version and a newline, in one piece. */
export function objectLine(stored: StoredObject): Uint8Array {
  const version = versionText(stored);
  const target = Buffer.allocUnsafe(stored.bytes.length + version.length + 1);
  target[putObject(target, 0, stored, version)] = 0x0a;
  return target;
}

/** The same without the newline. */
export function objectBytes(stored: StoredObject): Uint8Array {
  const version = versionText(stored);
  const target = Buffer.allocUnsafe(stored.bytes.length + version.length);
  putObject(target, 0, stored, version);
  return target;
}

/**
 * Items of a list with commas between them, in parts; the caller writes what is around. Upstream omits kind and
 * apiVersion of items of built-in kinds (`withKind` false) and keeps them for custom resources.
 */
export function listItemParts(items: readonly StoredObject[], withKind: boolean): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let first = 0; first < items.length;) {
    let size = 0;
    let end = first;
    for (; end < items.length && (size < listPartBytes || end === first); end++)
      size += items[end]!.bytes.length + versionLengthMax;
    const target = Buffer.allocUnsafe(size);
    let at = 0;
    for (let index = first; index < end; index++) {
      const stored = items[index]!;
      if (index > 0) target[at++] = 0x2c;
      if (withKind) at = putObject(target, at, stored, versionText(stored));
      else {
        target[at++] = 0x7b;
        const start = stored.versionOffset - metadataOpening.length;
        at = putRange(target, at, stored.bytes, start, stored.versionOffset);
        at += target.write(versionText(stored), at, 'latin1');
        at = putRange(target, at, stored.bytes, stored.versionOffset, stored.bytes.length);
      }
    }
    parts.push(target.subarray(0, at));
    first = end;
  }
  return parts;
}

/** One line of a watch with its newline. */
export function watchLine(type: 'ADDED' | 'MODIFIED' | 'DELETED', stored: StoredObject): Uint8Array {
  const head = `{"type":"${type}","object":`;
  const version = versionText(stored);
  const target = Buffer.allocUnsafe(head.length + stored.bytes.length + version.length + 2);
  const at = putObject(target, target.write(head, 0, 'latin1'), stored, version);
  target[at] = 0x7d;
  target[at + 1] = 0x0a;
  return target;
}

/** `"resourceVersion":"N",` with the longest N, and a comma and a brace. */
const versionLengthMax = 21 + 16 + 2;

function putRange(target: Buffer, at: number, from: Uint8Array, start: number, end: number): number {
  target.set(start === 0 && end === from.length ? from : from.subarray(start, end), at);
  return at + end - start;
}
function putObject(target: Buffer, at: number, stored: StoredObject, version: string): number {
  const { bytes, versionOffset } = stored;
  let next = putRange(target, at, bytes, 0, versionOffset);
  next += target.write(version, next, 'latin1');
  return putRange(target, next, bytes, versionOffset, bytes.length);
}
