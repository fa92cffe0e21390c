// Stores that break one promise each, now and then: the judge must find every one of them.
import type { Store, StoredObject, StoreEvent, WriteResult } from '#storage/store.ts';
import { namespace } from './recording-client.ts';

/** What is different from `store`, which is right. */
type Fault = (store: Store) => Partial<Store>;

const isOurs = (key: string): boolean => key.includes(`/${namespace}/k`);
/** True once in `period` calls. */
function nowAndThen(period: number): () => boolean {
  let count = 0;
  return () => ++count % period === 0;
}

type Change = (events: readonly StoreEvent[]) => readonly StoreEvent[];

/** Changes what watchers are told, each by what `changeOf` gives for it. */
const withEventsOf =
  (changeOf: () => Change): Fault =>
  (store) => ({
    watch(prefix, after, watcher) {
      const change = changeOf();
      return store.watch(prefix, after, {
        onEvents: (events) => watcher.onEvents(change(events)),
        onEnd: (reason) => watcher.onEnd(reason),
      });
    },
  });
const withEvents = (change: Change): Fault => withEventsOf(() => change);

function leavesOut(): Fault {
  const due = nowAndThen(25);
  return withEvents((events) => events.filter(({ stored }) => !isOurs(stored.key) || !due()));
}
function tellsTwice(): Fault {
  const due = nowAndThen(25);
  return withEvents((events) =>
    events.flatMap((event) => (isOurs(event.stored.key) && due() ? [event, event] : [event])),
  );
}
const tellsLate = withEventsOf(() => {
  const due = nowAndThen(8);
  let kept: readonly StoreEvent[] = [];
  return (events) => {
    if (events.length === 1 && isOurs(events[0]!.stored.key) && kept.length === 0 && due()) {
      kept = events;
      return [];
    }
    const all = [...events, ...kept];
    kept = [];
    return all;
  };
});

