// Long answers on their way out: part by part, each made when the connection has room, so that neither memory nor the event loop is
// taken by one reader. Packed (gzip) for who takes that.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HttpsResponse } from '#host/https-server.ts';
import { packedAtOnceBytesMax } from '#base/limits.ts';
import { pack, packer } from './content/gzip.ts';
import type { PartBuffers } from './part-buffers.ts';

interface Writable {
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean;
  end(chunk?: Uint8Array): unknown;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly destroyed: boolean;
}

const hasRoomOrCloses = (writable: Writable): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      writable.off('drain', end);
      writable.off('close', end);
      resolve();
    };
    writable.once('drain', end);
    writable.once('close', end);
  });

/**
 * `breathe` lets others have the event loop where the connection took a part at once; `buffers` get back what was written out, where
 * parts are made in them. Rejects with what making a part throws.
 */
export async function writeInTurn(
  response: HttpsResponse,
  parts: Iterable<Uint8Array>,
  breathe: () => Promise<void>,
  buffers: PartBuffers,
  onPart: (bytes: number) => void = () => {},
): Promise<void> {
  const writable = response as unknown as Writable;
  let held: Uint8Array | undefined;
  for (const part of parts) {
    onPart(part.length);
    if (held !== undefined) {
      const written = held;
      const hasRoom = writable.write(written, (error) => {
        if (error === undefined || error === null) buffers.give(written);
      });
      if (hasRoom) await breathe();
      else await hasRoomOrCloses(writable);
      if (writable.destroyed) return;
    }
    held = part;
  }
  // The last one and the end go out together.
  writable.end(held);
}

export const isPackedAtOnce = (length: number | undefined): boolean =>
  length !== undefined && length <= packedAtOnceBytesMax;

/** In one piece, with its length in the head that `begin` writes. Tells the length. */
export async function writePacked(
  response: HttpsResponse,
  parts: Iterable<Uint8Array>,
  begin: (headers: Readonly<Record<string, string | number>>) => void,
): Promise<number> {
  const packed = await pack([...parts]);
  begin({ 'content-encoding': 'gzip', 'content-length': packed.length });
  response.end(packed);
  return packed.length;
}

/** Packed on another thread as it is made. Rejects when the reader goes. */
export async function streamPacked(
  response: HttpsResponse,
  parts: Iterable<Uint8Array>,
  begin: (headers: Readonly<Record<string, string | number>>) => void,
): Promise<number> {
  const gzip = await packer();
  begin({ 'content-encoding': 'gzip' });
  let length = 0;
  gzip.on('data', (chunk: Uint8Array) => (length += chunk.length));
  // One part at a time.
  await pipeline(Readable.from(parts, { highWaterMark: 1 }), gzip, response as unknown as NodeJS.WritableStream);
  return length;
}
