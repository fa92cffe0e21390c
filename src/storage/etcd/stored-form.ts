// An object as etcd holds it: a header of ours, then its bytes (sealed, where they are to be).
//
// Header: one byte, the format (1); four, the offset of the resource version; eight, when it ends by itself (milliseconds since
// the epoch, 0: never). Numbers are big-endian. The end is kept here, not as a lease of etcd's: whichever API server is there
// removes what is over, on condition that nobody renewed it.
import type { EncodedObject } from '../encode.ts';
import type { Sealing } from '../sealing/sealing.ts';

const format = 1;
const headerBytes = 13;

export function toStoredForm(sealing: Sealing, key: string, encoded: EncodedObject, expiresAt: number): Uint8Array {
  const sealed = sealing.seal(key, encoded.bytes);
  const value = Buffer.allocUnsafe(headerBytes + sealed.length);
  value.writeUInt8(format, 0);
  value.writeUInt32BE(encoded.versionOffset, 1);
  value.writeDoubleBE(expiresAt, 5);
  value.set(sealed, headerBytes);
  return value;
}

/** Throws when it is none of ours, or no key opens it. */
export function fromStoredForm(
  sealing: Sealing,
  key: string,
  value: Uint8Array,
): { readonly encoded: EncodedObject; readonly expiresAt: number } {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (buffer.length < headerBytes || buffer.readUInt8(0) !== format)
    throw new Error(`the key ${key} holds nothing that MicroShift wrote, or a newer one did`);
  const opened = sealing.open(key, buffer.subarray(headerBytes));
  // Memory of its own, or one object would keep the whole message.
  const bytes = Buffer.allocUnsafeSlow(opened.length);
  bytes.set(opened);
  return { encoded: { bytes, versionOffset: buffer.readUInt32BE(1) }, expiresAt: buffer.readDoubleBE(5) };
}
