import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import { negotiateOutput } from './negotiate.ts';

const pods = '/api/v1/namespaces/default/pods';
const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'app', image: 'example' }] },
};
const asTable =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

test('kubectl get sees a table, also while it watches', async () => {
  const api = await startApiServer();
  const watched = await api.watch(`${pods}?watch=1&resourceVersion=${api.store.revision}`, {
    headers: { accept: asTable },
  });
  await api.create(pods, pod);
  await api.patch(`${pods}/web`, 'merge', { metadata: { labels: { a: 'b' } } });
  const { json, contentType } = await api.send('GET', pods, { headers: { accept: asTable } });
  assert.equal(contentType, 'application/json');
  assert.equal(json.kind, 'Table');
  assert.deepEqual(
    json.columnDefinitions.slice(0, 5).map((one: { name: string }) => one.name),
    ['Name', 'Ready', 'Status', 'Restarts', 'Age'],
  );
  assert.deepEqual(json.rows[0].cells.slice(0, 3), ['web', '0/1', 'Pending']);
  assert.equal(json.rows[0].object.kind, 'PartialObjectMetadata');
  assert.equal(json.rows[0].object.spec, undefined);
  const [first, second] = watched.events;
  assert.equal(first!.object.columnDefinitions.length, 9);
  assert.equal(second!.object.columnDefinitions, null);
});

test('metadata alone, and YAML', async () => {
  const api = await startApiServer();
  await api.create(pods, pod);
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  const list = (await api.send('GET', pods, { headers: { accept } })).json;
  assert.equal(list.kind, 'PartialObjectMetadataList');
  assert.deepEqual(Object.keys(list.items[0]), ['kind', 'apiVersion', 'metadata']);
  const yaml = await api.send('GET', `${pods}/web`, { headers: { accept: 'application/yaml' } });
  assert.match(yaml.text, /^apiVersion: v1\nkind: Pod\n/);
  const made = await api.send('POST', '/api/v1/namespaces/default/configmaps', {
    contentType: 'application/yaml',
    bytes: 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: one}\ndata:\n  a: "1"\n',
  });
  assert.deepEqual([made.status, made.json.data], [201, { a: '1' }]);
});

test('quality decides between what is accepted', () => {
  const form = negotiateOutput({
    headers: { accept: 'application/json;q=0.5, application/yaml' },
    query: new URLSearchParams(),
  } as never);
  assert.equal(form.encoding, 'yaml');
});
