// Workloads through the whole control plane: what a user sees of Deployments, scheduling and deletion.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigMaps,
  Deployments,
  Events,
  Namespaces,
  Nodes,
  Pods,
  PriorityClasses,
  ReplicaSets,
  ServiceAccounts,
} from '#api/generated/kind-references.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';
import type { Json } from '#kit/start-api-server.ts';

const deployment = (name: string, replicas: number, more: object = {}, container: object = {}) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'example.org/app:1', ...container }] },
    },
    ...more,
  },
});

/** Stands in for the node agent: every Pod with a node becomes ready, every Pod being deleted goes. */
async function actAsNode(plane: TestControlPlane): Promise<void> {
  const { api } = plane;
  for (const pod of await plane.list(Pods)) {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    if (pod.metadata.deletionTimestamp !== undefined)
      await api.send('DELETE', path, { body: { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } } });
    else if (pod.spec.nodeName !== undefined && pod.status.phase === 'Pending')
      await api.patch(`${path}/status`, 'strategic', {
        status: {
          phase: 'Running',
          podIP: '10.42.0.9',
          podIPs: [{ ip: '10.42.0.9' }],
          conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T03:04:06Z' }],
        },
      });
  }
}

test('a Deployment becomes scheduled Pods, is available, and rolls to a new template', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Deployments, deployment('web', 3));
  const get = () => plane.find(Deployments, 'default', 'web');
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await get()).status.availableReplicas, 3);
  });
  const node = await plane.find(Nodes, undefined, 'node1');
  assert.equal(node.spec.podCIDR, '10.42.0.0/24');
  const pods = await plane.list(Pods, 'default');
  assert.equal(pods.length, 3, 'nothing is made twice');
  assert.ok(pods.every((pod: Json) => pod.spec.nodeName === 'node1'));
  const [replicaSet] = await plane.list(ReplicaSets, 'default');
  assert.equal(replicaSet.metadata.annotations['deployment.kubernetes.io/revision'], '1');
  assert.ok(pods.every((pod: Json) => pod.metadata.ownerReferences[0].uid === replicaSet.metadata.uid));

  const events = await plane.eventually(async () => {
    const all = (await plane.list(Events, 'default')).map(
      (one: Json) => `${one.source.component} ${one.reason}: ${one.message}`,
    );
    assert.ok(
      all.some(
        (one: string) =>
          one === `default-scheduler Scheduled: Successfully assigned default/${pods[0].metadata.name} to node1`,
      ),
      all.join('\n'),
    );
    return all;
  });
  assert.ok(
    events.includes(
      `deployment-controller ScalingReplicaSet: Scaled up replica set ${replicaSet.metadata.name} from 0 to 3`,
    ),
  );
  assert.ok(events.includes(`replicaset-controller SuccessfulCreate: Created pod: ${pods[0].metadata.name}`));

  const before = await plane.eventually(async () => {
    const found = await get();
    const progressing = found.status.conditions.find((one: Json) => one.type === 'Progressing');
    assert.equal(progressing.reason, 'NewReplicaSetAvailable');
    assert.equal(progressing.message, `ReplicaSet "${replicaSet.metadata.name}" has successfully progressed.`);
    assert.equal(found.metadata.annotations['deployment.kubernetes.io/revision'], '1');
    assert.equal(found.status.observedGeneration, found.metadata.generation);
    return found;
  });
  await plane.api.patch('/apis/apps/v1/namespaces/default/deployments/web', 'strategic', {
    spec: { template: { spec: { containers: [{ name: 'app', image: 'example.org/app:2' }] } } },
  });
  await plane.eventually(async () => {
    await actAsNode(plane);
    const found = await get();
    assert.equal(found.metadata.generation, before.metadata.generation + 1);
    assert.equal(found.status.observedGeneration, found.metadata.generation);
    assert.equal(found.status.updatedReplicas, 3);
    assert.equal(found.status.replicas, 3);
    const left = await plane.list(Pods, 'default');
    assert.deepEqual(
      left.map((pod: Json) => pod.spec.containers[0].image),
      Array.from({ length: 3 }, () => 'example.org/app:2'),
    );
  });
  const revisions = (await plane.list(ReplicaSets, 'default')).map((one: Json) => [
    one.metadata.annotations['deployment.kubernetes.io/revision'],
    one.spec.replicas,
  ]);
  assert.deepEqual(
    revisions.toSorted((one, other) => (one[0] < other[0] ? -1 : 1)),
    [
      ['1', 0],
      ['2', 3],
    ],
  );
  assert.deepEqual(plane.complaints, []);
});

