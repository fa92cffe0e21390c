// Work on many objects in slices, with the event loop free for others in between. A slice is a step of a generator.
import { setImmediate } from 'node:timers/promises';
import { selectionTurnBytes } from '#base/limits.ts';
import type { StoredObject } from '#storage/store.ts';
import type { Selection } from '../content/selection.ts';

export type Slices<T> = Generator<undefined, T, undefined>;

/** Says when a slice is full, by what its objects cost to look at. */
export class Slice {
  #workBytes = 0;

  /** Whether the selection selects it. */
  selects(selection: Selection, stored: StoredObject): boolean {
    // To look at bytes, or to copy them, takes a tenth of what it takes to decode them.
    const isToDecode = !selection.empty && !stored.isDecoded && selection.mayMatch(stored);
    this.#workBytes += isToDecode ? stored.bytes.length : stored.bytes.length / 10;
    return (isToDecode || stored.isDecoded || selection.empty) && selection.matches(stored);
  }
  /** True once: the next one begins. */
  isFull(): boolean {
    if (this.#workBytes < selectionTurnBytes) return false;
    this.#workBytes = 0;
    return true;
  }
}

/** At once, when one slice is enough. `room` is waited for before the next slice; undefined: there is room. */
export function inTurns<T>(slices: Slices<T>, room: () => Promise<void> | undefined = () => undefined): T | Promise<T> {
  const first = slices.next();
  return first.done === true ? first.value : theRest(slices, room);
}

async function theRest<T>(slices: Slices<T>, room: () => Promise<void> | undefined): Promise<T> {
  for (;;) {
    await setImmediate();
    await room();
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}

export function inOneTurn<T>(slices: Slices<T>): T {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}
