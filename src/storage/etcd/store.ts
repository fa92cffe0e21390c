// A store on an etcd cluster, with other API servers beside this one. Memory is for reading, as in the embedded stores; it follows
// one watch of everything. A write is a transaction on the revision of its key, and is acknowledged when the watch has brought
// it, so that this process sees what it wrote. See docs/internals/storage.md.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { etcdBarrierWaitMs, etcdCatchUpMsMax, etcdWritesInFlightMax } from '#base/limits.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { encodeObject } from '../encode.ts';
import type { HistoryLimits } from '../history.ts';
import { noSealing, type Sealing } from '../sealing/sealing.ts';
import { type Change, StoreState } from '../state.ts';
import type { StoredValue } from '../stored-value.ts';
import {
  type Revision,
  type Store,
  type StoredObject,
  StoreUnavailableError,
  type WriteRequest,
  type WriteResult,
} from '../store.ts';
import { EtcdClient, type EtcdClientOptions, type EtcdEvent, wasNeverSent } from './client.ts';
import { barrierKey, claimRoot, isOwn, root } from './own-keys.ts';
import { prepare } from './transfer.ts';
import { type Belonging, checkBelonging } from './belonging.ts';
import { removeOldClaims, takeClaim } from './claims.ts';
import { Compactor } from './compactor.ts';
import { writeFailure } from './write-failure.ts';
import { readAll } from './read-all.ts';
import { fromStoredForm, toStoredForm } from './stored-form.ts';
import { RevisionWaiters } from './revision-waiters.ts';

export interface EtcdStoreOptions extends EtcdClientOptions, Pick<Belonging, 'cluster' | 'keepKey'> {
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
  /** Default false; tests freeze. */
  readonly freeze?: boolean | undefined;
  readonly history?: HistoryLimits | undefined;
  /** Takes part in letting etcd forget what is old; default false. */
  readonly compacts?: boolean | undefined;
  /** Encryption at rest; absent: none. */
  readonly sealing?: Sealing | undefined;
}

export interface EtcdStore extends Store {
  /** Empty when all is well. */
  problems(): readonly string[];
  /** Lets etcd forget the history before `revision`. */
  compact(revision: Revision): Promise<void>;
}

const retryMs = 500;
/** Everything is read again, so not often. */
const unreadableRetryMs = 2_000;

