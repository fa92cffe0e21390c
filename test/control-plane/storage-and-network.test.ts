// Volumes, endpoints and nodes through the whole control plane.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Endpoints,
  EndpointSlices,
  Events,
  Leases,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  Services,
  StorageClasses,
  VolumeAttributesClasses,
} from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { readyNode, startControlPlane } from '#kit/start-control-plane.ts';

const byText = (one: string, other: string) => (one < other ? -1 : 1);

const storageClass = {
  metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'kubevirt.io/hostpath-provisioner',
  volumeBindingMode: 'WaitForFirstConsumer',
  reclaimPolicy: 'Delete',
};
const claim = (name: string, more: object = {}) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    storageClassName: 'local',
    ...more,
  },
});
const podWithClaim = (name: string, claimName: string) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    containers: [{ name: 'app', image: 'example.org/app', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
  },
});

test('a claim waits for its Pod, is provisioned on its node, and its directory goes with it', async () => {
  await using plane = await startControlPlane();
  await plane.create(StorageClasses, storageClass);
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(PersistentVolumeClaims, claim('data'));
  await plane.eventually(async () => {
    const events = await plane.list(Events, 'default');
    assert.ok(events.some((one: Json) => one.message === 'waiting for first consumer to be created before binding'));
    assert.equal((await plane.find(PersistentVolumeClaims, 'default', 'data')).status.phase, 'Pending');
  });
  assert.deepEqual(await plane.list(PersistentVolumes), []);
  await plane.create(Pods, podWithClaim('web', 'data'));
  const bound = await plane.eventually(async () => {
    const found = await plane.find(PersistentVolumeClaims, 'default', 'data');
    assert.equal(found.status.phase, 'Bound');
    assert.equal((await plane.find(Pods, 'default', 'web')).spec.nodeName, 'node1');
    return found;
  });
  assert.equal(bound.metadata.annotations['volume.kubernetes.io/selected-node'], 'node1');
  assert.deepEqual(bound.status.capacity, { storage: '1Gi' });
  const volume = await plane.find(PersistentVolumes, undefined, bound.spec.volumeName);
  assert.equal(volume.status.phase, 'Bound');
  assert.deepEqual([...plane.directories], [volume.spec.hostPath.path]);

  // In use: the claim stays although it was deleted.
  await plane.api.delete('/api/v1/namespaces/default/persistentvolumeclaims/data');
  await plane.pass(2000);
  assert.notEqual(await plane.find(PersistentVolumeClaims, 'default', 'data'), undefined);
  await plane.api.delete('/api/v1/namespaces/default/pods/web', { body: { gracePeriodSeconds: 0 } });
  await plane.eventually(async () => {
    assert.equal(await plane.find(PersistentVolumeClaims, 'default', 'data'), undefined);
    assert.deepEqual(await plane.list(PersistentVolumes), []);
    assert.deepEqual([...plane.directories], []);
  });
  assert.deepEqual(plane.complaints, []);
});

test('Pods that share a claim are placed together, without a word about each other', async () => {
  await using plane = await startControlPlane();
  await plane.create(StorageClasses, storageClass);
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(PersistentVolumeClaims, claim('shared'));
  await Promise.all(['one', 'two', 'three'].map((name) => plane.create(Pods, podWithClaim(name, 'shared'))));
  await plane.eventually(async () => {
    assert.equal((await plane.find(PersistentVolumeClaims, 'default', 'shared')).status.phase, 'Bound');
  });
  await plane.eventually(async () => {
    const nodes = (await plane.list(Pods, 'default')).map((one: Json) => one.spec.nodeName);
    assert.deepEqual(nodes, ['node1', 'node1', 'node1']);
  }, 1000);
  const reasons = (await plane.list(Events, 'default')).map((one: Json) => one.reason);
  assert.ok(!reasons.includes('FailedScheduling'), reasons.join(', '));
  assert.deepEqual(plane.complaints, []);
});

