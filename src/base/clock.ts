// Time as a parameter. Nothing outside this file and host/ may call Date.now or a timer.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never jumps. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`. The timer does not keep the process alive. */
  schedule(delayMs: number, run: () => void): Timer;
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const delayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), delayMsMax));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A clock that moves only when told to: tests and simulation. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #start: number;
  #wallOffsetMs = 0;
  #sequence = 0;
  readonly #timers = new Map<number, { at: number; sequence: number; run: () => void }>();

  constructor(startMs: number) {
    this.#now = startMs;
    this.#start = startMs;
  }
  now(): number {
    return this.#now + this.#wallOffsetMs;
  }
  /** Somebody sets the wall clock: no time passes, no timer runs. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
  monotonicMs(): number {
    return this.#now - this.#start;
  }
  schedule(delayMs: number, run: () => void): Timer {
    const sequence = this.#sequence++;
    this.#timers.set(sequence, { at: this.#now + Math.max(0, delayMs), sequence, run });
    return { cancel: () => void this.#timers.delete(sequence) };
  }
  /** Time of the earliest timer, or undefined when none is set. */
  nextTimerAt(): number | undefined {
    let earliest: number | undefined;
    for (const timer of this.#timers.values()) if (earliest === undefined || timer.at < earliest) earliest = timer.at;
    return earliest;
  }
  /** Moves the clock, running every timer on the way in order of time, then of creation. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (;;) {
      const due = [...this.#timers.values()]
        .filter((timer) => timer.at <= until)
        .toSorted((a, b) => a.at - b.at || a.sequence - b.sequence)[0];
      if (due === undefined) break;
      this.#timers.delete(due.sequence);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = until;
  }
}
