// Disruption budgets, quotas, load balancers, mirrored endpoints and ephemeral volumes through the whole control plane.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Deployments,
  Endpoints,
  EndpointSlices,
  Events,
  Nodes,
  PersistentVolumeClaims,
  PodDisruptionBudgets,
  Pods,
  ResourceQuotas,
  Services,
  StorageClasses,
} from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const byText = (one: string, other: string) => (one < other ? -1 : 1);
const deployment = (name: string, replicas: number, container: object = {}) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'example.org/app:1', ...container }] },
    },
  },
});
async function makeReady(plane: TestControlPlane): Promise<void> {
  for (const pod of await plane.list(Pods))
    if (pod.spec.nodeName !== undefined && pod.status.phase === 'Pending')
      await plane.api.patch(
        `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/status`,
        'strategic',
        {
          status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
        },
      );
}

test('a budget allows as many evictions as it says, and evictions obey it', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Deployments, deployment('web', 3));
  await plane.create(PodDisruptionBudgets, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { maxUnavailable: '34%', selector: { matchLabels: { app: 'web' } } },
  });
  const status = async () => (await plane.find(PodDisruptionBudgets, 'default', 'web')).status;
  await plane.eventually(async () => {
    await makeReady(plane);
    const now = await status();
    assert.deepEqual([now.expectedPods, now.desiredHealthy, now.currentHealthy, now.disruptionsAllowed], [3, 1, 3, 2]);
    assert.equal(now.conditions[0].reason, 'SufficientPods');
  });
  const evict = async (pod: Json) =>
    plane.api.send('POST', `/api/v1/namespaces/default/pods/${pod.metadata.name}/eviction`, {
      body: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: pod.metadata.name, namespace: 'default' } },
    });
  const [first, second, third] = await plane.list(Pods);
  assert.equal((await evict(first)).status, 201);
  assert.equal((await evict(second)).status, 201);
  assert.equal((await evict(third)).status, 429);
  await plane.eventually(async () => {
    const now = await status();
    assert.equal(now.disruptionsAllowed, 0);
    assert.equal(now.conditions[0].reason, 'InsufficientPods');
    assert.deepEqual(now.disruptedPods ?? {}, {}, 'those that are ending are not waited for');
  });
  await plane.eventually(async () => {
    await makeReady(plane);
    assert.equal((await status()).disruptionsAllowed, 2, 'replacements are ready');
  });
  assert.deepEqual(plane.complaints, []);
});

test("a quota's status follows the namespace", async () => {
  await using plane = await startControlPlane();
  await plane.create(ResourceQuotas, {
    metadata: { name: 'limits', namespace: 'default' },
    spec: { hard: { pods: '4', 'requests.cpu': '1', services: '5', 'count/deployments.apps': '3' } },
  });
  await plane.create(Deployments, deployment('web', 2, { resources: { requests: { cpu: '250m' } } }));
  const used = async () => (await plane.find(ResourceQuotas, 'default', 'limits')).status?.used;
  await plane.eventually(async () =>
    assert.deepEqual(await used(), {
      pods: '2',
      'requests.cpu': '500m',
      services: '0',
      'count/deployments.apps': '1',
    }),
  );
  await plane.api.delete('/apis/apps/v1/namespaces/default/deployments/web');
  await plane.eventually(async () =>
    assert.deepEqual(await used(), { pods: '0', 'requests.cpu': '0', services: '0', 'count/deployments.apps': '0' }),
  );
  assert.deepEqual(plane.complaints, []);
});

