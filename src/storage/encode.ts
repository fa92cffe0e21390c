// The bytes of an object: serialised once, when it is written; every answer is made from them by splicing in the resource
// version, which is known only after the commit. Not here: other encodings (protobuf, tables).
import type { KubernetesObject } from '#api/kind.ts';
import type { PartRoom, Pieces } from '#api/request.ts';
import { ApiError } from '#api/status.ts';
import { assert } from '#base/errors.ts';
import { objectBytesMax } from '#base/limits.ts';
import type { StoredObject } from './store.ts';

export interface EncodedObject {
  readonly bytes: Uint8Array;
  readonly versionOffset: number;
}

const metadataOpening = '"metadata":{';
/** Parts of a long list have about this size: what a connection takes at once, so that each goes out as it is, without another copy. */
const listPartBytes = 64 * 1024;

interface Head {
  readonly apiVersion: string;
  readonly text: string;
  readonly bytes: number;
}

/** What objects of a kind begin with, of the version that was last written; kinds come from what is served. */
const heads = new Map<string, Head>();
const headsMax = 2_000;

function headOf(kind: string, apiVersion: string): Head {
  const there = heads.get(kind);
  if (there?.apiVersion === apiVersion) return there;
  const text = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},${metadataOpening}`;
  const head = { apiVersion, text, bytes: Buffer.byteLength(text) };
  if (heads.size < headsMax || there !== undefined) heads.set(kind, head);
  return head;
}

/** Whether its text begins as a stored one does: kind and apiVersion, then metadata. */
export function isInOrder(object: KubernetesObject): boolean {
  let index = 0;
  for (const key in object) {
    if (key !== (index === 0 ? 'kind' : index === 1 ? 'apiVersion' : 'metadata')) return false;
    if (++index === 3) return true;
  }
  return false;
}

/** `{"kind":..,"apiVersion":..,"metadata":{..` without metadata.resourceVersion. Throws an ApiError (500) for what is too long. */
export function encodeObject(object: KubernetesObject): EncodedObject {
  const { kind, apiVersion } = object;
  assert(kind !== undefined && apiVersion !== undefined, 'an object without kind and apiVersion cannot be stored');
  const head = headOf(kind, apiVersion);
  const text = JSON.stringify(
    object.metadata.resourceVersion === undefined && isInOrder(object) ? object : inOrder(object),
  );
  assert(text.startsWith(head.text), 'an object without plain kind, apiVersion and metadata cannot be stored');
  assert(text.charCodeAt(head.text.length) !== closingBrace, 'an object without a name cannot be stored');
  // Patches that copy could make it longer again and again. Upstream's words.
  const length = Buffer.byteLength(text);
  if (length > objectBytesMax) throw new ApiError(500, '', 'etcdserver: request is too large');
  return { bytes: ownBytes(text, length), versionOffset: head.bytes };
}

function inOrder({ kind, apiVersion, metadata, ...rest }: KubernetesObject): KubernetesObject {
  const { resourceVersion: _, ...kept } = metadata;
  return { kind, apiVersion, metadata: kept, ...rest };
}

/** Its own memory, not a slice of Node's pool, which a long-lived object would pin. */
function ownBytes(text: string, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(length);
  bytes.write(text);
  return bytes;
}

const versionOpening = '"resourceVersion":"';
const openingBytes = Buffer.from(versionOpening, 'latin1');
const itemOpeningBytes = Buffer.from(`{${metadataOpening}${versionOpening}`, 'latin1');
const itemOpeningLength = itemOpeningBytes.length - openingBytes.length;
const quote = 0x22;
const comma = 0x2c;
const closingBrace = 0x7d;

/** Of `"resourceVersion":"N",`. */
function versionLength({ revision }: StoredObject): number {
  let digits = 1;
  for (let rest = revision; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return openingBytes.length + digits + 2;
}

/** The JSON of one object with its resource version and a newline, in one piece. */
export function objectLine(stored: StoredObject): Uint8Array {
  const length = stored.bytes.length + versionLength(stored);
  const target = Buffer.allocUnsafe(length + 1);
  target[putObject(target, 0, stored)] = 0x0a;
  return target;
}

/** The same without the newline. */
export function objectBytes(stored: StoredObject): Uint8Array {
  const target = Buffer.allocUnsafe(stored.bytes.length + versionLength(stored));
  putObject(target, 0, stored);
  return target;
}

/**
 * A list in parts: `head`, its items with commas between them, `tail`. Upstream omits kind and apiVersion of items of built-in
 * kinds (`withKind` false) and keeps them for custom resources. The items are not copied before their part is asked for.
 */
export function listPieces(
  head: string,
  items: readonly StoredObject[],
  tail: string,
  withKind: boolean,
): Pieces & { readonly length: number } {
  const headLength = Buffer.byteLength(head);
  let length = headLength + tail.length + Math.max(0, items.length - 1);
  for (const stored of items) length += itemLength(stored, withKind);
  return { length, parts: (room = newRoom) => listParts(head, headLength, items, tail, withKind, room) };
}

const newRoom: PartRoom = { take: (length) => Buffer.allocUnsafe(length) };

function* listParts(
  head: string,
  headLength: number,
  items: readonly StoredObject[],
  tail: string,
  withKind: boolean,
  room: PartRoom,
): Generator<Uint8Array> {
  let before = headLength;
  let first = 0;
  do {
    let size = before;
    let end = first;
    for (; end < items.length && (size < listPartBytes || end === first); end++)
      size += itemLength(items[end]!, withKind) + 1;
    const isLast = end === items.length;
    const taken = room.take(size + (isLast ? tail.length : 0));
    const target = Buffer.from(taken.buffer, taken.byteOffset, taken.length);
    let at = before === 0 ? 0 : target.write(head, 0);
    for (let index = first; index < end; index++) {
      const stored = items[index]!;
      if (index > 0) target[at++] = comma;
      at = withKind ? putObject(target, at, stored) : putItem(target, at, stored);
    }
    if (isLast) at += target.write(tail, at, 'latin1');
    yield target.subarray(0, at);
    before = 0;
    first = end;
  } while (first < items.length);
}
const itemLength = (stored: StoredObject, withKind: boolean): number =>
  stored.bytes.length + versionLength(stored) - (withKind ? 0 : stored.versionOffset - itemOpeningLength);

/** One line of a watch with its newline. */
export function watchLine(type: 'ADDED' | 'MODIFIED' | 'DELETED', stored: StoredObject): Uint8Array {
  const head = `{"type":"${type}","object":`;
  const target = Buffer.allocUnsafe(head.length + stored.bytes.length + versionLength(stored) + 2);
  const at = putObject(target, target.write(head, 0, 'latin1'), stored);
  target[at] = closingBrace;
  target[at + 1] = 0x0a;
  return target;
}

// A view of a part costs more than the copying of some ten bytes: short pieces are copied one by one.
function putBytes(target: Buffer, at: number, bytes: Uint8Array, length: number): number {
  for (let index = 0; index < length; index++) target[at + index] = bytes[index]!;
  return at + length;
}
/** What follows `"resourceVersion":"`. */
function putRevision(target: Buffer, at: number, revision: number): number {
  let unit = 1;
  while (revision >= unit * 10) unit *= 10;
  let rest = revision;
  let next = at;
  for (; unit >= 1; unit /= 10) {
    const digit = Math.floor(rest / unit);
    target[next++] = 0x30 + digit;
    rest -= digit * unit;
  }
  target[next] = quote;
  target[next + 1] = comma;
  return next + 2;
}
function putObject(target: Buffer, at: number, stored: StoredObject): number {
  const { bytes, versionOffset, revision } = stored;
  const shift = versionLength(stored);
  // All of it where its end belongs; what stands before the version is put in front again.
  target.set(bytes, at + shift);
  putBytes(target, at, bytes, versionOffset);
  putRevision(target, putBytes(target, at + versionOffset, openingBytes, openingBytes.length), revision);
  return at + shift + bytes.length;
}
/** Without kind and apiVersion. */
function putItem(target: Buffer, at: number, { bytes, versionOffset, revision }: StoredObject): number {
  const tail = putRevision(target, putBytes(target, at, itemOpeningBytes, itemOpeningBytes.length), revision);
  target.set(bytes.subarray(versionOffset), tail);
  return tail + bytes.length - versionOffset;
}
