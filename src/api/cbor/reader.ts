// CBOR (RFC 8949) for reading: heads of data items, and whether bytes are well-formed at all, in the words of the decoder that
// upstream uses. What the items mean is decode.ts.
import { bodyDepthMax } from '#base/limits.ts';

/** The bytes are no CBOR, or not of the type that they should be. */
export class CborError extends Error {
  /** What the object says it is, once that is known. */
  readonly claimed: { readonly apiVersion: string; readonly kind: string } | undefined;

  constructor(message: string, claimed?: { readonly apiVersion: string; readonly kind: string }) {
    super(message);
    this.claimed = claimed;
  }
}

/** Major types, section 3.1. */
export const major = {
  positive: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  primitive: 7,
} as const;

const majorNames = [
  'positive integer',
  'negative integer',
  'byte string',
  'UTF-8 text string',
  'array',
  'map',
  'tag',
  'primitives',
];
export const majorName = (type: number): string => majorNames[type]!;

export const selfDescribedTag = 55_799;
const elementsMax = 2_147_483_647;
const pairsMax = 2_097_152;
const indefinite = 31;
const breakByte = 0xff;

const unexpectedEnd = (): CborError => new CborError('unexpected EOF');
const unacceptable = (type: number, what: string): CborError =>
  new CborError(`cbor: data item of cbor type ${majorName(type)} is not accepted by protocol: ${what}`);

