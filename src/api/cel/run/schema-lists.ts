// Lists that schemas declare as sets or maps: equality does not look at the order, and adding merges. Items are found by what
// they are, so that long lists take no longer than they must.
import { ArrayList, CelList, CelMap, CelObject, equals, mapKeyOf } from './values.ts';

/** Scalars by their key, everything else one by one. */
class Seen {
  readonly #keys = new Set<unknown>();
  readonly #others: unknown[] = [];
  constructor(list: Iterable<unknown>) {
    for (const one of list) {
      const key = mapKeyOf(one);
      if (key === undefined) this.#others.push(one);
      else this.#keys.add(key);
    }
  }
  has(value: unknown): boolean {
    const key = mapKeyOf(value);
    return key === undefined ? this.#others.some((one) => equals(one, value)) : this.#keys.has(key);
  }
}

class SetList extends ArrayList {
  override equals(other: CelList): boolean {
    if (other.size !== this.size) return false;
    const seen = new Seen(other);
    return this.items.every((one) => seen.has(one));
  }
  override concatenate(other: CelList): CelList {
    const seen = new Seen(this.items);
    return new SetList([...this.items, ...[...other].filter((one) => !seen.has(one))]);
  }
}

class KeyedList extends ArrayList {
  readonly #keys: readonly string[];
  constructor(items: unknown[], keys: readonly string[]) {
    super(items);
    this.#keys = keys;
  }
  #keyOf(item: unknown): string {
    return JSON.stringify(this.#keys.map((key) => String(mapKeyOf(partOf(item, key)) ?? '')));
  }
  override equals(other: CelList): boolean {
    if (other.size !== this.size) return false;
    const byKey = new Map([...other].map((one) => [this.#keyOf(one), one]));
    return this.items.every((one) => {
      const same = byKey.get(this.#keyOf(one));
      return same !== undefined && equals(one, same);
    });
  }
  override concatenate(other: CelList): CelList {
    const items = [...this.items];
    const places = new Map(items.map((one, index) => [this.#keyOf(one), index]));
    for (const one of other) {
      const at = places.get(this.#keyOf(one));
      if (at === undefined) items.push(one);
      else items[at] = one;
    }
    return new KeyedList(items, this.#keys);
  }
}
const partOf = (item: unknown, key: string): unknown =>
  item instanceof CelObject || item instanceof CelMap ? item.get(key) : undefined;

export const setList = (list: CelList): CelList => new SetList([...list]);
export const keyedList = (list: CelList, keys: readonly string[]): CelList => new KeyedList([...list], keys);
