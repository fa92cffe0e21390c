import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

test('discovery lists groups, versions, resources and subresources', async () => {
  const api = await startApiServer();
  const groups = await api.get('/apis');
  const apps = groups.groups.find((one: { name: string }) => one.name === 'apps');
  assert.deepEqual(apps.preferredVersion, { groupVersion: 'apps/v1', version: 'v1' });
  const core = await api.get('/api/v1');
  const pods = core.resources.find((one: { name: string }) => one.name === 'pods');
  assert.deepEqual(pods, {
    name: 'pods',
    singularName: 'pod',
    namespaced: true,
    kind: 'Pod',
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    shortNames: ['po'],
    categories: ['all'],
    storageVersionHash: 'xPOwRZ+Yhw8=',
  });
  for (const [path, isStatus] of [
    ['/apis/apps/v9', true],
    ['/api/v9', true],
    ['/apis/apps/v9/deployments', true],
    ['/apis/nothing', false],
    ['/apis/nothing/v1', false],
    ['/apis/nothing/v1/things', false],
  ] as const) {
    const answer = await api.send('GET', path);
    assert.deepEqual([answer.status, answer.json?.reason], [404, isStatus ? 'NotFound' : undefined], path);
    if (!isStatus) assert.equal(answer.text, '404 page not found\n');
  }
});

test('aggregated discovery names foreign kinds in full and its own by kind alone; v2beta1 is not served', async () => {
  const api = await startApiServer();
  const asked = (version: string) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  const [core] = (await api.get('/api', { headers: { accept: asked('v2') } })).items;
  assert.deepEqual(core.metadata, {});
  const controllers = core.versions[0].resources.find(
    (one: { resource: string }) => one.resource === 'replicationcontrollers',
  );
  assert.deepEqual(controllers.responseKind, { group: '', version: '', kind: 'ReplicationController' });
  assert.deepEqual(
    controllers.subresources.map((one: { responseKind: object }) => one.responseKind),
    [
      { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      { group: '', version: '', kind: 'ReplicationController' },
    ],
  );
  const old = await api.send('GET', '/apis', { headers: { accept: `${asked('v2beta1')},application/json` } });
  assert.equal(old.json.kind, 'APIGroupList');
  assert.equal((await api.send('GET', '/apis', { headers: { accept: asked('v2beta1') } })).status, 406);
});

test('aggregated discovery comes with an ETag that saves the next answer', async () => {
  const api = await startApiServer();
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const answer = await api.send('GET', '/apis', { headers: { accept } });
  assert.equal(answer.json.kind, 'APIGroupDiscoveryList');
  assert.equal(answer.contentType, 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const again = await api.send('GET', '/apis', { headers: { accept, 'if-none-match': answer.headers['etag']! } });
  assert.deepEqual([again.status, again.text], [304, '']);
});

test('OpenAPI documents have the hash that the index names', async () => {
  const api = await startApiServer();
  const index = await api.get('/openapi/v3');
  const { serverRelativeURL } = index.paths['apis/apps/v1'];
  const document = await api.send('GET', serverRelativeURL);
  assert.equal(document.json.openapi, '3.0.0');
  assert.match(document.headers['cache-control']!, /immutable/);
  assert.equal((await api.send('GET', '/openapi/v3/apis/nothing/v1')).status, 404);
});

test('OpenAPI v2 is JSON, and protobuf for those who ask for it', async () => {
  const api = await startApiServer();
  const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
  const asked = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const get = (accept?: string, more: Readonly<Record<string, string>> = {}) =>
    api.send('GET', '/openapi/v2', { headers: { ...(accept === undefined ? {} : { accept }), ...more } });
  const json = await get();
  assert.deepEqual([json.status, json.contentType, json.json.swagger], [200, 'application/json', '2.0']);
  const answer = await get(asked);
  assert.deepEqual([answer.status, answer.contentType], [200, protobuf]);
  assert.equal(answer.text.slice(0, 5), '\n\u{3}2.0', 'the first field is swagger');
  assert.deepEqual([answer.headers['etag'], answer.headers['vary']], [json.headers['etag'], 'Accept-Encoding, Accept']);
  const again = await get(asked, { 'if-none-match': answer.headers['etag']! });
  assert.deepEqual([again.status, again.text], [304, '']);
  for (const [accept, contentType] of [
    ['*/*', 'application/json'],
    [`*/*, ${protobuf}`, protobuf],
    [`application/json, ${asked}`, 'application/json'],
    [`application/json;q=0.5, ${asked}`, protobuf],
    [`text/html, application/*;q=0.1`, 'application/json'],
  ] as const)
    assert.equal((await get(accept)).contentType, contentType, accept);
  assert.equal((await get('application/yaml')).status, 406);
});

test("the version is the product's", async () => {
  const api = await startApiServer();
  assert.equal((await api.get('/version')).gitVersion, 'v1.36.2+microshift');
});