export class CborReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;
  /** Of the head that was read last. */
  type = 0;
  info = 0;
  /** Its argument: a length, a number, a tag; exact in `big` where it has eight bytes. */
  argument = 0;
  big: bigint | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isIndefinite(): boolean {
    return this.info === indefinite;
  }

  nextType(): number {
    return this.bytes[this.at]! >> 5;
  }

  /** Null, or undefined. */
  nextIsNothing(): boolean {
    const byte = this.bytes[this.at];
    return byte === 0xf6 || byte === 0xf7;
  }

  /** Of an item of indefinite length: passes over its end. */
  tookBreak(): boolean {
    if (this.bytes[this.at] !== breakByte) return false;
    this.at++;
    return true;
  }

  #take(count: number): number {
    const { at } = this;
    if (this.bytes.length - at < count) throw unexpectedEnd();
    this.at += count;
    return at;
  }

  head(): void {
    const first = this.bytes[this.#take(1)]!;
    this.type = first >> 5;
    this.info = first & 31;
    this.big = undefined;
    if (this.info < 24 || this.info === indefinite) {
      this.argument = this.info;
      return;
    }
    if (this.info > 27)
      throw new CborError(`cbor: invalid additional information ${this.info} for type ${majorName(this.type)}`);
    const at = this.#take(2 ** (this.info - 24));
    if (this.info === 24) this.argument = this.#view.getUint8(at);
    else if (this.info === 25) this.argument = this.#view.getUint16(at);
    else if (this.info === 26) this.argument = this.#view.getUint32(at);
    else {
      this.big = this.#view.getBigUint64(at);
      this.argument = Number(this.big);
    }
  }

  /** The number of the head that was read last: a primitive of two, four or eight bytes. */
  float(): number {
    if (this.info === 25) return this.#view.getFloat16(this.at - 2);
    return this.info === 26 ? this.#view.getFloat32(this.at - 4) : this.#view.getFloat64(this.at - 8);
  }

  /** The content of a string whose head was read, in one piece or in chunks. */
  chunks(): readonly Uint8Array[] {
    const chunk = (): Uint8Array => this.bytes.subarray(this.at, (this.at += this.argument));
    if (!this.isIndefinite) return [chunk()];
    const found: Uint8Array[] = [];
    while (!this.tookBreak()) {
      this.head();
      found.push(chunk());
    }
    return found;
  }

  /** Passes over one item of bytes that are well-formed. */
  skip(): void {
    this.head();
    const { type } = this;
    if (type === major.tag) this.skip();
    else if (type === major.bytes || type === major.text) this.chunks();
    else if (type === major.array || type === major.map) {
      const count = this.argument * (type === major.map ? 2 : 1);
      const isIndefinite = this.isIndefinite;
      for (let index = 0; isIndefinite ? !this.tookBreak() : index < count; index++) this.skip();
    }
  }

  /** Throws CborError unless all the bytes are one item. */
  checkWellFormed(): void {
    if (this.bytes.length === 0) throw new CborError('EOF');
    this.#check(0);
    const extra = this.bytes.length - this.at;
    if (extra > 0) throw new CborError(`cbor: ${extra} bytes of extraneous data starting at index ${this.at}`);
    this.at = 0;
  }

  #checkHead(): void {
    const first = this.bytes[this.at];
    this.head();
    const { type, info } = this;
    if (type === major.primitive) {
      if (first === breakByte) throw new CborError('cbor: unexpected "break" code');
      if (info === 24 && this.argument < 32)
        throw new CborError(`cbor: invalid simple value ${this.argument} for type ${majorName(type)}`);
      if (info >= 25) {
        const number = this.float();
        if (Number.isNaN(number)) throw unacceptable(type, 'floating-point NaN');
        if (!Number.isFinite(number)) throw unacceptable(type, 'floating-point infinity');
      }
    } else if (info === indefinite && (type === major.tag || type <= major.negative))
      throw new CborError(`cbor: invalid additional information ${info} for type ${majorName(type)}`);
  }

  #checkLength(ending: string): void {
    if (this.big !== undefined && this.big >= 2n ** 63n)
      throw new CborError(`cbor: ${majorName(this.type)} length ${this.big} is too large, ${ending}`);
  }

  #checkDepth(depth: number): number {
    if (depth > bodyDepthMax) throw new CborError(`cbor: exceeded max nested level ${bodyDepthMax}`);
    return depth;
  }

  #check(outer: number): void {
    let depth = outer;
    this.#checkHead();
    if (this.type === major.tag) {
      while (true) {
        if (this.at === this.bytes.length) throw unexpectedEnd();
        if (this.argument === 2 || this.argument === 3) throw unacceptable(major.tag, 'bignum');
        if (this.nextType() !== major.tag) break;
        this.#checkHead();
        depth = this.#checkDepth(depth + 1);
      }
      this.#check(depth);
      return;
    }
    const { type } = this;
    if (type === major.bytes || type === major.text) {
      if (this.isIndefinite) this.#checkChunks(type);
      else {
        this.#checkLength('causing integer overflow');
        this.#take(this.argument);
      }
    } else if (type === major.array || type === major.map) {
      depth = this.#checkDepth(depth + 1);
      if (this.isIndefinite) this.#checkUntilBreak(type, depth);
      else this.#checkMembers(type, depth);
    }
  }

  #checkChunks(type: number): void {
    while (true) {
      if (this.at === this.bytes.length) throw unexpectedEnd();
      if (this.tookBreak()) return;
      const next = this.nextType();
      if (next !== type)
        throw new CborError(`cbor: wrong element type ${majorName(next)} for indefinite-length ${majorName(type)}`);
      if ((this.bytes[this.at]! & 31) === indefinite)
        throw new CborError(`cbor: indefinite-length ${majorName(type)} chunk is not definite-length`);
      this.#check(0);
    }
  }

  #checkMembers(type: number, depth: number): void {
    this.#checkLength('it would cause integer overflow');
    const { argument } = this;
    this.#checkCount(type, argument);
    const count = type === major.map ? argument * 2 : argument;
    for (let index = 0; index < count; index++) this.#check(depth);
  }

  #checkCount(type: number, count: number): void {
    if (type === major.array && count > elementsMax)
      throw new CborError(`cbor: exceeded max number of elements ${elementsMax} for CBOR array`);
    if (type === major.map && count > pairsMax)
      throw new CborError(`cbor: exceeded max number of key-value pairs ${pairsMax} for CBOR map`);
  }

  #checkUntilBreak(type: number, depth: number): void {
    for (let index = 0; ; index++) {
      if (this.at === this.bytes.length) throw unexpectedEnd();
      if (this.tookBreak()) {
        if (type === major.map && index % 2 === 1) throw new CborError('cbor: unexpected "break" code');
        return;
      }
      this.#check(depth);
      this.#checkCount(type, type === major.map ? Math.floor((index + 1) / 2) : index + 1);
    }
  }
}
