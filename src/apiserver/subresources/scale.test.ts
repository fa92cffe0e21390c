// Scales of built-in kinds: what they show, who owns replicas through them, and what is refused, as upstream answered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';

const sets = '/apis/apps/v1/namespaces/default/replicasets';
const path = `${sets}/r`;
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'a' }] } };
const started = async (): Promise<TestApiServer> => {
  const api = await startApiServer();
  await api.create(`${sets}?fieldManager=maker`, {
    metadata: { name: 'r' },
    spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template },
  });
  return api;
};
const scale = (spec: Json) => ({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'r' }, spec });

/** Who owns the replicas: manager, operation, version, subresource. */
async function owners(api: TestApiServer): Promise<string[]> {
  const { metadata } = await api.get(path);
  return metadata.managedFields
    .filter((one: Json) => one.fieldsV1['f:spec']?.['f:replicas'] !== undefined)
    .map((one: Json) => `${one.manager} ${one.operation} ${one.apiVersion} ${one.subresource ?? '-'}`);
}

test('who scales owns the replicas, and an apply to the scale is in conflict with others', async () => {
  const api = await started();
  assert.deepEqual(await owners(api), ['maker Update apps/v1 -']);
  await api.patch(`${path}/scale?fieldManager=two`, 'merge', { spec: { replicas: 3 } });
  assert.deepEqual(await owners(api), ['two Update apps/v1 scale']);

  const refused = await api.send('PATCH', `${path}/scale?fieldManager=app`, {
    contentType: 'application/apply-patch+yaml',
    body: scale({ replicas: 5 }),
  });
  assert.deepEqual(
    [refused.status, refused.json.reason, refused.json.message],
    [
      409,
      'Conflict',
      'Apply failed with 1 conflict: conflict with "two" with subresource "scale" using autoscaling/v1: .spec.replicas',
    ],
  );
  const applied = await api.patch(`${path}/scale?fieldManager=app&force=true`, 'apply', scale({ replicas: 5 }));
  assert.deepEqual([applied.kind, applied.spec.replicas], ['Scale', 5]);
  assert.deepEqual(await owners(api), ['app Apply apps/v1 scale']);
  assert.equal((await api.get(path)).spec.replicas, 5);

  await api.patch(`${path}/scale?fieldManager=app2`, 'apply', scale({ replicas: 5 }));
  assert.deepEqual(await owners(api), ['app Apply apps/v1 scale', 'app2 Apply apps/v1 scale']);
  // What an applier no longer names stays with the others.
  await api.patch(`${path}/scale?fieldManager=app`, 'apply', scale(undefined));
  assert.deepEqual(await owners(api), ['app2 Apply apps/v1 scale']);
  assert.equal((await api.get(path)).spec.replicas, 5);
});

test('a scale of another object, kind or name is refused', async () => {
  const api = await started();
  const put = async (body: Json, at = path) => {
    const { status, json } = await api.send('PUT', `${at}/scale`, { body });
    return [status, json.reason];
  };
  const named = (metadata: Json) => ({ ...scale({ replicas: 1 }), metadata: { name: 'r', ...metadata } });
  assert.deepEqual(await put(named({ uid: 'x' })), [409, 'Conflict']);
  assert.deepEqual(await put(named({ resourceVersion: '1' })), [409, 'Conflict']);
  assert.deepEqual(await put({ ...named({}), kind: 'Other' }), [400, 'BadRequest']);
  assert.deepEqual(await put(named({}), `${sets}/missing`), [400, 'BadRequest']);
  assert.deepEqual(await put(named({ name: 'missing' }), `${sets}/missing`), [404, 'NotFound']);
  assert.equal((await api.get(path)).spec.replicas, 2);
});

test('a scale is a table of its own', async () => {
  const api = await started();
  const { json } = await api.send('GET', `${path}/scale`, {
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
  });
  assert.deepEqual(
    json.columnDefinitions.map((one: Json) => one.name),
    ['Name', 'Desired', 'Available', 'Age'],
  );
  assert.deepEqual(json.rows[0].cells, ['r', 2, 0, '0s']);
});
