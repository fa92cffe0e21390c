// A long state at the beginning of a watch comes in turns, and what is written meanwhile comes behind it, once.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { WatchEvent } from '#api/request.ts';
import { selectionTurnBytes } from '#base/limits.ts';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { StoredValue } from '#storage/stored-value.ts';

const collection = '/api/v1/namespaces/default/configmaps';
const objectBytes = 64 * 1024;
const count = (4 * selectionTurnBytes) / objectBytes;
const options =
  'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=no!=1';

async function filled(): Promise<TestApiServer> {
  const api = await startApiServer();
  for (let index = 0; index < count; index++)
    await api.create(collection, { metadata: { name: `map-${index}` }, data: { text: 'x'.repeat(objectBytes) } });
  return api;
}
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

async function open(api: TestApiServer, room?: () => Promise<void> | undefined) {
  const { body } = await api.handle('GET', `${collection}?${options}`);
  assert.ok(body.type === 'watch');
  const events: string[] = [];
  let isOver = false;
  const watch = body.open({
    onEvent: (event: WatchEvent) => void events.push(`${event.type} ${event.object().metadata.name ?? ''}`.trim()),
    onEnd: () => (isOver = true),
    ...(room === undefined ? {} : { room }),
  });
  return { events, isOver: () => isOver, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

test('changes meanwhile come behind the state, once; no bookmark is ahead of it', async (t) => {
  const api = await filled();
  mock.getter(StoredValue.prototype, 'isDecoded', () => false);
  t.after(() => mock.restoreAll());
  using watch = await open(api);
  assert.ok(watch.events.length > 0 && watch.events.length < count, `${watch.events.length} in the first turn`);
  await api.create(collection, { metadata: { name: 'new' } });
  const removed = api.send('DELETE', `${collection}/map-${count - 1}`);
  // Bookmarks are due.
  api.virtualClock.advance(60_000);
  for (let turns = 0; !watch.events.includes(`DELETED map-${count - 1}`); turns++) {
    assert.ok(turns < 100, watch.events.join());
    await turn();
  }
  await removed;
  const names = Array.from({ length: count }, (_, index) => `ADDED map-${index}`);
  assert.deepEqual(watch.events.slice(0, count).toSorted(), names.toSorted());
  assert.deepEqual(watch.events.slice(count), ['BOOKMARK', 'ADDED new', `DELETED map-${count - 1}`]);
});

test('a reader who does not read is waited for; one who leaves is let go', async (t) => {
  const api = await filled();
  mock.getter(StoredValue.prototype, 'isDecoded', () => false);
  t.after(() => mock.restoreAll());
  let read: (() => void) | undefined;
  const watch = await open(api, () => new Promise((resolve) => (read = resolve)));
  const pass = async () => {
    for (let turns = 0; turns < 20; turns++) await turn();
    return watch.events.length;
  };
  const first = await pass();
  assert.equal(await pass(), first);
  read!();
  const second = await pass();
  assert.ok(second > first && second < count);
  watch[Symbol.dispose]();
  read!();
  assert.equal(await pass(), second);
});
