// What happened to requests, by priority level and flow schema: plain numbers, printed when somebody asks.
import type { Refusal, Ticket } from './fair-queue.ts';

/** Upper bounds in seconds of apiserver_flowcontrol_request_wait_duration_seconds. */
export const waitBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30] as const;

export class FlowCounters {
  readonly level: string;
  readonly schema: string;
  dispatched = 0;
  inWork = 0;
  seatsInWork = 0;
  waiting = 0;
  readonly refused = new Map<Refusal, number>();
  /** Served requests by how long they waited: one count a bucket, the last for longer ones. */
  readonly waits: number[] = Array.from({ length: waitBuckets.length + 1 }, () => 0);
  waitedSeconds = 0;

  constructor(level: string, schema: string) {
    this.level = level;
    this.schema = schema;
  }
  onRefused(reason: Refusal): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }
  onStarted(ticket: Ticket, seats: number): Ticket {
    this.dispatched++;
    this.inWork++;
    this.seatsInWork += seats;
    const seconds = ticket.waitedMs / 1000;
    this.waitedSeconds += seconds;
    const bucket = waitBuckets.findIndex((bound) => seconds <= bound);
    this.waits[bucket === -1 ? waitBuckets.length : bucket]!++;
    return {
      waitedMs: ticket.waitedMs,
      finish: () => {
        this.inWork--;
        this.seatsInWork -= seats;
        ticket.finish();
      },
    };
  }
}

/** Schemas come and go; who makes them by the thousand does not fill memory with their counters. */
const countersMax = 1_000;

export class FlowStatistics {
  readonly #byKey = new Map<string, FlowCounters>();

  of(level: string, schema: string): FlowCounters {
    const key = `${level}\0${schema}`;
    let counters = this.#byKey.get(key);
    if (counters === undefined) {
      if (this.#byKey.size >= countersMax) this.#byKey.clear();
      this.#byKey.set(key, (counters = new FlowCounters(level, schema)));
    }
    return counters;
  }
  all(): Iterable<FlowCounters> {
    return this.#byKey.values();
  }
}
