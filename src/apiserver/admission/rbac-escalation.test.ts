// Grants whose comparison with what the grantor holds would take the server's time or memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const roles = `${rbac}/namespaces/default/roles`;
const ann = { name: 'ann', groups: [] };
const many = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, index) => prefix + index);

async function start(rules: readonly object[]) {
  const api = await startApiServer();
  const grants = { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] };
  await api.create(`${rbac}/clusterroles`, { metadata: { name: 'ann' }, rules: [grants, ...rules] });
  await api.create(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'ann' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'ann' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
  });
  const grant = (name: string, rule: object) =>
    api.send('POST', roles, { as: ann, body: { metadata: { name }, rules: [rule] } });
  return { api, grant };
}

test('a rule of endless combinations is refused, unless one rule of the grantor holds all of it', async () => {
  const endless = { verbs: many(2_000, 'v'), apiGroups: many(2_000, 'g'), resources: many(2_000, 'r') };
  const some = await start([{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]);
  const refused = await some.grant('a', endless);
  assert.deepEqual([refused.status, refused.json.reason], [403, 'Forbidden']);
  assert.match(refused.json.message, /8000000000 combinations .* at most 20000/);
  some.api.close();
  const all = await start([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]);
  assert.equal((await all.grant('a', endless)).status, 201);
  all.api.close();
});

test('what a rule says several times is compared once', async () => {
  const { api, grant } = await start([
    { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
    { verbs: ['list'], apiGroups: [''], resources: ['pods'] },
  ]);
  const times = <T>(list: readonly T[]): T[] => Array.from({ length: 1_000 }, () => list).flat();
  const rule = { verbs: times(['get', 'list']), apiGroups: times(['']), resources: times(['pods']) };
  assert.equal((await grant('a', rule)).status, 201);
  const more = await grant('b', { ...rule, verbs: [...rule.verbs, 'watch'] });
  assert.equal(more.status, 403);
  assert.match(more.json.message, /\{APIGroups:\[""\], Resources:\["pods"\], Verbs:\["watch"\]\}$/);
  api.close();
});

test('a binding to a role of no known kind is refused before its rules are looked at; labels of one are no small change', async () => {
  const api = await startApiServer();
  const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
  const roles = path.replace('rolebindings', 'roles');
  const as = { name: 'alice', groups: ['system:authenticated'] };
  const ref = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' };
  await api.create(roles, {
    metadata: { name: 'reader' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  });
  await api.create(roles, {
    metadata: { name: 'binder' },
    rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: ['create', 'patch'] }],
  });
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'alice' }];
  await api.create(path, { metadata: { name: 'alice' }, roleRef: { ...ref, name: 'binder' }, subjects });
  await api.create(path, { metadata: { name: 'bob' }, roleRef: ref });
  const odd = await api.send('POST', path, { as, body: { metadata: {}, roleRef: { ...ref, kind: 'plain' } } });
  assert.equal(odd.status, 500);
  assert.equal(odd.json.message, 'unsupported role reference kind: "plain"');
  const patch = (metadata: object) =>
    api.send('PATCH', `${path}/bob`, {
      as,
      body: { metadata },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  assert.equal((await patch({ labels: { a: 'b' } })).status, 403);
  assert.equal((await patch({ finalizers: ['example.com/hold'] })).status, 200, 'what the garbage collector needs');
});
