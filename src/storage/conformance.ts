// What every store must do. One suite; each implementation runs it from its own test file.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubernetesObject } from '#api/kind.ts';
import { VirtualClock } from '#base/clock.ts';
import { listPieces, objectBytes, objectLine, watchLine } from './encode.ts';
import type { HistoryLimits } from './history.ts';
import type { Durability, Revision, Store, StoredObject, StoreEvent, StoreWatcher, WriteResult } from './store.ts';

export interface StoreUnderTest {
  open(options: { clock: VirtualClock; history?: HistoryLimits }): Promise<Store>;
}

const objectOf = (name: string, value = ''): KubernetesObject & { data: unknown } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels: { ä: 'ö' } },
  data: { value },
});
const keyOf = (name: string, namespace = 'default') => `/registry/configmaps/${namespace}/${name}`;
const prefix = '/registry/configmaps/';

const put = (
  store: Store,
  name: string,
  expectedRevision: Revision,
  value = '',
  durability: Durability = 'durable',
): Promise<WriteResult> =>
  store.write({ key: keyOf(name), expectedRevision, object: objectOf(name, value), durability });
const remove = (store: Store, name: string, expectedRevision: Revision): Promise<WriteResult> =>
  store.write({ key: keyOf(name), expectedRevision, object: undefined, durability: 'durable' });
async function done(result: Promise<WriteResult>): Promise<StoredObject> {
  const settled = await result;
  assert.ok(settled.ok, 'the write met a conflict');
  return settled.stored;
}
const valueOf = (stored: StoredObject | undefined): unknown =>
  stored === undefined ? undefined : (stored.object() as ReturnType<typeof objectOf>).data;
const textOf = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString('utf8');

class Recorder implements StoreWatcher {
  readonly events: StoreEvent[] = [];
  readonly ends: string[] = [];
  onEvents(events: readonly StoreEvent[]): void {
    this.events.push(...events);
  }
  onEnd(reason: 'closed' | 'compacted'): void {
    this.ends.push(reason);
  }
  get seen(): string[] {
    return this.events.map((event) => `${event.type} ${event.stored.key.slice(prefix.length)}`);
  }
}