test('a load balancer has the address of the node; a taken port has to wait', async () => {
  await using plane = await startControlPlane();
  const node = readyNode('node1') as Json;
  node.status.addresses = [
    { type: 'InternalIP', address: '192.0.2.7' },
    { type: 'Hostname', address: 'node1' },
  ];
  await plane.create(Nodes, node);
  const service = (name: string, port: number) => ({
    metadata: { name, namespace: 'default' },
    spec: { type: 'LoadBalancer', selector: { app: name }, ports: [{ port }] },
  });
  const ips = async (name: string) =>
    ((await plane.find(Services, 'default', name)).status?.loadBalancer?.ingress ?? []).map((one: Json) => one.ip);
  await plane.create(Services, service('one', 80));
  await plane.eventually(async () => assert.deepEqual(await ips('one'), ['192.0.2.7']));
  await plane.create(Services, service('two', 80));
  await plane.create(Services, service('three', 81));
  await plane.eventually(async () => {
    assert.deepEqual(await ips('three'), ['192.0.2.7']);
    const events = (await plane.list(Events, 'default')).filter((one: Json) => one.involvedObject.name === 'two');
    assert.equal(events[0]?.message, 'Error syncing load balancer: node port 80 occupied by Service default/one');
  });
  assert.deepEqual(await ips('two'), []);
  await plane.api.delete('/api/v1/namespaces/default/services/one');
  await plane.eventually(async () => assert.deepEqual(await ips('two'), ['192.0.2.7']));
  assert.deepEqual(plane.complaints, []);
});

test('Endpoints that are kept by hand are mirrored', async () => {
  await using plane = await startControlPlane();
  await plane.create(Services, {
    metadata: { name: 'outside', namespace: 'default' },
    spec: { ports: [{ port: 80 }] },
  });
  await plane.create(Endpoints, {
    metadata: { name: 'outside', namespace: 'default', labels: { tier: 'x' } },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], ports: [{ port: 8080 }] }],
  });
  await plane.eventually(async () => {
    const slices = await plane.list(EndpointSlices, 'default');
    assert.deepEqual(slices.map((one: Json) => one.endpoints[0].addresses[0]).toSorted(byText), [
      '192.0.2.1',
      '2001:db8::1',
    ]);
    assert.equal(slices[0].metadata.labels['kubernetes.io/service-name'], 'outside');
    assert.equal(slices[0].metadata.labels.tier, 'x');
  });
  await plane.api.patch('/api/v1/namespaces/default/endpoints/outside', 'merge', {
    subsets: [{ addresses: [{ ip: '192.0.2.9' }], ports: [{ port: 8080 }] }],
  });
  await plane.eventually(async () => {
    const slices = await plane.list(EndpointSlices, 'default');
    assert.deepEqual(
      slices.map((one: Json) => one.endpoints[0].addresses[0]),
      ['192.0.2.9'],
    );
  });
  await plane.api.patch('/api/v1/namespaces/default/services/outside', 'merge', { spec: { selector: { app: 'x' } } });
  await plane.eventually(async () => {
    const slices = await plane.list(EndpointSlices, 'default');
    assert.ok(
      slices.every((one: Json) =>
        one.metadata.labels['endpointslice.kubernetes.io/managed-by'].startsWith('endpointslice-'),
      ),
    );
  });
  assert.deepEqual(plane.complaints, []);
});

test('an ephemeral volume has a claim of its own that goes with its Pod', async () => {
  await using plane = await startControlPlane();
  await plane.create(StorageClasses, {
    metadata: { name: 'local' },
    provisioner: 'kubevirt.io/hostpath-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
  });
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Pods, {
    metadata: { name: 'scratch', namespace: 'default' },
    spec: {
      containers: [{ name: 'app', image: 'example.org/app' }],
      volumes: [
        {
          name: 'work',
          ephemeral: {
            volumeClaimTemplate: {
              metadata: { labels: { kind: 'scratch' } },
              spec: {
                accessModes: ['ReadWriteOnce'],
                storageClassName: 'local',
                resources: { requests: { storage: '1Gi' } },
              },
            },
          },
        },
      ],
    },
  });
  await plane.eventually(async () => {
    const claim = await plane.find(PersistentVolumeClaims, 'default', 'scratch-work');
    assert.equal(claim?.status.phase, 'Bound');
    assert.equal(claim.metadata.labels.kind, 'scratch');
    assert.equal((await plane.find(Pods, 'default', 'scratch')).spec.nodeName, 'node1');
  });
  await plane.api.delete('/api/v1/namespaces/default/pods/scratch', { body: { gracePeriodSeconds: 0 } });
  await plane.eventually(async () => assert.deepEqual(await plane.list(PersistentVolumeClaims), []));
  assert.deepEqual([...plane.directories], []);
  assert.deepEqual(plane.complaints, []);
});
