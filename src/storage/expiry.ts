// Keys that end by themselves. In buckets of ten seconds, so that many Events cost one wake-up; no timer when nothing expires.
import type { Clock, Timer } from '#base/clock.ts';
import type { StoredValue } from './stored-value.ts';

const bucketMs = 10_000;
/** The wall clock may jump (a machine that starts without the time): it is looked at again after so long. */
const waitMsMax = 3_600_000;
/** Nothing is meant to live for longer: what is still to end later than this, after this, was written by a clock that was years ahead. */
const farMs = 86_400_000;

export class Expiry {
  readonly #clock: Clock;
  readonly #remove: (values: readonly StoredValue[]) => void;
  readonly #buckets = new Map<number, Map<string, StoredValue>>();
  #timer: Timer | undefined;
  #timerBucket = Infinity;
  /** On the clock that never jumps: since when something is to end that far away. */
  #farSinceMs: number | undefined;

  constructor(clock: Clock, remove: (values: readonly StoredValue[]) => void) {
    this.#clock = clock;
    this.#remove = remove;
  }
  /** Follows a change of one key. */
  replace(previous: StoredValue | undefined, current: StoredValue | undefined): void {
    if (previous !== undefined && previous.expiresAt > 0) this.#forget(previous);
    if (current !== undefined && current.expiresAt > 0) this.#add(current);
  }
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#buckets.clear();
  }
  #add(value: StoredValue): void {
    const at = Math.ceil(value.expiresAt / bucketMs);
    let bucket = this.#buckets.get(at);
    if (bucket === undefined) this.#buckets.set(at, (bucket = new Map()));
    bucket.set(value.key, value);
    if (at < this.#timerBucket) this.#arm(at);
  }
  #forget(value: StoredValue): void {
    const at = Math.ceil(value.expiresAt / bucketMs);
    const bucket = this.#buckets.get(at);
    bucket?.delete(value.key);
    if (bucket?.size === 0) this.#buckets.delete(at);
    if (this.#buckets.size === 0) this.#disarm();
  }
  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerBucket = Infinity;
  }
  #arm(bucket: number): void {
    this.#disarm();
    this.#timerBucket = bucket;
    const waitMs = Math.min(waitMsMax, Math.max(1, bucket * bucketMs - this.#clock.now()));
    this.#timer = this.#clock.schedule(waitMs, () => this.#run());
  }
  #run(): void {
    this.#disarm();
    const due: StoredValue[] = [];
    const nowBucket = Math.floor(this.#clock.now() / bucketMs);
    const monotonicMs = this.#clock.monotonicMs();
    const isFarOver = monotonicMs - (this.#farSinceMs ?? monotonicMs) >= farMs;
    let isAnyFar = false;
    let next = Infinity;
    for (const [at, bucket] of this.#buckets) {
      const isFar = at - nowBucket > farMs / bucketMs;
      isAnyFar ||= isFar;
      if (at > nowBucket && !(isFar && isFarOver)) next = Math.min(next, at);
      else {
        due.push(...bucket.values());
        this.#buckets.delete(at);
      }
    }
    this.#farSinceMs = isAnyFar && !isFarOver ? (this.#farSinceMs ?? monotonicMs) : undefined;
    if (next !== Infinity) this.#arm(next);
    if (due.length > 0) this.#remove(due);
  }
}
