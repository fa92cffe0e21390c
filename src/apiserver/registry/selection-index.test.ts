// The index and the store say the same, whatever was written in between; and an index ends when nobody asks for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { selectionIndexIdleMs } from '#base/limits.ts';
import { fraction, seededRandom } from '#base/random.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { defaultHistoryLimits } from '#storage/history.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';
import type { Fact } from '../content/facts.ts';
import { SelectionIndex, valuesIn } from './selection-index.ts';

const prefix = '/registry/pods/';
const onNode = (value: string): Fact => ({ opening: '"nodeName":"', value });
const nodes = ['one', 'two', 'three', 'an "odd" one', String.raw`back\slash`, 'übung'];

async function put(store: Store, key: string, nodeName: string | undefined): Promise<void> {
  const object = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: key.slice(key.lastIndexOf('/') + 1), annotations: { text: '"nodeName":"one"' } },
    ...(nodeName === undefined ? {} : { spec: { nodeName, containers: [{ nodeName: 'inner' }] } }),
  };
  await store.write({ key, expectedRevision: store.get(key)?.revision ?? 0, object, durability: 'durable' });
}
async function remove(store: Store, key: string): Promise<void> {
  const there = store.get(key);
  if (there !== undefined)
    await store.write({ key, expectedRevision: there.revision, object: undefined, durability: 'durable' });
}

test('texts behind a name, each once; none where one is written with escapes', () => {
  const of = (value: unknown) => valuesIn(Buffer.from(JSON.stringify(value)), Buffer.from('"a":"'));
  assert.deepEqual(of({ a: 'x', b: { a: 'y' }, c: [{ a: 'x' }] }), ['x', 'y']);
  assert.deepEqual(of({ a: '' }), ['']);
  assert.deepEqual(of({ a: 1, b: '"a":"z"' }), []);
  for (const odd of ['"', '\\', 'a"b', 'a\nb', '\\"']) assert.equal(of({ a: odd }), undefined, odd);
});

test('under random writes, with a history that is forgotten now and then, candidates are all that say so', async () => {
  const clock = new VirtualClock(0);
  const random = seededRandom(11);
  const store = createMemoryStore({ clock, history: { ...defaultHistoryLimits, eventsMax: 30, eventsMin: 5 } });
  const index = new SelectionIndex({ store, clock, objectsMin: 0 });
  const upTo = (limit: number): number => Math.floor(fraction(random) * limit);
  const scanned = (below: string, node: string): string[] =>
    store
      .list(below)
      .items.filter((one) => (one.object() as { spec?: { nodeName?: string } }).spec?.nodeName === node)
      .map(({ key }) => key);
  let answers = 0;
  for (let round = 0; round < 400; round++) {
    for (let write = upTo(round % 20 === 0 ? 60 : 6); write > 0; write--) {
      const key = `${prefix}${['a', 'b'][upTo(2)]}/pod-${upTo(25)}`;
      if (upTo(4) === 0) await remove(store, key);
      else await put(store, key, [...nodes, undefined][upTo(nodes.length + 1)]);
    }
    for (const node of nodes)
      for (const below of [prefix, `${prefix}a/`]) {
        const found = index.candidates(prefix, below, [onNode(node)]);
        if (found === undefined) continue;
        answers++;
        const keys = found.map(({ key }) => key);
        assert.deepEqual(keys, keys.toSorted(), 'in key order');
        for (const one of found) assert.equal(one, store.get(one.key), 'what is there now');
        assert.deepEqual(
          scanned(below, node).filter((key) => !keys.includes(key)),
          [],
          `on ${node} below ${below}`,
        );
        if (store.list(prefix).items.every(({ bytes }) => valuesIn(bytes, Buffer.from('"nodeName":"')) !== undefined))
          assert.deepEqual(keys, scanned(below, node), 'nothing else, where no text has escapes');
      }
  }
  assert.ok(answers > 2_000, String(answers));
});

test('an index is made when it is asked for again, and ends when it is not', async () => {
  const clock = new VirtualClock(0);
  const store = createMemoryStore({ clock });
  const index = new SelectionIndex({ store, clock, objectsMin: 3 });
  await put(store, `${prefix}a/one`, 'one');
  await put(store, `${prefix}a/two`, 'two');
  const ask = () => index.candidates(prefix, prefix, [onNode('one')])?.map(({ key }) => key);
  assert.deepEqual([ask(), ask()], [undefined, undefined], 'a small collection');
  await put(store, `${prefix}b/three`, 'one');
  assert.equal(ask(), undefined, 'the first time');
  assert.deepEqual(ask(), [`${prefix}a/one`, `${prefix}b/three`]);
  assert.equal(index.candidates(prefix, prefix, []), undefined);
  assert.equal(index.candidates(prefix, prefix, [{ opening: '"nodeName":"', value: undefined }]), undefined);
  clock.advance(selectionIndexIdleMs * 0.6);
  ask();
  clock.advance(selectionIndexIdleMs * 0.6);
  assert.equal(index.size, 1);
  clock.advance(selectionIndexIdleMs * 2);
  assert.equal(index.size, 0);
  assert.equal(clock.nextTimerAt(), undefined, 'no timer is left');
});

test('lists and watches with a selector tell the same with an index as without', async () => {
  const api = await startApiServer();
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { containers: [{ name: 'app', image: 'example' }] };
  for (let at = 0; at < 1010; at++)
    await api.create(pods, {
      metadata: { name: `pod-${at}`, labels: { part: `${at % 100}` } },
      spec: { ...spec, nodeName: `node-${at % 10}` },
    });
  const names = async (query: string): Promise<string[]> =>
    (await api.get(`${pods}?${query}`)).items.map((one: { metadata: { name: string } }) => one.metadata.name);
  for (const selector of [
    'labelSelector=part%3D7',
    'fieldSelector=spec.nodeName%3Dnode-7',
    'labelSelector=part%3D7&fieldSelector=spec.nodeName%3Dnode-7',
  ]) {
    const scanned = await names(selector);
    const indexed = await names(selector);
    assert.deepEqual(indexed, scanned);
    assert.equal(scanned.length, selector.startsWith('field') ? 101 : 11, selector);
    await api.patch(`${pods}/pod-7`, 'merge', { metadata: { labels: { part: 'none' } } });
    const without = selector.startsWith('field') ? scanned : scanned.filter((one) => one !== 'pod-7');
    assert.deepEqual(await names(selector), without);
    await api.patch(`${pods}/pod-7`, 'merge', { metadata: { labels: { part: '7' } } });
    assert.deepEqual(await names(selector), scanned);
    const page = await api.get(`${pods}?${selector}&limit=4`);
    const rest = await api.get(`${pods}?${selector}&limit=500&continue=${page.metadata.continue}`);
    assert.deepEqual(
      [...page.items, ...rest.items].map((one) => one.metadata.name),
      scanned,
    );
    const watch = await api.watch(`${pods}?${selector}&watch=1&resourceVersion=0`);
    assert.deepEqual(
      watch.events.map(({ object }) => object.metadata.name),
      scanned,
    );
    watch.stop();
  }
});
