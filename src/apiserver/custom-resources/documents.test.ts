// What discovery and OpenAPI tell of custom resources, against what upstream 1.36.2 made of the same definitions.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import observed from './observed-documents.json' with { type: 'json' };

const hash = (bytes: string | Uint8Array): string =>
  createHash('sha512').update(bytes).digest('hex').toUpperCase().slice(0, 32);
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

async function withDefinitions() {
  const api = await startApiServer();
  for (const one of observed.definitions) await api.create(definitions, one);
  return api;
}

test("the documents of custom resources are upstream's to the byte", async () => {
  const api = await withDefinitions();
  for (const [place, expected] of Object.entries(observed.v3)) {
    const bytes = async (accept: string): Promise<Uint8Array> => {
      const { body } = await api.handle('GET', `/openapi/v3/${place}`, { headers: { accept } });
      assert.ok(body.type === 'bytes');
      return Buffer.concat(body.parts);
    };
    const protobuf = 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf';
    assert.deepEqual([hash(await bytes('*/*')), hash(await bytes(protobuf))], expected, place);
  }
  const { paths, definitions: types } = await api.get('/openapi/v2');
  const own = (part: object, word: string) => Object.entries(part).filter(([name]) => name.includes(word));
  const text = JSON.stringify([own(paths, '/openapi.example.com/'), own(types, 'com.example.openapi.')]);
  assert.equal(hash(text), observed.v2);
});

test('discovery of custom resources: the hash of the stored version, parts behind their kind, fewer verbs at the end', async () => {
  const api = await withDefinitions();
  const { resources } = await api.get('/apis/openapi.example.com/v1');
  const things = resources.filter((one: { name: string }) => one.name.startsWith('openapithings'));
  assert.deepEqual(
    things.map((one: { name: string; storageVersionHash?: string }) => [one.name, one.storageVersionHash]),
    [
      ['openapithings', 'tOFUxwOKXhs='],
      ['openapithings/status', undefined],
      ['openapithings/scale', undefined],
    ],
  );
  const thing = { apiVersion: 'openapi.example.com/v1', kind: 'OpenapiThing', spec: { size: 1, nul: null } };
  await api.create('/apis/openapi.example.com/v1/namespaces/default/openapithings', {
    ...thing,
    metadata: { name: 'one', finalizers: ['example.com/stays'] },
  });
  await api.delete(`${definitions}/openapithings.openapi.example.com`);
  const list = (await api.get('/apis/openapi.example.com/v1')).resources;
  assert.deepEqual(list.find((one: { name: string }) => one.name === 'openapithings').verbs, [
    'delete',
    'deletecollection',
    'get',
    'list',
    'watch',
  ]);
});

test('the index of OpenAPI is new to who asked within the second in which a definition came, and later the same', async () => {
  const api = await startApiServer();
  const index = (headers: Record<string, string> = {}) => api.handle('GET', '/openapi/v3', { headers });
  const modified = (await index()).headers['last-modified']!;
  for (const one of observed.definitions) await api.create(definitions, one);
  const changed = await index({ 'if-modified-since': modified });
  assert.equal(changed.status, 200);
  api.virtualClock.advance(2_000);
  const later = (await index()).headers['last-modified']!;
  assert.notEqual(later, modified);
  assert.equal((await index({ 'if-modified-since': later })).status, 304);
  assert.equal((await index({ 'if-modified-since': modified })).status, 200);
  api.close();
});
