// What OpenAPI tells of aggregated servers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condition, startSample } from '#kit/aggregated-sample.ts';
import { sampleDiscovery, sendJson } from '#kit/aggregated-server.ts';

test('OpenAPI documents have the paths of aggregated servers: v2 merged, v3 by the server itself', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  const group = '/apis/wardle.example.com/v1alpha1';
  const status = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
  const reference = (name: string) => ({ schema: { $ref: `#/definitions/${name}` } });
  behind.answer = (request, response) => {
    const path = request.url ?? '';
    if (path === '/openapi/v2')
      sendJson(response, 200, {
        swagger: '2.0',
        paths: {
          [`${group}/flunders`]: { get: { responses: { 200: reference('Flunder'), 500: reference(status) } } },
          '/apis/apps/v1/deployments': { get: { description: 'not theirs' } },
        },
        definitions: {
          Flunder: { type: 'object', properties: { a: { $ref: `#/definitions/${status}` } } },
          [status]: { type: 'string', description: 'another one' },
          Unused: { type: 'object' },
        },
      });
    else if (path === '/openapi/v3')
      sendJson(response, 200, {
        paths: {
          'apis/wardle.example.com/v1alpha1': { serverRelativeURL: `/openapi/v3${group}?hash=ABC` },
          'apis/apps/v1': { serverRelativeURL: '/openapi/v3/apis/apps/v1?hash=EVIL' },
        },
      });
    else if (path === `/openapi/v3${group}?hash=ABC`) sendJson(response, 200, { openapi: '3.0.0' });
    else sampleDiscovery(request, response);
  };
  const merged = await api.get('/openapi/v2');
  const { responses } = merged.paths[`${group}/flunders`].get;
  assert.deepEqual(responses['200'], reference('Flunder'));
  assert.deepEqual(responses['500'], reference(`${status}_v2`));
  assert.deepEqual(merged.definitions.Flunder.properties.a, { $ref: `#/definitions/${status}_v2` });
  assert.deepEqual(merged.definitions[`${status}_v2`], { type: 'string', description: 'another one' });
  assert.equal(merged.definitions[status].type, 'object');
  assert.equal(merged.definitions.Unused, undefined);
  assert.notEqual(merged.paths['/apis/apps/v1/deployments'].get.description, 'not theirs');
  const index = await api.get('/openapi/v3');
  assert.equal(index.paths['apis/wardle.example.com/v1alpha1'].serverRelativeURL, `/openapi/v3${group}?hash=ABC`);
  assert.doesNotMatch(index.paths['apis/apps/v1'].serverRelativeURL, /EVIL/);
  assert.deepEqual(await api.get(`/openapi/v3${group}?hash=ABC`), { openapi: '3.0.0' });
  const asked = behind.asked.length;
  await api.get('/openapi/v2');
  assert.equal(behind.asked.length, asked, 'what is known is not asked again');
});

test('a server that has only OpenAPI v2 is told of in v3, too', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  const group = '/apis/wardle.example.com/v1alpha1';
  const responses = {
    200: { description: 'OK', schema: { $ref: '#/definitions/Flunder' } },
    401: { description: 'No' },
  };
  const body = { name: 'body', in: 'body', required: true, schema: { $ref: '#/definitions/Flunder' } };
  const post = {
    operationId: 'createFlunder',
    consumes: ['*/*'],
    produces: ['application/json'],
    parameters: [body, { $ref: '#/parameters/pretty-abc' }],
    responses,
    'x-kubernetes-action': 'post',
  };
  const document = {
    swagger: '2.0',
    info: { title: 'Sample', version: '1' },
    paths: { [`${group}/flunders`]: { post } },
    definitions: {
      Flunder: { type: 'object', properties: { a: { $ref: '#/definitions/Inner', description: 'A <part>' } } },
      Inner: { type: 'string' },
      Unused: { type: 'object' },
    },
    parameters: { 'pretty-abc': { uniqueItems: true, type: 'string', name: 'pretty', in: 'query' } },
  };
  behind.answer = (request, response) => {
    if (request.url === '/openapi/v2') sendJson(response, 200, document);
    else if (request.url?.startsWith('/openapi/v3') === true) sendJson(response, 404, {});
    else sampleDiscovery(request, response);
  };
  assert.equal((await api.get('/openapi/v2')).parameters['pretty-abc'].name, 'pretty');
  const { serverRelativeURL } = (await api.get('/openapi/v3')).paths['apis/wardle.example.com/v1alpha1'];
  const answer = await api.send('GET', serverRelativeURL);
  assert.match(answer.headers['cache-control']!, /immutable/);
  const flunder = { schema: { $ref: '#/components/schemas/Flunder' } };
  const inner = { description: 'A <part>', allOf: [{ $ref: '#/components/schemas/Inner' }] };
  const converted = {
    operationId: 'createFlunder',
    parameters: [{ name: 'pretty', in: 'query', schema: { type: 'string', uniqueItems: true } }],
    requestBody: { content: { '*/*': flunder } },
    responses: { 200: { description: 'OK', content: { 'application/json': flunder } }, 401: { description: 'No' } },
    'x-kubernetes-action': 'post',
  };
  assert.deepEqual(answer.json, {
    openapi: '3.0.0',
    info: { title: 'Sample', version: '1' },
    paths: { [`${group}/flunders`]: { post: converted } },
    components: { schemas: { Flunder: { type: 'object', properties: { a: inner } }, Inner: { type: 'string' } } },
  });
  const accept = 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf';
  const protobuf = await api.send('GET', serverRelativeURL, { headers: { accept } });
  assert.match(protobuf.contentType, /v3\.v1\.0\+protobuf$/);
});
