// Tells a damaged write-ahead log of SQLite from one that a power failure has cut. SQLite itself goes by the log up to the first
// frame whose checksum is wrong, and silently forgets the rest. That is right for the last transaction, which nobody was told of;
// but each one is on disk before the next begins, so a wrong frame with two transactions behind it is damage.
import { readFileSync } from 'node:fs';

const headerBytes = 32;
const frameHeaderBytes = 24;

/** Of one file. Numbers in it are big-endian, what is summed up is in the order of the machine that wrote it. */
class Log {
  readonly #view: DataView;
  readonly #pageBytes: number;
  readonly #isLittle: boolean;
  readonly isHeaderWhole: boolean;
  readonly frames: number;

  constructor(bytes: Uint8Array, pageBytes: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#pageBytes = pageBytes;
    this.frames = Math.max(0, Math.floor((bytes.length - headerBytes) / (frameHeaderBytes + pageBytes)));
    const magic = bytes.length < headerBytes ? 0 : this.#view.getUint32(0);
    this.#isLittle = magic !== 0x377f0683;
    this.isHeaderWhole =
      (magic === 0x377f0682 || magic === 0x377f0683) &&
      this.#view.getUint32(8) === pageBytes &&
      this.#isSum(this.#sum(0, 24, [0, 0]), 24);
  }
  #at(frame: number): number {
    return headerBytes + frame * (frameHeaderBytes + this.#pageBytes);
  }
  #sum(from: number, length: number, [first, second]: readonly [number, number]): readonly [number, number] {
    const view = this.#view;
    const isLittle = this.#isLittle;
    for (let at = from; at < from + length; at += 8) {
      first = (first + view.getUint32(at, isLittle) + second) | 0;
      second = (second + view.getUint32(at + 4, isLittle) + first) | 0;
    }
    return [first, second];
  }
  #sumAt(at: number): readonly [number, number] {
    return [this.#view.getInt32(at), this.#view.getInt32(at + 4)];
  }
  #isSum([first, second]: readonly [number, number], at: number): boolean {
    return this.#view.getInt32(at) === first && this.#view.getInt32(at + 4) === second;
  }
  /** Two random numbers, others each time the log is begun anew: what is behind its end may be of an earlier one. */
  #saltAt(at: number): bigint {
    return this.#view.getBigUint64(at);
  }
  isOfThis(frame: number): boolean {
    return this.#saltAt(this.#at(frame) + 8) === this.#saltAt(16);
  }
  isSameLog(frame: number, other: number): boolean {
    return this.#saltAt(this.#at(frame) + 8) === this.#saltAt(this.#at(other) + 8);
  }
  /** The last one of a transaction. */
  isCommit(frame: number): boolean {
    return this.#view.getUint32(this.#at(frame) + 4) !== 0;
  }
  /** Its checksum goes on from that of the one before. */
  follows(frame: number): boolean {
    const at = this.#at(frame);
    const seed = this.#sumAt(frame === 0 ? 24 : this.#at(frame - 1) + 16);
    return this.#isSum(this.#sum(at + frameHeaderBytes, this.#pageBytes, this.#sum(at, 8, seed)), at + 16);
  }
}

/** What is wrong with a log; undefined: nothing that a power failure could not have done. */
export function logDamage(file: string, pageBytes: number): string | undefined {
  const log = new Log(readFileSync(file), pageBytes);
  let end = 0;
  if (log.isHeaderWhole) while (end < log.frames && log.isOfThis(end) && log.follows(end)) end++;
  for (let frame = end; frame + 1 < log.frames; frame++) {
    if (log.isHeaderWhole && !log.isOfThis(frame)) continue;
    if (!log.isCommit(frame) || !log.isSameLog(frame, frame + 1) || !log.follows(frame + 1)) continue;
    return log.isHeaderWhole
      ? `its log is damaged at transaction frame ${end + 1} of ${log.frames}, and later ones are there`
      : 'the header of its log is damaged';
  }
  return undefined;
}
