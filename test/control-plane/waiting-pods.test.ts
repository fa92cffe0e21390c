// Pods that wait for a node, and what lets them in: each event here is one that upstream's plugins register for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const pod = (name: string, cpu: string, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name, namespace: 'default', labels: { app: 'web' } },
  spec: {
    containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }],
    terminationGracePeriodSeconds: 0,
    ...spec,
  },
});
const nodeOf = async (plane: TestControlPlane, name: string): Promise<string | undefined> =>
  (await plane.find(Pods, 'default', name)).spec.nodeName;
const isOn = (plane: TestControlPlane, name: string, node: string) =>
  plane.eventually(async () => assert.equal(await nodeOf(plane, name), node));
/** Longer than its back-off, shorter than the five minutes after which everything is tried again. */
const waits = async (plane: TestControlPlane, name: string) => {
  await plane.pass(15_000);
  assert.equal(await nodeOf(plane, name), undefined);
};

test('a Pod that runs and asks for less makes room', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('n1'));
  await plane.create(Pods, pod('first', '3'));
  await isOn(plane, 'first', 'n1');
  await plane.create(Pods, pod('second', '2'));
  await waits(plane, 'second');
  const resized = await plane.api.send('PATCH', '/api/v1/namespaces/default/pods/first/resize', {
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] } },
  });
  assert.equal(resized.status, 200, JSON.stringify(resized.json));
  await isOn(plane, 'second', 'n1');
});

test('a node that goes takes its domain out of what is spread over', async () => {
  await using plane = await startControlPlane();
  // The second takes no Pods, and without any it holds the others back.
  for (const name of ['n1', 'n2']) await plane.create(Nodes, readyNode(name));
  await plane.admin.resource(Nodes).patch({ name: 'n2' }, { type: 'merge', value: { spec: { unschedulable: true } } });
  await plane.pass(1_000);
  const topologySpreadConstraints = [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
    },
  ];
  await plane.create(Pods, pod('first', '1', { topologySpreadConstraints }));
  await isOn(plane, 'first', 'n1');
  await plane.create(Pods, pod('second', '1', { topologySpreadConstraints }));
  await waits(plane, 'second');
  await plane.api.send('DELETE', '/api/v1/nodes/n2');
  await isOn(plane, 'second', 'n1');
});

for (const [how, giveUp] of [
  [
    'is deleted',
    async (plane: TestControlPlane) =>
      void (await plane.api.send('DELETE', '/api/v1/namespaces/default/pods/important')),
  ],
  [
    'is to look elsewhere',
    async (plane: TestControlPlane) =>
      void (await plane.api.patch('/api/v1/namespaces/default/pods/important/status', 'merge', {
        status: { nominatedNodeName: null },
      })),
  ],
] as const)
  test(`a Pod for which a node was kept, and which ${how}, leaves its place to others`, async () => {
    await using plane = await startControlPlane();
    await plane.create(Nodes, readyNode('n1'));
    // It fits by its requests only when it may go there: it waits for a label.
    await plane.create(Pods, pod('important', '4', { nodeSelector: { opened: 'yes' } }));
    await plane.pass(2_000);
    await plane.api.patch('/api/v1/namespaces/default/pods/important/status', 'merge', {
      status: { nominatedNodeName: 'n1' },
    });
    await plane.pass(1_000);
    await plane.create(Pods, pod('other', '1'));
    await waits(plane, 'other');
    await giveUp(plane);
    await isOn(plane, 'other', 'n1');
  });
