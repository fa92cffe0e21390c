// Nodes that fall silent, and how fast they lose their Pods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events, Nodes } from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const setReady = (plane: TestControlPlane, name: string, status: string) =>
  plane.api.patch(`/api/v1/nodes/${name}/status`, 'strategic', { status: { conditions: [{ type: 'Ready', status }] } });
const evicted = async (plane: TestControlPlane): Promise<readonly string[]> =>
  (await plane.list(Nodes))
    .filter((node) => node.spec.taints?.some((one: Json) => one.effect === 'NoExecute'))
    .map((node) => node.metadata.name);

test('of several nodes that fail at once one is evicted, and the others ten seconds apart', async () => {
  await using plane = await startControlPlane();
  const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
  for (const name of names) await plane.create(Nodes, readyNode(name));
  await plane.pass(1000);
  await setReady(plane, 'n1', 'False');
  await setReady(plane, 'n2', 'False');
  await plane.pass(3000);
  const first = await evicted(plane);
  assert.equal(first.length, 1);
  for (const name of ['n1', 'n2']) {
    const { spec } = await plane.find(Nodes, undefined, name);
    assert.ok(
      spec.taints.some((one: Json) => one.effect === 'NoSchedule'),
      'no new Pods on either',
    );
  }
  await plane.pass(5000);
  assert.deepEqual(await evicted(plane), first);
  await plane.eventually(async () => assert.deepEqual(await evicted(plane), ['n1', 'n2']));
  await setReady(plane, 'n1', 'True');
  await plane.eventually(async () => assert.deepEqual(await evicted(plane), ['n2'], 'back at once'));
});

test('a small zone that is mostly down evicts no more until it is better', async () => {
  await using plane = await startControlPlane();
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5']) await plane.create(Nodes, readyNode(name));
  await plane.pass(1000);
  for (const name of ['n1', 'n2', 'n3']) await setReady(plane, name, 'False');
  await plane.pass(25_000);
  assert.equal((await evicted(plane)).length, 1, 'the first, before the others were down');
  await plane.create(Nodes, readyNode('n6'));
  await plane.eventually(async () => assert.equal((await evicted(plane)).length, 2), 20_000);
});

test('nodes that come and go are told, and how long their agents may trust what they have read', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('one'));
  await plane.eventually(async () => {
    const { metadata } = await plane.find(Nodes, undefined, 'one');
    assert.equal(metadata.annotations['node.alpha.kubernetes.io/ttl'], '0');
  });
  await plane.api.send('DELETE', '/api/v1/nodes/one');
  await plane.eventually(async () => {
    const events = (await plane.list(Events)).filter((one) => one.involvedObject.kind === 'Node');
    const messages = events.map((one) => one.message);
    for (const message of ['Registered Node one in Controller', 'Removing Node one from Controller'])
      assert.ok(messages.includes(message), message);
  });
});
