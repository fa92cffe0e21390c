// One priority level: so many seats, and queues for what finds none. Each flow has a few of the queues; they take turns by
// virtual time, so that who asks for much waits for itself. KEP-1040, "Fair queuing for server requests".
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#base/clock.ts';
import { DemandIntegrator } from './demand.ts';
import type { WorkEstimate } from './seats.ts';
import { deal } from './shuffle.ts';

/** Why a request is not served: the reasons of upstream's metric apiserver_flowcontrol_rejected_requests_total. */
export type Refusal = 'concurrency-limit' | 'queue-full' | 'time-out' | 'cancelled';

/** A request in work. */
export interface Ticket {
  /** Milliseconds that it waited. */
  readonly waitedMs: number;
  /** The work is done; once. */
  finish(): void;
}

export interface QueueSettings {
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthMax: number;
}

export interface Waiting {
  readonly work: WorkEstimate;
  readonly flow: string;
  readonly schema: string;
  readonly queue: Queue;
  readonly index: number;
  readonly sinceMs: number;
  readonly resolve: (outcome: Ticket | Refusal) => void;
  readonly stop: () => void;
}
/** What has its own share of the queues. */
export interface Flow {
  readonly schema: string;
  readonly name: string;
  hash(): number;
}
interface Queue {
  readonly waiting: Waiting[];
  inWork: number;
  /** Virtual time at which its next request may begin, in seat milliseconds. */
  nextMs: number;
}

/** What a request is taken to last until it has ended: upstream's guess. */
const guessMs = 3;

const widthOf = ({ seats, finalSeats }: WorkEstimate): number => Math.max(seats, finalSeats);

export class FairQueue {
  readonly #clock: Clock;
  readonly demand: DemandIntegrator;
  /** Undefined: what finds no seat is refused. */
  #settings: QueueSettings | undefined;
  #queues: Queue[] = [];
  #seatsMax: number;
  #virtualMs = 0;
  #virtualSinceMs: number;
  #next = 0;
  seatsInUse = 0;
  inWork = 0;
  waitingCount = 0;
  dispatched = 0;
  readonly refused: Record<Refusal, number> = {
    'concurrency-limit': 0,
    'queue-full': 0,
    'time-out': 0,
    cancelled: 0,
  };

