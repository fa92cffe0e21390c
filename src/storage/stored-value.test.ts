// What was written becomes what is read, where that is the same; and only then.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { createMemoryStore } from './memory/store.ts';

const written = (more: object = {}): KubernetesObject =>
  ({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'one', labels: { a: 'b' } },
    data: { k: 'x' },
    ...more,
  }) as KubernetesObject;

/** What somebody who watches is told, and what the bytes say. */
async function told(object: KubernetesObject, isGiven: boolean, freeze = false) {
  const store = createMemoryStore({ clock: new VirtualClock(0), freeze });
  let seen: KubernetesObject | undefined;
  store.watch('/registry/configmaps/', 0, {
    onEvents: ([event]) => (seen = event!.stored.object()),
    onEnd: () => {},
  });
  const key = '/registry/configmaps/default/one';
  const result = await store.write({ key, expectedRevision: 0, object, isGiven, durability: 'durable' });
  assert.ok(result.ok && seen !== undefined);
  const { metadata, ...rest } = JSON.parse(Buffer.from(result.stored.bytes).toString('utf8'));
  return { seen, decoded: { ...rest, metadata: { ...metadata, resourceVersion: '1' } }, again: result.stored.object() };
}
const dataOf = (object: KubernetesObject): unknown => (object as { data?: unknown }).data;

test('who watches is given the parts of the object that was written', async () => {
  const object = written({ lists: [{ a: 1.5 }, [], null, true], empty: {} });
  const { seen, decoded, again } = await told(object, true);
  assert.deepEqual(seen, decoded);
  assert.deepEqual(Object.keys(seen), ['kind', 'apiVersion', 'metadata', 'data', 'lists', 'empty']);
  assert.equal(dataOf(seen), dataOf(object));
  assert.equal(again, seen);
  assert.equal(object.metadata.resourceVersion, undefined, 'the object of who wrote it is not changed');
});

test('the version that an object was read with gives way to the new one, behind all else', async () => {
  const object = written({ metadata: { resourceVersion: '77', name: 'one', uid: 'u' } });
  const { seen, decoded } = await told(object, true);
  assert.deepEqual(seen, decoded);
  assert.deepEqual(Object.keys(seen.metadata), ['name', 'uid', 'resourceVersion']);
  assert.equal(dataOf(seen), dataOf(object));
});

test('who may still change what it wrote does not give it', async () => {
  const object = written();
  const { seen, decoded } = await told(object, false);
  assert.deepEqual(seen, decoded);
  assert.notEqual(dataOf(seen), dataOf(object));
});

for (const [about, more] of [
  ['an absent member', { data: { k: undefined, l: 'x' } }],
  ['an absent item', { data: { k: [undefined] } }],
  ['a negative nothing', { data: { k: -0 } }],
  ['no number', { data: { k: Number.NaN } }],
  ['what tells its own text', { data: { k: new Date(0) } }],
  ['members that it has from elsewhere', { data: Object.create({ k: 'x' }) }],
] as const)
  test(`an object with ${about} is read from its bytes`, async () => {
    const object = written(more);
    const { seen, decoded } = await told(object, true);
    assert.deepEqual(seen, decoded);
    assert.notEqual(dataOf(seen), dataOf(object));
  });

test('an object in another order is read from its bytes', async () => {
  const { kind, apiVersion, ...rest } = written();
  const object = { apiVersion, ...rest, kind } as KubernetesObject;
  const { seen } = await told(object, true);
  assert.deepEqual(Object.keys(seen), ['kind', 'apiVersion', 'metadata', 'data']);
  assert.notEqual(dataOf(seen), dataOf(object));
});

test('what was given is frozen where tests freeze, and must be as it was written', async () => {
  const object = written();
  await told(object, true, true);
  assert.ok(Object.isFrozen(dataOf(object)));
  assert.ok(!Object.isFrozen(object), 'the object itself is copied');
  const store = createMemoryStore({ clock: new VirtualClock(0) });
  const changing = written();
  let problem: unknown;
  store.watch('/registry/configmaps/', 0, {
    onEvents([event]) {
      (changing as { data?: unknown }).data = { k: 'y' };
      try {
        event!.stored.object();
      } catch (error) {
        problem = error;
      }
    },
    onEnd: () => {},
  });
  const key = '/registry/configmaps/default/one';
  await store.write({ key, expectedRevision: 0, object: changing, isGiven: true, durability: 'durable' });
  assert.match(String(problem), /was changed while it was written/);
});
