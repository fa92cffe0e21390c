// Answers of webhooks for a while, the oldest leaving first when there are too many. One question is asked once at a time.
import type { Clock } from '#base/clock.ts';
import { webhookDecisionsMax } from '#base/limits.ts';

interface Kept<T> {
  readonly value: T;
  readonly until: number;
}

export class KeptAnswers<T> {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept<T>>();
  readonly #asked = new Map<string, Promise<T>>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  get(key: string): T | undefined {
    const there = this.#kept.get(key);
    if (there === undefined) return undefined;
    if (there.until > this.#clock.now()) return there.value;
    this.#kept.delete(key);
    return undefined;
  }
  /** Questions that are under way. */
  get inWork(): number {
    return this.#asked.size;
  }
  /** `keepMs` says of a value how long it is kept; 0: not. */
  async ask(key: string, question: () => Promise<T>, keepMs: (value: T) => number): Promise<T> {
    const before = this.#asked.get(key);
    if (before !== undefined) return before;
    const asked = question();
    this.#asked.set(key, asked);
    try {
      const value = await asked;
      const forMs = keepMs(value);
      if (forMs > 0) {
        this.#kept.delete(key);
        if (this.#kept.size >= webhookDecisionsMax) this.#kept.delete(this.#kept.keys().next().value!);
        this.#kept.set(key, { value, until: this.#clock.now() + forMs });
      }
      return value;
    } finally {
      this.#asked.delete(key);
    }
  }
}