  constructor(clock: Clock, settings: QueueSettings | undefined, seatsMax: number) {
    this.#clock = clock;
    this.#seatsMax = seatsMax;
    this.#virtualSinceMs = clock.monotonicMs();
    this.demand = new DemandIntegrator(this.#virtualSinceMs);
    this.#settings = settings;
    this.#queues = this.#makeQueues();
  }
  get seatsMax(): number {
    return this.#seatsMax;
  }
  set seatsMax(seats: number) {
    this.#seatsMax = seats;
    this.#dispatch();
  }
  get isIdle(): boolean {
    return this.inWork === 0 && this.waitingCount === 0;
  }
  get activeQueues(): number {
    return this.#queues.reduce((sum, queue) => (this.#isActive(queue) ? sum + 1 : sum), 0);
  }
  *waiting(): Generator<Waiting> {
    for (const queue of this.#queues) yield* queue.waiting;
  }
  *queues(): Generator<{ readonly waiting: readonly Waiting[]; readonly inWork: number; readonly nextMs: number }> {
    yield* this.#queues;
  }

  /** Requests that wait in queues that are no more go first to the others. */
  configure(settings: QueueSettings | undefined): void {
    if (isDeepStrictEqual(settings, this.#settings)) return;
    this.#settings = settings;
    const old = this.#queues;
    this.#queues = this.#makeQueues();
    // Queues that go are still served: no request loses its place.
    for (const queue of old) if (this.#isActive(queue)) this.#queues.push(queue);
  }

  /** `hash` of the flow chooses its queues; asked only when the request must wait. */
  start(
    work: WorkEstimate,
    flow: Flow,
    wait: { readonly limitMs: number; signal(): AbortSignal },
  ): Ticket | Refusal | Promise<Ticket | Refusal> {
    const width = widthOf(work);
    if (this.waitingCount === 0 && this.#fits(width)) {
      this.demand.add(width, this.#clock.monotonicMs());
      return this.#run(work, undefined, 0);
    }
    if (this.#settings === undefined) return this.#refuse('concurrency-limit');
    const { queues, handSize, queueLengthMax } = this.#settings;
    const hand = deal(flow.hash(), queues, handSize);
    let index = hand[0]!;
    for (const other of hand)
      if (this.#queues[other]!.waiting.length < this.#queues[index]!.waiting.length) index = other;
    const queue = this.#queues[index]!;
    if (queue.waiting.length >= queueLengthMax) return this.#refuse('queue-full');
    const signal = wait.signal();
    if (signal.aborted) return this.#refuse('cancelled');
    this.#advance();
    if (!this.#isActive(queue)) queue.nextMs = this.#virtualMs;
    this.waitingCount++;
    const nowMs = this.#clock.monotonicMs();
    this.demand.add(width, nowMs);
    return new Promise((resolve) => {
      const leave = (reason: Refusal): void => {
        const at = queue.waiting.indexOf(waiting);
        if (at === -1) return;
        queue.waiting.splice(at, 1);
        waiting.stop();
        this.waitingCount--;
        this.demand.add(-width, this.#clock.monotonicMs());
        resolve(this.#refuse(reason));
        // What it kept back may go on: it may have been too wide for the seats that are free.
        this.#dispatch();
      };
      const onAbort = (): void => leave('cancelled');
      const timer = this.#clock.schedule(wait.limitMs, () => leave('time-out'));
      signal.addEventListener('abort', onAbort, { once: true });
      const waiting: Waiting = {
        work,
        flow: flow.name,
        schema: flow.schema,
        queue,
        index,
        sinceMs: nowMs,
        resolve,
        stop() {
          timer.cancel();
          signal.removeEventListener('abort', onAbort);
        },
      };
      queue.waiting.push(waiting);
      this.#dispatch();
    });
  }

  #makeQueues(): Queue[] {
    return Array.from({ length: this.#settings?.queues ?? 0 }, () => ({ waiting: [], inWork: 0, nextMs: 0 }));
  }
  #isActive(queue: Queue): boolean {
    return queue.inWork > 0 || queue.waiting.length > 0;
  }
  /** One that is wider than the level runs when it has the level for itself. */
  #fits(width: number): boolean {
    return this.seatsInUse + width <= this.#seatsMax || this.seatsInUse === 0;
  }
  #refuse(reason: Refusal): Refusal {
    this.refused[reason]++;
    return reason;
  }
  /** Virtual time passes as fast as every active queue gets its fair part of the seats. */
  #advance(): void {
    const nowMs = this.#clock.monotonicMs();
    const active = this.activeQueues;
    if (active > 0) {
      const used = Math.min(this.seatsInUse, this.#seatsMax);
      this.#virtualMs += ((nowMs - this.#virtualSinceMs) * used) / active;
    }
    this.#virtualSinceMs = nowMs;
  }
  #run(work: WorkEstimate, queue: Queue | undefined, waitedMs: number): Ticket {
    const width = widthOf(work);
    const startMs = this.#clock.monotonicMs();
    this.seatsInUse += width;
    this.inWork++;
    this.dispatched++;
    if (queue !== undefined) queue.inWork++;
    const release = (): void => {
      if (this.waitingCount > 0) this.#advance();
      this.seatsInUse -= width;
      this.demand.add(-width, this.#clock.monotonicMs());
      if (queue !== undefined) {
        queue.inWork--;
        queue.nextMs -= (guessMs - (this.#clock.monotonicMs() - startMs)) * width;
      }
      if (this.waitingCount > 0) this.#dispatch();
    };
    return {
      waitedMs,
      finish: () => {
        this.inWork--;
        if (work.finalSeats > 0) this.#clock.schedule(work.finalMs, release);
        else release();
      },
    };
  }
  #dispatch(): void {
    if (this.waitingCount === 0) return;
    this.#advance();
    for (;;) {
      const chosen = this.#chooseQueue();
      if (chosen === undefined) return;
      const first = chosen.waiting[0]!;
      const width = widthOf(first.work);
      // A wide one is waited for, else narrow ones would always pass it.
      if (!this.#fits(width)) return;
      chosen.waiting.shift();
      first.stop();
      this.waitingCount--;
      chosen.nextMs += guessMs * width;
      first.resolve(this.#run(first.work, chosen, this.#clock.monotonicMs() - first.sinceMs));
    }
  }
  /** The one whose first request would end first in virtual time; among equals, the next in turn. */
  #chooseQueue(): Queue | undefined {
    let chosen: Queue | undefined;
    let best = Infinity;
    let chosenAt = 0;
    for (let step = 0; step < this.#queues.length; step++) {
      const at = (this.#next + step) % this.#queues.length;
      const queue = this.#queues[at]!;
      const first = queue.waiting[0];
      if (first === undefined) continue;
      const end = queue.nextMs + guessMs * widthOf(first.work);
      if (end < best) {
        best = end;
        chosen = queue;
        chosenAt = at;
      }
    }
    if (chosen !== undefined) this.#next = (chosenAt + 1) % this.#queues.length;
    return chosen;
  }
}
