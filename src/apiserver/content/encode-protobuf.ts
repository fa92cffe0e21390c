// Answers and watch events in protobuf. The message of a shared object is made once for all its readers and kept while it is
// asked for, up to a bound. Loaded when the first client asks.
import { ApiError } from '#api/status.ts';
import { encodeMessage, encodeObject, envelope, fieldHead, hasProtobufForm } from '#api/protobuf/encode.ts';
import type { ResponseBody } from '#api/request.ts';
import { listStepItemsMax, protobufCacheBytesMax } from '#base/limits.ts';

interface Typed {
  readonly kind?: string | undefined;
  readonly apiVersion?: string | undefined;
}

const listMetaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
/** Field numbers of every list kind, and of a watch event. */
const [listMetadata, listItems] = [1, 2];
const [eventType, eventObject, eventRaw] = [1, 2, 1];

/** Two generations: when the younger is full the older is dropped, and what is still read moves over. */
let young = new WeakMap<object, Uint8Array>();
let old = new WeakMap<object, Uint8Array>();
let youngBytes = 0;

function messageOf(object: Typed): Uint8Array {
  const { kind = '', apiVersion = versionOfDiscovery } = object;
  let message = young.get(object);
  if (message !== undefined) return message;
  message = old.get(object) ?? encodeObject(apiVersion, kind, object);
  if (youngBytes + message.length > protobufCacheBytesMax / 2) {
    old = young;
    young = new WeakMap();
    youngBytes = 0;
  }
  young.set(object, message);
  youngBytes += message.length;
  return message;
}

const isTyped = (object: unknown): object is Typed =>
  typeof object === 'object' && object !== null && typeof (object as { kind?: unknown }).kind === 'string';

/** Documents of the core group say none. */
const versionOfDiscovery = 'v1';

function check({ kind = '', apiVersion = versionOfDiscovery }: Typed): void {
  if (!hasProtobufForm(apiVersion, kind))
    throw new ApiError(
      406,
      'NotAcceptable',
      `object ${kind} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message`,
    );
}

/** An object in its envelope. Throws an ApiError (406) for one without a protobuf form. */
export function objectParts(object: Typed): readonly Uint8Array[] {
  check(object);
  const message = messageOf(object);
  const [head, tail] = envelope(object.apiVersion ?? '', object.kind ?? '', message.length);
  return [head, message, tail];
}

/** Undefined: it is no object of a kind (`/version`), and goes out as it is. */
export async function encodeBody(
  body: ResponseBody & { readonly type: 'object' | 'list' },
  breathe: () => Promise<void>,
): Promise<readonly Uint8Array[] | undefined> {
  if (body.type === 'object') return isTyped(body.object) ? objectParts(body.object) : undefined;
  check(body);
  const metadata = encodeMessage(listMetaType, body.metadata);
  const parts: Uint8Array[] = [fieldHead(listMetadata!, metadata.length), metadata];
  let length = parts[0]!.length + metadata.length;
  let count = 0;
  for (const object of body.each?.() ?? body.objects()) {
    if (++count % listStepItemsMax === 0) await breathe();
    const message = messageOf(object);
    const head = fieldHead(listItems!, message.length);
    parts.push(head, message);
    length += head.length + message.length;
  }
  const [head, tail] = envelope(body.apiVersion, body.kind, length);
  return [head, ...parts, tail];
}

/** One frame of a watch: its length in four bytes, then a meta.v1 WatchEvent with the object in its envelope. */
export function eventFrame(type: string, object: Typed): Uint8Array {
  const parts = objectParts(object);
  const objectLength = parts.reduce((sum, part) => sum + part.length, 0);
  const raw = fieldHead(eventRaw!, objectLength);
  const extension = fieldHead(eventObject!, raw.length + objectLength);
  const name = Buffer.from(type);
  const event = [fieldHead(eventType!, name.length), name, extension, raw, ...parts];
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([length, ...event]);
}
