// DaemonSets and StatefulSets through the whole control plane.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ControllerRevisions,
  DaemonSets,
  Events,
  Nodes,
  PersistentVolumeClaims,
  Pods,
  StatefulSets,
  StorageClasses,
} from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const byNumber = (one: number, other: number) => one - other;
const byText = (one: string, other: string) => (one < other ? -1 : 1);
const template = (image: string, spec: object = {}) => ({
  metadata: { labels: { app: 'set' } },
  spec: { containers: [{ name: 'app', image }], ...spec },
});
const selector = { matchLabels: { app: 'set' } };

/** Stands in for the node agent: every Pod with a node becomes ready unless refused, every Pod being deleted goes. */
async function actAsNode(plane: TestControlPlane, refuses: (pod: Json) => boolean = () => false): Promise<void> {
  const { api } = plane;
  for (const pod of await plane.list(Pods)) {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    if (pod.metadata.deletionTimestamp !== undefined)
      await api.send('DELETE', path, { body: { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } } });
    else if (pod.spec.nodeName !== undefined && pod.status.phase === 'Pending' && !refuses(pod))
      await api.patch(`${path}/status`, 'strategic', {
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-02T03:04:06Z' }],
        },
      });
  }
}
const namesOf = (pods: Json[]): string[] => pods.map((pod) => pod.metadata.name).toSorted(byText);
const images = (pods: Json[]): string[] => pods.map((pod) => pod.spec.containers[0].image).toSorted(byText);

test('a DaemonSet has a Pod on each node that takes it, and follows the nodes', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('one'));
  await plane.create(Nodes, { ...readyNode('tainted'), spec: { taints: [{ key: 'only', effect: 'NoSchedule' }] } });
  await plane.create(DaemonSets, {
    metadata: { name: 'agent', namespace: 'default' },
    spec: { selector, template: template('example.org/app:1') },
  });
  const status = async () => (await plane.find(DaemonSets, 'default', 'agent')).status;
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await status()).numberAvailable, 1);
  });
  const [pod] = await plane.list(Pods);
  assert.equal(pod.spec.nodeName, 'one');
  assert.ok(pod.spec.tolerations.some((one: Json) => one.key === 'node.kubernetes.io/disk-pressure'));
  await plane.create(Nodes, readyNode('two'));
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await status()).numberReady, 2);
  });
  await plane.api.patch('/api/v1/nodes/two', 'merge', { metadata: { labels: { role: 'other' } } });
  await plane.api.patch('/apis/apps/v1/namespaces/default/daemonsets/agent', 'merge', {
    spec: { template: { spec: { nodeSelector: { role: 'other' } } } },
  });
  await plane.eventually(async () => {
    await actAsNode(plane);
    const pods = await plane.list(Pods);
    assert.deepEqual(
      pods.map((one: Json) => one.spec.nodeName),
      ['two'],
    );
    const now = await status();
    assert.deepEqual(
      [now.desiredNumberScheduled, now.updatedNumberScheduled, now.numberAvailable, now.numberMisscheduled],
      [1, 1, 1, 0],
    );
  });
  const revisions = await plane.list(ControllerRevisions, 'default');
  assert.deepEqual(revisions.map((one: Json) => Number(one.revision)).toSorted(byNumber), [1, 2]);
  assert.deepEqual(plane.complaints, []);
});

test('a DaemonSet rolls one node after the other, or with a surge brings the new Pod first', async () => {
  await using plane = await startControlPlane();
  for (const name of ['a', 'b', 'c']) await plane.create(Nodes, readyNode(name));
  await plane.create(DaemonSets, {
    metadata: { name: 'agent', namespace: 'default' },
    spec: { selector, template: template('example.org/app:1') },
  });
  const update = (spec: object) =>
    plane.api.patch('/apis/apps/v1/namespaces/default/daemonsets/agent', 'merge', { spec });
  const settled = async (image: string) => {
    await actAsNode(plane);
    const pods = await plane.list(Pods);
    assert.deepEqual(images(pods), [image, image, image]);
    assert.equal((await plane.find(DaemonSets, 'default', 'agent')).status.numberAvailable, 3);
  };
  await plane.eventually(() => settled('example.org/app:1'));
  await update({ template: template('example.org/app:2') });
  let least = 3;
  await plane.eventually(async () => {
    const ready = (await plane.list(Pods)).filter(
      (pod: Json) => pod.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined,
    );
    least = Math.min(least, ready.length);
    await settled('example.org/app:2');
  });
  assert.equal(least, 2);
  await update({
    updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: template('example.org/app:3'),
  });
  await plane.eventually(async () => {
    const pods = await plane.list(Pods);
    const ready = pods.filter(
      (pod: Json) => pod.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined,
    );
    assert.ok(ready.length >= 3, 'never fewer than before');
    assert.ok(pods.length <= 5);
    await settled('example.org/app:3');
  });
  assert.deepEqual(plane.complaints, []);
});

const statefulSet = (spec: object = {}) => ({
  metadata: { name: 'db', namespace: 'default' },
  spec: { serviceName: 'db', replicas: 3, selector, template: template('example.org/app:1'), ...spec },
});