export function storeConformance(name: string, subject: StoreUnderTest): void {
  const withStore = (
    run: (store: Store, clock: VirtualClock) => Promise<void>,
    history?: HistoryLimits,
  ): (() => Promise<void>) => {
    return async () => {
      const clock = new VirtualClock(Date.UTC(2026, 0, 1));
      const store = await subject.open({ clock, ...(history === undefined ? {} : { history }) });
      try {
        await run(store, clock);
      } finally {
        await store.close();
      }
    };
  };

  describe(`${name}: a store`, () => {
    it(
      'creates, updates and removes on condition of the revision',
      withStore(async (store) => {
        const created = await done(put(store, 'a', 0, '1'));
        assert.equal(created.createRevision, created.revision);
        assert.equal(store.revision, created.revision);
        const again = await put(store, 'a', 0, '2');
        assert.equal(again.ok, false);
        assert.equal(!again.ok && again.current?.revision, created.revision);
        const updated = await done(put(store, 'a', created.revision, '2'));
        assert.ok(updated.revision > created.revision);
        assert.equal(updated.createRevision, created.revision);
        assert.equal((await put(store, 'a', created.revision, '3')).ok, false);
        assert.equal((await remove(store, 'a', created.revision)).ok, false);
        const removed = await done(remove(store, 'a', updated.revision));
        assert.ok(removed.revision > updated.revision);
        assert.deepEqual(valueOf(removed), { value: '2' });
        assert.equal(removed.object().metadata.resourceVersion, String(removed.revision));
        assert.equal(store.get(keyOf('a')), undefined);
        assert.deepEqual(await remove(store, 'a', removed.revision), { ok: false, current: undefined });
        assert.deepEqual(await remove(store, 'a', 0), { ok: false, current: undefined });
      }),
    );

    it(
      'shares one decoded object and one encoding',
      withStore(async (store) => {
        const stored = await done(put(store, 'a', 0, 'grüße'));
        const object = stored.object();
        assert.equal(store.get(keyOf('a'))?.object(), object);
        assert.ok(Object.isFrozen(object) && Object.isFrozen(object.metadata.labels));
        assert.deepEqual(object, {
          ...objectOf('a', 'grüße'),
          metadata: { ...objectOf('a').metadata, resourceVersion: String(stored.revision) },
        });
        const text = Buffer.from(objectBytes(stored)).toString();
        assert.deepEqual(JSON.parse(text), object);
        assert.ok(
          text.startsWith(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"${stored.revision}",`),
        );
        assert.equal(Buffer.from(objectLine(stored)).toString(), `${text}\n`);
        assert.deepEqual(JSON.parse(Buffer.from(watchLine('ADDED', stored)).toString()), { type: 'ADDED', object });
        const other = await done(put(store, 'b', 0, 'x'));
        const { kind: _, apiVersion: __, ...bare } = object;
        const listed = (withKind: boolean): unknown[] => {
          const pieces = listPieces('[', [stored, other], ']', withKind);
          const text = textOf([...pieces.parts()]);
          assert.equal(pieces.length, Buffer.byteLength(text));
          return JSON.parse(text) as unknown[];
        };
        const items = listed(false);
        assert.deepEqual(items[0], bare);
        assert.deepEqual(listed(true), [object, other.object()]);
      }),
    );

    it(
      'ignores a resource version in what is written',
      withStore(async (store) => {
        const object = objectOf('a');
        const stored = await done(
          store.write({
            key: keyOf('a'),
            expectedRevision: 0,
            object: { ...object, metadata: { resourceVersion: '77', ...object.metadata } },
            durability: 'durable',
          }),
        );
        assert.equal(Buffer.from(stored.bytes).toString().includes('77'), false);
        assert.equal(stored.object().metadata.resourceVersion, String(stored.revision));
      }),
    );

    it(
      'lists in key order, in pages, below a prefix only',
      withStore(async (store) => {
        const names = Array.from(
          { length: 1_300 },
          (_, index) => `c${String((index * 7_919) % 1_300).padStart(4, '0')}`,
        );
        await Promise.all(names.map((one) => done(put(store, one, 0))));
        const elsewhere = [
          '/registry/configmaps0/x',
          '/registry/configmap/x',
          '/registry/configmaps.example/default/x',
        ];
        for (const key of elsewhere)
          await done(store.write({ key, expectedRevision: 0, object: objectOf('x'), durability: 'durable' }));
        assert.equal(store.count(prefix), 1_300);
        assert.equal(store.count(`${prefix}default/`), 1_300);
        assert.equal(store.count(`${prefix}other/`), 0);
        const expected = names.toSorted().map((one) => keyOf(one));
        assert.deepEqual(
          store.list(prefix).items.map((item) => item.key),
          expected,
        );
        const pages: string[] = [];
        let startAfter: string | undefined;
        for (;;) {
          const page = store.list(prefix, { startAfter, limit: 300 });
          pages.push(...page.items.map((item) => item.key));
          assert.equal(page.remaining, 1_300 - pages.length);
          assert.equal(page.revision, store.revision);
          if (page.remaining === 0) break;
          startAfter = page.items.at(-1)!.key;
        }
        assert.deepEqual(pages, expected);
        // Behind a key that does not exist (any more).
        assert.equal(store.list(prefix, { startAfter: keyOf('c0099x'), limit: 1 }).items[0]?.key, keyOf('c0100'));
        assert.equal(store.list(prefix, { startAfter: keyOf('zzz') }).items.length, 0);
        for (const one of names) await done(remove(store, one, store.get(keyOf(one))!.revision));
        assert.deepEqual(store.list(prefix), { items: [], remaining: 0, revision: store.revision });
      }),
    );

    it(
      'lists as it was at an earlier revision',
      withStore(async (store) => {
        const a = await done(put(store, 'a', 0, '1'));
        const b = await done(put(store, 'b', 0, '1'));
        const c = await done(put(store, 'c', 0, '1'));
        const at = store.revision;
        await done(put(store, 'a', a.revision, '2'));
        await done(remove(store, 'b', b.revision));
        await done(put(store, 'bb', 0, '2'));
        await done(put(store, 'b', 0, '3'));
        await done(put(store, 'd', 0, '2'));
        assert.deepEqual(store.listAt(prefix, at), { items: [a, b, c], revision: at, remaining: 0 });
        assert.deepEqual(store.listAt(prefix, at, { limit: 1 }), { items: [a], revision: at, remaining: 2 });
        assert.deepEqual(store.listAt(prefix, at, { startAfter: keyOf('a'), limit: 1 }), {
          items: [b],
          revision: at,
          remaining: 1,
        });
        assert.deepEqual(store.listAt(prefix, store.revision), store.list(prefix));
        assert.equal(store.listAt(prefix, store.revision + 1), undefined);
      }),
    );

    it(
      'tells watchers every change once, in order, from the revision asked for',
      withStore(async (store) => {
        const all = new Recorder();
        const from = store.revision;
        using _all = store.watch(prefix, from, all);
        const a = await done(put(store, 'a', 0, '1'));
        const a2 = await done(put(store, 'a', a.revision, '2'));
        const late = new Recorder();
        const watch = store.watch(prefix, a.revision, late);
        const ahead = new Recorder();
        using _ahead = store.watch(prefix, a2.revision + 1, ahead);
        const other = new Recorder();
        using _other = store.watch(`${prefix}other/`, from, other);
        const a3 = await done(remove(store, 'a', a2.revision));
        const b = await done(put(store, 'b', 0));
        watch?.[Symbol.dispose]();
        await done(put(store, 'c', 0));
        assert.deepEqual(all.seen, [
          'put default/a',
          'put default/a',
          'delete default/a',
          'put default/b',
          'put default/c',
        ]);
        assert.deepEqual(late.seen, ['put default/a', 'delete default/a', 'put default/b']);
        assert.deepEqual(ahead.seen, ['put default/b', 'put default/c']);
        assert.deepEqual(other.seen, []);
        assert.equal(all.events[0]?.previous, undefined);
        assert.equal(all.events[1]?.previous, a);
        assert.equal(all.events[2]?.stored, a3);
        assert.equal(all.events[2]?.previous, a2);
        assert.equal(all.events[3]?.revision, b.revision);
        assert.equal(ahead.ends.length, 0);
      }),
    );

    it(
      'keeps the order when a watcher writes or watches while it is told',
      withStore(async (store) => {
        const inner = new Recorder();
        const second = new Recorder();
        let answered: Promise<WriteResult> | undefined;
        using _first = store.watch(prefix, store.revision, {
          onEvents(events) {
            if (events[0]?.stored.key !== keyOf('a') || answered !== undefined) return;
            answered = put(store, 'b', 0, '', 'lazy');
            store.watch(prefix, events[0].revision - 1, inner);
          },
          onEnd() {},
        });
        using _second = store.watch(prefix, store.revision, second);
        await done(put(store, 'a', 0));
        await answered;
        assert.deepEqual(second.seen, ['put default/a', 'put default/b']);
        assert.deepEqual(inner.seen, ['put default/a', 'put default/b']);
      }),
    );

    it(
      'shows a change to readers before it tells, and tells before it acknowledges',
      withStore(async (store) => {
        let visible: unknown;
        using _watch = store.watch(prefix, store.revision, {
          onEvents: (events) => void (visible = store.get(events[0]!.stored.key)),
          onEnd() {},
        });
        const stored = await done(put(store, 'a', 0));
        assert.equal(visible, stored);
      }),
    );

    it(
      'ends a watcher that fails, and no other',
      withStore(async (store) => {
        const good = new Recorder();
        const ends: string[] = [];
        store.watch(prefix, store.revision, {
          onEvents() {
            throw new Error('watcher with a bug');
          },
          onEnd: (reason) => void ends.push(reason),
        });
        using _good = store.watch(prefix, store.revision, good);
        await done(put(store, 'a', 0));
        await done(put(store, 'b', 0));
        assert.deepEqual(ends, ['compacted']);
        assert.equal(good.events.length, 2);
      }),
    );

    it(
      'forgets old events by number and says so',
      withStore(
        async (store) => {
          const first = await done(put(store, 'a', 0, '0'));
          let last = first;
          for (let count = 1; count <= 20; count++) last = await done(put(store, 'a', last.revision, String(count)));
          assert.equal(store.compactedRevision, last.revision - 10);
          assert.equal(store.watch(prefix, store.compactedRevision - 1, new Recorder()), undefined);
          assert.equal(store.listAt(prefix, store.compactedRevision - 1), undefined);
          const oldest = new Recorder();
          using _watch = store.watch(prefix, store.compactedRevision, oldest);
          assert.equal(oldest.events.length, 10);
          assert.deepEqual(valueOf(store.listAt(prefix, store.compactedRevision)?.items[0]), { value: '10' });
        },
        { eventsMax: 10, eventsMin: 10, bytesMax: 1e9, ageMsMax: 1e9, pastListAgeMsMax: 1e9 },
      ),
    );

    it(
      'lists the past for a while only; watches go on from it for longer',
      withStore(
        async (store, clock) => {
          await done(put(store, 'a', 0));
          const past = store.revision;
          clock.advance(100_000);
          assert.notEqual(store.listAt(prefix, past), undefined, 'nothing came after it');
          await done(put(store, 'b', 0));
          clock.advance(60_000);
          assert.equal(store.listAt(prefix, past)?.items.length, 1);
          clock.advance(1);
          assert.equal(store.listAt(prefix, past), undefined);
          assert.equal(store.listAt(prefix, store.revision)?.items.length, 2);
          const watcher = new Recorder();
          using _watch = store.watch(prefix, past, watcher);
          assert.equal(watcher.events.length, 1);
        },
        { eventsMax: 1_000, eventsMin: 10, bytesMax: 1e9, ageMsMax: 1e9, pastListAgeMsMax: 60_000 },
      ),
    );

    it(
      'forgets old events by bytes and by age',
      withStore(
        async (store, clock) => {
          await done(put(store, 'a', 0, 'x'.repeat(2_000)));
          assert.equal(store.compactedRevision, store.revision, 'one event above the limit is not kept');
          for (const one of ['b', 'c', 'd']) await done(put(store, one, 0));
          clock.advance(60_001);
          await done(put(store, 'e', 0));
          assert.equal(store.compactedRevision, store.revision - 2);
        },
        { eventsMax: 1_000, eventsMin: 2, bytesMax: 1_500, ageMsMax: 60_000, pastListAgeMsMax: 60_000 },
      ),
    );

    it(
      'gives one of many concurrent writers of a key the win, the others its result',
      withStore(async (store) => {
        const first = await done(put(store, 'a', 0));
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            put(store, 'a', first.revision, String(index), index % 3 === 0 ? 'lazy' : 'durable'),
          ),
        );
        const winners = results.filter((result) => result.ok);
        assert.equal(winners.length, 1);
        const winner = winners[0]!.ok ? winners[0]!.stored : undefined;
        for (const result of results) if (!result.ok) assert.equal(result.current, winner);
        assert.equal(store.get(keyOf('a')), winner);
        // Create, update, delete, create of one key, all under way at once by a chain of retries.
        const count = async (): Promise<void> => {
          for (;;) {
            const current = store.get(keyOf('counter'));
            const value = current === undefined ? 0 : Number((valueOf(current) as { value: string }).value);
            if ((await put(store, 'counter', current?.revision ?? 0, String(value + 1))).ok) return;
          }
        };
        await Promise.all(Array.from({ length: 30 }, count));
        assert.deepEqual(valueOf(store.get(keyOf('counter'))), { value: '30' });
      }),
    );

    it(
      'gives every write its own revision, in the order of events',
      withStore(async (store) => {
        const recorder = new Recorder();
        using _watch = store.watch(prefix, store.revision, recorder);
        const stored = await Promise.all(
          Array.from({ length: 200 }, (_, index) =>
            done(put(store, `c${index}`, 0, '', index % 2 === 0 ? 'lazy' : 'durable')),
          ),
        );
        assert.equal(new Set(stored.map((one) => one.revision)).size, 200);
        const revisions = recorder.events.map((event) => event.revision);
        assert.equal(revisions.length, 200);
        assert.deepEqual(
          revisions,
          revisions.toSorted((a, b) => a - b),
        );
      }),
    );

    it(
      'removes a key when its time has come, unless it was written again',
      withStore(async (store, clock) => {
        const recorder = new Recorder();
        using _watch = store.watch(prefix, store.revision, recorder);
        const write = (one: string, expectedRevision: Revision, timeToLiveSeconds: number | undefined) =>
          done(
            store.write({
              key: keyOf(one),
              expectedRevision,
              object: objectOf(one),
              durability: 'lazy',
              timeToLiveSeconds,
            }),
          );
        let filler = 0;
        // A removal is under way beside other writes: behind a few of them it must be done.
        const settle = async (isDone = () => true): Promise<void> => {
          for (let tries = 0; tries === 0 || (tries < 20 && !isDone()); tries++)
            await done(put(store, `filler${filler++}`, 0));
        };
        await write('short', 0, 60);
        const renewed = await write('renewed', 0, 60);
        const kept = await write('kept', 0, 60);
        await write('renewed', renewed.revision, 600);
        await write('kept', kept.revision, undefined);
        clock.advance(59_000);
        await settle();
        assert.ok(store.get(keyOf('short')), 'too early');
        clock.advance(11_000);
        await settle(() => store.get(keyOf('short')) === undefined);
        assert.equal(store.get(keyOf('short')), undefined);
        assert.ok(store.get(keyOf('renewed')));
        clock.advance(600_000);
        await settle(() => store.get(keyOf('renewed')) === undefined);
        assert.equal(store.get(keyOf('renewed')), undefined);
        assert.ok(store.get(keyOf('kept')));
        const deletes = recorder.seen.filter((one) => one.startsWith('delete'));
        assert.deepEqual(deletes, ['delete default/short', 'delete default/renewed']);
      }),
    );

    it(
      'has no timer when nothing waits',
      withStore(async (store, clock) => {
        await done(put(store, 'a', 0));
        assert.equal(clock.nextTimerAt(), undefined);
      }),
    );

    it('refuses writes and ends watches when it is closed', async () => {
      const store = await subject.open({ clock: new VirtualClock(0) });
      const recorder = new Recorder();
      store.watch(prefix, store.revision, recorder);
      const last = put(store, 'a', 0);
      await store.close();
      assert.ok((await last).ok, 'a write before the close is done');
      assert.deepEqual(recorder.ends, ['closed']);
      await assert.rejects(put(store, 'b', 0), { name: 'StoreUnavailableError' });
      await store.close();
    });
  });
}
