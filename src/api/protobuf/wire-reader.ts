// The protobuf wire format, for reading.

/** The bytes are no protobuf, or not of the type that they should be. */
export class ProtobufError extends Error {
  /** What the envelope says it is, once that is known. */
  readonly claimed: { readonly apiVersion: string; readonly kind: string } | undefined;

  constructor(message: string, claimed?: { readonly apiVersion: string; readonly kind: string }) {
    super(message);
    this.claimed = claimed;
  }
}

export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Varint and fixed fields; length-delimited ones have bytes. */
  readonly value: bigint;
  readonly bytes: Uint8Array;
}

const noBytes = new Uint8Array();

/** What a message is, for those who look at its fields: its name in errors, and which fields it has. */
export interface WireExpectation {
  readonly typeName: string;
  /** Called with each key before its value is read; throws for a wire type that the field does not have. */
  check(number: number, wireType: number): void;
}

/** Every field of a message, in order; groups, which nothing here has, are passed over. Throws ProtobufError. */
export function* wireFields(bytes: Uint8Array, expectation?: WireExpectation): Generator<WireField> {
  const reader = new WireReader(bytes);
  const prefix = expectation === undefined ? 'proto: ' : `proto: ${expectation.typeName}: `;
  while (!reader.isAtEnd) {
    const key = reader.varint();
    const [number, wireType] = [Number(key >> 3n), Number(key & 7n)];
    if (wireType === 4) throw new ProtobufError(`${prefix}wiretype end group for non-group`);
    if (number === 0) throw new ProtobufError(`${prefix}illegal tag 0 (wire type ${wireType})`);
    expectation?.check(number, wireType);
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
      case 3:
        reader.skipGroup();
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

  /** Behind the key of a group, to behind its end. */
  skipGroup(): void {
    for (let depth = 1; depth > 0;) {
      const wireType = Number(this.varint() & 7n);
      if (wireType === 0) this.varint();
      else if (wireType === 1) this.take(8);
      else if (wireType === 2) this.take(this.length());
      else if (wireType === 3) depth++;
      else if (wireType === 4) depth--;
      else if (wireType === 5) this.take(4);
      else throw new ProtobufError(`proto: illegal wireType ${wireType}`);
    }
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
