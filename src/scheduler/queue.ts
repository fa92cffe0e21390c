// Pods that wait for a node: active (by priority, then age), backing off, or unschedulable until something changes that
// could help them.
import type { Clock, Timer } from '#base/clock.ts';
import { Heap } from '#base/heap.ts';
import type { Pod } from '#api/generated/types.ts';
import type { QueuePart } from './metrics.ts';

const backoffInitialMs = 1_000;
const backoffMaxMs = 10_000;
/** Long enough for the informers to tell what changed. */
const staleRetryMs = 50;
/** An unschedulable Pod is tried again after this time even if no event seemed to help: upstream's. */
const unschedulableMaxMs = 300_000;

/** `new`: it is about to come into a part of the queue; `gone`: removed. */
type State = 'new' | 'active' | 'backoff' | 'unschedulable' | 'working' | 'gone';

interface Entry {
  readonly key: string;
  pod: Pod;
  readonly sequence: number;
  attempts: number;
  /** Of the first attempt. */
  firstTriedMs: number | undefined;
  state: State;
  /** In the heap of the active ones; undefined: it is not active. */
  place: Place | undefined;
  /** Plugins that rejected it last. */
  rejectedBy: ReadonlySet<string>;
  readyAt: number;
  timer: Timer | undefined;
  /** Something that could help happened while it was in work. */
  moved: boolean;
}

/** As it was when it became active. */
interface Place {
  readonly entry: Entry;
  readonly priority: number;
  readonly sequence: number;
}

const isAhead = (one: Place, other: Place): boolean =>
  one.priority > other.priority || (one.priority === other.priority && one.sequence < other.sequence);

const podKey = (pod: Pod): string => `${pod.metadata.namespace!}/${pod.metadata.name!}`;
const priorityOf = (pod: Pod): number => pod.spec.priority ?? 0;

export class SchedulingQueue {
  readonly #entries = new Map<string, Entry>();
  /** Places that were left are still in it: an entry knows which is its own. */
  readonly #active = new Heap<Place>(isAhead);
  #activeCount = 0;
  /** Who is in work, and who waits for something to happen. */
  readonly #concerned = new Set<Entry>();
  readonly #clock: Clock;
  readonly #onActive: () => void;
  readonly #onQueued: (event: string, queue: QueuePart) => void;
  #sequence = 0;

