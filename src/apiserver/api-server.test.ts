import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, data: Record<string, string> = {}) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name },
  data,
});

test('a ConfigMap is created, read, listed, watched, updated and deleted', async () => {
  const api = await startApiServer();
  const watched = await api.watch(`${configMaps}?watch=true&resourceVersion=${api.store.revision}`);
  const created = await api.create(configMaps, configMap('one', { a: '1' }));
  assert.equal(created.metadata.namespace, 'default');
  assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.equal(created.metadata.creationTimestamp, '2026-01-02T03:04:05Z');
  assert.deepEqual(await api.get(`${configMaps}/one`), created);

  const list = await api.get(configMaps);
  assert.equal(list.kind, 'ConfigMapList');
  assert.equal(list.items.length, 1);
  assert.equal(list.items[0].kind, undefined);

  const updated = await api.update(`${configMaps}/one`, { ...created, data: { a: '2' } });
  assert.notEqual(updated.metadata.resourceVersion, created.metadata.resourceVersion);
  const conflict = await api.send('PUT', `${configMaps}/one`, { body: { ...created, data: { a: '3' } } });
  assert.equal(conflict.status, 409);
  assert.equal(
    conflict.json.message,
    'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
  );
  const patched = await api.patch(`${configMaps}/one`, 'merge', { data: { b: '1', a: null } });
  assert.deepEqual(patched.data, { b: '1' });
  const deleted = await api.delete(`${configMaps}/one`);
  assert.deepEqual(deleted.details, { name: 'one', kind: 'configmaps', uid: created.metadata.uid });
  assert.equal((await api.send('GET', `${configMaps}/one`)).json.message, 'configmaps "one" not found');
  assert.deepEqual(
    watched.events.map((event) => event.type),
    ['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED'],
  );
});

test('a Pod gets its defaults', async () => {
  const api = await startApiServer();
  const pod = await api.create('/api/v1/namespaces/default/pods', {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { generateName: 'web-' },
    spec: { containers: [{ name: 'app', image: 'example' }] },
  });
  assert.match(pod.metadata.name, /^web-[a-z0-9]{5}$/);
  assert.equal(pod.spec.restartPolicy, 'Always');
  assert.equal(pod.spec.containers[0].imagePullPolicy, 'Always');
});
