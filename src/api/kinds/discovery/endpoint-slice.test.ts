// EndpointSlices through the whole server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

test('topology that is dropped from endpoints counts as a change of them', async () => {
  const api = await startApiServer();
  const slice = { metadata: { name: 'a' }, addressType: 'IPv4', ports: [], endpoints: [{ addresses: ['10.1.2.3'] }] };
  await api.create(core, slice);
  const put = (endpoint: object) =>
    api.send('PUT', `${core}/a`, { body: { ...slice, endpoints: [{ ...slice.endpoints[0], ...endpoint }] } });
  assert.equal((await put({})).json.metadata.generation, 1);
  const { json } = await put({ deprecatedTopology: { zone: 'x' } });
  assert.equal(json.metadata.generation, 2);
  assert.equal(json.endpoints[0].deprecatedTopology, undefined);
});
