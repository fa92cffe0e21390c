// One event may go to a thousand watches, and each write to a connection takes some 20 us: more than so many in one turn of the event
// loop wait for the next one, in their order, and others have the loop in between.
import { fanOutWritesMax } from '#base/limits.ts';

export class FanOut {
  readonly #nextTurn: (run: () => void) => void;
  #written = 0;
  #waiting: (() => void)[] = [];
  #isPlanned = false;

  constructor(nextTurn: (run: () => void) => void = setImmediate) {
    this.#nextTurn = nextTurn;
  }
  /** False: the writer has to ask for a turn. */
  mayWrite(): boolean {
    if (this.#waiting.length > 0 || this.#written >= fanOutWritesMax) return false;
    this.#written++;
    this.#plan();
    return true;
  }
  /** A turn of its own for each writer who has none yet. */
  later(write: () => void): void {
    this.#waiting.push(write);
    this.#plan();
  }
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#nextTurn(() => this.#turn());
  }
  #turn(): void {
    this.#isPlanned = false;
    const mine = this.#waiting.splice(0, fanOutWritesMax);
    this.#written = mine.length;
    // What they make wait, and the count of this turn, are for the next one.
    if (mine.length > 0) this.#plan();
    for (const write of mine) write();
  }
}
