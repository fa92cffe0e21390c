// The protobuf wire format, for reading.

/** The bytes are no protobuf, or not of the type that they should be. */
export class ProtobufError extends Error {}

export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Varint and fixed fields; length-delimited ones have bytes. */
  readonly value: bigint;
  readonly bytes: Uint8Array;
}

const noBytes = new Uint8Array();

/** Every field of a message, in order. Throws ProtobufError. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  const reader = new WireReader(bytes);
  while (!reader.isAtEnd) {
    const key = reader.varint();
    const [number, wireType] = [Number(key >> 3n), Number(key & 7n)];
    if (number === 0) throw new ProtobufError('proto: illegal tag 0');
    switch (wireType) {
      case 0:
        yield { number, wireType, value: reader.varint(), bytes: noBytes };
        break;
      case 1:
        yield { number, wireType, value: 0n, bytes: reader.take(8) };
        break;
      case 2:
        yield { number, wireType, value: 0n, bytes: reader.take(reader.length()) };
        break;
      case 5:
        yield { number, wireType, value: 0n, bytes: reader.take(4) };
        break;
      default:
        throw new ProtobufError(`proto: illegal wireType ${wireType}`);
    }
  }
}

export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let low = 0;
    // Four bytes fit a number; few varints are longer.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let result = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, result);
    }
    throw new ProtobufError('proto: integer overflow');
  }

  length(): number {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length - this.#at)) throw new ProtobufError('unexpected EOF');
    return Number(length);
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new ProtobufError('unexpected EOF');
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new ProtobufError('unexpected EOF');
    return byte;
  }
}