test('a Pod that fits nowhere says why, and is scheduled once there is room', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('small', { cpu: '1' }));
  await plane.create(Pods, {
    metadata: { name: 'big', namespace: 'default' },
    spec: { containers: [{ name: 'app', image: 'example.org/app', resources: { requests: { cpu: '2' } } }] },
  });
  const message =
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
  await plane.eventually(async () => {
    const pod = await plane.find(Pods, 'default', 'big');
    const condition = pod.status.conditions?.find((one: Json) => one.type === 'PodScheduled');
    assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['False', 'Unschedulable', message]);
    const events = await plane.list(Events, 'default');
    assert.ok(
      events.some(
        (one: Json) => one.type === 'Warning' && one.reason === 'FailedScheduling' && one.message === message,
      ),
    );
  });
  await plane.create(Nodes, readyNode('large', { cpu: '3' }));
  await plane.eventually(async () => assert.equal((await plane.find(Pods, 'default', 'big')).spec.nodeName, 'large'));
});

test('deleting a Deployment takes its ReplicaSets and Pods; with orphaning they stay', async () => {
  await using plane = await startControlPlane();
  await plane.create(Deployments, deployment('gone', 2));
  await plane.create(Deployments, deployment('kept', 1));
  await plane.eventually(async () => assert.equal((await plane.list(Pods, 'default')).length, 3));
  await plane.api.delete('/apis/apps/v1/namespaces/default/deployments/gone');
  await plane.api.delete('/apis/apps/v1/namespaces/default/deployments/kept', {
    body: { propagationPolicy: 'Orphan' },
  });
  await plane.eventually(async () => {
    assert.deepEqual(await plane.list(Deployments, 'default'), []);
    const replicaSets = await plane.list(ReplicaSets, 'default');
    assert.equal(replicaSets.length, 1);
    assert.deepEqual(replicaSets[0].metadata.ownerReferences ?? [], []);
    const pods = await plane.list(Pods, 'default');
    assert.deepEqual(
      pods.map((pod: Json) => pod.metadata.labels.app),
      ['kept'],
    );
  });
  assert.deepEqual(plane.complaints, []);
});

test('foreground deletion removes the owner last', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Deployments, deployment('web', 1));
  await plane.eventually(async () => {
    const [pod] = await plane.list(Pods, 'default');
    assert.equal(pod.spec.nodeName, 'node1');
  });
  await plane.api.delete('/apis/apps/v1/namespaces/default/deployments/web', {
    body: { propagationPolicy: 'Foreground' },
  });
  // The Pod has a node and ends gracefully: until the node agent says so, everything above it stays.
  await plane.eventually(async () => {
    const [pod] = await plane.list(Pods, 'default');
    assert.notEqual(pod.metadata.deletionTimestamp, undefined);
  });
  await plane.pass(2000);
  assert.equal((await plane.list(Deployments, 'default')).length, 1);
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.deepEqual(await plane.list(Deployments, 'default'), []);
    assert.deepEqual(await plane.list(ReplicaSets, 'default'), []);
  });
  assert.deepEqual(plane.complaints, []);
});

