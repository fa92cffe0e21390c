// What every embedded store keeps in memory: current objects in key order, recent events, watchers, expiry. It changes only by
// `commit`, so readers and watchers see committed state only. Not here: how a write becomes durable.
import type { KubernetesObject } from '#api/kind.ts';
import type { Clock } from '#base/clock.ts';
import { assert } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { EncodedObject } from './encode.ts';
import { Expiry } from './expiry.ts';
import { EventHistory, type HistoryLimits, defaultHistoryLimits } from './history.ts';
import { OrderedIndex } from './ordered-index.ts';
import type { ListPage, Revision, StoredObject, StoreEvent, StoreWatcher } from './store.ts';
import { StoredValue } from './stored-value.ts';
import { WatcherTable } from './watcher-table.ts';

export interface StateOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Decoded objects are deeply frozen: finds whoever changes a shared object. */
  readonly freeze: boolean;
  readonly history?: HistoryLimits | undefined;
  /** Removes keys whose time has come, through the store's own writes. */
  readonly expire: (values: readonly StoredValue[]) => void;
}

/** A checked change on its way to `commit`. */
export interface Change {
  readonly type: 'put' | 'delete';
  readonly revision: Revision;
  readonly stored: StoredValue;
  readonly previous: StoredValue | undefined;
}

/** What is to be written to a key. */
export interface EncodedWrite {
  readonly key: string;
  /** Undefined: it is removed. */
  readonly encoded: EncodedObject | undefined;
  readonly timeToLiveSeconds?: number | undefined;
  /** What was encoded, where readers may share it. */
  readonly given?: KubernetesObject | undefined;
}

interface PageOptions {
  readonly startAfter?: string | undefined;
  readonly limit?: number | undefined;
}

export class StoreState {
  readonly #options: StateOptions;
  readonly #objects = new Map<string, StoredValue>();
  readonly #index = new OrderedIndex<StoredValue>();
  readonly #history: EventHistory;
  readonly #watchers: WatcherTable;
  readonly #expiry: Expiry;
  #revision: Revision = 0;

