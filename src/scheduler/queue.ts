// Pods that wait for a node: active (by priority, then age), backing off, or unschedulable until something changes that
// could help them.
import type { Clock, Timer } from '#base/clock.ts';
import type { Pod } from '#api/generated/types.ts';
import type { QueuePart } from './metrics.ts';

const backoffInitialMs = 1_000;
const backoffMaxMs = 10_000;
/** Long enough for the informers to tell what changed. */
const staleRetryMs = 50;
/** An unschedulable Pod is tried again after this time even if no event seemed to help: upstream's. */
const unschedulableMaxMs = 300_000;

interface Entry {
  readonly key: string;
  pod: Pod;
  readonly sequence: number;
  attempts: number;
  /** Of the first attempt. */
  firstTriedMs: number | undefined;
  state: 'active' | 'backoff' | 'unschedulable' | 'working';
  /** Plugins that rejected it last. */
  rejectedBy: ReadonlySet<string>;
  readyAt: number;
  timer: Timer | undefined;
  /** Something that could help happened while it was in work. */
  moved: boolean;
}

const podKey = (pod: Pod): string => `${pod.metadata.namespace!}/${pod.metadata.name!}`;
const priorityOf = (pod: Pod): number => pod.spec.priority ?? 0;

export class SchedulingQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #active = new Set<Entry>();
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
    return this.#active.size;
  }
  /** How many wait where; one in work counts nowhere. */
  counts(): Readonly<Record<Exclude<QueuePart, 'gated'>, number>> {
    const counts = { active: 0, backoff: 0, unschedulable: 0 };
    for (const { state } of this.#entries.values()) if (state !== 'working') counts[state]++;
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
      state: 'active',
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
    this.#active.delete(entry);
    this.#entries.delete(entry.key);
  }
  /** The next Pod to be scheduled; it counts as in work until `failed` or `remove`. */
  pop(): Pod | undefined {
    let first: Entry | undefined;
    for (const entry of this.#active) {
      const ahead =
        first === undefined ||
        priorityOf(entry.pod) > priorityOf(first.pod) ||
        (priorityOf(entry.pod) === priorityOf(first.pod) && entry.sequence < first.sequence);
      if (ahead) first = entry;
    }
    if (first === undefined) return undefined;
    this.#active.delete(first);
    first.state = 'working';
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
    entry.state = 'unschedulable';
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
    entry.state = 'unschedulable';
    this.#retry(entry, 'ScheduleAttemptFailure');
  }
  /** Something happened that may help Pods which these plugins rejected. */
  wake(plugins: ReadonlySet<string>, event: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === 'working') entry.moved = true;
      else if (entry.state === 'unschedulable' && intersects(entry.rejectedBy, plugins)) this.#retry(entry, event);
    }
  }
  close(): void {
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#entries.clear();
    this.#active.clear();
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
    entry.state = 'backoff';
    this.#onQueued(event, 'backoff');
    entry.timer = this.#clock.schedule(leftMs, () => this.#activate(entry, 'BackoffComplete'));
  }
  #activate(entry: Entry, event: string): void {
    this.#onQueued(event, 'active');
    entry.timer?.cancel();
    entry.timer = undefined;
    entry.state = 'active';
    this.#active.add(entry);
    this.#onActive();
  }
}

const intersects = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean => {
  for (const value of one) if (other.has(value)) return true;
  return false;
};
