// Custom resources among the controllers: garbage collection, namespace deletion and quotas see kinds that come while they run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Namespaces, ResourceQuotas } from '#api/generated/kind-references.ts';
import type { KindReference } from '#api/kind.ts';
import { cronTabs, definitionsPath, established } from '#kit/custom-resources.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const CronTabs: KindReference = {
  group: 'stable.example.com',
  version: 'v1',
  resource: 'crontabs',
  kind: 'CronTab',
  namespaced: true,
};
const cronTab = (name: string, metadata: object = {}) => ({
  metadata: { name, namespace: 'default', ...metadata },
  spec: { cronSpec: '* * * * *' },
});

async function started(): Promise<TestControlPlane> {
  const plane = await startControlPlane();
  await established(plane.api, cronTabs());
  return plane;
}

const ownedBy = (owner: { metadata: { name: string; uid: string } }, apiVersion: string, kind: string) => ({
  ownerReferences: [{ apiVersion, kind, name: owner.metadata.name, uid: owner.metadata.uid }],
});

test('owners and dependents may be custom resources', async () => {
  await using plane = await started();
  const owner = await plane.create(CronTabs, cronTab('owner'));
  await plane.create(ConfigMaps, {
    metadata: { name: 'made', namespace: 'default', ...ownedBy(owner, 'stable.example.com/v1', 'CronTab') },
  });
  const map = await plane.create(ConfigMaps, { metadata: { name: 'base', namespace: 'default' } });
  await plane.create(CronTabs, cronTab('dependent', ownedBy(map, 'v1', 'ConfigMap')));
  await plane.pass(2_000);
  assert.ok(await plane.find(ConfigMaps, 'default', 'made'));
  assert.ok(await plane.find(CronTabs, 'default', 'dependent'));
  await plane.admin.resource(CronTabs).delete({ namespace: 'default', name: 'owner' });
  await plane.admin.resource(ConfigMaps).delete({ namespace: 'default', name: 'base' });
  await plane.eventually(async () => {
    assert.equal(await plane.find(ConfigMaps, 'default', 'made'), undefined);
    assert.equal(await plane.find(CronTabs, 'default', 'dependent'), undefined);
  });
});

test('what custom resources own goes with their definition', async () => {
  await using plane = await started();
  const owner = await plane.create(CronTabs, cronTab('owner'));
  await plane.create(ConfigMaps, {
    metadata: { name: 'made', namespace: 'default', ...ownedBy(owner, 'stable.example.com/v1', 'CronTab') },
  });
  await plane.pass(1_000);
  await plane.api.delete(`${definitionsPath}/crontabs.stable.example.com`);
  await plane.eventually(async () => assert.equal(await plane.find(ConfigMaps, 'default', 'made'), undefined));
  assert.equal((await plane.api.send('GET', `${definitionsPath}/crontabs.stable.example.com`)).status, 404);
  // And again: the kind comes back as a new one.
  await established(plane.api, cronTabs());
  const second = await plane.create(CronTabs, cronTab('owner'));
  await plane.create(ConfigMaps, {
    metadata: { name: 'kept', namespace: 'default', ...ownedBy(second, 'stable.example.com/v1', 'CronTab') },
  });
  await plane.pass(3_000);
  assert.ok(await plane.find(ConfigMaps, 'default', 'kept'));
  assert.deepEqual(plane.complaints, []);
});

test('a namespace goes when its custom resources are gone', async () => {
  await using plane = await started();
  await plane.create(Namespaces, { metadata: { name: 'work' } });
  await plane.create(CronTabs, cronTab('one', { namespace: 'work' }));
  await plane.create(CronTabs, cronTab('two', { namespace: 'work', finalizers: ['example.com/hold'] }));
  await plane.admin.resource(Namespaces).delete({ name: 'work' });
  await plane.eventually(async () => {
    const namespace = await plane.find(Namespaces, undefined, 'work');
    const remaining = namespace.status.conditions?.find(
      (one: { type: string }) => one.type === 'NamespaceContentRemaining',
    );
    assert.equal(
      remaining?.message,
      'Some resources are remaining: crontabs.stable.example.com has 1 resource instances',
    );
  });
  await plane.admin
    .resource(CronTabs)
    .patch({ namespace: 'work', name: 'two' }, { type: 'merge', value: { metadata: { finalizers: null } } });
  await plane.eventually(async () => assert.equal(await plane.find(Namespaces, undefined, 'work'), undefined));
});

test('a quota counts custom resources and refuses one too many', async () => {
  await using plane = await started();
  const hard = { 'count/crontabs.stable.example.com': '1' };
  await plane.create(ResourceQuotas, { metadata: { name: 'few', namespace: 'default' }, spec: { hard } });
  await plane.create(CronTabs, cronTab('one'));
  await plane.eventually(async () =>
    assert.deepEqual((await plane.find(ResourceQuotas, 'default', 'few')).status.used, hard),
  );
  await assert.rejects(plane.create(CronTabs, cronTab('two')), {
    message:
      'crontabs.stable.example.com "two" is forbidden: exceeded quota: few, requested: count/crontabs.stable.example.com=1, used: count/crontabs.stable.example.com=1, limited: count/crontabs.stable.example.com=1',
  });
});