  constructor(options: StateOptions) {
    this.#options = options;
    this.#history = new EventHistory(options.history ?? defaultHistoryLimits);
    this.#watchers = new WatcherTable(options.logger);
    this.#expiry = new Expiry(options.clock, options.expire);
  }
  get revision(): Revision {
    return this.#revision;
  }
  get compactedRevision(): Revision {
    return this.#history.compactedRevision;
  }
  get(key: string): StoredValue | undefined {
    return this.#objects.get(key);
  }
  count(prefix: string): number {
    return this.#index.count(prefix);
  }
  list(prefix: string, options?: PageOptions): ListPage {
    const { items, remaining } = this.#index.list(prefix, options?.startAfter, options?.limit ?? Infinity);
    return { items, remaining, revision: this.#revision };
  }
  listAt(prefix: string, at: Revision, options?: PageOptions): ListPage | undefined {
    if (at > this.#revision || !this.#history.isListable(at, this.#options.clock.monotonicMs())) return undefined;
    // Newest first, so that the last entry of a key is its state before the oldest change behind `at`.
    const before = new Map<string, StoredObject | undefined>();
    const startAfter = options?.startAfter;
    for (const event of this.#history.backTo(at)) {
      const { key } = event.stored;
      if (key.startsWith(prefix) && (startAfter === undefined || key > startAfter)) before.set(key, event.previous);
    }
    if (before.size === 0) return { ...this.list(prefix, options), revision: at };
    // So many more that a full page is left when those that have changed are taken out.
    const limit = options?.limit ?? Infinity;
    const page = this.#index.list(prefix, startAfter, limit + before.size);
    let total = page.items.length + page.remaining;
    const items: StoredObject[] = page.items.filter((item) => !before.has(item.key));
    for (const [key, item] of before) {
      if (this.#objects.has(key)) total--;
      if (item === undefined) continue;
      total++;
      items.push(item);
    }
    items.sort((a, b) => (a.key < b.key ? -1 : 1));
    if (items.length > limit) items.length = limit;
    return { items, revision: at, remaining: total - items.length };
  }
  watch(prefix: string, after: Revision, watcher: StoreWatcher): Disposable | undefined {
    if (after < this.compactedRevision) return undefined;
    const replay: StoreEvent[] = [];
    for (const event of this.#history.since(after)) if (event.stored.key.startsWith(prefix)) replay.push(event);
    return this.#watchers.add(prefix, after, replay, this.#revision, watcher);
  }
  /** Takes over an object that was stored in an earlier life. */
  load(key: string, revision: Revision, createRevision: Revision, encoded: EncodedObject, expiresAt: number): void {
    const value = new StoredValue(key, revision, createRevision, encoded, expiresAt, this.#options.freeze);
    assert(!this.#objects.has(key), `the key ${key} was stored twice`);
    this.#objects.set(key, value);
    this.#index.set(value);
    this.#expiry.replace(undefined, value);
  }
  /** Nothing before this revision can be watched or listed. Who watched until now must list again. */
  startAt(revision: Revision): void {
    this.#revision = revision;
    this.#history.startAt(revision);
    // Last: some list at once.
    this.#watchers.end('compacted');
  }
  /** The change that `write` asks for, as if it were committed at `revision`. */
  change({ key, encoded, timeToLiveSeconds, given }: EncodedWrite, revision: Revision): Change {
    const previous = this.#objects.get(key);
    if (encoded === undefined) {
      assert(previous !== undefined, `removal of the key ${key}, which does not exist`);
      return { type: 'delete', revision, stored: previous.removedAt(revision), previous };
    }
    const { clock, freeze } = this.#options;
    const expiresAt = timeToLiveSeconds === undefined ? 0 : clock.now() + timeToLiveSeconds * 1_000;
    const createRevision = previous?.createRevision ?? revision;
    const stored = new StoredValue(key, revision, createRevision, encoded, expiresAt, freeze, given);
    return { type: 'put', revision, stored, previous };
  }
  /** A change that another process made: with the revisions and the end that it has there. */
  foreignChange(
    key: string,
    encoded: EncodedObject | undefined,
    { revision, createRevision, expiresAt }: { revision: Revision; createRevision: Revision; expiresAt: number },
  ): Change | undefined {
    const previous = this.#objects.get(key);
    if (encoded === undefined)
      return previous === undefined
        ? undefined
        : { type: 'delete', revision, stored: previous.removedAt(revision), previous };
    const stored = new StoredValue(key, revision, createRevision, encoded, expiresAt, this.#options.freeze);
    return { type: 'put', revision, stored, previous };
  }
  /** Forgets everything: what it should hold is loaded anew, up to `startAt`, in one go. */
  clear(): void {
    for (const value of this.#objects.values()) {
      this.#expiry.replace(value, undefined);
      this.#index.delete(value.key);
    }
    this.#objects.clear();
  }
  /** Makes changes visible, in order, then tells the watchers. */
  commit(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    for (const change of changes) {
      const { key } = change.stored;
      // One transaction of etcd may change several keys.
      assert(change.revision >= this.#revision, 'revisions must grow');
      assert(this.#objects.get(key) === change.previous, `the key ${key} changed under a commit`);
      if (change.type === 'put') {
        this.#objects.set(key, change.stored);
        this.#index.set(change.stored);
      } else {
        this.#objects.delete(key);
        this.#index.delete(key);
      }
      this.#expiry.replace(change.previous, change.type === 'put' ? change.stored : undefined);
      this.#revision = change.revision;
    }
    this.#history.add(changes, this.#options.clock.monotonicMs());
    this.#watchers.notify(changes);
    for (const change of changes) change.stored.forgetGiven();
  }
  /** Up to this revision nothing more comes: what was written there concerns nobody. */
  advance(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision);
  }
  close(): void {
    this.#expiry.close();
    this.#watchers.end('closed');
  }
}
