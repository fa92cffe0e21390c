// Back-off by key as upstream's flowcontrol.Backoff: the first failure is retried at once, then 10 s doubling to 5 minutes;
// forgotten after twice the longest delay without a failure.
import type { BackoffOptions } from '#base/work-queue.ts';

export const podBackoff: BackoffOptions = { baseMs: 10_000, maxMs: 300_000 };

export class KeyedBackoff {
  readonly #options: BackoffOptions;
  readonly #entries = new Map<string, { delayMs: number; updatedAtMs: number }>();

  constructor(options: BackoffOptions = podBackoff) {
    this.#options = options;
  }
  /** Milliseconds until the next try after a failure at `sinceMs`; 0: now. */
  remainingMs(key: string, sinceMs: number, nowMs: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, sinceMs)) return 0;
    return Math.max(0, sinceMs + entry.delayMs - nowMs);
  }
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }
  /** Notes that another try is made now, for the failure at `sinceMs`. */
  next(key: string, sinceMs: number, nowMs: number): void {
    const entry = this.#entries.get(key);
    const delayMs =
      entry === undefined || this.#expired(entry, sinceMs)
        ? this.#options.baseMs
        : Math.min(entry.delayMs * 2, this.#options.maxMs);
    this.#entries.set(key, { delayMs, updatedAtMs: nowMs });
  }
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }
  #expired(entry: { updatedAtMs: number }, sinceMs: number): boolean {
    return sinceMs - entry.updatedAtMs > 2 * this.#options.maxMs;
  }
}

/** A duration as Go prints whole seconds: 10s, 1m20s, 5m0s. */
export function goSeconds(delayMs: number): string {
  const seconds = Math.round(delayMs / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
