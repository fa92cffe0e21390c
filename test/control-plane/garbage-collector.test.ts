// Owners and what they own, beside what upstream's garbage collector was observed to do with the same objects.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ClusterRoles, ConfigMaps, Events, Namespaces } from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

let cluster: TestControlPlane;
before(async () => void (cluster = await startControlPlane()));
after(() => cluster[Symbol.asyncDispose]());

let namespace = '';
let count = 0;
beforeEach(async () => {
  namespace = `graph-${count++}`;
  await cluster.create(Namespaces, { metadata: { name: namespace } });
});

const path = (name: string): string => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
const ownedBy = (owner: Json, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  ...more,
});
const blocks = { blockOwnerDeletion: true };
const make = (name: string, owners: readonly object[] = [], finalizers: readonly string[] = []): Promise<Json> =>
  cluster.create(ConfigMaps, { metadata: { name, namespace, ownerReferences: owners, finalizers } });
/** Name -> finalizers of those that are on their way out, '' of others; without those that the control plane makes. */
async function left(): Promise<Record<string, string>> {
  const found = await cluster.list(ConfigMaps, namespace);
  return Object.fromEntries(
    found
      .filter((one) => !one.metadata.name.endsWith('.crt'))
      .map(({ metadata }) => [metadata.name, metadata.deletionTimestamp && `ends: ${metadata.finalizers ?? ''}`]),
  );
}
const settles = (expected: Record<string, string | undefined>) =>
  cluster.eventually(async () => assert.deepEqual(await left(), expected));
const release = (name: string) => cluster.api.patch(path(name), 'merge', { metadata: { finalizers: null } });
const remove = (name: string, policy: string): Promise<Json> =>
  cluster.api.delete(`${path(name)}?propagationPolicy=${policy}`);

test('foreground: the owner stays until what blocks it is gone; what does not block goes at once', async () => {
  const a = await make('a');
  const b = await make('b', [ownedBy(a, blocks)], ['example.com/hold']);
  await make('c', [ownedBy(a)]);
  await make('d', [ownedBy(b, blocks)]);
  const answer = await remove('a', 'Foreground');
  assert.deepEqual(answer.metadata.finalizers, ['foregroundDeletion']);
  await settles({ a: 'ends: foregroundDeletion', b: 'ends: example.com/hold' });
  await cluster.pass(60_000);
  assert.equal(Object.keys(await left()).length, 2, 'however long that takes');
  await release('b');
  await settles({});
});

test('background: the owner goes at once, what it owned after it, down to the leaves', async () => {
  const a = await make('a');
  const b = await make('b', [ownedBy(a, blocks)]);
  await make('c', [ownedBy(b)], ['example.com/hold']);
  const other = await make('other');
  await make('shared', [ownedBy(a), ownedBy(other)]);
  const answer = await remove('a', 'Background');
  assert.equal(answer.status, 'Success');
  await settles({ c: 'ends: example.com/hold', other: undefined, shared: undefined });
  await cluster.eventually(async () => {
    const { ownerReferences } = (await cluster.api.get(path('shared'))).metadata;
    assert.deepEqual(ownerReferences, [ownedBy(other)], 'the owner that is gone is no longer named');
  });
  await release('c');
});

test('orphan: what was owned stays, without the owner', async () => {
  const a = await make('a');
  const answer = await make('b', [ownedBy(a, blocks)]).then(() => remove('a', 'Orphan'));
  assert.deepEqual(answer.metadata.finalizers, ['orphan']);
  await settles({ b: undefined });
  assert.equal((await cluster.api.get(path('b'))).metadata.ownerReferences, undefined);
});

test('two that own each other both go, whether or not they wait for their dependents', async () => {
  for (const policy of ['Foreground', 'Background']) {
    const a = await make('a');
    const b = await make('b', [ownedBy(a, blocks)]);
    await cluster.api.patch(path('a'), 'merge', { metadata: { ownerReferences: [ownedBy(b, blocks)] } });
    await remove('a', policy);
    await settles({});
  }
});

test('an owner of a kind that is not there is left alone; one that is not there takes its dependents with it', async () => {
  await make('unknown', [{ apiVersion: 'example.com/v1', kind: 'Unknown', name: 'x', uid: '1-2-3' }]);
  await make('lost', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: '1-2-3' }]);
  const here = await make('here');
  await make('namesake', [{ ...ownedBy(here), uid: '1-2-3' }]);
  await settles({ unknown: undefined, here: undefined });
  await cluster.pass(60_000);
  assert.deepEqual(await left(), { unknown: undefined, here: undefined });
});

test('an owner in another namespace is none: the dependent goes, and an event says why', async () => {
  const far = await cluster.create(ConfigMaps, { metadata: { name: 'far', namespace: 'default' } });
  const { uid } = far.metadata;
  await make('x', [ownedBy(far)]);
  await settles({});
  const message = (place: string): string =>
    `ownerRef [v1/ConfigMap, namespace: ${place}, name: far, uid: ${uid}] does not exist in namespace "${place}"`;
  await cluster.eventually(async () => {
    const [event] = await cluster.list(Events, namespace);
    assert.equal(event?.reason, 'OwnerRefInvalidNamespace');
    assert.equal(event.type, 'Warning');
    assert.equal(event.message, message(namespace));
    assert.equal(event.source.component, 'garbage-collector-controller');
    assert.equal(event.involvedObject.name, 'x');
  });

  // Cluster-wide objects cannot be owned by it either: they stay.
  await cluster.create(ClusterRoles, { metadata: { name: 'owned', ownerReferences: [ownedBy(far)] }, rules: [] });
  await cluster.eventually(async () => {
    const events = await cluster.list(Events, 'default');
    assert.equal(events.find((one) => one.involvedObject.name === 'owned')?.message, message(''));
  });
  assert.notEqual(await cluster.find(ClusterRoles, undefined, 'owned'), undefined);
});
