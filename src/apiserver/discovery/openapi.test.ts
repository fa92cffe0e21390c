// /openapi as upstream 1.36.2 answered to the same questions: validators, ranges, conditions, redirects, media types, methods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const place = '/openapi/v3/apis/apps/v1';
const modified = 'Fri, 02 Jan 2026 03:04:05 GMT';

test('a document of OpenAPI v3 has validators, and its URL with the hash is for ever', async () => {
  const api = await startApiServer();
  const plain = await api.send('GET', place);
  const etag = plain.headers['etag']!;
  assert.deepEqual(
    [
      plain.headers['vary'],
      plain.headers['last-modified'],
      plain.headers['accept-ranges'],
      plain.headers['cache-control'],
    ],
    ['Accept', modified, 'bytes', undefined],
  );
  const url = (await api.send('GET', '/openapi/v3')).json.paths['apis/apps/v1'].serverRelativeURL;
  assert.equal(url, `${place}?hash=${JSON.parse(etag)}`);
  const pinned = await api.send('GET', url);
  assert.deepEqual(
    [pinned.headers['cache-control'], pinned.headers['expires']],
    ['public, immutable', 'Sat, 02 Jan 2027 03:04:05 GMT'],
  );
  const old = await api.send('GET', `${place}?hash=ABC`);
  assert.deepEqual([old.status, old.headers['location'], old.text], [301, url, '']);
});

test('conditions and ranges of OpenAPI documents', async () => {
  const api = await startApiServer();
  const { headers, text } = await api.send('GET', place);
  const etag = headers['etag']!;
  for (const [method, asked, status] of [
    ['GET', { 'if-none-match': etag }, 304],
    ['GET', { 'if-none-match': `"x", W/${etag}` }, 304],
    ['HEAD', { 'if-none-match': '*' }, 304],
    ['POST', { 'if-none-match': etag }, 412],
    ['GET', { 'if-none-match': '"x"', 'if-modified-since': modified }, 200],
    ['GET', { 'if-modified-since': modified }, 304],
    ['GET', { 'if-modified-since': 'Fri, 02 Jan 2026 03:04:04 GMT' }, 200],
    ['GET', { 'if-match': '"x"' }, 412],
    ['GET', { 'if-match': etag }, 200],
    ['GET', { 'if-unmodified-since': 'Fri, 02 Jan 2026 03:04:04 GMT' }, 412],
    ['GET', { range: 'bytes=0-9' }, 206],
    ['GET', { range: 'bytes=0-9', 'if-range': '"x"' }, 200],
    ['GET', { range: 'bytes=0-1,4-5' }, 200],
    ['GET', { range: 'bytes=99999999-' }, 416],
    ['GET', { range: 'bytes=9-1' }, 416],
    ['GET', { range: 'lines=1-2' }, 416],
  ] as const)
    assert.equal((await api.send(method, place, { headers: asked })).status, status, JSON.stringify([method, asked]));
  const part = await api.send('GET', place, { headers: { range: 'bytes=-10' } });
  assert.deepEqual(
    [part.text, part.headers['content-range']],
    [text.slice(-10), `bytes ${text.length - 10}-${text.length - 1}/${text.length}`],
  );
  const beyond = await api.send('GET', place, { headers: { range: `bytes=${text.length}-` } });
  assert.deepEqual(
    [beyond.text, beyond.headers['content-range'], beyond.headers['etag']],
    ['invalid range: failed to overlap\n', `bytes */${text.length}`, undefined],
  );
});

test('OpenAPI v3 in protobuf, its index, and what is not there', async () => {
  const api = await startApiServer();
  const ask = (path: string, accept: string) => api.send('GET', path, { headers: { accept } });
  const protobuf = 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf';
  const answer = await ask(place, 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf');
  assert.deepEqual([answer.contentType, answer.text.slice(0, 7)], [protobuf, '\n\u{5}3.0.0']);
  assert.equal(answer.headers['etag'], (await ask(place, '*/*')).headers['etag']);
  assert.equal((await ask(place, 'application/yaml')).status, 406);
  const index = await ask('/openapi/v3', 'application/yaml');
  assert.deepEqual(
    [index.status, index.contentType, index.headers['etag'], index.headers['last-modified']],
    [200, 'text/plain; charset=utf-8', undefined, modified],
  );
  for (const path of ['/openapi/v3/', '/openapi/v3/apis/nothing/v1', `${place}/`, '/openapi/v3/api/']) {
    const missing = await ask(path, '*/*');
    assert.deepEqual([missing.status, missing.text], [404, ''], path);
  }
  assert.equal((await ask('/openapi/v2/', '*/*')).text, '404 page not found\n');
  assert.equal((await api.send('POST', '/openapi/v2')).status, 200);
});

test('kinds that are not served change the document of their group version, and no other', async () => {
  const paths = async (overrides: Parameters<typeof startApiServer>[0]) =>
    (await (await startApiServer(overrides)).get('/openapi/v3')).paths;
  const all = await paths({});
  const api = await startApiServer();
  await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  });
  const more = (await api.get('/openapi/v3')).paths;
  const { 'apis/example.com/v1': added, ...rest } = more;
  assert.deepEqual(rest, all);
  assert.equal((await api.send('GET', added.serverRelativeURL)).status, 200);
});
