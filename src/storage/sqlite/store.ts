// The embedded store: memory for reading, one SQLite file for keeping. Writes that wait are one transaction (group commit);
// they become visible, and are acknowledged, when it is on disk. Lazy writes become visible at once and go with the next
// transaction. See docs/internals/storage.md.
import type { Clock, Timer } from '#base/clock.ts';
import { assert, messageOf } from '#base/errors.ts';
import {
  commitBytesMax,
  commitWritesMax,
  lazyFlushMs,
  resealBytesMax,
  revisionBlock,
  roomLookMs,
} from '#base/limits.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import {
  type FileMeta,
  type FileUsage,
  openRowFile,
  type OpenRowFile,
  type RowFile,
  RowFileError,
} from '#host/row-file.ts';
import { encodeObject } from '../encode.ts';
import { type Change, StoreState } from '../state.ts';
import type { StoredValue } from '../stored-value.ts';
import {
  type ListPage,
  type Revision,
  type StoredObject,
  StoreFullError,
  StoreUnavailableError,
  type StoreWatcher,
  type WriteRequest,
  type WriteResult,
} from '../store.ts';
import { openingError, unreadableError } from './opening-error.ts';
import { Pace } from './pace.ts';
import { isBeingRemoved, Room, unlimitedRoom } from './room.ts';
import { type DirtyRows, packRows, unpackRows } from './rows.ts';
import { noSealing, type Sealing } from '../sealing/sealing.ts';
import type { Resealed } from '../sealing/rotation.ts';
import type { PageOptions, SqliteStore, SqliteStoreOptions, WaitingWrite } from './store-options.ts';

export type { SqliteStore, SqliteStoreOptions } from './store-options.ts';

