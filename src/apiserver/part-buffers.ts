// Room for the parts of long answers, used again once a part has been written out: a buffer of 64 KiB for each part is memory outside the
// heap, and V8 collects all of the heap to get rid of it (a fifth of the main thread's time for pages of 500, and another thread's).
import type { PartRoom } from '#api/request.ts';

/** A part of a list with the item that makes it full. Longer ones are made in memory of their own. */
const bufferBytes = 80 * 1024;
/** Two of each of so many answers at a time; others are left to the collector. */
const sparesMax = 32;

export class PartBuffers implements PartRoom {
  readonly #spares: Buffer[] = [];
  readonly #own = new WeakSet<ArrayBufferLike>();

  take(length: number): Buffer {
    if (length > bufferBytes) return Buffer.allocUnsafe(length);
    const spare = this.#spares.pop();
    if (spare !== undefined) return spare;
    const made = Buffer.allocUnsafeSlow(bufferBytes);
    this.#own.add(made.buffer);
    return made;
  }
  /** Nobody reads the part any more. What was not taken here is ignored. Once for each part. */
  give({ buffer }: Uint8Array): void {
    if (this.#own.has(buffer) && this.#spares.length < sparesMax) this.#spares.push(Buffer.from(buffer));
  }
}
