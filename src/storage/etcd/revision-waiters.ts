// Who waits until a revision is visible in this process.
import type { Clock, Timer } from '#base/clock.ts';
import { etcdWritesInFlightMax } from '#base/limits.ts';
import type { Change } from '../state.ts';
import type { Revision } from '../store.ts';

interface Waiter {
  readonly revision: Revision;
  readonly timer: Timer;
  resolve(change: Change | undefined): void;
  reject(error: Error): void;
}

/** Changes that came before somebody asked for them (an answer may be slower than the watch): as many as writes are under way, and others'. */
const rememberedMax = 2 * etcdWritesInFlightMax;

export class RevisionWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();
  readonly #recent = new Map<Revision, Change>();
  #reached: Revision = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /** Resolves with the change of that revision; undefined when that is not known any more. Rejects when it takes too long. */
  wait(revision: Revision, waitMsMax: number, tooLong: () => Error): Promise<Change | undefined> {
    if (this.#reached >= revision) return Promise.resolve(this.#recent.get(revision));
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiter);
        waiter.timer.cancel();
      };
      const waiter: Waiter = {
        revision,
        timer: this.#clock.schedule(waitMsMax, () => waiter.reject(tooLong())),
        resolve(change) {
          end();
          resolve(change);
        },
        reject(error) {
          end();
          reject(error);
        },
      };
      this.#waiting.add(waiter);
    });
  }
  /** Everything up to `revision` is visible; `changes` are what is new. */
  reached(revision: Revision, changes: readonly Change[]): void {
    for (const change of changes) this.#recent.set(change.revision, change);
    this.#reached = Math.max(this.#reached, revision);
    for (const waiter of this.#waiting)
      if (waiter.revision <= this.#reached) waiter.resolve(this.#recent.get(waiter.revision));
    // After them: more may come at once than is remembered.
    for (const old of this.#recent.keys()) {
      if (this.#recent.size <= rememberedMax) break;
      this.#recent.delete(old);
    }
  }
  fail(error: Error): void {
    for (const waiter of this.#waiting) waiter.reject(error);
  }
}
