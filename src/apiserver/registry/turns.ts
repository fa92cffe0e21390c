// Who lost a race for an object tries again in turn: of many who write one object at once each then needs two attempts, not as many
// as there are writers.
import type { Clock } from '#base/clock.ts';
import { writeTurnWaitMsMax } from '#base/limits.ts';

export class Turns {
  readonly #clock: Clock;
  /** Of each key the end of the last one in the row. */
  readonly #last = new Map<string, Promise<void>>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /** Somebody tries again: who comes now would only lose. */
  isBusy(key: string): boolean {
    return this.#last.has(key);
  }
  /** Behind those who came before, or after a while beside them: a webhook of one may be what another waits for. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(key, promise);
    try {
      if (before !== undefined) await this.#atMost(before);
      return await work();
    } finally {
      resolve();
      if (this.#last.get(key) === promise) this.#last.delete(key);
    }
  }
  #atMost(before: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(writeTurnWaitMsMax, resolve);
      void before.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