test('a StatefulSet starts its Pods in order and stops them in reverse', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(StatefulSets, statefulSet());
  await plane.eventually(async () => assert.deepEqual(namesOf(await plane.list(Pods)), ['db-0']));
  await plane.pass(1000);
  assert.deepEqual(namesOf(await plane.list(Pods)), ['db-0'], 'waits for the first to be ready');
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await plane.find(StatefulSets, 'default', 'db')).status.availableReplicas, 3);
  });
  const [pod] = await plane.list(Pods);
  assert.deepEqual([pod.spec.hostname, pod.spec.subdomain], ['db-0', 'db']);
  assert.equal(pod.metadata.labels['apps.kubernetes.io/pod-index'], '0');
  await plane.api.patch('/apis/apps/v1/namespaces/default/statefulsets/db', 'merge', { spec: { replicas: 1 } });
  await plane.eventually(async () => {
    const ending = (await plane.list(Pods)).filter((one: Json) => one.metadata.deletionTimestamp !== undefined);
    assert.deepEqual(namesOf(ending), ['db-2']);
  });
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.deepEqual(namesOf(await plane.list(Pods)), ['db-0']);
  });
  const messages = (await plane.list(Events, 'default')).map((one: Json) => one.message);
  assert.ok(messages.includes('Create Pod db-2 in StatefulSet db successful'), messages.join('\n'));
  assert.deepEqual(plane.complaints, []);
});

test('a StatefulSet updates from the top down to its partition, and goes back', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(StatefulSets, statefulSet({ podManagementPolicy: 'Parallel' }));
  const get = () => plane.find(StatefulSets, 'default', 'db');
  const patch = (spec: object) =>
    plane.api.patch('/apis/apps/v1/namespaces/default/statefulsets/db', 'merge', { spec });
  await plane.eventually(async () => assert.equal((await plane.list(Pods)).length, 3, 'all at once'));
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await get()).status.readyReplicas, 3);
  });
  const first = (await get()).status.currentRevision;
  await patch({
    updateStrategy: { rollingUpdate: { partition: 1 } },
    template: template('example.org/app:2'),
  });
  await plane.eventually(async () => {
    await actAsNode(plane);
    const { status } = await get();
    assert.deepEqual([status.readyReplicas, status.updatedReplicas, status.currentReplicas], [3, 2, 1]);
  });
  // One below the partition comes back as it was.
  await plane.api.delete('/api/v1/namespaces/default/pods/db-0');
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await get()).status.readyReplicas, 3);
    const pods = (await plane.list(Pods)).toSorted((one: Json, other: Json) =>
      byText(one.metadata.name, other.metadata.name),
    );
    assert.deepEqual(
      pods.map((pod: Json) => pod.spec.containers[0].image),
      ['example.org/app:1', 'example.org/app:2', 'example.org/app:2'],
    );
  });
  assert.equal((await get()).status.currentRevision, first);
  await patch({ updateStrategy: { rollingUpdate: { partition: 0 } } });
  await plane.eventually(async () => {
    await actAsNode(plane);
    const { status } = await get();
    assert.equal(status.currentRevision, status.updateRevision);
    assert.notEqual(status.currentRevision, first);
    assert.equal(status.readyReplicas, 3);
  });
  await patch({ template: template('example.org/app:1') });
  await plane.eventually(async () => {
    await actAsNode(plane);
    const { status } = await get();
    assert.equal(status.currentRevision, first, 'the old revision is used again');
    assert.equal(status.readyReplicas, 3);
  });
  const revisions = await plane.list(ControllerRevisions, 'default');
  assert.deepEqual(revisions.map((one: Json) => Number(one.revision)).toSorted(byNumber), [2, 3]);
  assert.deepEqual(plane.complaints, []);
});

test("a StatefulSet's claims stay with their ordinal, and go when the policy says so", async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(StorageClasses, {
    metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubevirt.io/hostpath-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
  });
  await plane.create(
    StatefulSets,
    statefulSet({
      replicas: 2,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    }),
  );
  const claims = async () => namesOf(await plane.list(PersistentVolumeClaims));
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.equal((await plane.find(StatefulSets, 'default', 'db')).status.readyReplicas, 2);
    assert.deepEqual(await claims(), ['data-db-0', 'data-db-1']);
  });
  const before = await plane.find(PersistentVolumeClaims, 'default', 'data-db-0');
  await plane.api.delete('/api/v1/namespaces/default/pods/db-0');
  await plane.eventually(async () => {
    await actAsNode(plane);
    const pod = await plane.find(Pods, 'default', 'db-0');
    assert.equal(pod?.status.phase, 'Running');
    assert.equal(pod.spec.volumes[0].persistentVolumeClaim.claimName, 'data-db-0');
  });
  assert.equal((await plane.find(PersistentVolumeClaims, 'default', 'data-db-0')).metadata.uid, before.metadata.uid);
  await plane.api.patch('/apis/apps/v1/namespaces/default/statefulsets/db', 'merge', { spec: { replicas: 1 } });
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.deepEqual(await claims(), ['data-db-0']);
  });
  await plane.api.delete('/apis/apps/v1/namespaces/default/statefulsets/db');
  await plane.eventually(async () => {
    await actAsNode(plane);
    assert.deepEqual(await plane.list(Pods), []);
  });
  assert.deepEqual(await claims(), ['data-db-0']);
  assert.deepEqual(plane.complaints, []);
});
