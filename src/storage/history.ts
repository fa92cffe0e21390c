// The last events, for watches that resume and lists of the recent past. Bounded in number, bytes and age.
import {
  pastListAgeMsMax,
  watchHistoryAgeMsMax,
  watchHistoryBytesMax,
  watchHistoryEventsMax,
  watchHistoryEventsMin,
} from '#base/limits.ts';
import type { Revision, StoreEvent } from './store.ts';

export interface HistoryLimits {
  readonly eventsMax: number;
  readonly eventsMin: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
  /** States that ceased to be the newest so long ago are no longer listed, though watches may still go on from them. */
  readonly pastListAgeMsMax: number;
}

export const defaultHistoryLimits: HistoryLimits = {
  eventsMax: watchHistoryEventsMax,
  eventsMin: watchHistoryEventsMin,
  bytesMax: watchHistoryBytesMax,
  ageMsMax: watchHistoryAgeMsMax,
  pastListAgeMsMax,
};

/** Room at the front of the arrays that is given back at once. */
const slackMax = 1_024;

const bytesOf = (event: StoreEvent): number => event.stored.bytes.length + (event.previous?.bytes.length ?? 0);

export class EventHistory {
  readonly #limits: HistoryLimits;
  #events: (StoreEvent | undefined)[] = [];
  #times: number[] = [];
  /** Of each event: what is old is not looked at again when it goes. */
  #sizes: number[] = [];
  #start = 0;
  #bytes = 0;
  #compacted: Revision = 0;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
  }
  /** Events up to this revision are no longer here. */
  get compactedRevision(): Revision {
    return this.#compacted;
  }
  get length(): number {
    return this.#events.length - this.#start;
  }
  startAt(revision: Revision): void {
    this.#events = [];
    this.#times = [];
    this.#sizes = [];
    this.#start = 0;
    this.#bytes = 0;
    this.#compacted = revision;
  }
  add(events: readonly StoreEvent[], nowMs: number): void {
    for (const event of events) {
      this.#events.push(event);
      this.#times.push(nowMs);
      const bytes = bytesOf(event);
      this.#sizes.push(bytes);
      this.#bytes += bytes;
    }
    const { eventsMax, eventsMin, bytesMax, ageMsMax } = this.#limits;
    while (
      this.length > eventsMax ||
      (this.length > 0 && this.#bytes > bytesMax) ||
      (this.length > eventsMin && this.#times[this.#start]! < nowMs - ageMsMax)
    )
      this.#drop();
    if (this.#start > slackMax) {
      this.#events = this.#events.slice(this.#start);
      this.#times = this.#times.slice(this.#start);
      this.#sizes = this.#sizes.slice(this.#start);
      this.#start = 0;
    }
  }
  /** Whether the state at this revision may be listed; of the newest state, always. */
  isListable(at: Revision, nowMs: number): boolean {
    const next = this.#times[this.#firstAbove(at)];
    return at >= this.#compacted && (next === undefined || next >= nowMs - this.#limits.pastListAgeMsMax);
  }
  /** Events above `after`, oldest first. */
  *since(after: Revision): Generator<StoreEvent> {
    for (let index = this.#firstAbove(after); index < this.#events.length; index++) yield this.#events[index]!;
  }
  /** Events above `after`, newest first. */
  *backTo(after: Revision): Generator<StoreEvent> {
    const first = this.#firstAbove(after);
    for (let index = this.#events.length - 1; index >= first; index--) yield this.#events[index]!;
  }
  #drop(): void {
    const event = this.#events[this.#start]!;
    this.#events[this.#start] = undefined;
    this.#bytes -= this.#sizes[this.#start]!;
    this.#start++;
    this.#compacted = event.revision;
  }
  #firstAbove(after: Revision): number {
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
