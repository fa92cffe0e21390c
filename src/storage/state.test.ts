// Random histories against a model that keeps every state.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { fraction, seededRandom } from '#base/random.ts';
import { createMemoryStore } from './memory/store.ts';
import type { StoreEvent } from './store.ts';

test('every state in history can be listed, and watched from, exactly', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(fraction(random) * limit);
    const history = { eventsMax: 150, eventsMin: 10, bytesMax: 1e9, ageMsMax: 1e9, pastListAgeMsMax: 1e9 };
    const store = createMemoryStore({ clock: new VirtualClock(0), history });
    /** Revision -> key -> revision of the object. */
    const states = new Map<number, ReadonlyMap<string, number>>([[0, new Map()]]);
    let state = new Map<string, number>();
    const watches: { after: number; events: StoreEvent[] }[] = [];
    for (let round = 0; round < 600; round++) {
      const key = `/r/${['pods', 'pods', 'nodes'][below(3)]}/${below(4)}/${below(12)}`;
      const current = store.get(key);
      const object = { kind: 'K', apiVersion: 'v1', metadata: { name: String(round) } };
      const removes = current !== undefined && below(3) === 0;
      const result = await store.write({
        key,
        expectedRevision: current?.revision ?? 0,
        object: removes ? undefined : object,
        durability: 'durable',
      });
      assert.ok(result.ok);
      state = new Map(state);
      if (removes) state.delete(key);
      else state.set(key, store.revision);
      states.set(store.revision, state);
      if (round % 7 === 0) {
        const after = store.revision - below(Math.min(150, store.revision) + 1);
        const events: StoreEvent[] = [];
        assert.ok(store.watch('/r/pods/', after, { onEvents: (some) => void events.push(...some), onEnd() {} }));
        watches.push({ after, events });
      }
      const at = store.revision - below(200);
      const prefix = ['/r/', '/r/pods/', '/r/pods/2/', '/r/none/'][below(4)]!;
      const startAfter = below(2) === 0 ? undefined : `${prefix}${below(4)}/${below(12)}`;
      const limit = below(2) === 0 ? undefined : 1 + below(20);
      const page = store.listAt(prefix, at, { startAfter, limit });
      if (at < store.compactedRevision || at < 0) {
        assert.equal(page, undefined);
        continue;
      }
      const all = [...states.get(at)!]
        .filter(([one]) => one.startsWith(prefix) && (startAfter === undefined || one > startAfter))
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
      const expected = all.slice(0, limit);
      assert.deepEqual(
        page?.items.map((item) => [item.key, item.revision]),
        expected,
      );
      assert.equal(page?.remaining, all.length - expected.length);
    }
    assert.equal(store.compactedRevision, 450);
    // Each watch's events turn the state that it began from into the last one.
    for (const { after, events } of watches) {
      const replayed = new Map([...states.get(after)!].filter(([key]) => key.startsWith('/r/pods/')));
      let last = after;
      for (const event of events) {
        assert.ok(event.revision > last);
        last = event.revision;
        assert.equal(event.previous?.revision, replayed.get(event.stored.key));
        if (event.type === 'put') replayed.set(event.stored.key, event.revision);
        else replayed.delete(event.stored.key);
      }
      for (const [key, revision] of replayed) assert.equal(state.get(key), revision);
      assert.equal(replayed.size, [...state.keys()].filter((key) => key.startsWith('/r/pods/')).length);
    }
    await store.close();
  }
});
