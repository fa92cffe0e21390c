// Keyed work queue: a key is in work at most once at a time, is queued at most once, and comes back after a failure with
// growing delay. Keys only, never event payloads: the work reads current state.
import type { Clock, Timer } from './clock.ts';
import type { QueueObserver } from './metrics/work-queues.ts';

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** How many keys are in work at a time. */
  readonly concurrency: number;
  readonly backoff?: BackoffOptions;
  /** Does the work of one key. A returned number asks to come back after so many milliseconds. A throw backs off. */
  readonly work: (key: string) => Promise<number | void>;
  readonly onError?: (key: string, error: unknown, retryInMs: number) => void;
  readonly observer?: QueueObserver | undefined;
}

const defaultBackoff: BackoffOptions = { baseMs: 5, maxMs: 60_000 };

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #queued = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; timer: Timer }>();
  #idle: (() => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }
  /** Keys waiting or in work (delayed ones not counted). */
  get length(): number {
    return this.#queued.size + this.#active.size;
  }
  add(key: string): void {
    if (this.#closed) return;
    this.#delayed.get(key)?.timer.cancel();
    this.#delayed.delete(key);
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#queued.has(key)) return;
    this.#queued.add(key);
    this.#options.observer?.onAdded(key);
    queueMicrotask(() => this.#pump());
  }
  addAfter(key: string, delayMs: number): void {
    if (this.#closed || this.#queued.has(key)) return;
    const at = this.#options.clock.monotonicMs() + delayMs;
    const waiting = this.#delayed.get(key);
    if (waiting !== undefined && waiting.at <= at) return;
    waiting?.timer.cancel();
    this.#delayed.set(key, { at, timer: this.#options.clock.schedule(delayMs, () => this.add(key)) });
  }
  /** Forgets a key's failures and delayed visit. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#delayed.get(key)?.timer.cancel();
    this.#delayed.delete(key);
  }
  /** Resolves when nothing waits or works (delayed keys not counted). */
  whenIdle(): Promise<void> {
    return this.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
  /** Takes no more work and waits for what is in work. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#queued.clear();
    this.#options.observer?.onClosed();
    this.#again.clear();
    await this.whenIdle();
  }
  #pump(): void {
    for (const key of this.#queued) {
      if (this.#active.size >= this.#options.concurrency) return;
      this.#queued.delete(key);
      this.#active.add(key);
      this.#options.observer?.onStarted(key);
      void this.#run(key);
    }
    if (this.length === 0) {
      const waiting = this.#idle;
      this.#idle = [];
      for (const resolve of waiting) resolve();
    }
  }
  async #run(key: string): Promise<void> {
    try {
      const comeBackMs = await this.#options.work(key);
      this.#failures.delete(key);
      if (typeof comeBackMs === 'number') this.addAfter(key, comeBackMs);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      const { baseMs, maxMs } = this.#options.backoff ?? defaultBackoff;
      const retryInMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
      this.#failures.set(key, failures + 1);
      this.#options.onError?.(key, error, retryInMs);
      this.#options.observer?.onRetry();
      if (!this.#closed) this.addAfter(key, retryInMs);
    } finally {
      this.#active.delete(key);
      this.#options.observer?.onFinished(key);
      if (this.#again.delete(key) && !this.#closed) this.add(key);
      this.#pump();
    }
  }
}
