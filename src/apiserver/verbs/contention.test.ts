// Many clients that change one object at the same time: as upstream, a write without a resource version is never refused because
// of the others, and one with a resource version is told what is there now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';

const collection = '/api/v1/namespaces/many/configmaps';
const path = `${collection}/c`;
const clients = 60;
const together = <T>(ask: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: clients }, (_, index) => ask(index)));
const named = (more: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', ...metadata },
  ...more,
});
const counted = (answers: readonly Json[]): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(answers, String)).map(([what, all]) => [what, all!.length]));
const statuses = async (asked: Promise<readonly { status: number; json: Json }[]>) =>
  counted((await asked).map(({ status, json }) => (status < 300 ? status : `${status} ${json.reason}`)));

async function server(options: { store?: Store } = {}): Promise<TestApiServer & Disposable> {
  const api = await startApiServer(options);
  await api.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'many' } });
  return { ...api, [Symbol.dispose]: () => api.close() };
}
async function withObject(options?: { store?: Store }): Promise<TestApiServer & Disposable> {
  const api = await server(options);
  await api.create(collection, named({ data: {} }));
  return api;
}

test('patches without a resource version all succeed', async () => {
  using api = await withObject();
  await together((index) => api.patch(path, 'merge', { data: { [`k${index}`]: '' } }));
  assert.equal(Object.keys((await api.get(path)).data).length, clients);
});

test('updates without a resource version all succeed, each on its own copy', async () => {
  using api = await withObject();
  const answers = await together((index) =>
    api.update(`${path}?fieldManager=m${index}`, named({ data: { value: String(index) } })),
  );
  assert.equal(new Set(answers.map(({ metadata }) => metadata.resourceVersion)).size, clients);
  assert.equal(new Set(answers.map(({ data }) => data.value)).size, clients);
});

test('of updates with the same resource version one succeeds', async () => {
  using api = await withObject();
  const { resourceVersion } = (await api.get(path)).metadata;
  const asked = together((index) =>
    api.send('PUT', path, { body: named({ data: { value: String(index) } }, { resourceVersion }) }),
  );
  assert.deepEqual(await statuses(asked), { 200: 1, '409 Conflict': clients - 1 });
});

test('an update that loses against a removal is told that there is nothing', async () => {
  const memory = createMemoryStore({ clock: new VirtualClock(0) });
  let removesFirst = false;
  const write: Store['write'] = async (request) => {
    if (removesFirst) {
      removesFirst = false;
      await memory.write({ ...request, object: undefined });
    }
    return memory.write(request);
  };
  const store = new Proxy(memory, {
    get(target, name: keyof Store) {
      const value: unknown = name === 'write' ? write : target[name];
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  using api = await withObject({ store });
  const { resourceVersion } = (await api.get(path)).metadata;
  for (const metadata of [{ resourceVersion }, {}]) {
    removesFirst = true;
    const { status, json } = await api.send('PUT', path, { body: named({ data: { value: 'new' } }, metadata) });
    assert.deepEqual([status, json.reason], [404, 'NotFound']);
    await api.create(collection, named());
  }
});

test('of removals one succeeds, the others are told that there is nothing', async () => {
  using api = await withObject();
  assert.deepEqual(await statuses(together(() => api.send('DELETE', path))), { 200: 1, '404 NotFound': clients - 1 });
});

test('a removal among patches succeeds', async () => {
  using api = await withObject();
  const patches = together((index) =>
    api.send('PATCH', path, { body: { data: { [`k${index}`]: '' } }, contentType: 'application/merge-patch+json' }),
  );
  assert.equal((await api.send('DELETE', path)).status, 200);
  const outcome = await statuses(patches);
  assert.equal((outcome[200] ?? 0) + (outcome['404 NotFound'] ?? 0), clients);
});

test('several that apply what is not there yet all succeed', async () => {
  using api = await server();
  const answers = together((index) =>
    api.send('PATCH', `${path}?fieldManager=m${index}`, {
      body: named({ data: { [`k${index}`]: '' } }),
      contentType: 'application/apply-patch+yaml',
    }),
  );
  assert.deepEqual(await statuses(answers), { 200: clients - 1, 201: 1 });
  assert.equal(Object.keys((await api.get(path)).data).length, clients);
});
