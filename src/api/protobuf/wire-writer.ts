// The protobuf wire format, for writing. Fields come out in the order of the calls; a reader takes any order.
// What proto3 leaves out (empty texts, zero, false) the caller leaves out.

const textEncoder = new TextEncoder();
const bytesAtStart = 64 * 1024;
/** A varint of 64 bits. */
const varintBytesMax = 10;

export class WireWriter {
  #bytes = new Uint8Array(bytesAtStart);
  #at = 0;

  text(number: number, value: string): void {
    this.message(number, () => {
      // UTF-8 takes at most three bytes for a UTF-16 unit.
      this.#reserve(value.length * 3);
      this.#at += textEncoder.encodeInto(value, this.#bytes.subarray(this.#at)).written;
    });
  }

  bool(number: number, value: boolean): void {
    this.#key(number, 0);
    this.#varint(value ? 1 : 0);
  }

  /** Negative numbers take ten bytes, as the format has it. */
  int64(number: number, value: number): void {
    this.#key(number, 0);
    if (value >= 0) this.#varint(value);
    else {
      let rest = BigInt.asUintN(64, BigInt(value));
      this.#reserve(varintBytesMax);
      for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      this.#bytes[this.#at++] = Number(rest);
    }
  }

  double(number: number, value: number): void {
    this.#key(number, 1);
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** What `fill` writes becomes the content of one length-delimited field. */
  message(number: number, fill: () => void): void {
    this.#key(number, 2);
    const start = this.#at;
    fill();
    const end = this.#at;
    // Its length stands before it and is known only now.
    this.#reserve(varintBytesMax);
    this.#varint(end - start);
    const prefix = this.#bytes.slice(end, this.#at);
    this.#bytes.copyWithin(start + prefix.length, start, end);
    this.#bytes.set(prefix, start);
  }

  /** Fields that were written before. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** What was written; the writer begins anew. */
  take(): Uint8Array {
    const bytes = this.finish();
    this.#at = 0;
    return bytes;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #key(number: number, wireType: number): void {
    this.#varint(number * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(varintBytesMax);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
