// CBOR behind its gate, through the chain: what is written and read, and what is refused while it is off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCborMap } from '#api/cbor/decode.ts';
import { encodeCborObject } from '#api/cbor/encode.ts';
import { featureGates } from '#api/feature-gates.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';

const type = 'application/cbor';
const secrets = '/api/v1/namespaces/default/secrets';
const on = { featureGates: featureGates(new Map([['CBORServingAndStorage', true]])) };
const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'a' }, data: { k: 'AAEC' } };

/** A request and its answer in CBOR. */
async function send(
  api: TestApiServer,
  method: string,
  path: string,
  object?: object,
  contentType = type,
  as?: null,
): Promise<{ status: number; contentType: string; object: Json }> {
  const bytes = object === undefined ? undefined : encodeCborObject(object);
  const { status, body } = await api.handle(method, path, { bytes, contentType, headers: { accept: type }, as });
  if (body.type === 'object') return { status, contentType: 'application/json', object: body.object };
  assert.equal(body.type, 'bytes');
  if (body.type !== 'bytes') return { status, contentType: '', object: undefined };
  const content = Buffer.concat(body.parts);
  const isCbor = body.contentType === type;
  return {
    status,
    contentType: body.contentType,
    object: isCbor ? decodeCborMap(content) : JSON.parse(String(content)),
  };
}

test('objects are created, read, listed, updated, applied and deleted in CBOR', async () => {
  const api = await startApiServer(on);
  const created = await send(api, 'POST', secrets, secret);
  assert.deepEqual([created.status, created.contentType, created.object.data], [201, type, { k: 'AAEC' }]);
  const read = await send(api, 'GET', `${secrets}/a`);
  assert.deepEqual(read.object, (await api.get(`${secrets}/a`)) as Json);
  assert.deepEqual((await send(api, 'GET', secrets)).object, await api.get(secrets));
  const updated = await send(api, 'PUT', `${secrets}/a`, { ...read.object, data: { k: '/+8=' } });
  assert.deepEqual([updated.status, updated.object.data], [200, { k: '/+8=' }]);
  const applied = await send(
    api,
    'PATCH',
    `${secrets}/a?fieldManager=m`,
    { kind: 'Secret', apiVersion: 'v1', data: { other: 'AA==' } },
    'application/apply-patch+cbor',
  );
  assert.deepEqual([applied.status, applied.object.data], [200, { k: '/+8=', other: 'AA==' }]);
  assert.equal(
    applied.object.metadata.managedFields.some((one: Json) => one.operation === 'Apply'),
    true,
  );
  const options = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'another' } };
  assert.equal((await send(api, 'DELETE', `${secrets}/a`, options)).status, 409);
  const deleted = await send(api, 'DELETE', `${secrets}/a`, { ...options, preconditions: {} });
  assert.deepEqual([deleted.status, deleted.object.status], [200, 'Success']);
  const missing = await send(api, 'GET', `${secrets}/a`);
  assert.deepEqual([missing.status, missing.contentType, missing.object.reason], [404, type, 'NotFound']);
});

test('who is refused before anybody looks at what is asked is told in JSON', async () => {
  const api = await startApiServer(on);
  const { status, contentType, object } = await send(api, 'GET', secrets, undefined, type, null);
  assert.deepEqual([status, contentType, object.reason], [403, 'application/json', 'Forbidden']);
});

test('a watch is a sequence of items, encoded once for all who watch', async () => {
  const api = await startApiServer(on);
  await api.create(secrets, secret);
  const open = async () => {
    const { body } = await api.handle('GET', `${secrets}?watch=1`, { headers: { accept: type } });
    assert.ok(body.type === 'watch');
    assert.equal(body.contentType, 'application/cbor-seq');
    const items: Uint8Array[] = [];
    const watch = body.open({ onEvent: (event) => items.push(event.bytes()), onEnd() {} });
    return { items, [Symbol.dispose]: () => watch[Symbol.dispose]() };
  };
  using one = await open();
  using two = await open();
  await api.patch(`${secrets}/a`, 'merge', { data: { k: 'AA==' } });
  assert.deepEqual(
    one.items.map((bytes) => decodeCborMap(bytes) as Json).map((event) => [event.type, event.object.data.k]),
    [
      ['ADDED', 'AAEC'],
      ['MODIFIED', 'AA=='],
    ],
  );
  assert.equal(one.items[1], two.items[1]);
});

test('metadata comes in CBOR; tables do not', async () => {
  const api = await startApiServer(on);
  await api.create(secrets, secret);
  const as = (kind: string) => ({ headers: { accept: `${type};as=${kind};g=meta.k8s.io;v=v1` } });
  const { body } = await api.handle('GET', `${secrets}/a`, as('PartialObjectMetadata'));
  assert.ok(body.type === 'bytes');
  assert.equal(decodeCborMap(Buffer.concat(body.parts))?.['kind'], 'PartialObjectMetadata');
  assert.equal((await api.send('GET', secrets, as('Table'))).status, 406);
});

test('with the gate off nobody reads or writes it', async () => {
  const api = await startApiServer();
  await api.create(secrets, secret);
  const refused = await api.send('GET', `${secrets}/a`, { headers: { accept: type } });
  assert.deepEqual([refused.status, refused.json.reason], [406, 'NotAcceptable']);
  assert.equal((await api.handle('GET', `${secrets}/a`, { headers: { accept: `${type}, */*` } })).body.type, 'object');
  const sent = { bytes: encodeCborObject(secret), contentType: type };
  assert.deepEqual((await api.send('POST', secrets, sent)).status, 415);
  const apply = { bytes: encodeCborObject(secret), contentType: 'application/apply-patch+cbor' };
  assert.deepEqual((await api.send('PATCH', `${secrets}/a?fieldManager=m`, apply)).status, 415);
});