  /** `onActive` hears that there is work; `onQueued` which part of the queue a Pod comes into, and why. */
  constructor(clock: Clock, onActive: () => void, onQueued: (event: string, queue: QueuePart) => void = () => {}) {
    this.#onQueued = onQueued;
    this.#clock = clock;
    this.#onActive = onActive;
  }
  get size(): number {
    return this.#entries.size;
  }
  get activeSize(): number {
    return this.#activeCount;
  }
  /** How many wait where; one in work counts nowhere. */
  counts(): Readonly<Record<Exclude<QueuePart, 'gated'>, number>> {
    const counts = { active: 0, backoff: 0, unschedulable: 0 };
    for (const { state } of this.#entries.values())
      if (state === 'active' || state === 'backoff' || state === 'unschedulable') counts[state]++;
    return counts;
  }
  /** Waiting Pods by the plugins that rejected them. */
  rejected(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { rejectedBy, state } of this.#entries.values())
      if (state !== 'working') for (const plugin of rejectedBy) counts.set(plugin, (counts.get(plugin) ?? 0) + 1);
    return counts;
  }
  /** How often the Pod was tried, and since when. */
  triesOf(pod: Pod): { readonly attempts: number; readonly firstTriedMs: number | undefined } | undefined {
    return this.#entries.get(podKey(pod));
  }
  /** A new Pod, or a changed one: a change of its spec or labels may make it fit. */
  set(pod: Pod, mayFitNow: boolean): void {
    const key = podKey(pod);
    const known = this.#entries.get(key);
    if (known !== undefined && known.pod.metadata.uid === pod.metadata.uid) {
      known.pod = pod;
      if (mayFitNow) this.#retry(known, 'UnschedulablePodUpdate');
      return;
    }
    if (known !== undefined) this.remove(known.pod);
    const entry: Entry = {
      key,
      pod,
      sequence: this.#sequence++,
      attempts: 0,
      firstTriedMs: undefined,
      state: 'new',
      place: undefined,
      rejectedBy: new Set(),
      readyAt: 0,
      timer: undefined,
      moved: false,
    };
    this.#entries.set(key, entry);
    this.#activate(entry, 'UnschedulablePodAdd');
  }
  remove(pod: Pod): void {
    const entry = this.#entries.get(podKey(pod));
    if (entry === undefined || entry.pod.metadata.uid !== pod.metadata.uid) return;
    entry.timer?.cancel();
    this.#become(entry, 'gone');
    this.#entries.delete(entry.key);
  }
  /** The next Pod to be scheduled; it counts as in work until `failed` or `remove`. */
  pop(): Pod | undefined {
    let place = this.#active.pop();
    while (place !== undefined && place.entry.place !== place) place = this.#active.pop();
    if (place === undefined) return undefined;
    const first = place.entry;
    this.#become(first, 'working');
    first.moved = false;
    first.attempts++;
    first.firstTriedMs ??= this.#clock.monotonicMs();
    return first.pod;
  }
  /** No node for it now. Empty `rejectedBy`: an error, tried again after backing off. */
  failed(pod: Pod, rejectedBy: ReadonlySet<string>): void {
    const entry = this.#entries.get(podKey(pod));
    if (entry === undefined || entry.pod.metadata.uid !== pod.metadata.uid) return;
    entry.rejectedBy = rejectedBy;
    entry.readyAt = this.#clock.monotonicMs() + Math.min(backoffMaxMs, backoffInitialMs * 2 ** (entry.attempts - 1));
    this.#become(entry, 'unschedulable');
    if (rejectedBy.size === 0 || entry.moved) return this.#retry(entry, 'ScheduleAttemptFailure');
    this.#onQueued('ScheduleAttemptFailure', 'unschedulable');
    entry.timer = this.#clock.schedule(unschedulableMaxMs, () => this.#retry(entry, 'UnschedulableTimeout'));
  }
  /** Decided on what was no longer true: tried again soon, and it does not count as an attempt. */
  stale(pod: Pod): void {
    const entry = this.#entries.get(podKey(pod));
    if (entry === undefined || entry.pod.metadata.uid !== pod.metadata.uid) return;
    entry.attempts = Math.max(0, entry.attempts - 1);
    entry.rejectedBy = new Set();
    entry.readyAt = this.#clock.monotonicMs() + staleRetryMs;
    this.#become(entry, 'unschedulable');
    this.#retry(entry, 'ScheduleAttemptFailure');
  }
  /** Something happened that may help Pods which these plugins rejected; `concerns`: those of them. */
  wake(plugins: ReadonlySet<string>, event: string, concerns: (pod: Pod) => boolean = () => true): void {
    for (const entry of this.#concerned) {
      if (entry.state === 'working') entry.moved ||= concerns(entry.pod);
      else if (intersects(entry.rejectedBy, plugins) && concerns(entry.pod)) this.#retry(entry, event);
    }
  }
  close(): void {
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#entries.clear();
    this.#active.clear();
    this.#concerned.clear();
    this.#activeCount = 0;
  }
  #retry(entry: Entry, event: string): void {
    if (entry.state === 'working') {
      entry.moved = true;
      return;
    }
    if (entry.state !== 'unschedulable' || this.#entries.get(entry.key) !== entry) return;
    entry.timer?.cancel();
    entry.timer = undefined;
    const leftMs = entry.readyAt - this.#clock.monotonicMs();
    if (leftMs <= 0) return this.#activate(entry, event);
    this.#become(entry, 'backoff');
    this.#onQueued(event, 'backoff');
    entry.timer = this.#clock.schedule(leftMs, () => this.#activate(entry, 'BackoffComplete'));
  }
  #become(entry: Entry, state: State): void {
    if (entry.state === 'active') this.#activeCount--;
    entry.state = state;
    entry.place = undefined;
    if (state === 'working' || state === 'unschedulable') this.#concerned.add(entry);
    else this.#concerned.delete(entry);
    if (state !== 'active') return;
    this.#activeCount++;
    entry.place = { entry, priority: priorityOf(entry.pod), sequence: entry.sequence };
    this.#active.push(entry.place);
  }
  #activate(entry: Entry, event: string): void {
    this.#onQueued(event, 'active');
    entry.timer?.cancel();
    entry.timer = undefined;
    this.#become(entry, 'active');
    this.#onActive();
  }
}

const intersects = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean => {
  for (const value of one) if (other.has(value)) return true;
  return false;
};