test('a claim takes the smallest static volume that is large enough, and two claims never the same', async () => {
  await using plane = await startControlPlane();
  const volume = (name: string, storage: string) => ({
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: `/data/${name}` },
      storageClassName: '',
    },
  });
  for (const [name, size] of [
    ['large', '10Gi'],
    ['fitting', '2Gi'],
    ['small', '1Mi'],
  ] as const)
    await plane.create(PersistentVolumes, volume(name, size));
  await plane.eventually(async () =>
    assert.equal((await plane.find(PersistentVolumes, undefined, 'fitting')).status.phase, 'Available'),
  );
  await plane.create(PersistentVolumeClaims, claim('one', { storageClassName: '' }));
  await plane.create(PersistentVolumeClaims, claim('two', { storageClassName: '' }));
  await plane.eventually(async () => {
    const claims = await plane.list(PersistentVolumeClaims, 'default');
    assert.deepEqual(
      claims.map((one: Json) => one.status.phase),
      ['Bound', 'Bound'],
    );
    assert.deepEqual(claims.map((one: Json) => one.spec.volumeName).toSorted(byText), ['fitting', 'large']);
  });
  await plane.api.delete('/api/v1/namespaces/default/persistentvolumeclaims/one');
  await plane.eventually(async () => {
    const volumes = await plane.list(PersistentVolumes);
    assert.deepEqual(volumes.map((one: Json) => one.status.phase).toSorted(byText), ['Available', 'Bound', 'Released']);
  });
  assert.deepEqual(plane.complaints, []);
});

