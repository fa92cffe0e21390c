// What is kept of a user between requests (who a token is, which roles are bound, which flow schemas are about them) follows
// every change at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
const subjects = [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }];
const reads = [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] }];

async function robot() {
  const api = await startApiServer();
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  await api.create(accounts, { metadata: { name: 'robot' } });
  const { status } = await api.create(`${accounts}/robot/token`, { spec: {} });
  const ask = (namespace = 'default') =>
    api.send('GET', `/api/v1/namespaces/${namespace}/configmaps`, {
      as: null,
      headers: { authorization: `Bearer ${status.token}` },
    });
  const codes = async (...namespaces: string[]) => Promise.all(namespaces.map(async (one) => (await ask(one)).status));
  return { api, accounts, ask, codes };
}

test('rights of one token come and go with its roles and bindings', async () => {
  const { api, codes } = await robot();
  assert.deepEqual(await codes('default', 'other'), [403, 403]);
  await api.create(`${rbac}/clusterroles`, { metadata: { name: 'reader' }, rules: reads });
  assert.deepEqual(await codes('default', 'other'), [403, 403]);
  const namespaced = `${rbac}/namespaces/other/rolebindings`;
  await api.create('/api/v1/namespaces', { metadata: { name: 'other' } });
  await api.create(namespaced, { metadata: { name: 'r' }, subjects, roleRef: roleRef('ClusterRole', 'reader') });
  assert.deepEqual(await codes('default', 'other'), [403, 200]);
  await api.create(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'r' },
    subjects,
    roleRef: roleRef('ClusterRole', 'reader'),
  });
  assert.deepEqual(await codes('default', 'other'), [200, 200]);
  await api.patch(`${rbac}/clusterroles/reader`, 'merge', { rules: [] });
  assert.deepEqual(await codes('default', 'other'), [403, 403]);
  await api.patch(`${rbac}/clusterroles/reader`, 'merge', { rules: reads });
  assert.deepEqual(await codes('default', 'other'), [200, 200]);
  await api.delete(`${rbac}/clusterrolebindings/r`);
  assert.deepEqual(await codes('default', 'other'), [403, 200]);
  await api.delete(`${rbac}/clusterroles/reader`);
  assert.deepEqual(await codes('default', 'other'), [403, 403]);
  await api.create(`${rbac}/clusterroles`, { metadata: { name: 'reader' }, rules: reads });
  assert.deepEqual(await codes('default', 'other'), [403, 200]);
  await api.delete(`${namespaced}/r`);
  assert.deepEqual(await codes('default', 'other'), [403, 403]);
});

test('a token that was taken is refused once its account is another one or none', async () => {
  const { api, accounts, codes } = await robot();
  assert.deepEqual(await codes('default'), [403]);
  await api.patch(`${accounts}/robot`, 'merge', { metadata: { labels: { a: 'b' } } });
  assert.deepEqual(await codes('default'), [403]);
  await api.delete(`${accounts}/robot`);
  assert.deepEqual(await codes('default'), [401]);
  await api.create(accounts, { metadata: { name: 'robot' } });
  assert.deepEqual(await codes('default'), [401]);
});

test('a flow schema that is made takes the next request of a user who was here before', async () => {
  const { api, ask } = await robot();
  const header = 'x-kubernetes-pf-flowschema-uid';
  const before = (await ask()).headers[header];
  const flow = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';
  const made = await api.create(flow, {
    metadata: { name: 'robots' },
    spec: {
      matchingPrecedence: 2,
      priorityLevelConfiguration: { name: 'catch-all' },
      rules: [
        {
          subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: 'robot', namespace: 'default' } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }],
        },
      ],
    },
  });
  assert.notEqual(before, made.metadata.uid);
  assert.equal((await ask()).headers[header], made.metadata.uid);
  await api.delete(`${flow}/robots`);
  assert.equal((await ask()).headers[header], before);
});
