// A binary heap: the first of many, again and again, without keeping all of them in order.

export class Heap<T> {
  readonly #before: (one: T, other: T) => boolean;
  readonly #items: T[] = [];

  constructor(before: (one: T, other: T) => boolean) {
    this.#before = before;
  }
  get size(): number {
    return this.#items.length;
  }
  /** That which is before all others. */
  get first(): T | undefined {
    return this.#items[0];
  }
  push(item: T): void {
    const items = this.#items;
    let index = items.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(item, items[parent]!)) break;
      items[index] = items[parent]!;
      index = parent;
    }
    items[index] = item;
  }
  pop(): T | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return last;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++;
      if (!this.#before(items[child]!, last)) break;
      items[index] = items[child]!;
      index = child;
    }
    items[index] = last;
    return first;
  }
  clear(): void {
    this.#items.length = 0;
  }
}
