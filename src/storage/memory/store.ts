// The store of tests and simulation: nothing outlives the process. Every write is committed at once.
import type { Clock } from '#base/clock.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { encodeObject } from '../encode.ts';
import type { HistoryLimits } from '../history.ts';
import { StoreState } from '../state.ts';
import { type Store, StoreUnavailableError, type WriteRequest, type WriteResult } from '../store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
  /** Default true: whoever changes a shared object is found. */
  readonly freeze?: boolean | undefined;
  readonly history?: HistoryLimits | undefined;
}

export function createMemoryStore(options: MemoryStoreOptions): Store {
  const state = new StoreState({
    clock: options.clock,
    logger: options.logger ?? silentLogger,
    freeze: options.freeze ?? true,
    history: options.history,
    expire: (values) => {
      for (const value of values)
        if (state.get(value.key) === value)
          state.commit([state.change({ key: value.key, encoded: undefined }, state.revision + 1)]);
    },
  });
  let closed = false;
  const writeNow = (request: WriteRequest): WriteResult => {
    if (closed) throw new StoreUnavailableError('the store is closed');
    const current = state.get(request.key);
    const exists = current?.revision ?? 0;
    if (exists !== request.expectedRevision || (exists === 0 && request.object === undefined))
      return { ok: false, current };
    const { key, object, timeToLiveSeconds } = request;
    const encoded = object === undefined ? undefined : encodeObject(object);
    const given = request.isGiven === true ? object : undefined;
    const change = state.change({ key, encoded, timeToLiveSeconds, given }, state.revision + 1);
    state.commit([change]);
    return { ok: true, stored: change.stored };
  };
  return {
    get revision() {
      return state.revision;
    },
    get compactedRevision() {
      return state.compactedRevision;
    },
    get: (key) => state.get(key),
    list: (prefix, page) => state.list(prefix, page),
    listAt: (prefix, at, page) => state.listAt(prefix, at, page),
    count: (prefix) => state.count(prefix),
    consistent: () => undefined,
    write: async (request) => writeNow(request),
    watch: (prefix, after, watcher) => state.watch(prefix, after, watcher),
    async close() {
      if (closed) return;
      closed = true;
      state.close();
    },
  };
}