/** Throws OperatorError when the file cannot be used. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const store = new EmbeddedStore(options);
  await store.open(options.open ?? openRowFile, options);
  return store;
}

class EmbeddedStore implements SqliteStore {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #state: StoreState;
  readonly #sealing: Sealing;
  readonly #room: Room;
  readonly #pace: Pace;
  #file: RowFile | undefined;
  #waiting: WaitingWrite[] = [];
  /** Visible, not on disk. */
  #dirty: DirtyRows = new Map();
  #flushTimer: Timer | undefined;
  #roomTimer: Timer | undefined;
  /** On disk: no revision above it may be given to anybody before a transaction has raised it. */
  #reserved: Revision = 0;
  #committing: Promise<void> | undefined;
  #pumpPlanned = false;
  #closing: Promise<void> | undefined;
  #problem: string | undefined;
  /** The file could not be kept small; what was acknowledged is safe. */
  #unmaintained: string | undefined;
  /** The medium failed so that what it holds is uncertain: nothing is written any more. */
  #broken = false;

  constructor(options: SqliteStoreOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.#sealing = options.sealing ?? noSealing;
    this.#pace = new Pace(options.clock, this.#logger);
    this.#room = new Room(options.room ?? (() => unlimitedRoom));
    this.#state = new StoreState({
      clock: options.clock,
      logger: this.#logger,
      freeze: options.freeze ?? false,
      history: options.history,
      expire: (values) => this.#expire(values),
    });
  }
  async open(open: OpenRowFile, { path, pagesMax }: SqliteStoreOptions): Promise<void> {
    let highest = 0;
    let unreadable: Error | undefined;
    try {
      const onMaintenance = (problem: string | undefined): void => this.#onMaintenance(problem);
      this.#file = await open({ path, pagesMax, onMaintenance }, (rows) => {
        if (unreadable !== undefined) return;
        try {
          highest = Math.max(highest, unpackRows(rows, this.#state, this.#sealing));
        } catch (error) {
          unreadable = error instanceof Error ? error : new Error(String(error));
        }
      });
    } catch (error) {
      throw openingError(path, error);
    }
    if (unreadable !== undefined) {
      this.#state.close();
      await this.#file.close();
      throw unreadableError(path, unreadable);
    }
    const { reservedRevision, clean } = this.#file.meta;
    // After a crash the lazy writes that were lost may have been seen at any reserved revision: start behind all of them.
    this.#state.startAt(Math.max(highest, clean ? reservedRevision : reservedRevision + 1));
    this.#reserved = reservedRevision;
    this.#lookAtRoom();
    // Reserves for this life; reads need not wait for it.
    this.#send([], []);
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
  list(prefix: string, page?: PageOptions): ListPage {
    return this.#state.list(prefix, page);
  }
  listAt(prefix: string, at: Revision, page?: PageOptions): ListPage | undefined {
    return this.#state.listAt(prefix, at, page);
  }
  count(prefix: string): number {
    return this.#state.count(prefix);
  }
  consistent(): undefined {
    return undefined;
  }
  watch(prefix: string, after: Revision, watcher: StoreWatcher): Disposable | undefined {
    return this.#state.watch(prefix, after, watcher);
  }
  problems(): readonly string[] {
    return [this.#problem, this.#unmaintained, this.#pace.problem(), ...this.#room.problems()].filter(
      (problem) => problem !== undefined,
    );
  }
  room(): { readonly usage: FileUsage | undefined; readonly isShort: boolean } {
    const { usage, isShort } = this.#room;
    return { usage, isShort };
  }
  write(request: WriteRequest): Promise<WriteResult> {
    if (this.#closing !== undefined) return Promise.reject(new StoreUnavailableError('the store is closed'));
    if (this.#broken) return Promise.reject(new StoreUnavailableError(this.#problem ?? 'the data file has failed'));
    return new Promise((resolve, reject) => {
      const { key, expectedRevision, object, durability, timeToLiveSeconds } = request;
      const encoded = object === undefined ? undefined : encodeObject(object);
      this.#waiting.push({
        key,
        expectedRevision,
        encoded,
        given: request.isGiven === true ? object : undefined,
        lazy: durability === 'lazy',
        isRemoved: isBeingRemoved(object),
        timeToLiveSeconds,
        resolve,
        reject,
      });
      this.#planPump();
    });
  }
  async copyTo(target: string): Promise<Revision> {
    while (this.#committing !== undefined) await this.#committing;
    if (this.#closing !== undefined) throw new StoreUnavailableError('the store is closed');
    const copying = this.#copyTo(target);
    // Writes that come meanwhile wait.
    this.#committing = copying.catch(() => {}).then(() => {});
    try {
      return await copying;
    } catch (error) {
      throw new StoreUnavailableError(`the data file was not copied: ${messageOf(error)}`, { cause: error });
    } finally {
      this.#settled();
    }
  }
  async #copyTo(target: string): Promise<Revision> {
    assert(this.#file !== undefined, 'a copy before the opening');
    const dirty = this.#dirty;
    if (dirty.size > 0) await this.#file.commit(packRows(dirty, this.#sealing), undefined);
    // Others may have been made meanwhile: those are not in the copy.
    for (const [row, written] of dirty) if (this.#dirty.get(row) === written) this.#dirty.delete(row);
    const { revision } = this;
    await this.#file.copyTo(target);
    return revision;
  }
  async reseal(prefixes: readonly string[], onProgress: (progress: Resealed) => void): Promise<void> {
    while (this.#underWay() !== undefined) await this.#underWay();
    const values = prefixes.flatMap((prefix) => this.#state.list(prefix).items);
    for (let done = 0; done < values.length;) {
      while (this.#underWay() !== undefined) await this.#underWay();
      for (let bytes = 0; done < values.length && bytes < resealBytesMax; done++) {
        // What was written meanwhile is sealed anew already; what is gone must not come back.
        const value = this.#state.get(values[done]!.key);
        if (value === undefined || value !== values[done]) continue;
        bytes += value.bytes.length;
        this.#dirty.set(value.createRevision, { value, removed: false });
      }
      await this.#flush();
      onProgress({ done, total: values.length });
    }
    // Removals that nobody has waited for: their rows are still in the file, as they were.
    await this.#flush();
  }
  #underWay(): Promise<void> | undefined {
    return this.#committing;
  }
  /** Every lazy write, on disk. */
  async #flush(): Promise<void> {
    while (this.#underWay() !== undefined) await this.#underWay();
    const rows = this.#dirty;
    if (rows.size === 0) return;
    if (this.#closing !== undefined) throw new StoreUnavailableError('the store is closed');
    if (this.#broken) throw new StoreUnavailableError(this.#problem ?? 'the data file has failed');
    this.#send([], []);
    await this.#underWay();
    // Another map is there once they are on disk.
    if (this.#dirty === rows) throw new StoreUnavailableError(this.#problem ?? 'the data file has failed');
  }
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flushTimer?.cancel();
    this.#roomTimer?.cancel();
    while (this.#committing !== undefined || this.#waiting.length > 0) {
      this.#pump();
      await this.#committing;
    }
    this.#state.close();
    try {
      if (!this.#broken)
        await this.#file?.commit(packRows(this.#dirty, this.#sealing), {
          reservedRevision: this.revision,
          clean: true,
        });
    } catch (error) {
      this.#logger.error('the last writes could not be stored', { error: messageOf(error), rows: this.#dirty.size });
    } finally {
      await this.#file?.close().catch((error: unknown) => {
        this.#logger.warn('the data file was not closed in order', { error: messageOf(error) });
      });
    }
  }
  #planPump(): void {
    if (this.#pumpPlanned || this.#committing !== undefined) return;
    this.#pumpPlanned = true;
    queueMicrotask(() => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }
  /** Decides everything that waits against the committed state. A second write of a key in one batch waits for the first. */
  #pump(): void {
    if (this.#committing !== undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const batch: WaitingWrite[] = [];
    const later: WaitingWrite[] = [];
    const busyKeys = new Set<string>();
    let bytes = 0;
    for (const write of waiting) {
      if (busyKeys.has(write.key) || batch.length >= commitWritesMax || bytes > commitBytesMax) {
        busyKeys.add(write.key);
        later.push(write);
        continue;
      }
      const current = this.#state.get(write.key);
      const exists = current?.revision ?? 0;
      if (exists !== write.expectedRevision || (exists === 0 && write.encoded === undefined))
        write.resolve({ ok: false, current });
      else if (this.#room.refuses(current, write.encoded?.bytes, { isLazy: write.lazy, isRemoved: write.isRemoved }))
        write.reject(new StoreFullError());
      else if (write.lazy && this.revision < this.#reserved) this.#commitLazily(write);
      else {
        busyKeys.add(write.key);
        batch.push(write);
        bytes += write.encoded?.bytes.length ?? 0;
      }
    }
    this.#waiting = later.length === 0 ? this.#waiting : [...later, ...this.#waiting];
    if (batch.length === 0) return;
    const first = this.revision + 1;
    const changes = batch.map((write, index) => this.#state.change(write, first + index));
    this.#send(batch, changes);
  }
  #commitLazily(write: WaitingWrite): void {
    const change = this.#state.change(write, this.revision + 1);
    this.#dirty.set(change.stored.createRevision, { value: change.stored, removed: change.type === 'delete' });
    this.#planFlush();
    this.#state.commit([change]);
    write.resolve({ ok: true, stored: change.stored });
  }
  #planFlush(): void {
    if (this.#closing !== undefined || this.#flushTimer !== undefined) return;
    this.#flushTimer = this.#clock.schedule(lazyFlushMs, () => {
      this.#flushTimer = undefined;
      if (this.#committing === undefined && this.#dirty.size > 0) this.#send([], []);
    });
  }
  /** One transaction: every lazy write so far, then these. */
  #send(batch: readonly WaitingWrite[], changes: readonly Change[]): void {
    assert(this.#committing === undefined, 'two transactions at a time');
    this.#committing = this.#commit(batch, changes).finally(() => this.#settled());
  }
  /** A step of the file is done. */
  #settled(): void {
    this.#committing = undefined;
    // The timer may have fired meanwhile.
    if (this.#dirty.size > 0) this.#planFlush();
    if (this.#waiting.length > 0) this.#planPump();
  }
  async #commit(batch: readonly WaitingWrite[], changes: readonly Change[]): Promise<void> {
    const lazy = this.#dirty;
    const rows: DirtyRows = new Map(lazy);
    for (const change of changes)
      rows.set(change.stored.createRevision, { value: change.stored, removed: change.type === 'delete' });
    const last = changes.at(-1)?.revision ?? this.revision;
    const meta: FileMeta | undefined =
      last + revisionBlock / 2 > this.#reserved ? { reservedRevision: last + revisionBlock, clean: false } : undefined;
    try {
      assert(this.#file !== undefined, 'a write before the opening');
      await this.#pace.of(this.#file.commit(packRows(rows, this.#sealing), meta));
    } catch (error) {
      this.#fail(batch, error);
      return;
    }
    this.#problem = undefined;
    this.#lookAtRoom();
    this.#dirty = new Map();
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
    this.#reserved = meta?.reservedRevision ?? this.#reserved;
    this.#state.commit(changes);
    batch.forEach((write, index) => write.resolve({ ok: true, stored: changes[index]!.stored }));
  }
  #fail(batch: readonly WaitingWrite[], error: unknown): void {
    const full = error instanceof RowFileError && error.failure === 'full';
    const problem = full
      ? 'the disk of the data file is full: nothing can be written until there is room'
      : `the data file failed (${messageOf(error)}): nothing is written until a restart`;
    if (this.#problem !== problem) this.#logger.error(problem);
    this.#problem = problem;
    this.#broken = !full;
    for (const write of batch) write.reject(new StoreUnavailableError(problem, { cause: error }));
    if (!this.#broken) return;
    for (const write of this.#waiting.splice(0)) write.reject(new StoreUnavailableError(problem, { cause: error }));
  }
  /** While there is none, also when nobody writes: room may come from elsewhere. */
  #lookAtRoom(): void {
    assert(this.#file !== undefined, 'a look before the opening');
    const hasChanged = this.#room.update(this.#file.usage());
    const { isShort } = this.#room;
    if (hasChanged && isShort) for (const problem of this.#room.problems()) this.#logger.error(problem);
    if (hasChanged && !isShort) this.#logger.info('there is room for more data again');
    if (!isShort || this.#closing !== undefined || this.#roomTimer !== undefined) return;
    this.#roomTimer = this.#clock.schedule(roomLookMs, () => {
      this.#roomTimer = undefined;
      // A transaction that is under way tells it as well.
      if (this.#committing === undefined) this.#ask();
      else this.#lookAtRoom();
    });
  }
  #ask(): void {
    const looked = this.#file?.look().then(
      () => this.#lookAtRoom(),
      () => {},
    );
    this.#committing = looked?.finally(() => this.#settled());
  }
  #onMaintenance(problem: string | undefined): void {
    this.#unmaintained =
      problem === undefined ? undefined : `the log of the data file could not be worked into it, and grows: ${problem}`;
    if (this.#unmaintained === undefined) this.#logger.info('the data file is kept small again');
    else this.#logger.warn(this.#unmaintained);
  }
  #expire(values: readonly StoredValue[]): void {
    for (const value of values) {
      const { key, revision: expectedRevision } = value;
      this.write({ key, expectedRevision, object: undefined, durability: 'lazy' }).catch((error: unknown) => {
        // It is gone after the next start: then its time has come again.
        this.#logger.debug('an expired key was not removed', { key, error: messageOf(error) });
      });
    }
  }
}
