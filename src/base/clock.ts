// Time as a parameter. Nothing outside this file and host/ may call Date.now or a timer.
import { Heap } from './heap.ts';

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

interface VirtualTimer {
  readonly at: number;
  readonly sequence: number;
  /** Undefined: it has run, or was cancelled. */
  run: (() => void) | undefined;
}

/** A clock that moves only when told to: tests and simulation. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #start: number;
  #wallOffsetMs = 0;
  #sequence = 0;
  readonly #timers = new Heap<VirtualTimer>(
    (one, other) => one.at < other.at || (one.at === other.at && one.sequence < other.sequence),
  );

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
    const timer: VirtualTimer = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, run };
    this.#timers.push(timer);
    return { cancel: () => void (timer.run = undefined) };
  }
  /** Time of the earliest timer, or undefined when none is set. */
  nextTimerAt(): number | undefined {
    return this.#next()?.at;
  }
  /** Moves the clock, running every timer on the way in order of time, then of creation. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (let timer = this.#next(); timer !== undefined && timer.at <= until; timer = this.#next()) {
      this.#timers.pop();
      this.#now = Math.max(this.#now, timer.at);
      timer.run?.();
    }
    this.#now = until;
  }
  /** The earliest that was not cancelled. */
  #next(): VirtualTimer | undefined {
    while (this.#timers.first !== undefined && this.#timers.first.run === undefined) this.#timers.pop();
    return this.#timers.first;
  }
}