/** Another state at the revision of `stored`. */
function showing(stored: StoredObject, bytes: Uint8Array): StoredObject {
  const { key, revision, createRevision, versionOffset, expiresAt } = stored;
  const object = () => stored.object();
  return { key, revision, createRevision, versionOffset, expiresAt, bytes, isDecoded: false, object };
}
const changesValues = withEvents((events) =>
  events.map((event) => {
    if (!isOurs(event.stored.key)) return event;
    const text = Buffer.from(event.stored.bytes).toString();
    const bytes = Buffer.from(text.replace(/"value":"[^"]*"/, `"value":"${Buffer.from('never').toString('base64')}"`));
    return { ...event, stored: showing(event.stored, bytes) };
  }),
);
/** The state at its creation. */
function removesOlder(): Fault {
  const first = new Map<string, Uint8Array>();
  return withEvents((events) =>
    events.map((event) => {
      const { stored, previous, type } = event;
      const of = `${stored.key} ${stored.createRevision}`;
      if (previous === undefined) first.set(of, stored.bytes);
      const older = type === 'delete' ? first.get(of) : undefined;
      return older === undefined ? event : { ...event, stored: showing(stored, older) };
    }),
  );
}
const tellsNoRemovals = withEvents((events) =>
  events.filter(({ type, stored }) => type === 'put' || !isOurs(stored.key)),
);
const forgetsPrevious = withEvents((events) => events.map((event) => ({ ...event, previous: undefined })));
const tellsLaterThanBookmarks: Fault = (store) => ({
  watch: (prefix, after, watcher) =>
    store.watch(prefix, after, {
      onEvents: (events) => void setTimeout(() => watcher.onEvents(events), 20),
      onEnd: (reason) => watcher.onEnd(reason),
    }),
});

const loses: Fault = (store) => {
  const due = nowAndThen(25);
  /** What readers see instead, until the next write. */
  const lost = new Map<string, StoredObject | undefined>();
  const get = (key: string): StoredObject | undefined => (lost.has(key) ? lost.get(key) : store.get(key));
  return {
    get,
    async write(request) {
      const { key, expectedRevision } = request;
      const seen = get(key);
      if ((seen?.revision ?? 0) !== expectedRevision) return { ok: false, current: seen };
      const result = await store.write({ ...request, expectedRevision: store.get(key)?.revision ?? 0 });
      lost.delete(key);
      if (isOurs(key) && due()) lost.set(key, seen);
      return result;
    },
  };
};
const readsStale: Fault = (store) => {
  const due = nowAndThen(15);
  const before = new Map<string, StoredObject | undefined>();
  return {
    get: (key) => (before.has(key) && due() ? before.get(key) : store.get(key)),
    write(request) {
      if (isOurs(request.key)) before.set(request.key, store.get(request.key));
      return store.write(request);
    },
  };
};
const listsStale: Fault = (store) => {
  const due = nowAndThen(3);
  return {
    // The state of some time ago, and its revision.
    list: (prefix, options) =>
      (prefix.includes(namespace) && due()
        ? store.listAt(prefix, Math.max(store.compactedRevision, store.revision - 5), options)
        : undefined) ?? store.list(prefix, options),
  };
};
const listsLess: Fault = (store) => {
  const due = nowAndThen(3);
  return {
    list(prefix, options) {
      const page = store.list(prefix, options);
      return prefix.includes(namespace) && due() ? { ...page, items: page.items.slice(0, -1) } : page;
    },
  };
};
/** All of it as it is now, whatever time was asked for. */
const mixesTimes: Fault = (store) => ({
  listAt(prefix, at, options) {
    const page = store.list(prefix, options);
    return prefix.includes(namespace) ? { ...page, revision: at } : page;
  },
});
const saysOlderRevision: Fault = (store) => {
  const due = nowAndThen(4);
  return {
    list(prefix, options) {
      const page = store.list(prefix, options);
      return prefix.includes(namespace) && due() ? { ...page, revision: page.revision - 3 } : page;
    },
  };
};
/** Where a watch begins, which is to go on behind `after`. */
const beginsAt =
  (from: (after: number, store: Store) => number): Fault =>
  (store) => ({
    watch: (prefix, after, watcher) =>
      store.watch(prefix, prefix.includes(namespace) ? from(after, store) : after, watcher),
  });
const doesAndRefuses: Fault = (store) => {
  const due = nowAndThen(10);
  return {
    async write(request): Promise<WriteResult> {
      const result = await store.write(request);
      return result.ok && isOurs(request.key) && due() ? { ok: false, current: result.stored } : result;
    },
  };
};
const repeatsRevisions: Fault = (store) => {
  const due = nowAndThen(25);
  return {
    async write(request): Promise<WriteResult> {
      const result = await store.write(request);
      if (!result.ok || request.object === undefined || !isOurs(request.key) || !due()) return result;
      const { stored } = result;
      const revision = stored.revision - 1;
      return {
        ok: true,
        stored: {
          ...stored,
          key: stored.key,
          createRevision: stored.createRevision,
          bytes: stored.bytes,
          versionOffset: stored.versionOffset,
          expiresAt: stored.expiresAt,
          revision,
          object() {
            const object = stored.object();
            return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
          },
        },
      };
    },
  };
};
const ignoresPreconditions: Fault = (store) => {
  const due = nowAndThen(5);
  return {
    async write(request) {
      const result = await store.write(request);
      if (result.ok || !isOurs(request.key) || !due()) return result;
      return store.write({ ...request, expectedRevision: result.current?.revision ?? 0 });
    },
  };
};
/** What bookmarks are made of. */
const isAhead: Fault = (store) => ({
  get revision() {
    return store.revision + 1;
  },
});

export const faults: Readonly<Record<string, { fault: Fault; says: RegExp }>> = {
  'an acknowledged write is lost': { fault: loses, says: /no order is possible/ },
  'a read is stale': { fault: readsStale, says: /no order is possible of[^]*get \(/ },
  'a consistent list is stale': { fault: listsStale, says: /a consistent list of \w+ is of revision/ },
  'a list lacks an object': { fault: listsLess, says: /lacks/ },
  'a list of the past shows the present': { fault: mixesTimes, says: /has \S+ at revision|lacks/ },
  'a list says an older revision': {
    fault: saysOlderRevision,
    says: /a list of \w+ at revision \d+ .* has \S+ at revision/,
  },
  'a write is done and refused': { fault: doesAndRefuses, says: /which was refused/ },
  'a revision is given out twice': { fault: repeatsRevisions, says: /revision \d+ is put .* and also put/ },
  'a precondition is not looked at': { fault: ignoresPreconditions, says: /no order is possible/ },
  'a watch leaves an event out': { fault: leavesOut(), says: /was left out/ },
  'a watch tells an event twice': { fault: tellsTwice(), says: /came twice/ },
  'a watch tells events in another order': { fault: tellsLate, says: /came behind/ },
  'a watch goes on too late': {
    fault: beginsAt((after, store) => Math.min(after + 3, store.revision)),
    says: /was left out/,
  },
  'a watch goes on too early': {
    fault: beginsAt((after, store) => Math.max(after - 3, store.compactedRevision)),
    says: /which is not behind the begin/,
  },
  'no watch tells of removals': { fault: tellsNoRemovals, says: /and a list of that revision has it not/ },
  'a watch shows what nobody wrote': { fault: changesValues, says: /shows never, which nobody wrote/ },
  'a removal shows an older state': { fault: removesOlder(), says: /DELETED .* and the last state was/ },
  'events do not know the state before': { fault: forgetsPrevious, says: /at \d+ was left out/ },
  'watches are behind their bookmarks': { fault: tellsLaterThanBookmarks, says: /was ahead of revision|was left out/ },
  'a bookmark is ahead': { fault: isAhead, says: /BOOKMARK\) had shown|was ahead of revision/ },
};

export const broken = (store: Store, fault: Fault): Store => {
  const different = fault(store);
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const value: unknown = name in different ? different[name] : target[name];
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
};
