import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInProcessClient } from '#client/in-process.ts';
import { administrator, startApiServer } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import { VirtualClock } from '#base/clock.ts';
import { publishApiEndpoints } from './api-endpoints.ts';
import { bootstrapNamespaces, bootstrapObjects } from './objects.ts';
import { bootstrapPolicy } from './policy.ts';

async function bootstrapped() {
  const clock = new VirtualClock(Date.parse('2026-01-02T03:04:05Z'));
  const api = await startApiServer({ clock, store: createMemoryStore({ clock }) });
  const client = createInProcessClient({ handler: api.server, identity: administrator, clock });
  const all = async () => {
    await bootstrapNamespaces(client);
    await bootstrapPolicy(client);
    await bootstrapObjects(client, { clientAuthorities: 'PEM' });
    await publishApiEndpoints(client, { addresses: ['192.0.2.7'], port: 6443, serviceCidr: '10.43.0.0/16' });
  };
  await all();
  return { api, client, all };
}

const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';

test('a second start changes nothing; what somebody removed comes back, what somebody added stays', async () => {
  const { api, all } = await bootstrapped();
  const { revision } = api.store;
  await all();
  assert.equal(api.store.revision, revision);

  const view = await api.get(`${roles}/system:discovery`);
  const own = { verbs: ['get'], nonResourceURLs: ['/mine'] };
  await api.update(`${roles}/system:discovery`, { ...view, rules: [own] });
  await all();
  const after = await api.get(`${roles}/system:discovery`);
  assert.deepEqual(after.rules, [own, ...view.rules]);
});

test('admin, edit and view have the rules that they aggregate', async () => {
  const { api } = await bootstrapped();
  const alice = { name: 'alice', groups: [] };
  await api.create('/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
    kind: 'RoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'alice' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' }],
  });
  assert.equal((await api.send('GET', '/api/v1/namespaces/default/configmaps', { as: alice })).status, 200);
  const refused = await api.send('GET', '/api/v1/namespaces/default/secrets', { as: alice });
  assert.equal(
    refused.json.message,
    'secrets is forbidden: User "alice" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
  assert.deepEqual(refused.json.details, { kind: 'secrets' });
  assert.equal((await api.send('GET', '/api', { as: alice })).status, 200);
});

test('the API server has the first address of the range', async () => {
  const { api } = await bootstrapped();
  const service = await api.get('/api/v1/namespaces/default/services/kubernetes');
  assert.equal(service.spec.clusterIP, '10.43.0.1');
  const slice = await api.get('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes');
  assert.deepEqual(slice.endpoints[0].addresses, ['192.0.2.7']);
});
