// Lists that schemas declare as sets or maps: equality does not look at the order, and adding merges.
import { ArrayList, CelList, CelMap, CelObject, equals } from './values.ts';

class SetList extends ArrayList {
  override equals(other: CelList): boolean {
    return other.size === this.size && this.items.every((one) => contains(other, one));
  }
  override concatenate(other: CelList): CelList {
    return new SetList([...this.items, ...[...other].filter((one) => !contains(this, one))]);
  }
}
const contains = (list: CelList, value: unknown): boolean => [...list].some((one) => equals(one, value));

class KeyedList extends ArrayList {
  readonly #keys: readonly string[];
  constructor(items: unknown[], keys: readonly string[]) {
    super(items);
    this.#keys = keys;
  }
  #find(list: Iterable<unknown>, item: unknown): number {
    return [...list].findIndex((one) => this.#keys.every((key) => equals(partOf(one, key), partOf(item, key))));
  }
  override equals(other: CelList): boolean {
    if (other.size !== this.size) return false;
    return this.items.every((one) => {
      const at = this.#find(other, one);
      return at >= 0 && equals(one, other.at(at));
    });
  }
  override concatenate(other: CelList): CelList {
    const items = [...this.items];
    for (const one of other) {
      const at = this.#find(items, one);
      if (at < 0) items.push(one);
      else items[at] = one;
    }
    return new KeyedList(items, this.#keys);
  }
}
const partOf = (item: unknown, key: string): unknown =>
  item instanceof CelObject || item instanceof CelMap ? item.get(key) : undefined;

export const setList = (list: CelList): CelList => new SetList([...list]);
export const keyedList = (list: CelList, keys: readonly string[]): CelList => new KeyedList([...list], keys);
