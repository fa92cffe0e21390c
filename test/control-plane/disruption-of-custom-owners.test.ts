// Budgets over Pods whose owner is a custom resource with a scale.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events, PodDisruptionBudgets, Pods } from '#api/generated/kind-references.ts';
import type { KindReference } from '#api/kind.ts';
import { cronTabs, established } from '#kit/custom-resources.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const CronTabs: KindReference = {
  group: 'stable.example.com',
  version: 'v1',
  resource: 'crontabs',
  kind: 'CronTab',
  namespaced: true,
};
const withoutScale: Json = {
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
};
const withScale: Json = {
  ...withoutScale,
  subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
};

async function planeWith(version: Json) {
  const plane = await startControlPlane();
  await established(plane.api, cronTabs({ versions: [version] }));
  const owner = await plane.create(CronTabs, { metadata: { name: 'db', namespace: 'default' }, spec: { size: 4 } });
  await plane.create(PodDisruptionBudgets, {
    metadata: { name: 'db', namespace: 'default' },
    spec: { maxUnavailable: '50%', selector: { matchLabels: { app: 'db' } } },
  });
  return { plane, owner };
}

async function readyPod(plane: TestControlPlane, name: string, owner: Json, kind = 'CronTab'): Promise<void> {
  const { name: ownerName, uid } = owner.metadata;
  await plane.create(Pods, {
    metadata: {
      name,
      namespace: 'default',
      labels: { app: 'db' },
      ownerReferences: [{ apiVersion: 'stable.example.com/v1', kind, name: ownerName, uid, controller: true }],
    },
    spec: { containers: [{ name: 'c', image: 'example.org/app:1' }] },
  });
  await plane.api.patch(`/api/v1/namespaces/default/pods/${name}/status`, 'strategic', {
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
}
const statusOf = async (plane: TestControlPlane) => (await plane.find(PodDisruptionBudgets, 'default', 'db')).status;
const numbers = async (plane: TestControlPlane) => {
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = await statusOf(plane);
  return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed];
};

test('as many Pods are expected as the scale of their owner says, each time anew', async () => {
  const { plane, owner } = await planeWith(withScale);
  await using _ = plane;
  for (const name of ['db0', 'db1', 'db2']) await readyPod(plane, name, owner);
  await plane.eventually(async () => assert.deepEqual(await numbers(plane), [4, 2, 3, 1]));
  await plane.api.patch('/apis/stable.example.com/v1/namespaces/default/crontabs/db', 'merge', { spec: { size: 6 } });
  await readyPod(plane, 'db3', owner);
  await plane.eventually(async () => assert.deepEqual(await numbers(plane), [6, 3, 4, 1]));
  await plane.api.delete('/apis/stable.example.com/v1/namespaces/default/crontabs/db');
  await plane.pass(5000);
  assert.deepEqual(plane.complaints, []);
});

test('an owner without a scale lets nothing go, and says why', async () => {
  const { plane, owner } = await planeWith(withoutScale);
  await using _ = plane;
  await readyPod(plane, 'db0', owner);
  const reasons = async () => (await statusOf(plane)).conditions.map((one: Json) => [one.reason, one.message]);
  await plane.eventually(async () =>
    assert.deepEqual(await reasons(), [
      ['SyncFailed', 'crontabs.stable.example.com does not implement the scale subresource'],
    ]),
  );
  await plane.eventually(async () => {
    const messages = (await plane.list(Events)).map((one) => one.message);
    assert.ok(
      messages.includes(
        'Failed to calculate the number of expected pods: crontabs.stable.example.com does not implement the scale subresource',
      ),
    );
  });
});

test('an owner of a kind that is not there lets nothing go, and says why', async () => {
  const { plane, owner } = await planeWith(withScale);
  await using _ = plane;
  await readyPod(plane, 'db0', owner, 'Nothing');
  await plane.eventually(async () => {
    const { conditions, disruptionsAllowed } = await statusOf(plane);
    assert.deepEqual(
      [conditions[0].reason, conditions[0].message, disruptionsAllowed],
      ['SyncFailed', 'no matches for kind "Nothing" in version "stable.example.com/v1"', 0],
    );
  });
});
