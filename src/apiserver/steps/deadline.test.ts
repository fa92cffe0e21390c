import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';
import { VirtualClock } from '#base/clock.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const path = '/api/v1/namespaces/default/configmaps';
const object = { metadata: { name: 'a' } };

/** Writes reach the disk only when told to. */
async function startOnSlowDisk() {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  const disk = Promise.withResolvers<void>();
  const memory = createMemoryStore({ clock });
  let isSlow = false;
  const store: Store = new Proxy(memory, {
    get(target, name) {
      if (name === 'write' && isSlow)
        return async (request: Parameters<Store['write']>[0]) => {
          await disk.promise;
          return target.write(request);
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const api = await startApiServer({ store, clock });
  await api.create('/api/v1/namespaces', { metadata: { name: 'default' } });
  isSlow = true;
  return { api, clock, disk };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a write that the disk holds up is answered after a minute; it may still complete', async () => {
  const { api, clock, disk } = await startOnSlowDisk();
  const answer = api.send('POST', path, { body: object });
  await turn();
  clock.advance(59_000);
  await turn();
  clock.advance(1_100);
  const { status, json } = await answer;
  assert.equal(status, 504);
  assert.equal(json.reason, 'Timeout');
  assert.equal(json.message, 'Timeout: request did not complete within the allotted timeout');
  disk.resolve();
  await turn();
  await turn();
  assert.equal((await api.send('GET', `${path}/a`)).status, 200);
});

test('a client may ask for less time, not for more', async () => {
  for (const [query, afterMs] of [
    ['timeout=2s', 2_000],
    ['timeout=0s', 60_000],
    ['timeout=5m', 60_000],
  ] as const) {
    const { api, clock } = await startOnSlowDisk();
    let answered: number | undefined;
    void api.send('POST', `${path}?${query}`, { body: object }).then(({ status }) => (answered = status));
    await turn();
    clock.advance(afterMs - 100);
    await turn();
    assert.equal(answered, undefined, query);
    clock.advance(200);
    await turn();
    await turn();
    assert.equal(answered, 504, query);
  }
});

test('a timeout that is no duration is refused', async () => {
  const api = await startApiServer({});
  const { status, json } = await api.send('GET', `${path}?timeout=soon`);
  assert.equal(status, 400);
  assert.equal(json.message, 'invalid timeout specified in the request URL - time: invalid duration "soon"');
});