test('a namespace has its account and authorities, and goes with everything in it', async () => {
  await using plane = await startControlPlane({ rootCa: 'AUTHORITY' });
  await plane.create(Namespaces, { metadata: { name: 'shop' } });
  await plane.eventually(async () => {
    assert.notEqual(await plane.find(ServiceAccounts, 'shop', 'default'), undefined);
    assert.equal((await plane.find(ConfigMaps, 'shop', 'kube-root-ca.crt')).data['ca.crt'], 'AUTHORITY');
  });
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Pods, {
    metadata: { name: 'p', namespace: 'shop' },
    spec: { containers: [{ name: 'app', image: 'example.org/app' }] },
  });
  await plane.create(ConfigMaps, { metadata: { name: 'held', namespace: 'shop', finalizers: ['example.org/hold'] } });
  await plane.eventually(async () => assert.equal((await plane.find(Pods, 'shop', 'p')).spec.nodeName, 'node1'));
  await plane.api.delete('/api/v1/namespaces/shop');
  await plane.eventually(async () => {
    const conditions = (await plane.find(Namespaces, undefined, 'shop')).status.conditions ?? [];
    const remaining = conditions.find((one: Json) => one.type === 'NamespaceContentRemaining');
    assert.equal(remaining?.message, 'Some resources are remaining: pods. has 1 resource instances');
  });
  assert.notEqual(await plane.find(ConfigMaps, 'shop', 'kube-root-ca.crt'), undefined, 'Pods go first');
  await plane.eventually(async () => {
    await actAsNode(plane);
    const conditions = (await plane.find(Namespaces, undefined, 'shop')).status.conditions;
    const held = conditions.find((one: Json) => one.type === 'NamespaceFinalizersRemaining');
    assert.equal(
      held?.message,
      'Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances',
    );
  });
  await plane.api.patch('/api/v1/namespaces/shop/configmaps/held', 'merge', { metadata: { finalizers: null } });
  await plane.eventually(async () => assert.equal(await plane.find(Namespaces, undefined, 'shop'), undefined));
  assert.deepEqual(plane.complaints, []);
});

test('a more important Pod displaces a less important one, and takes its place', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1', { cpu: '1' }));
  await plane.create(PriorityClasses, { metadata: { name: 'high' }, value: 1000 });
  const asking = (name: string, more: object = {}) => ({
    metadata: { name, namespace: 'default' },
    spec: {
      containers: [{ name: 'app', image: 'example.org/app', resources: { requests: { cpu: '800m' } } }],
      ...more,
    },
  });
  await plane.create(Pods, asking('low'));
  await plane.eventually(async () => assert.equal((await plane.find(Pods, 'default', 'low')).spec.nodeName, 'node1'));
  await plane.create(Pods, asking('high', { priorityClassName: 'high' }));
  await plane.eventually(async () => {
    const victim = await plane.find(Pods, 'default', 'low');
    assert.notEqual(victim.metadata.deletionTimestamp, undefined);
    assert.equal(
      victim.status.conditions.find((one: Json) => one.type === 'DisruptionTarget')?.reason,
      'PreemptionByScheduler',
    );
    const waiting = await plane.find(Pods, 'default', 'high');
    assert.equal(waiting.status.nominatedNodeName, 'node1');
    assert.equal(
      waiting.status.conditions.find((one: Json) => one.type === 'PodScheduled').message,
      '0/1 nodes are available: 1 Insufficient cpu.',
    );
  });
  // Something small and unimportant does not sneak in while the victim ends.
  await plane.create(Pods, asking('late'));
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await plane.find(Pods, 'default', 'high')).spec.nodeName, 'node1');
  });
  assert.equal((await plane.find(Pods, 'default', 'late')).spec.nodeName, undefined);
  const messages = (await plane.list(Events, 'default')).map((one: Json) => one.message);
  assert.ok(
    messages.some((one: string) => /^Preempted by pod \S+ on node node1$/.test(one)),
    messages.join('\n'),
  );
  assert.deepEqual(plane.complaints, []);
});
