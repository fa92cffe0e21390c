// The few ASN.1 DER forms that a certificate and a request for one are made of (X.690). Certificates are read by node:crypto.
// By hand because the X.509 library costs 50 ms and 5 MB at start, and first start makes fifteen certificates.

const node = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : length < 0x10000
          ? [tag, 0x82, length >> 8, length & 0xff]
          : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Uint8Array.from(header), ...parts]);
};

export const sequence = (...parts: readonly Uint8Array[]): Buffer => node(0x30, ...parts);
/** DER orders the members of a SET OF by their encoding. */
export const setOf = (...parts: readonly Uint8Array[]): Buffer =>
  node(0x31, ...parts.toSorted((a, b) => Buffer.compare(a, b)));
export const boolean = (value: boolean): Buffer => node(0x01, Uint8Array.of(value ? 0xff : 0));
export const octetString = (value: Uint8Array): Buffer => node(0x04, value);
export const bitString = (value: Uint8Array, unusedBits = 0): Buffer => node(0x03, Uint8Array.of(unusedBits), value);
export const utf8String = (value: string): Buffer => node(0x0c, Buffer.from(value, 'utf8'));
export const printableString = (value: string): Buffer => node(0x13, Buffer.from(value, 'latin1'));
/** Constructed, context-specific. */
export const explicit = (tag: number, content: Uint8Array): Buffer => node(0xa0 | tag, content);
/** Primitive, context-specific. */
export const implicit = (tag: number, content: Uint8Array): Buffer => node(0x80 | tag, content);

/** A non-negative integer from its big-endian bytes. */
export function integer(value: Uint8Array | number): Buffer {
  let bytes: Uint8Array = typeof value === 'number' ? Uint8Array.of(value) : value;
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
  return bytes[0]! >= 0x80 ? node(0x02, Uint8Array.of(0), bytes) : node(0x02, bytes);
}

export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const bytes = [first! * 40 + second!];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return node(0x06, Uint8Array.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 4.1.2.5). */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const year = Number(digits.slice(0, 4));
  return year >= 1950 && year < 2050
    ? node(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : node(0x18, Buffer.from(digits, 'latin1'));
}

export interface Element {
  readonly tag: number;
  /** Of the whole element. */
  readonly start: number;
  /** Of what is in it. */
  readonly content: number;
  readonly end: number;
}

/** The element at `offset`. Throws when it does not fit into the bytes. */
export function read(bytes: Buffer, offset: number): Element {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined || first === 0x80 || first > 0x84) throw new Error('not DER');
  const size = first < 0x80 ? 0 : first & 0x7f;
  let length = first < 0x80 ? first : 0;
  for (let index = 0; index < size; index++) length = length * 256 + (bytes[offset + 2 + index] ?? 0);
  const content = offset + 2 + size;
  if (content + length > bytes.length) throw new Error('not DER: cut short');
  return { tag, start: offset, content, end: content + length };
}

/** The elements in `parent`. */
export function children(bytes: Buffer, parent: Element): readonly Element[] {
  const found: Element[] = [];
  for (let offset = parent.content; offset < parent.end; offset = found.at(-1)!.end) {
    const one = read(bytes, offset);
    if (one.end > parent.end) throw new Error('not DER: it ends behind its parent');
    found.push(one);
  }
  return found;
}

/** Dotted. */
export function readObjectIdentifier(bytes: Buffer, element: Element): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bytes.subarray(element.content, element.end)) {
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length > 0) arcs.push(value);
    else arcs.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
    value = 0;
  }
  return arcs.join('.');
}
