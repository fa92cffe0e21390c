// What is seen of an object in other forms than its own, and of its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';
const container = { name: 'app', image: 'example' };

test('a Pod without a node is marked before it goes, and its answer says so', async () => {
  const api = await startApiServer();
  await api.create(`${core}/pods`, { metadata: { name: 'web' }, spec: { containers: [container] } });
  for (const query of ['?dryRun=All', '']) {
    const { json } = await api.send('DELETE', `${core}/pods/web${query}`);
    assert.equal(json.metadata.deletionGracePeriodSeconds, 0);
    assert.equal(json.metadata.generation, 2);
    assert.ok(json.metadata.deletionTimestamp);
  }
  assert.equal((await api.send('GET', `${core}/pods/web`)).status, 404);
});

test("the count of a DaemonSet's templates is no part of its metadata alone; an empty part of one counts", async () => {
  const api = await startApiServer();
  const path = '/apis/apps/v1/namespaces/default/daemonsets';
  const labels = { app: 'web' };
  const spec = {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [container] } },
  };
  await api.create(path, { metadata: { name: 'web', annotations: { own: 'x' } }, spec });
  const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
  const partial = await api.send('GET', `${path}/web`, { headers: { accept } });
  assert.deepEqual(partial.json.metadata.annotations, { own: 'x' });
  const patched = await api.send('PATCH', `${path}/web`, {
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { spec: { template: { spec: { affinity: {} } } } },
  });
  assert.equal(patched.json.metadata.annotations['deprecated.daemonset.template.generation'], '2');
});

test('a deletion is answered in the version that was asked', async () => {
  const api = await startApiServer();
  const path = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers';
  const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' };
  await api.create(path, {
    metadata: { name: 'web', finalizers: ['example.com/a'] },
    spec: { scaleTargetRef, maxReplicas: 2 },
  });
  const { json } = await api.send('DELETE', `${path}/web?dryRun=All`);
  assert.equal(json.apiVersion, 'autoscaling/v1');
});
