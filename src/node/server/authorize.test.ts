import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { administrator, startApiServer } from '#kit/start-api-server.ts';
import type { ApiRequest } from '#api/request.ts';
import { createNodeAuthorizer, nodeSubresources } from './authorize.ts';

const request = (path: string, more: Partial<ApiRequest>): ApiRequest => ({
  method: 'GET',
  path,
  query: new URLSearchParams(),
  headers: {},
  remoteAddress: '127.0.0.1',
  body: { type: 'none' },
  signal: new AbortController().signal,
  ...more,
});

test('a service account with a token and a role may read statistics and nothing else', async (t) => {
  const api = await startApiServer({ clock: systemClock });
  const client = createInProcessClient({ handler: api.server, identity: administrator, clock: systemClock });
  t.after(async () => {
    await client.close();
    api.close();
  });
  await api.create('/api/v1/namespaces/default/serviceaccounts', {
    kind: 'ServiceAccount',
    apiVersion: 'v1',
    metadata: { name: 'reader' },
  });
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'stats' },
    rules: [{ apiGroups: [''], resources: ['nodes/stats', 'nodes/pods'], verbs: ['get'] }],
  });
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    kind: 'ClusterRoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'stats' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'stats' },
    subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'default' }],
  });
  const answer = await api.create('/api/v1/namespaces/default/serviceaccounts/reader/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: {},
  });
  const headers = { authorization: `Bearer ${answer.status.token}` };
  const authorize = createNodeAuthorizer({
    client,
    clock: systemClock,
    nodeName: 'n1',
    apiServerNames: ['api-server'],
  });
  assert.equal(await authorize(request('/stats/summary', { headers })), undefined);
  assert.equal(await authorize(request('/pods', { headers })), undefined, 'the fine subresource is enough');
  assert.match(
    (await authorize(request('/metrics/cadvisor', { headers })))?.message ?? '',
    /verb=get, resource=nodes, subresource\(s\)=\[metrics\]/,
  );
  assert.deepEqual(await authorize(request('/containerLogs/a/b/c', { headers })), {
    status: 403,
    message:
      'Forbidden (user=system:serviceaccount:default:reader, verb=get, resource=nodes, subresource(s)=[proxy])\n',
  });
  assert.equal((await authorize(request('/stats/summary', {})))?.status, 401);
  const forged = { authorization: `Bearer ${answer.status.token}x` };
  assert.equal((await authorize(request('/stats/summary', { headers: forged })))?.status, 401);
  const certificate = { commonName: 'api-server', organizations: [] };
  assert.equal(await authorize(request('/exec/a/b/c', { certificate })), undefined);
});

test('paths are asked for as upstream does, the fine resource first', () => {
  assert.deepEqual(nodeSubresources('/pods'), ['pods', 'proxy']);
  assert.deepEqual(nodeSubresources('/stats/summary'), ['stats']);
  for (const path of ['/metrics', '/metrics/cadvisor', '/metrics/probes', '/metrics/resource'])
    assert.deepEqual(nodeSubresources(path), ['metrics']);
  assert.deepEqual(nodeSubresources('/logs/x'), ['log']);
  assert.deepEqual(nodeSubresources('/exec/a/b/c'), ['proxy']);
});