test('a Service has the endpoints of its Pods, ready ones as ready', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Services, {
    metadata: { name: 'web', namespace: 'default', labels: { tier: 'front' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'main' }] },
  });
  await plane.eventually(async () => {
    const [slice] = await plane.list(EndpointSlices, 'default');
    assert.deepEqual(slice.endpoints ?? [], [], 'a Service without Pods has an empty slice');
  });
  await plane.create(Pods, {
    metadata: { name: 'web-0', namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'example.org/app', ports: [{ name: 'main', containerPort: 8080 }] }] },
  });
  const status = (ready: string) =>
    plane.api.patch('/api/v1/namespaces/default/pods/web-0/status', 'strategic', {
      status: {
        phase: 'Running',
        podIP: '10.42.0.5',
        podIPs: [{ ip: '10.42.0.5' }],
        conditions: [{ type: 'Ready', status: ready }],
      },
    });
  await plane.eventually(async () => assert.equal((await plane.find(Pods, 'default', 'web-0')).spec.nodeName, 'node1'));
  await status('False');
  await plane.eventually(async () => {
    const [slice] = await plane.list(EndpointSlices, 'default');
    assert.deepEqual(slice.endpoints?.[0]?.conditions, { ready: false, serving: false, terminating: false });
    const legacy = await plane.find(Endpoints, 'default', 'web');
    assert.equal(legacy.subsets?.[0]?.notReadyAddresses?.[0]?.ip, '10.42.0.5');
  });
  await status('True');
  await plane.eventually(async () => {
    const slices = await plane.list(EndpointSlices, 'default');
    assert.equal(slices.length, 1);
    const [slice] = slices;
    assert.deepEqual(slice.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
    assert.deepEqual(slice.endpoints[0].addresses, ['10.42.0.5']);
    assert.equal(slice.endpoints[0].conditions.ready, true);
    assert.equal(slice.endpoints[0].nodeName, 'node1');
    assert.deepEqual(slice.metadata.labels, {
      tier: 'front',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    const legacy = await plane.find(Endpoints, 'default', 'web');
    assert.equal(legacy.subsets[0].addresses[0].ip, '10.42.0.5');
    assert.deepEqual(legacy.subsets[0].ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  });
  await plane.api.delete('/api/v1/namespaces/default/services/web');
  await plane.eventually(async () => {
    assert.deepEqual(await plane.list(EndpointSlices, 'default'), []);
    assert.equal(await plane.find(Endpoints, 'default', 'web'), undefined);
  });
  assert.deepEqual(plane.complaints, []);
});

test('a silent node becomes Unknown and tainted, its Pods go after their toleration, and it recovers', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  // Somebody must be there: where every node is silent, nobody is evicted.
  const witness = readyNode('witness');
  await plane.create(Nodes, { ...witness, spec: { unschedulable: true } });
  let beats = 0;
  const witnessIsThere = () =>
    plane.api.patch('/api/v1/nodes/witness/status', 'strategic', {
      status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: `2026-01-02T03:05:0${beats++}Z` }] },
    });
  const lease = await plane.create(Leases, {
    metadata: { name: 'node1', namespace: 'kube-node-lease' },
    spec: { holderIdentity: 'node1', leaseDurationSeconds: 40, renewTime: '2026-01-02T03:04:05.000000Z' },
  });
  await plane.create(Pods, {
    metadata: { name: 'p', namespace: 'default' },
    spec: {
      containers: [{ name: 'app', image: 'example.org/app' }],
      tolerations: ['not-ready', 'unreachable'].map((key) => ({
        key: `node.kubernetes.io/${key}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 30,
      })),
    },
  });
  await plane.eventually(async () => assert.equal((await plane.find(Pods, 'default', 'p')).spec.nodeName, 'node1'));
  await plane.pass(40_000);
  await witnessIsThere();
  const ready = async () =>
    (await plane.find(Nodes, undefined, 'node1')).status.conditions.find((one: Json) => one.type === 'Ready');
  assert.equal((await ready()).status, 'True', 'within the grace period nothing happens');
  await plane.pass(12_000);
  await plane.eventually(async () => {
    assert.deepEqual([(await ready()).status, (await ready()).reason], ['Unknown', 'NodeStatusUnknown']);
    const { taints } = (await plane.find(Nodes, undefined, 'node1')).spec;
    assert.deepEqual(taints.map((one: Json) => `${one.key}:${one.effect}`).toSorted(byText), [
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
  });
  await plane.pass(25_000);
  await witnessIsThere();
  assert.equal((await plane.find(Pods, 'default', 'p')).metadata.deletionTimestamp, undefined);
  await plane.pass(6_000);
  await plane.eventually(async () => {
    const pod = await plane.find(Pods, 'default', 'p');
    assert.notEqual(pod.metadata.deletionTimestamp, undefined);
    assert.ok(pod.status.conditions.some((one: Json) => one.reason === 'DeletionByTaintManager'));
  });
  await plane.api.update('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node1', {
    ...lease,
    spec: { ...lease.spec, renewTime: '2026-01-02T03:05:45.000000Z' },
  });
  await plane.api.patch('/api/v1/nodes/node1/status', 'strategic', {
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-02T03:05:45Z' }] },
  });
  await plane.eventually(async () =>
    assert.deepEqual((await plane.find(Nodes, undefined, 'node1')).spec.taints ?? [], []),
  );
  assert.deepEqual(plane.complaints, []);
});

test('where every node is silent nobody is evicted; with the first that is back the others are told apart again', async () => {
  await using plane = await startControlPlane();
  for (const name of ['node1', 'node2']) await plane.create(Nodes, readyNode(name));
  const taints = async (name: string): Promise<string[]> =>
    ((await plane.find(Nodes, undefined, name)).spec.taints ?? []).map((one: Json) => one.effect).toSorted(byText);
  await plane.pass(52_000);
  await plane.eventually(async () =>
    assert.deepEqual([await taints('node1'), await taints('node2')], [['NoSchedule'], ['NoSchedule']]),
  );
  await plane.api.patch('/api/v1/nodes/node1/status', 'strategic', {
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-02T03:05:45Z' }] },
  });
  await plane.eventually(async () =>
    assert.deepEqual([await taints('node1'), await taints('node2')], [[], ['NoExecute', 'NoSchedule']]),
  );
});

test('a class of volume attributes stays while a claim names it, and goes when none does', async () => {
  await using plane = await startControlPlane();
  for (const name of ['used', 'unused'])
    await plane.create(VolumeAttributesClasses, {
      metadata: { name },
      driverName: 'csi.example.com',
      parameters: { iops: '100' },
    });
  await plane.create(PersistentVolumeClaims, claim('data', { volumeAttributesClassName: 'used' }));
  for (const name of ['used', 'unused'])
    await plane.api.delete(`/apis/storage.k8s.io/v1/volumeattributesclasses/${name}`);
  const names = async () => (await plane.list(VolumeAttributesClasses)).map((one: Json) => one.metadata.name);
  await plane.eventually(async () => assert.deepEqual(await names(), ['used']));
  await plane.pass(2000);
  assert.deepEqual(await names(), ['used']);
  await plane.api.delete('/api/v1/namespaces/default/persistentvolumeclaims/data');
  await plane.eventually(async () => assert.deepEqual(await names(), []));
  assert.deepEqual(plane.complaints, []);
});
