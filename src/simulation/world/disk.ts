// The datastore's disk: slow, full, or cut off in the middle by a crash. The store behind it survives the processes that use
// it; each life of the API server sees it as a store that was opened anew.
import type { StoreWatcher, Store, WriteRequest, WriteResult } from '#storage/store.ts';
import { StoreUnavailableError } from '#storage/store.ts';
import type { Dice } from './dice.ts';
import type { Life } from './timeline.ts';

export interface DiskConditions {
  /** Mean time of a commit. */
  commitMs: number;
  full: boolean;
}

interface Pending {
  readonly request: WriteRequest;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface OpenedStore {
  readonly store: Store;
  /** The process died: what was not acknowledged is on the disk up to some point, and nobody hears of it. */
  crash(): void;
}

export function openStore(inner: Store, life: Life, conditions: DiskConditions, dice: Dice): OpenedStore {
  const openedAt = inner.revision;
  const watches = new Set<Disposable>();
  let pending: Pending[] = [];
  let committing = false;

  const commit = (): void => {
    committing = false;
    const transaction = pending;
    pending = [];
    for (const { request, resolve, reject } of transaction) {
      if (conditions.full) reject(new StoreUnavailableError('database or disk is full'));
      else inner.write(request).then(resolve, reject);
    }
  };
  const store: Store = {
    get revision() {
      return inner.revision;
    },
    get compactedRevision() {
      return Math.max(openedAt, inner.compactedRevision);
    },
    get: (key) => inner.get(key),
    list: (prefix, page) => inner.list(prefix, page),
    listAt: (prefix, at, page) => (at < openedAt ? undefined : inner.listAt(prefix, at, page)),
    count: (prefix) => inner.count(prefix),
    consistent: () => undefined,
    write(request) {
      return new Promise((resolve, reject) => {
        if (!life.alive) return;
        pending.push({ request, resolve, reject });
        if (committing) return;
        committing = true;
        life.clock.schedule(dice.around(conditions.commitMs), commit);
      });
    },
    // History does not outlive a process: as the embedded store.
    watch(prefix, after, watcher) {
      if (after < openedAt) return undefined;
      const guarded: StoreWatcher = {
        onEvents: (events) => (life.alive ? watcher.onEvents(events) : undefined),
        onEnd: (reason) => (life.alive ? watcher.onEnd(reason) : undefined),
      };
      const opened = inner.watch(prefix, after, guarded);
      if (opened === undefined) return undefined;
      const watch: Disposable = {
        [Symbol.dispose]: () => {
          watches.delete(watch);
          opened[Symbol.dispose]();
        },
      };
      watches.add(watch);
      return watch;
    },
    close: () => Promise.resolve(),
  };
  return {
    store,
    crash() {
      for (const watch of watches) watch[Symbol.dispose]();
      const survivors = conditions.full ? 0 : dice.between(0, pending.length);
      for (const { request } of pending.slice(0, survivors)) inner.write(request).catch(() => undefined);
      pending = [];
    },
  };
}