/** Throws OperatorError when no member answers, or what is stored cannot be read. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const store = new RemoteStore(options);
  await store.open();
  return store;
}

class RemoteStore implements EtcdStore {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sealing: Sealing;
  readonly #compacts: boolean;
  readonly #belonging: Belonging;
  readonly #state: StoreState;
  readonly #waiters: RevisionWaiters;
  readonly #closing = new AbortController();
  readonly #queue: (() => void)[] = [];
  #writesInFlight = 0;
  #idle: (() => void) | undefined;
  #following: Promise<void> | undefined;
  #problem: string | undefined;
  /** Everything up to this revision was seen here, what concerns nobody included. */
  #seen: Revision = 0;
  /** What came cannot be applied: memory is right again once everything is read anew. */
  #isBehind = false;
  /** Their time came while etcd took no writes. */
  readonly #overdue = new Set<StoredValue>();
  #compactor: Compactor | undefined;
  #asking: Promise<void> | undefined;
  #askingNext: Promise<void> | undefined;

  constructor(options: EtcdStoreOptions) {
    this.#client = new EtcdClient(options);
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.#sealing = options.sealing ?? noSealing;
    this.#compacts = options.compacts ?? false;
    this.#belonging = { sealing: this.#sealing, cluster: options.cluster, keepKey: options.keepKey };
    this.#waiters = new RevisionWaiters(options.clock);
    this.#state = new StoreState({
      clock: options.clock,
      logger: this.#logger,
      freeze: options.freeze ?? false,
      history: options.history,
      expire: (values) => this.#expire(values),
    });
  }
  async open(): Promise<void> {
    try {
      await prepare(this.#client);
      await checkBelonging(this.#client, this.#belonging);
      await this.#load();
    } catch (error) {
      this.#state.close();
      await this.#client.close();
      if (error instanceof OperatorError) throw error;
      throw new OperatorError(
        `the etcd cluster cannot be used: ${messageOf(error)}`,
        'Check that its members run and are reached from here, and that the addresses, certificates and the encryption key are those of this cluster.',
        { cause: error },
      );
    }
    this.#following = this.#follow();
    if (this.#compacts)
      this.#compactor = new Compactor({ client: this.#client, clock: this.#clock, logger: this.#logger });
  }

  get revision(): Revision {
    return this.#state.revision;
  }
  get compactedRevision(): Revision {
    return this.#state.compactedRevision;
  }
  get(key: string): StoredObject | undefined {
    return this.#state.get(key);
  }
  list: Store['list'] = (prefix, page) => this.#state.list(prefix, page);
  listAt: Store['listAt'] = (prefix, at, page) => this.#state.listAt(prefix, at, page);
  count(prefix: string): number {
    return this.#state.count(prefix);
  }
  watch: Store['watch'] = (prefix, after, watcher) => this.#state.watch(prefix, after, watcher);
  problems(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }
  compact(revision: Revision): Promise<void> {
    return this.#client.compact(revision - this.#client.revisionOffset);
  }
  /** Readers that come while etcd is being asked share the next question: the answer under way may be older than they are. */
  consistent(request?: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#asking === undefined) {
      this.#asking = this.#catchUp().finally(() => (this.#asking = undefined));
      return abortable(this.#asking, request?.signal);
    }
    this.#askingNext ??= this.#asking
      .catch(() => {})
      .then(() => {
        this.#askingNext = undefined;
        this.#asking = this.#catchUp().finally(() => (this.#asking = undefined));
        return this.#asking;
      });
    return abortable(this.#askingNext, request?.signal);
  }
  async write(request: WriteRequest): Promise<WriteResult> {
    if (this.#closing.signal.aborted) throw new StoreUnavailableError('the store is closed');
    const { key, expectedRevision, object, timeToLiveSeconds } = request;
    const current = this.#state.get(key);
    // etcd takes the removal of nothing.
    if (object === undefined && expectedRevision === 0) return { ok: false, current };
    const encoded = object === undefined ? undefined : encodeObject(object);
    const expiresAt = timeToLiveSeconds === undefined ? 0 : this.#clock.now() + timeToLiveSeconds * 1_000;
    const value = encoded === undefined ? undefined : toStoredForm(this.#sealing, key, encoded, expiresAt);
    await this.#enter();
    try {
      const { succeeded, revision } = await this.#client.write(key, expectedRevision, value);
      const change = await this.#reached(revision, succeeded);
      if (!succeeded) return { ok: false, current: this.#state.get(key) };
      if (change === undefined)
        throw new StoreUnavailableError('the write was done, but what came after it was lost: read again', {
          isOutcomeUnknown: true,
        });
      return { ok: true, stored: change.stored };
    } catch (error) {
      throw error instanceof StoreUnavailableError ? error : writeFailure(error);
    } finally {
      this.#leave();
    }
  }
  async claim(name: string): Promise<Disposable | undefined> {
    const key = claimRoot + name;
    try {
      const revision = await takeClaim(this.#client, this.#clock, key);
      if (revision === undefined) return undefined;
      await this.#reached(revision, true);
      // What is not given back ends by itself.
      return { [Symbol.dispose]: () => void this.#client.write(key, revision, undefined).catch(() => {}) };
    } catch (error) {
      throw new StoreUnavailableError(`etcd does not take writes: ${messageOf(error)}`, { cause: error });
    }
  }
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) {
      await this.#following;
      return;
    }
    const inFlight = this.#writesInFlight;
    this.#closing.abort();
    this.#compactor?.[Symbol.dispose]();
    // What was begun before is ended in order: the watch that it waits for ends after it.
    if (inFlight > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#stopFollowing.abort();
    await this.#following;
    this.#waiters.fail(new StoreUnavailableError('the store is closed'));
    this.#state.close();
    await this.#client.close();
  }

  readonly #stopFollowing = new AbortController();

  /** What is stored, all at once; then memory is that. */
  async #load(): Promise<void> {
    const { items, revision } = await readAll(this.#client, root, this.#logger);
    removeOldClaims(this.#client, this.#clock, items).catch(() => {});
    const loaded = items.map(({ key, value, createRevision, modRevision }) => ({
      key,
      createRevision,
      modRevision,
      ...(isOwn(key) ? undefined : fromStoredForm(this.#sealing, key, value)),
    }));
    this.#state.clear();
    for (const { key, createRevision, modRevision, encoded, expiresAt = 0 } of loaded)
      if (encoded !== undefined) this.#state.load(key, modRevision, createRevision, encoded, expiresAt);
    this.#seen = revision;
    this.#isBehind = false;
    this.#state.startAt(revision);
    this.#waiters.reached(revision, []);
  }
  async #follow(): Promise<void> {
    const { signal } = this.#stopFollowing;
    while (!signal.aborted) {
      try {
        if (this.#isBehind) await this.#load();
        for await (const answer of this.#client.watch(root, this.#seen + 1, signal)) {
          if (answer.type === 'started') this.#recovered();
          else if (answer.type === 'events') {
            // Until all of it was applied: nothing of it may be skipped.
            this.#isBehind = true;
            this.#apply(answer.events);
            this.#isBehind = false;
          } else {
            this.#logger.warn('etcd has forgotten what was missed: everything is read anew', {
              since: this.#seen,
              compacted: answer.revision,
            });
            await this.#load();
          }
        }
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(error);
        await sleep(this.#clock, this.#isBehind ? unreadableRetryMs : retryMs, signal).catch(() => {});
      }
    }
  }
  #apply(events: readonly EtcdEvent[]): void {
    // Two changes of one key follow each other: the second is of what the first made.
    let changes: Change[] = [];
    const keys = new Set<string>();
    const flush = (): void => {
      this.#state.commit(changes);
      this.#waiters.reached(changes.at(-1)?.revision ?? this.#seen, changes);
      changes = [];
      keys.clear();
    };
    // Before anything of it is visible or counts as seen.
    const readable = events.map(({ type, kv }) => ({
      kv,
      stored: type === 'delete' || isOwn(kv.key) ? undefined : fromStoredForm(this.#sealing, kv.key, kv.value),
    }));
    for (const { kv, stored } of readable) {
      this.#seen = Math.max(this.#seen, kv.modRevision);
      if (isOwn(kv.key)) continue;
      if (keys.has(kv.key)) flush();
      const change = this.#state.foreignChange(kv.key, stored?.encoded, {
        revision: kv.modRevision,
        createRevision: kv.createRevision,
        expiresAt: stored?.expiresAt ?? 0,
      });
      if (change === undefined) continue;
      keys.add(kv.key);
      changes.push(change);
    }
    flush();
    // Another server that was started meanwhile has told its clients of this revision.
    this.#state.advance(this.#seen);
    this.#waiters.reached(this.#seen, []);
  }
  async #catchUp(): Promise<void> {
    let target: Revision;
    try {
      target = await this.#client.revision();
    } catch (error) {
      const isSilent = !wasNeverSent(error);
      throw new StoreUnavailableError(`etcd does not answer: ${messageOf(error)}`, { cause: error, isSilent });
    }
    await this.#reached(target, false);
  }
  /** The change of that revision, if it is our own, once it is visible here. */
  async #reached(revision: Revision, isOwn: boolean): Promise<Change | undefined> {
    if (!isOwn && this.#seen >= revision) return undefined;
    // Revisions of keys that are not ours are not seen here. A write of our own then shows that nothing else is missing.
    const barrier = isOwn
      ? undefined
      : this.#clock.schedule(etcdBarrierWaitMs, () => {
          this.#raiseBarrier().catch((error: unknown) =>
            this.#logger.debug('no barrier was written', { error: messageOf(error) }),
          );
        });
    try {
      return await this.#waiters.wait(
        revision,
        etcdCatchUpMsMax,
        () =>
          new StoreUnavailableError('etcd does not tell what was written: its watch is behind', {
            isOutcomeUnknown: isOwn,
            isSilent: true,
          }),
      );
    } finally {
      barrier?.cancel();
    }
  }
  async #raiseBarrier(): Promise<void> {
    const barrier = await this.#client.get(barrierKey);
    await this.#client.write(barrierKey, barrier?.modRevision ?? 0, new Uint8Array([0]));
  }
  #recovered(): void {
    if (this.#problem !== undefined) this.#logger.info('etcd answers again', { member: this.#client.member });
    this.#problem = undefined;
    if (this.#overdue.size === 0) return;
    const overdue = [...this.#overdue].filter((value) => this.#state.get(value.key) === value);
    this.#overdue.clear();
    this.#expire(overdue);
  }
  #failed(error: unknown): void {
    const problem = this.#isBehind
      ? `what etcd holds cannot be used (${messageOf(error)}): reads are old until that is gone, or this MicroShift can read it`
      : `etcd is not reached (${messageOf(error)}): reads may be old, writes are refused`;
    if (this.#problem === undefined) this.#logger.warn(problem);
    this.#problem = problem;
  }
  #expire(values: readonly StoredValue[]): void {
    for (const value of values) {
      const { key, revision } = value;
      this.write({ key, expectedRevision: revision, object: undefined, durability: 'lazy' }).catch((error: unknown) => {
        this.#overdue.add(value);
        this.#logger.debug('an expired key was not removed', { key, error: messageOf(error) });
      });
    }
  }
  /** So many transactions at a time; the others wait in order. */
  async #enter(): Promise<void> {
    if (this.#writesInFlight < etcdWritesInFlightMax) this.#writesInFlight++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }
  #leave(): void {
    const next = this.#queue.shift();
    if (next !== undefined) return next();
    this.#writesInFlight--;
    if (this.#writesInFlight === 0) this.#idle?.();
  }
}

function abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) {
      // Nobody else may be waiting for it.
      promise.catch(() => {});
      return onAbort();
    }
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
