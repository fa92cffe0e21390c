// Which source files' timers fire: for tests of what happens while nothing happens.
import { createHook, type AsyncHook } from 'node:async_hooks';
import path from 'node:path';
import type { Clock, Timer } from '#base/clock.ts';

const repository = path.resolve(import.meta.dirname, '../..');
/** Whose timers are their callers'. */
const passesOn = ['src/base/clock.ts', 'src/base/work-queue.ts', 'src/simulation/world/timeline.ts'];

/** The file of the product that set a timer, by the stack; `src/node/agent.ts`. */
function callerOf(stack: string): string {
  for (const line of stack.split('\n').slice(1)) {
    const at = line.indexOf(`${repository}/src/`);
    if (at < 0) continue;
    const file = line.slice(at + repository.length + 1).replace(/:\d+:\d+\)?$/, '');
    if (!passesOn.includes(file)) return file;
  }
  return `unknown: ${stack}`;
}

export interface ExpectedTimer {
  readonly source: string;
  /** How often its timers fire at most, all of it together. */
  readonly everyMs: number;
  readonly reason: string;
}

export class FiredTimers {
  readonly #fired = new Map<string, number>();
  #isCounting = false;

  begin(): void {
    this.#isCounting = true;
  }
  end(): void {
    this.#isCounting = false;
  }
  get all(): ReadonlyMap<string, number> {
    return this.#fired;
  }
  forget(isLeftOut: (source: string) => boolean): void {
    for (const source of this.#fired.keys()) if (isLeftOut(source)) this.#fired.delete(source);
  }
  /** What to call in place of `run`. */
  note(run: () => void): () => void {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 30;
    const source = callerOf(new Error().stack ?? '');
    Error.stackTraceLimit = stackTraceLimit;
    return () => {
      if (this.#isCounting) this.#fired.set(source, (this.#fired.get(source) ?? 0) + 1);
      run();
    };
  }
  /** Timers without a reason, and those that fire more often than theirs allows. */
  unexplained(expected: readonly ExpectedTimer[], durationMs: number): string[] {
    return [...this.#fired].flatMap(([source, times]) => {
      const row = expected.find((one) => one.source === source);
      if (row === undefined) return [`${source}: fires ${times} times, and nobody says why`];
      const most = Math.ceil(durationMs / row.everyMs);
      return times > most ? [`${source}: fires ${times} times instead of ${most}`] : [];
    });
  }
}

/** As `clock`, with its timers noted. */
export const countingClock = (clock: Clock, fired: FiredTimers): Clock => ({
  now: () => clock.now(),
  monotonicMs: () => clock.monotonicMs(),
  schedule: (delayMs: number, run: () => void): Timer => clock.schedule(delayMs, fired.note(run)),
});

export interface NodeTimer {
  readonly intervalMs: number;
  readonly stack: string;
}

/** Timers of this thread that no clock was asked for: Node's own, libraries'. Begins when it is made. */
export class NodeTimers implements Disposable {
  readonly #alive = new Map<number, { readonly timer: object; readonly stack: string }>();
  readonly #hook: AsyncHook;
  constructor() {
    this.#hook = createHook({
      init: (id, type, _, timer) => {
        if (type === 'Timeout') this.#alive.set(id, { timer, stack: new Error().stack ?? '' });
      },
      destroy: (id) => void this.#alive.delete(id),
    }).enable();
  }
  /** Those that fire again and again until somebody ends them. */
  repeating(): NodeTimer[] {
    return this.#alive
      .values()
      .flatMap(({ timer, stack }) => {
        // A field of Node's own timers: null when it fires once.
        const interval = '_repeat' in timer ? timer._repeat : undefined;
        return typeof interval === 'number' ? [{ intervalMs: interval, stack }] : [];
      })
      .toArray();
  }
  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}
