// Blocks of user ids and SELinux categories: upstream's cluster-policy-controller, its ranges and its arithmetic. Pure.

/** Blocks of ten thousand ids; a namespace has one. */
const firstUid = 1_000_000_000;
const lastUid = 1_999_999_999;
const blockSize = 10_000;
export const uidRange = `${firstUid}-${lastUid}/${blockSize}`;
export const blockCount = (lastUid - firstUid + 1) / blockSize;

/** Labels that lie between two namespaces, of two categories each, so that a namespace may use five. */
const labelsPerNamespace = 5;
const categoryCount = 1024;
const categoriesPerLabel = 2;

export const blockText = (offset: number): string => `${firstUid + offset * blockSize}/${blockSize}`;

/** Which block the annotation names, as `start/size` or `start-end`; undefined: none of ours. */
export function blockOffset(text: string): number | undefined {
  const match = /^(\d+)([/-])(\d+)/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const size = match[2] === '/' ? Number(match[3]) : Number(match[3]) - start + 1;
  const offset = (start - firstUid) / blockSize;
  return size === blockSize && Number.isInteger(offset) && offset >= 0 && offset < blockCount ? offset : undefined;
}

/** `s0:c1,c0` for the first, in the co-lexical order of all pairs of categories. */
export function mcsLabel(offset: number): string {
  let rest = offset * labelsPerNamespace;
  let limit = categoryCount;
  const categories: number[] = [];
  for (let left = categoriesPerLabel; left > 0; left--) {
    while (binomial(limit, left) > rest) limit--;
    categories.push(limit);
    rest -= binomial(limit, left);
  }
  return `s0:${categories.map((one) => `c${one}`).join(',')}`;
}

function binomial(n: number, k: number): number {
  if (n < k) return 0;
  let result = 1;
  for (let step = 1; step <= k; step++) result = (result * (n - step + 1)) / step;
  return result;
}

/** The bits of a RangeAllocation: a big-endian number without leading zeros, bit N for block N. */
export class BlockSet {
  readonly #bytes: Uint8Array = new Uint8Array(Math.ceil(blockCount / 8)); // lowest byte first

  /** `data`: base64. What lies beyond the range is dropped. */
  static parse(data: string): BlockSet {
    const blocks = new BlockSet();
    const bytes = Buffer.from(data, 'base64').toReversed().subarray(0, blocks.#bytes.length);
    blocks.#bytes.set(bytes);
    return blocks;
  }
  has(offset: number): boolean {
    return ((this.#bytes[offset >> 3]! >> (offset & 7)) & 1) === 1;
  }
  add(offset: number): void {
    this.#bytes[offset >> 3]! |= 1 << (offset & 7);
  }
  /** The lowest block that is free; undefined: none is. */
  firstFree(): number | undefined {
    const byte = this.#bytes.findIndex((one) => one !== 0xff);
    if (byte < 0) return undefined;
    for (let offset = byte * 8; offset < byte * 8 + 8; offset++)
      if (!this.has(offset)) return offset < blockCount ? offset : undefined;
    return undefined;
  }
  /** Base64. */
  toString(): string {
    const last = this.#bytes.findLastIndex((one) => one !== 0);
    return Buffer.from(this.#bytes.subarray(0, last + 1).toReversed()).toString('base64');
  }
}
