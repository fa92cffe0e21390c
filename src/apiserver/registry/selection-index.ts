// Objects of a large collection by what a member of theirs says: the node of a Pod, the object of an Event, a label. Made of the
// stored bytes when a selector asks for it again, so nothing is decoded, and only as true as it was at a revision: what was written
// since is taken from the store's history when the next selector comes. So writes pay nothing, and an index that nobody asks for ends.
import type { Clock, Timer } from '#base/clock.ts';
import { selectionIndexIdleMs, selectionIndexObjectsMin, selectionIndicesMax } from '#base/limits.ts';
import type { Store, StoredObject, StoreEvent } from '#storage/store.ts';
import type { Fact } from '../content/facts.ts';

const quote = 0x22;
const backslash = 0x5c;

/** Each text that stands behind `opening`, once; undefined: one is written with escapes. */
export function valuesIn(bytes: Uint8Array, opening: Uint8Array): readonly string[] | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const values: string[] = [];
  for (let at = buffer.indexOf(opening); at >= 0; at = buffer.indexOf(opening, at)) {
    at += opening.length;
    const end = buffer.indexOf(quote, at);
    const value = buffer.toString('utf8', at, end);
    if (value.charCodeAt(value.length - 1) === backslash || value.includes('\\')) return undefined;
    if (!values.includes(value)) values.push(value);
    at = end;
  }
  return values;
}

class MemberIndex {
  readonly #opening: Uint8Array;
  readonly #store: Store;
  readonly #prefix: string;
  /** A key alone, or several. */
  #keys = new Map<string, string | Set<string>>();
  /** What they say cannot be told from their bytes. */
  #unclear = new Set<string>();
  #revision = -1;
  usedAtMs = 0;

  constructor(store: Store, prefix: string, opening: string) {
    this.#store = store;
    this.#prefix = prefix;
    this.#opening = Buffer.from(opening);
  }
  /** Keys of objects that may say so, in no order. As true as the store is now. */
  keysOf(value: string): readonly string[] {
    this.#catchUp();
    const keys = this.#keys.get(value);
    const clear = keys === undefined ? [] : typeof keys === 'string' ? [keys] : [...keys];
    return this.#unclear.size === 0 ? clear : [...clear, ...this.#unclear];
  }
  #catchUp(): void {
    const { revision } = this.#store;
    if (this.#revision === revision) return;
    const apply = (events: readonly StoreEvent[]): void => {
      for (const { type, stored, previous } of events) {
        if (previous !== undefined) this.#remove(previous);
        if (type === 'put') this.#add(stored);
      }
    };
    // What happened since is told at once.
    const since =
      this.#revision < 0
        ? undefined
        : this.#store.watch(this.#prefix, this.#revision, { onEvents: apply, onEnd: () => {} });
    if (since === undefined) this.#makeAnew();
    else since[Symbol.dispose]();
    this.#revision = revision;
  }
  #makeAnew(): void {
    this.#keys = new Map();
    this.#unclear = new Set();
    for (const stored of this.#store.list(this.#prefix).items) this.#add(stored);
  }
  #add({ key, bytes }: StoredObject): void {
    const values = valuesIn(bytes, this.#opening);
    if (values === undefined) this.#unclear.add(key);
    else
      for (const value of values) {
        const there = this.#keys.get(value);
        if (there === undefined) this.#keys.set(value, key);
        else if (typeof there !== 'string') there.add(key);
        else if (there !== key) this.#keys.set(value, new Set([there, key]));
      }
  }
  #remove({ key, bytes }: StoredObject): void {
    const values = valuesIn(bytes, this.#opening);
    if (values === undefined) this.#unclear.delete(key);
    else
      for (const value of values) {
        const there = this.#keys.get(value);
        if (there === key) this.#keys.delete(value);
        else if (typeof there === 'object' && there.delete(key) && there.size === 0) this.#keys.delete(value);
      }
  }
}

export interface SelectionIndexOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Smaller collections are looked through. */
  readonly objectsMin?: number;
}

export class SelectionIndex implements Disposable {
  readonly #options: SelectionIndexOptions;
  readonly #objectsMin: number;
  readonly #indices = new Map<string, MemberIndex>();
  /** Asked for once: somebody may have been curious. */
  readonly #asked = new Set<string>();
  #timer: Timer | undefined;

  constructor(options: SelectionIndexOptions) {
    this.#options = options;
    this.#objectsMin = options.objectsMin ?? selectionIndexObjectsMin;
  }
  /** For tests. */
  get size(): number {
    return this.#indices.size;
  }
  /**
   * Of the objects below `prefix`, part of those below `kindPrefix`, all that hold the facts, in key order, and others. Undefined: no
   * index tells, so all are to be looked at.
   */
  candidates(kindPrefix: string, prefix: string, facts: readonly Fact[]): readonly StoredObject[] | undefined {
    const { store } = this.#options;
    const usable = facts.filter((fact) => fact.value !== undefined && JSON.stringify(fact.value) === `"${fact.value}"`);
    if (usable.length === 0 || store.count(prefix) < this.#objectsMin) return undefined;
    const nameOf = ({ opening }: Fact): string => `${kindPrefix} ${opening}`;
    const fact = usable.find((one) => this.#indices.has(nameOf(one))) ?? usable[0]!;
    const index = this.#indexOf(nameOf(fact), kindPrefix, fact.opening);
    if (index === undefined) return undefined;
    const found: StoredObject[] = [];
    for (const key of index.keysOf(fact.value!)) {
      const stored = key.startsWith(prefix) ? store.get(key) : undefined;
      if (stored !== undefined) found.push(stored);
    }
    return found.sort((one, other) => (one.key < other.key ? -1 : 1));
  }
  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#indices.clear();
  }
  #indexOf(name: string, kindPrefix: string, opening: string): MemberIndex | undefined {
    const { store, clock } = this.#options;
    let index = this.#indices.get(name);
    if (index === undefined) {
      if (!this.#asked.has(name)) {
        if (this.#asked.size >= selectionIndicesMax) this.#asked.clear();
        this.#asked.add(name);
        return undefined;
      }
      index = new MemberIndex(store, kindPrefix, opening);
    }
    // The one that was asked for last is the last.
    this.#indices.delete(name);
    this.#indices.set(name, index);
    if (this.#indices.size > selectionIndicesMax) this.#indices.delete(this.#indices.keys().next().value!);
    index.usedAtMs = clock.monotonicMs();
    this.#timer ??= clock.schedule(selectionIndexIdleMs, () => this.#dropUnused());
    return index;
  }
  #dropUnused(): void {
    const { clock } = this.#options;
    const oldest = clock.monotonicMs() - selectionIndexIdleMs;
    for (const [name, index] of this.#indices) if (index.usedAtMs <= oldest) this.#indices.delete(name);
    this.#asked.clear();
    this.#timer = this.#indices.size === 0 ? undefined : clock.schedule(selectionIndexIdleMs, () => this.#dropUnused());
  }
}
