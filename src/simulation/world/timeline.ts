// Virtual time. One timer runs at a time, and everything that it sets in motion comes to rest before the next: so a run is a
// function of its seed. Nothing here waits for real time.
import { assert } from '#base/errors.ts';
import { Heap } from '#base/heap.ts';
import type { Clock, Timer } from '#base/clock.ts';

interface Entry {
  readonly at: number;
  readonly sequence: number;
  /** Undefined: cancelled. */
  run: (() => void) | undefined;
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence);

export class Timeline {
  #nowMs = 0;
  #sequence = 0;
  readonly #timers = new Heap<Entry>(before);
  #wallMs: number;
  /** How many timers have run. */
  turns = 0;
  /** Set: nothing more happens. */
  stopped = false;

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }
  get monotonicMs(): number {
    return this.#nowMs;
  }
  get wallMs(): number {
    return this.#wallMs + this.#nowMs;
  }
  /** Somebody sets the clock of every machine. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
  }
  schedule(delayMs: number, run: () => void): Timer {
    // As the system's timers: whole milliseconds, at least one.
    const entry: Entry = { at: this.#nowMs + Math.max(1, Math.ceil(delayMs)), sequence: this.#sequence++, run };
    this.#timers.push(entry);
    return { cancel: () => void (entry.run = undefined) };
  }
  /** Runs everything that is due until then. */
  async runFor(durationMs: number): Promise<void> {
    const until = this.#nowMs + durationMs;
    await this.#rest();
    for (
      let next = this.#timers.first;
      next !== undefined && next.at <= until && !this.stopped;
      next = this.#timers.first
    ) {
      this.#timers.pop();
      if (next.run === undefined) continue;
      assert(next.at >= this.#nowMs, 'time goes forward');
      this.#nowMs = next.at;
      this.turns++;
      next.run();
      await this.#rest();
    }
    this.#nowMs = until;
  }
  /** Every promise that can settle has: a turn of the event loop begins only when no microtask is left. */
  #rest(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** One life of a simulated process. After its end nothing that it began has an effect: its timers do not run, what it waits for never comes. */
export class Life {
  readonly clock: Clock;
  readonly name: string;
  #alive = true;
  readonly #onEnd: (() => void)[] = [];

  constructor(name: string, timeline: Timeline) {
    this.name = name;
    this.clock = {
      now: () => timeline.wallMs,
      monotonicMs: () => timeline.monotonicMs,
      schedule: (delayMs, run) => timeline.schedule(delayMs, () => (this.#alive ? run() : undefined)),
    };
  }
  get alive(): boolean {
    return this.#alive;
  }
  onEnd(run: () => void): void {
    if (this.#alive) this.#onEnd.push(run);
    else run();
  }
  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const run of this.#onEnd.splice(0)) run();
  }
  /** What comes in from outside of the process: never, once it is dead. */
  incoming<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => (this.#alive ? resolve(value) : undefined),
        (error: unknown) => (this.#alive ? reject(error) : undefined),
      );
    });
  }
}
