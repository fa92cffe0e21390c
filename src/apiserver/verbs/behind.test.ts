// Two servers on one store, of which one has not yet been told what the other wrote: its clients get the same answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { startApiServer, type Json } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store, StoredObject } from '#storage/store.ts';

/** What a store on etcd is: reads are of the past until somebody asks, or until a write meets something newer. */
class Behind {
  readonly #newest: Store;
  #past: Map<string, StoredObject> | undefined;
  asked = 0;
  constructor(newest: Store) {
    this.#newest = newest;
  }
  now(): Map<string, StoredObject> {
    return new Map(this.#newest.list('/registry/').items.map((stored) => [stored.key, stored]));
  }
  fallBehind(past = this.now()): void {
    this.#past = past;
    this.asked = 0;
  }
  get store(): Store {
    const different: Partial<Store> = {
      get: (key) => (this.#past === undefined ? this.#newest.get(key) : this.#past.get(key)),
      consistent: async () => {
        this.asked++;
        await Promise.resolve();
        this.#past = undefined;
      },
      write: async (request) => {
        const result = await this.#newest.write(request);
        this.#past = undefined;
        return result;
      },
    };
    return new Proxy(this.#newest, {
      get(target, name: keyof Store) {
        const value: unknown = different[name] ?? target[name];
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

const collection = '/api/v1/namespaces/n/configmaps';
const path = `${collection}/c`;
const named = (value: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', ...metadata },
  data: { value },
});
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } };
const merge = 'application/merge-patch+json';

async function servers() {
  const newest = createMemoryStore({ clock: new VirtualClock(0) });
  const behind = new Behind(newest);
  const [other, here] = [await startApiServer({ store: newest }), await startApiServer({ store: behind.store })];
  const stack = new DisposableStack();
  stack.defer(() => other.close());
  stack.defer(() => here.close());
  const asked = async (method: string, at: string, body?: object, contentType?: string): Promise<Json> => {
    const { status, json } = await here.send(method, at, { body, contentType });
    return status < 300 ? [status, json.data?.value] : [status, json.reason];
  };
  return { other, here, asked, behind, [Symbol.dispose]: () => stack.dispose() };
}
async function withObject() {
  const all = await servers();
  await all.other.create('/api/v1/namespaces', namespace);
  await all.other.create(collection, named('old'));
  all.behind.fallBehind();
  const update = async (value: string): Promise<string> =>
    (await all.other.update(path, named(value))).metadata.resourceVersion;
  return { ...all, update };
}

test('an object is made in a namespace that another server has just made', async () => {
  using all = await servers();
  all.behind.fallBehind();
  await all.other.create('/api/v1/namespaces', namespace);
  assert.deepEqual(await all.asked('POST', collection, named('a')), [201, 'a']);
  assert.deepEqual(await all.asked('POST', collection.replace('/n/', '/m/'), named('a')), [404, 'NotFound']);
});

test('an object that another server has just made is changed and removed', async () => {
  for (const ask of [
    ['PUT', named('b'), [200, 'b']],
    ['PATCH', { data: { value: 'b' } }, [200, 'b']],
    ['DELETE', undefined, [200, undefined]],
  ] as const) {
    using all = await servers();
    await all.other.create('/api/v1/namespaces', namespace);
    all.behind.fallBehind();
    await all.other.create(collection, named('a'));
    const [method, body, answer] = ask;
    assert.deepEqual(await all.asked(method, path, body, method === 'PATCH' ? merge : undefined), answer, method);
  }
});

test('an update from the newest version is no conflict, one from an older version is', async () => {
  using all = await withObject();
  const resourceVersion = await all.update('new');
  assert.deepEqual(await all.asked('PUT', path, named('b', { resourceVersion })), [200, 'b']);
  all.behind.fallBehind();
  await all.update('newer');
  assert.deepEqual(await all.asked('PUT', path, named('c', { resourceVersion })), [409, 'Conflict']);
});

test('what has nothing to change in an older state changes the newest', async () => {
  using all = await withObject();
  await all.update('new');
  assert.deepEqual(await all.asked('PATCH', path, { data: { value: 'old' } }, merge), [200, 'old']);
  assert.equal((await all.other.get(path)).data.value, 'old');
  // And is told what is there, where that is nothing new.
  all.behind.fallBehind();
  assert.deepEqual(await all.asked('PATCH', path, { data: { value: 'old' } }, merge), [200, 'old']);
  assert.equal(all.behind.asked, 1);
});

test('a dry run, and a removal with a precondition, see the newest state', async () => {
  using all = await withObject();
  await all.update('new');
  assert.deepEqual(await all.asked('PATCH', `${path}?dryRun=All`, { data: { more: '' } }, merge), [200, 'new']);
  all.behind.fallBehind();
  const resourceVersion = await all.update('newer');
  const options = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { resourceVersion } };
  assert.deepEqual(await all.asked('DELETE', path, options), [200, undefined]);
});

test('what another server has just removed is not there', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    using all = await withObject();
    await all.other.delete(path);
    const body = method === 'DELETE' ? undefined : { ...named('old') };
    assert.deepEqual(
      await all.asked(method, path, body, method === 'PATCH' ? merge : undefined),
      [404, 'NotFound'],
      method,
    );
  }
});

test('a token of a service account that another server has just made is given out, and taken', async () => {
  using all = await servers();
  const past = all.behind.now();
  all.behind.fallBehind(past);
  await all.other.create('/api/v1/namespaces', namespace);
  await all.other.create('/api/v1/namespaces/n/serviceaccounts', { metadata: { name: 's' } });
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const { status } = await all.here.create('/api/v1/namespaces/n/serviceaccounts/s/token', body);
  const withToken = async (): Promise<number> => {
    all.behind.fallBehind(past);
    const headers = { authorization: `Bearer ${status.token}` };
    return (await all.here.send('GET', '/version', { as: null, headers })).status;
  };
  // Known, without any rights.
  assert.equal(await withToken(), 403);
  await all.other.delete('/api/v1/namespaces/n/serviceaccounts/s');
  assert.equal(await withToken(), 401);
  assert.equal(all.behind.asked, 1);
});
