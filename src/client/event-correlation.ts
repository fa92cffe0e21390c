// Which event is new, which repeats an earlier one, which is one too many: upstream's correlator (client-go tools/record) with
// its figures. Pure but for its memory, which is bounded.
import type { Event } from '#api/generated/types.ts';
import { eventMemoryMax } from '#base/limits.ts';

/** From so many different messages of one reason on, within the interval, they are combined into one event. */
const combineFromMessages = 10;
const combineWithinMs = 600_000;
/** About one object from one source. */
const burst = 25;
const refillPerMs = 1 / 300_000;

/** Forgets what was used longest ago. */
class RecentMap<V> {
  readonly #entries = new Map<string, V>();
  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }
  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= eventMemoryMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}

interface Observation {
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: string | undefined;
}

const keyOf = (...parts: readonly (string | undefined)[]): string => parts.map((part) => part ?? '').join('\0');
const sourceKey = ({ source, involvedObject: about, type }: Event): string =>
  keyOf(source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion, type);
const eventKey = (event: Event): string =>
  keyOf(sourceKey(event), event.involvedObject.fieldPath, event.reason, event.message);

export interface Correlated {
  readonly event: Event;
  /** It was written before under this name: raise its count. */
  readonly repeats: boolean;
}

export class EventCorrelation {
  readonly #similar = new RecentMap<{ readonly messages: Set<string>; atMs: number }>();
  readonly #observed = new RecentMap<Observation>();
  readonly #tokens = new RecentMap<{ tokens: number; atMs: number }>();

  /** Undefined: there were too many about this object. */
  correlate(event: Event, nowMs: number): Correlated | undefined {
    const { event: combined, key } = this.#combine(event, nowMs);
    const earlier = this.#observed.get(key);
    const observed: Event =
      earlier === undefined
        ? combined
        : {
            ...combined,
            metadata: { ...combined.metadata, name: earlier.name },
            firstTimestamp: earlier.firstTimestamp,
            count: earlier.count + 1,
          };
    this.#observe(key, observed);
    return this.#mayPass(sourceKey(event), nowMs) ? { event: observed, repeats: earlier !== undefined } : undefined;
  }
  /** What the server made of it. */
  written(event: Event): void {
    this.#observe(eventKey(event), event);
  }
  #observe(key: string, { metadata, count = 1, firstTimestamp }: Event): void {
    this.#observed.set(key, { name: metadata.name ?? '', count, firstTimestamp });
  }
  #combine(event: Event, nowMs: number): { event: Event; key: string } {
    const similarKey = keyOf(sourceKey(event), event.reason, event.reportingComponent, event.reportingInstance);
    let similar = this.#similar.get(similarKey);
    if (similar === undefined || nowMs - similar.atMs > combineWithinMs)
      this.#similar.set(similarKey, (similar = { messages: new Set(), atMs: nowMs }));
    similar.atMs = nowMs;
    similar.messages.add(event.message ?? '');
    if (similar.messages.size < combineFromMessages) return { event, key: eventKey(event) };
    for (const oldest of similar.messages) {
      similar.messages.delete(oldest);
      break;
    }
    return { event: { ...event, message: `(combined from similar events): ${event.message ?? ''}` }, key: similarKey };
  }
  #mayPass(key: string, nowMs: number): boolean {
    const bucket = this.#tokens.get(key) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) * refillPerMs);
    bucket.atMs = nowMs;
    this.#tokens.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
