// What subresources with a type of their own say to an object of another type, name or uid: upstream's answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';
const container = { name: 'app', image: 'example' };

test('a scale is that of the name and uid, and looks like a scale as a table', async () => {
  const api = await startApiServer();
  await api.create(`${core}/replicationcontrollers`, {
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { app: 'web' },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } },
    },
  });
  const path = `${core}/replicationcontrollers/web/scale`;
  const current = await api.get(path);
  const put = (change: object, to = path) => api.send('PUT', to, { body: { ...current, ...change } });
  const kind = await put({ kind: 'Other' });
  assert.equal(kind.status, 400);
  assert.match(kind.json.message, /^Other in version "v1" cannot be handled as a Scale: no kind "Other" is registered/);
  const uid = await put({ metadata: { ...current.metadata, uid: 'x' } });
  assert.deepEqual([uid.status, uid.json.reason], [409, 'Conflict']);
  assert.equal((await put({}, `${core}/replicationcontrollers/none/scale`)).status, 400, 'the name comes first');
  const table = await api.send('GET', path, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  assert.deepEqual(
    table.json.columnDefinitions.map((one: { name: string }) => one.name),
    ['Name', 'Desired', 'Available', 'Age'],
  );
  assert.deepEqual(table.json.rows[0].cells.slice(0, 3), ['web', 2, 0]);
});

test('an eviction names its Pod, in either version; an object of another kind is none, and no token request', async () => {
  const api = await startApiServer();
  await api.create(`${core}/pods`, { metadata: { name: 'web' }, spec: { nodeName: 'one', containers: [container] } });
  const evict = (body: object) => api.send('POST', `${core}/pods/web/eviction?dryRun=All`, { body });
  const metadata = { name: 'web' };
  assert.equal((await evict({ kind: 'Eviction', apiVersion: 'policy/v1beta1', metadata })).status, 201);
  for (const body of [
    { kind: 'Eviction', apiVersion: 'policy/v1', metadata: {} },
    { kind: 'Pod', apiVersion: 'policy/v1', metadata },
    { kind: 'Pod', apiVersion: 'v1', metadata },
  ])
    assert.equal((await evict(body)).status, 400, JSON.stringify(body));
  await api.create(`${core}/serviceaccounts`, { metadata: { name: 'sa' } });
  const token = await api.send('POST', `${core}/serviceaccounts/sa/token`, { body: { kind: 'Pod', apiVersion: 'v1' } });
  assert.equal(token.status, 400);
  assert.match(token.json.message, /converting \(v1\.Pod\) to \(authentication\.TokenRequest\): unknown conversion/);
});
