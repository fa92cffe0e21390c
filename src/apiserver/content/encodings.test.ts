import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { featureGates } from '#api/feature-gates.ts';
import { apiVersionOf, kindTable } from '#api/kinds.ts';
import { decodeProtobuf } from '#api/protobuf/decode.ts';
import { hasProtobufForm } from '#api/protobuf/encode.ts';
import { wireFields } from '#api/protobuf/wire-reader.ts';
import type { ResponseBody } from '#api/request.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { endpointOf } from './negotiate.ts';
import { eventFrame, objectParts } from './encode-protobuf.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const secrets = '/api/v1/namespaces/default/secrets';
const definition = {
  kind: 'CustomResourceDefinition',
  apiVersion: 'apiextensions.k8s.io/v1',
  metadata: { name: 'codecs.codec.example.com' },
  spec: {
    group: 'codec.example.com',
    scope: 'Namespaced',
    names: { kind: 'Codec', plural: 'codecs' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
const codecs = '/apis/codec.example.com/v1/namespaces/default/codecs';

const withCbor = { featureGates: featureGates(new Map([['CBORServingAndStorage', true]])) };

async function start(options: Parameters<typeof startApiServer>[0] = {}): Promise<TestApiServer> {
  const api = await startApiServer(options);
  await api.create(secrets, { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'a' }, data: { k: '' } });
  await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  return api;
}

const bytesOf = (body: ResponseBody): Uint8Array => {
  assert.equal(body.type, 'bytes');
  return Buffer.concat(body.type === 'bytes' ? body.parts : []);
};
const contentTypeOf = (body: ResponseBody): string =>
  body.type === 'object' || body.type === 'list' ? 'application/json' : 'contentType' in body ? body.contentType : '';

const paths: Readonly<Record<string, string>> = {
  object: `${secrets}/a`,
  list: `${secrets}?limit=1`,
  watch: `${secrets}?watch=1`,
  'custom list': codecs,
  'custom watch': `${codecs}?watch=1`,
  missing: `${secrets}/b`,
};

test('every kind of Accept has the answer, type and words that upstream gives it, at every kind of endpoint', async () => {
  const negotiated = async (api: TestApiServer, file: string, count: number): Promise<void> => {
    const rows = readFileSync(path.join(import.meta.dirname, file), 'utf8')
      .trim()
      .split('\n');
    assert.equal(rows.length, count);
    for (const row of rows) await answers(api, row);
  };
  const answers = async (api: TestApiServer, row: string): Promise<void> => {
    const [accept, endpoint, status, contentType, message] = JSON.parse(row) as [
      string,
      string,
      number,
      string,
      string,
    ];
    const { status: code, body } = await api.handle('GET', paths[endpoint] ?? endpoint, { headers: { accept } });
    assert.deepEqual([accept, endpoint, code, contentTypeOf(body)], [accept, endpoint, status, contentType]);
    if (message === '' || contentType !== 'application/json') return;
    assert.equal((await api.send('GET', paths[endpoint] ?? endpoint, { headers: { accept } })).json.message, message);
  };
  await negotiated(await start(), 'observed-negotiation.jsonl', 144);
  await negotiated(await start(withCbor), 'observed-negotiation-cbor.jsonl', 132);
});

test('an object, a list, a failure and metadata in protobuf say what they say in JSON', async () => {
  const api = await start();
  for (const [target, kind] of [
    [`${secrets}/a`, 'Secret'],
    [secrets, 'SecretList'],
    [`${secrets}/b`, 'Status'],
    ['/api', 'APIVersions'],
    ['/apis', 'APIGroupList'],
    ['/api/v1', 'APIResourceList'],
  ]) {
    const plain = (await api.send('GET', target!)).json as Record<string, unknown>;
    const { body } = await api.handle('GET', target!, { headers: { accept: protobuf } });
    const bytes = bytesOf(body);
    assert.equal(Buffer.from(bytes.subarray(0, 4)).toString('latin1'), 'k8s\0');
    if (plain['apiVersion'] === undefined) continue;
    const decoded = decodeProtobuf(bytes) as Json;
    assert.equal(decoded['kind'], kind);
    if (kind === 'Secret') {
      assert.deepEqual(Buffer.concat(objectParts(plain)), bytes);
      const again = await api.handle('GET', target!, { headers: { accept: protobuf } });
      assert.deepEqual(bytesOf(again.body), bytes);
    }
    if (kind === 'SecretList') {
      const { metadata, items } = plain as Json;
      assert.equal(decoded['metadata'].resourceVersion, metadata.resourceVersion);
      assert.deepEqual(decoded['items'][0].metadata.uid, items[0].metadata.uid);
      assert.deepEqual(Buffer.concat(objectParts(plain)), bytes);
    }
    if (kind === 'Status') assert.equal(decoded['message'], 'secrets "b" not found');
  }
});

test('metadata of custom resources comes in protobuf, themselves they do not', async () => {
  const api = await start();
  await api.create(codecs, { kind: 'Codec', apiVersion: 'codec.example.com/v1', metadata: { name: 'one' } });
  const accept = `${protobuf};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json`;
  const { body } = await api.handle('GET', codecs, { headers: { accept } });
  const list = decodeProtobuf(bytesOf(body)) as Json;
  assert.deepEqual([list['kind'], list['items'][0].metadata.name], ['PartialObjectMetadataList', 'one']);
  const refused = await api.handle('GET', codecs, { headers: { accept: protobuf } });
  assert.equal(refused.status, 406);
  assert.equal((decodeProtobuf(bytesOf(refused.body)) as Record<string, unknown>)['reason'], 'NotAcceptable');
});

/** As a control plane of 1.36.2 sent it. */
const observedFrame =
  'AAAAvgoFQURERUQStAEKsQFrOHMACgwKAnYxEgZTZWNyZXQSmAEKhgEKAWESABoFY29kZWMiACokYjAyMDY2MGMtYjdjNS00MDUwLWEwOGEtOGMzNWM2OGFlMWM2MgQxMTgxOABCCAi1r43YBhAAigE9CgFtEgVBcHBseRoCdjEiCAi1r43YBhAAMghGaWVsZHNWMToXChV7ImY6ZGF0YSI6eyJmOmsiOnt9fX1CABIFCgFrEgAaBk9wYXF1ZRoAIgA=';

test("a watch's frame is upstream's to the byte", () => {
  const frame = Buffer.from(observedFrame, 'base64');
  const extension = [...wireFields(frame.subarray(4))].find(({ number }) => number === 2)!;
  const [raw] = [...wireFields(extension.bytes)];
  assert.deepEqual(eventFrame('ADDED', decodeProtobuf(raw!.bytes)), frame);
});

test('a watch in protobuf tells the events, once encoded for all who watch, and bookmarks and failures too', async () => {
  const api = await start();
  const open = async (query: string) => {
    const { body } = await api.handle('GET', `${secrets}?watch=1&${query}`, { headers: { accept: protobuf } });
    assert.ok(body.type === 'watch');
    const frames: Uint8Array[] = [];
    const watch = body.open({ onEvent: (event) => frames.push(event.bytes()), onEnd() {} });
    return { body, frames, [Symbol.dispose]: () => watch[Symbol.dispose]() };
  };
  using one = await open('sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true');
  using two = await open(`resourceVersion=${api.store.revision}`);
  await api.patch(`${secrets}/a`, 'merge', { metadata: { labels: { a: 'b' } } });
  const events = one.frames.map((frame) => {
    const bytes = Buffer.from(frame);
    assert.equal(bytes.readUInt32BE(0), bytes.length - 4);
    const [type, object] = [...wireFields(bytes.subarray(4))];
    const [raw] = [...wireFields(object!.bytes)];
    return [Buffer.from(type!.bytes).toString('utf8'), decodeProtobuf(raw!.bytes)] as [string, Json];
  });
  assert.deepEqual(
    events.map(([type]) => type),
    ['ADDED', 'BOOKMARK', 'MODIFIED'],
  );
  assert.equal(events[2]![1]['metadata'].labels.a, 'b');
  assert.equal(one.frames[2], two.frames[0]);
  const failure = one.body.failure({ toStatus: () => ({ kind: 'Status', apiVersion: 'v1' }) } as never).bytes();
  assert.equal(Buffer.from(failure).readUInt32BE(0), failure.length - 4);
});

test('people get lines: by parameter, or with the tools that they use', async () => {
  const api = await start();
  const text = async (query: string, agent: string) =>
    (await api.send('GET', `${secrets}/a${query}`, { headers: { 'user-agent': agent } })).text;
  const pretty = /^\{\n {2}"kind": "Secret",\n/;
  assert.match(await text('', 'curl/8.0'), pretty);
  assert.match(await text('?pretty=true', 'x'), pretty);
  assert.match(await text('?pretty=false', 'curl/8.0'), /^\{"kind"/);
  assert.match(await text('', 'kubectl/v1.36'), /^\{"kind"/);
});

test('every built-in kind has a protobuf form, but those that are said to have none', () => {
  const without = kindTable.rows.filter((row) => {
    const kinds = row.verbs.includes('list') ? [row.kind, kindTable.listTypeName(row)] : [row.kind];
    return kinds.some((kind) => !hasProtobufForm(apiVersionOf(row), kind));
  });
  for (const row of without) assert.equal(endpointOf(row).custom, true, row.kind);
  assert.deepEqual(without.map((row) => row.kind).toSorted(), ['NodeMetrics', 'PodMetrics', 'ProjectRequest']);
});
