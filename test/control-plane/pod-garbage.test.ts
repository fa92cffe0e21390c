// Pods that nobody else removes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import { readyNode, startControlPlane } from '#kit/start-control-plane.ts';

test('a Pod that ends on a node that was declared out of service goes at once, without its agent', async () => {
  await using plane = await startControlPlane();
  const { api } = plane;
  await plane.create(Nodes, readyNode('one'));
  const path = '/api/v1/namespaces/default/pods/app';
  await plane.create(Pods, {
    metadata: { name: 'app', namespace: 'default' },
    spec: {
      containers: [{ name: 'c', image: 'example.org/app:1' }],
      nodeName: 'one',
      tolerations: [{ operator: 'Exists' }],
    },
  });
  await api.patch(`${path}/status`, 'strategic', { status: { phase: 'Running' } });
  await api.send('DELETE', path);
  await plane.pass(5000);
  assert.ok(
    (await plane.find(Pods, 'default', 'app')).metadata.deletionTimestamp,
    'its agent has not said that it ended',
  );
  const taint = { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' };
  await api.patch('/api/v1/nodes/one', 'strategic', { spec: { taints: [taint] } });
  await plane.pass(5000);
  assert.ok(await plane.find(Pods, 'default', 'app'), 'the node still says that it is ready');
  await api.patch('/api/v1/nodes/one/status', 'strategic', {
    status: { conditions: [{ type: 'Ready', status: 'False' }] },
  });
  await plane.eventually(async () => assert.equal(await plane.find(Pods, 'default', 'app'), undefined));
});

test('a Pod whose node is gone is Failed, and then gone', async () => {
  await using plane = await startControlPlane();
  const { api } = plane;
  await plane.create(Nodes, readyNode('one'));
  await plane.create(Pods, {
    metadata: { name: 'app', namespace: 'default', finalizers: ['example.org/watch'] },
    spec: {
      containers: [{ name: 'c', image: 'example.org/app:1' }],
      nodeName: 'one',
      tolerations: [{ operator: 'Exists' }],
    },
  });
  await api.send('DELETE', '/api/v1/nodes/one');
  await plane.eventually(async () => {
    const { status, metadata } = await plane.find(Pods, 'default', 'app');
    assert.equal(status.phase, 'Failed');
    assert.equal(status.observedGeneration, metadata.generation - 1, 'seen before the deletion');
    assert.deepEqual(
      status.conditions
        .filter((one: { type: string }) => one.type === 'DisruptionTarget')
        .map((one: { reason: string }) => one.reason),
      ['DeletionByPodGC'],
    );
    assert.ok(metadata.deletionTimestamp);
  }, 60_000);
});
