import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';

test('an evicted Pod says so before it ends, and is no new generation by it; preconditions hold', async () => {
  const api = await startApiServer();
  const pod = await api.create(`${core}/pods`, {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: { nodeName: 'one', containers: [{ name: 'app', image: 'example' }] },
  });
  const evict = (more: object) =>
    api.send('POST', `${core}/pods/web/eviction`, {
      body: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'web' }, ...more },
    });
  const conditions = async () =>
    (await api.get(`${core}/pods/web`)).status.conditions?.map((one: { type: string; reason: string }) => [
      one.type,
      one.reason,
    ]);
  assert.equal((await evict({ deleteOptions: { dryRun: ['All'] } })).status, 201);
  assert.equal(await conditions(), undefined, 'a dry run leaves it alone');
  const stale = await evict({ deleteOptions: { preconditions: { resourceVersion: '1' } } });
  assert.equal(stale.status, 409);
  assert.equal(await conditions(), undefined);
  const { resourceVersion } = pod.metadata;
  assert.equal((await evict({ deleteOptions: { preconditions: { resourceVersion } } })).status, 201);
  assert.deepEqual(await conditions(), [['DisruptionTarget', 'EvictionByEvictionAPI']]);
  const { metadata } = await api.get(`${core}/pods/web`);
  assert.ok(metadata.deletionTimestamp);
  assert.equal(metadata.generation, 2, 'the deletion alone is one');
});
