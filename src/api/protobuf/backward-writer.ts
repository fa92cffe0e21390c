// The protobuf wire format, written from the last byte to the first: what stands before a message, its length, is known
// when its turn comes, and nothing is moved. Fields therefore come in falling order of their numbers.

const bytesAtStart = 4 * 1024;
/** One buffer is kept between objects; a rare huge one is not. */
const bytesKeptMax = 1024 * 1024;
const varintBytesMax = 10;
/** Above it a text is measured by the runtime, below it by a loop. */
const shortTextLength = 48;

let spare: Buffer | undefined;

export class BackwardWriter {
  #buffer: Buffer;
  /** First byte that is written. */
  #start: number;

  constructor() {
    this.#buffer = spare ?? Buffer.allocUnsafeSlow(bytesAtStart);
    spare = undefined;
    this.#start = this.#buffer.length;
  }

  /** Bytes so far: the difference of two is the length of what lies between. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  /** Of whole numbers from zero to 2^53. */
  varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1);
      this.#buffer[--this.#start] = value;
      return;
    }
    let count = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
    this.#reserve(count);
    let at = (this.#start -= count);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  /** Negative ones take ten bytes. */
  int64(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.#reserve(varintBytesMax);
    for (let index = bytes.length - 1; index >= 0; index--) this.#buffer[--this.#start] = bytes[index]!;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#start -= 8;
    this.#buffer.writeDoubleLE(value, this.#start);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    this.#buffer.set(value, this.#start);
  }

  /** With its length before it. */
  text(value: string): void {
    const before = this.length;
    if (value.length > shortTextLength || !this.#shortText(value)) {
      const count = Buffer.byteLength(value);
      this.#reserve(count);
      this.#start -= count;
      this.#buffer.write(value, this.#start);
    }
    this.varint(this.length - before);
  }

  /** False, and nothing written, unless it is all ASCII. */
  #shortText(value: string): boolean {
    const { length } = value;
    this.#reserve(length);
    const at = this.#start - length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      this.#buffer[at + index] = code;
    }
    this.#start = at;
    return true;
  }

  /** What was written, in memory of its own; the writer is used up. */
  finish(): Uint8Array {
    const length = this.length;
    const result = Buffer.allocUnsafeSlow(length);
    this.#buffer.copy(result, 0, this.#start);
    if (this.#buffer.length <= bytesKeptMax) spare = this.#buffer;
    return result;
  }

  #reserve(count: number): void {
    if (count <= this.#start) return;
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, length + count));
    this.#buffer.copy(larger, larger.length - length, this.#start);
    this.#start = larger.length - length;
    this.#buffer = larger;
  }
}
