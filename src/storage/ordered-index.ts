// Values in key order: a list of sorted blocks. Insertion moves at most one block, a page of a list copies only its items,
// and counting adds up blocks; 100,000 keys are some hundred blocks.

const blockLengthMax = 512;
const mergeBelow = 192;

export interface Keyed {
  readonly key: string;
}

interface Position {
  readonly block: number;
  readonly offset: number;
}

/** The first key behind everything below `prefix`, which ends with `/`: `0` follows `/`. */
const endOf = (prefix: string): string => `${prefix.slice(0, -1)}0`;

export class OrderedIndex<T extends Keyed> {
  readonly #blocks: T[][] = [];

  get(key: string): T | undefined {
    const { block, offset } = this.#lowerBound(key);
    const found = this.#blocks[block]?.[offset];
    return found?.key === key ? found : undefined;
  }
  set(value: T): void {
    const { block: at, offset } = this.#lowerBound(value.key);
    const block = this.#blocks[at];
    if (block?.[offset]?.key === value.key) {
      block[offset] = value;
      return;
    }
    // Behind the end of everything, or before the first of a block: prefer to append to the block before.
    const before = this.#blocks[at - 1];
    const target = offset === 0 && before !== undefined && before.length < blockLengthMax ? before : block;
    if (target === undefined) {
      this.#blocks.push([value]);
      return;
    }
    if (target === before) before.push(value);
    else target.splice(offset, 0, value);
    if (target.length > blockLengthMax) {
      const index = this.#blocks.indexOf(target, Math.max(0, at - 1));
      this.#blocks.splice(index + 1, 0, target.splice(target.length >> 1));
    }
  }
  delete(key: string): void {
    const { block: at, offset } = this.#lowerBound(key);
    const block = this.#blocks[at];
    if (block?.[offset]?.key !== key) return;
    block.splice(offset, 1);
    if (block.length === 0) {
      this.#blocks.splice(at, 1);
      return;
    }
    const next = this.#blocks[at + 1];
    if (next !== undefined && block.length + next.length < mergeBelow) {
      block.push(...next);
      this.#blocks.splice(at + 1, 1);
    }
  }
  count(prefix: string): number {
    return this.#distance(this.#lowerBound(prefix), this.#lowerBound(endOf(prefix)));
  }
  /** Values below `prefix` behind `startAfter`, at most `limit`, and how many more there are. */
  list(prefix: string, startAfter: string | undefined, limit: number): { items: T[]; remaining: number } {
    const end = this.#lowerBound(endOf(prefix));
    let from = this.#lowerBound(prefix);
    if (startAfter !== undefined && startAfter >= prefix) {
      if (startAfter >= endOf(prefix)) return { items: [], remaining: 0 };
      from = this.#lowerBound(startAfter);
      if (this.#blocks[from.block]?.[from.offset]?.key === startAfter)
        from = { block: from.block, offset: from.offset + 1 };
    }
    const available = this.#distance(from, end);
    const wanted = Math.min(limit, available);
    const items: T[] = [];
    for (let { block, offset } = from; items.length < wanted; block++, offset = 0) {
      const source = this.#blocks[block]!;
      const until = Math.min(source.length, offset + wanted - items.length);
      for (let index = offset; index < until; index++) items.push(source[index]!);
    }
    return { items, remaining: available - items.length };
  }
  *values(): Generator<T> {
    for (const block of this.#blocks) yield* block;
  }
  #distance(from: Position, to: Position): number {
    if (from.block === to.block) return Math.max(0, to.offset - from.offset);
    let distance = to.offset - from.offset;
    for (let block = from.block; block < to.block; block++) distance += this.#blocks[block]!.length;
    return distance;
  }
  /** Where the first value with a key not below `key` is; one behind the last block when there is none. */
  #lowerBound(key: string): Position {
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = blocks[middle]!;
      if (block[block.length - 1]!.key < key) low = middle + 1;
      else high = middle;
    }
    const block = blocks[low];
    if (block === undefined) return { block: low, offset: 0 };
    let first = 0;
    let last = block.length;
    while (first < last) {
      const middle = (first + last) >>> 1;
      if (block[middle]!.key < key) first = middle + 1;
      else last = middle;
    }
    return { block: low, offset: first };
  }
}
