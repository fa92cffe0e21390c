import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APIServices, CustomResourceDefinitions } from '#api/generated/kind-references.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const label = 'kube-aggregator.kubernetes.io/automanaged';
const definition = (group: string) => ({
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: ['v1', 'v1beta1', 'v0'].map((name) => ({
      name,
      served: name !== 'v0',
      storage: name === 'v1',
      schema: { openAPIV3Schema: { type: 'object' } },
    })),
  },
});
const local = {
  type: 'Available',
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
};

test('what the server answers itself has its APIServices: built-in groups, and custom ones as they come and go', async () => {
  await using cluster = await startControlPlane();
  const { api } = cluster;
  const apps = await cluster.eventually(async () => {
    const found = await cluster.find(APIServices, undefined, 'v1.apps');
    assert.equal(found.status.conditions.length, 1);
    return found;
  });
  assert.deepEqual(apps.metadata.labels, { [label]: 'onstart' });
  assert.deepEqual(apps.spec, { group: 'apps', version: 'v1', groupPriorityMinimum: 17_800, versionPriority: 15 });
  const { lastTransitionTime, ...told } = apps.status.conditions[0];
  assert.deepEqual(told, local);
  assert.ok(typeof lastTransitionTime === 'string');

  await cluster.create(CustomResourceDefinitions, definition('example.com'));
  const custom = await cluster.eventually(async () => {
    const found = await cluster.find(APIServices, undefined, 'v1.example.com');
    assert.equal(found?.status?.conditions?.[0].reason, 'Local');
    return found;
  });
  assert.deepEqual(custom.metadata.labels, { [label]: 'true' });
  assert.deepEqual(custom.spec, {
    group: 'example.com',
    version: 'v1',
    groupPriorityMinimum: 1000,
    versionPriority: 100,
  });
  assert.notEqual(await cluster.find(APIServices, undefined, 'v1beta1.example.com'), undefined);
  assert.equal(await cluster.find(APIServices, undefined, 'v0.example.com'), undefined);

  const path = '/apis/apiregistration.k8s.io/v1/apiservices';
  await api.patch(`${path}/v1.example.com`, 'merge', { spec: { versionPriority: 5 } });
  await cluster.eventually(async () =>
    assert.equal((await cluster.find(APIServices, undefined, 'v1.example.com')).spec.versionPriority, 100),
  );
  await api.delete(`${path}/v1.example.com`);
  await cluster.eventually(async () =>
    assert.notEqual((await cluster.find(APIServices, undefined, 'v1.example.com')).metadata.uid, custom.metadata.uid),
  );
  await api.delete('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com');
  await cluster.eventually(async () => {
    for (const version of ['v1', 'v1beta1'])
      assert.equal(await cluster.find(APIServices, undefined, `${version}.example.com`), undefined);
  });
  assert.notEqual(await cluster.find(APIServices, undefined, 'v1.apps'), undefined);
});

test("an APIService that somebody else made stays theirs, whatever definitions there are of its group's version", async () => {
  await using cluster = await startControlPlane();
  const { api } = cluster;
  const service = { namespace: 'default', name: 'not-there', port: 443 };
  await cluster.create(APIServices, {
    metadata: { name: 'v1.example.org' },
    spec: { group: 'example.org', version: 'v1', groupPriorityMinimum: 10, versionPriority: 10, service },
  });
  await cluster.create(CustomResourceDefinitions, definition('example.org'));
  await cluster.eventually(async () =>
    assert.notEqual(await cluster.find(APIServices, undefined, 'v1beta1.example.org'), undefined),
  );
  const theirs = await cluster.eventually(async () => {
    const found = await cluster.find(APIServices, undefined, 'v1.example.org');
    assert.equal(found.status?.conditions?.[0]?.reason, 'ServiceNotFound');
    return found;
  });
  assert.deepEqual([theirs.spec.service, theirs.metadata.labels], [service, undefined]);
  const answers = await Promise.all(
    ['v1', 'v1beta1'].map((version) => api.send('GET', `/apis/example.org/${version}/widgets`)),
  );
  assert.deepEqual(
    answers.map((one) => one.status),
    [503, 200],
  );
  await api.delete('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.org');
  await cluster.eventually(async () =>
    assert.equal(await cluster.find(APIServices, undefined, 'v1beta1.example.org'), undefined),
  );
  assert.notEqual(await cluster.find(APIServices, undefined, 'v1.example.org'), undefined);
});
