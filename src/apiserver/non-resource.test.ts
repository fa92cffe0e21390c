// `/`, /version and the methods of paths that are no resources, as upstream 1.36.2 answered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

test('the index names what there is, in alphabetical order', async () => {
  const api = await startApiServer();
  const answer = await api.send('GET', '/');
  assert.match(answer.text, /^\{\n {2}"paths": \[\n {4}"\//);
  const paths = answer.json.paths as string[];
  assert.deepEqual(paths, paths.toSorted());
  for (const path of ['/api/v1', '/apis/', '/apis/apps', '/apis/apps/v1', '/healthz/ping', '/openapi/v3/', '/version'])
    assert.ok(paths.includes(path), path);
  const isThere = async (path: string) => (await api.send('GET', path)).status !== 404;
  for (const path of paths.filter((one) => one !== '/openapi/v3/')) assert.ok(await isThere(path), path);
});

test('discovery, the index and OpenAPI take any method; the version, health and resources do not', async () => {
  const api = await startApiServer();
  for (const [method, path, status] of [
    ['POST', '/', 200],
    ['DELETE', '/apis', 200],
    ['PUT', '/apis/apps', 200],
    ['POST', '/apis/apps/v1', 405],
    ['DELETE', '/api', 405],
    ['HEAD', '/version', 405],
    ['POST', '/version', 405],
    ['GET', '/version/', 200],
    ['GET', '/metrics/', 404],
  ] as const)
    assert.equal((await api.send(method, path)).status, status, `${method} ${path}`);
});
