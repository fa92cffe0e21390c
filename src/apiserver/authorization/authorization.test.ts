import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import type { TestApiServer } from '#kit/start-api-server.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const alice = { name: 'alice', groups: ['team'] };

const role = (name: string, rules: object[]) => ({
  kind: 'ClusterRole',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: { name },
  rules,
});
const binding = (name: string, roleName: string, subject: object) => ({
  kind: 'ClusterRoleBinding',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects: [subject],
});
const group = (name: string) => ({ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name });

async function grant(api: TestApiServer, name: string, rules: object[], to: object): Promise<void> {
  await api.create(`${rbac}/clusterroles`, role(name, rules));
  await api.create(`${rbac}/clusterrolebindings`, binding(name, name, to));
}

test('a binding holds from its creation to its removal', async () => {
  const api = await startApiServer();
  const status = async () => (await api.send('GET', '/api/v1/pods', { as: alice })).status;
  assert.equal(await status(), 403);
  await grant(api, 'reader', [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }], group('team'));
  assert.equal(await status(), 200);
  await api.delete(`${rbac}/clusterrolebindings/reader`);
  assert.equal(await status(), 403);
});

test('refusals say what upstream says', async () => {
  const api = await startApiServer();
  const message = async (method: string, path: string) => (await api.send(method, path, { as: alice })).json.message;
  assert.equal(
    await message('GET', '/api/v1/namespaces/default/pods/web/log'),
    'pods "web" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "default"',
  );
  assert.equal(
    await message('GET', '/api/v1/nodes'),
    'nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  assert.equal(await message('GET', '/metrics'), 'forbidden: User "alice" cannot get path "/metrics"');
  await api.create(`${rbac}/clusterrolebindings`, binding('lost', 'nothing', group('team')));
  assert.equal(
    await message('GET', '/api/v1/nodes'),
    'nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "nothing" not found',
  );
});

test('who may make roles may not give more than they have', async () => {
  const api = await startApiServer();
  const rules = [
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles', 'clusterrolebindings'], verbs: ['create'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  ];
  await grant(api, 'maker', rules, group('team'));
  const make = (name: string, verbs: string[]) =>
    api.send('POST', `${rbac}/clusterroles`, {
      as: alice,
      body: role(name, [{ apiGroups: [''], resources: ['pods'], verbs }]),
    });
  assert.equal((await make('same', ['get'])).status, 201);
  const more = await make('more', ['get', 'delete']);
  assert.equal(more.status, 403);
  assert.equal(
    more.json.message,
    'clusterroles.rbac.authorization.k8s.io "more" is forbidden: user "alice" (groups=["team" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
  );
  await api.create(`${rbac}/clusterroles`, role('everything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]));
  const bind = await api.send('POST', `${rbac}/clusterrolebindings`, {
    as: alice,
    body: binding('mine', 'everything', group('team')),
  });
  assert.equal(bind.status, 403);
});

test('impersonation needs the right to it and then counts as the other', async () => {
  const api = await startApiServer();
  const whoAmI = (as: typeof alice) =>
    api.send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      as,
      headers: { 'impersonate-user': 'system:serviceaccount:default:builder' },
      body: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {} },
    });
  const refused = await whoAmI(alice);
  assert.equal(
    refused.json.message,
    'selfsubjectreviews.authentication.k8s.io is forbidden: User "alice" cannot impersonate-on:serviceaccount:create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope',
  );
  const allowed = await whoAmI({ name: 'root', groups: ['system:masters'] });
  // The impersonated account itself may not ask who it is: no binding gives it that here.
  assert.equal(
    allowed.json.message,
    'selfsubjectreviews.authentication.k8s.io is forbidden: User "system:serviceaccount:default:builder" cannot create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope',
  );
});

test('a node reads what its pods refer to, and nothing else', async () => {
  const api = await startApiServer();
  const node = { name: 'system:node:one', groups: ['system:nodes'] };
  const core = '/api/v1/namespaces/default';
  for (const name of ['used', 'other'])
    await api.create(`${core}/secrets`, { kind: 'Secret', apiVersion: 'v1', metadata: { name } });
  await api.create(`${core}/pods`, {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: {
      nodeName: 'one',
      containers: [{ name: 'app', image: 'example', envFrom: [{ secretRef: { name: 'used' } }] }],
    },
  });
  assert.equal((await api.send('GET', `${core}/secrets/used`, { as: node })).status, 200);
  const other = await api.send('GET', `${core}/secrets/other`, { as: node });
  assert.equal(
    other.json.message,
    'secrets "other" is forbidden: User "system:node:one" cannot get resource "secrets" in API group "" in the namespace "default": no relationship found between node \'one\' and this object',
  );
  assert.equal((await api.send('GET', `${core}/secrets`, { as: node })).status, 403);
  assert.equal((await api.send('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Done', { as: node })).status, 200);
  assert.equal((await api.send('GET', '/api/v1/pods', { as: node })).status, 403);
  await api.delete(`${core}/pods/web?gracePeriodSeconds=0`);
  assert.equal((await api.send('GET', `${core}/secrets/used`, { as: node })).status, 403);

  const self = (name: string, labels: object) =>
    api.send('POST', '/api/v1/nodes', {
      as: node,
      body: { kind: 'Node', apiVersion: 'v1', metadata: { name, labels } },
    });
  assert.match((await self('two', {})).json.message, /node "one" is not allowed to modify node "two"/);
  assert.match(
    (await self('one', { 'node-restriction.kubernetes.io/trusted': 'yes' })).json.message,
    /is not allowed to set the following labels: node-restriction.kubernetes.io\/trusted/,
  );
  const made = await self('one', { 'kubernetes.io/hostname': 'one' });
  assert.equal(made.status, 201);
  assert.deepEqual(made.json.spec.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
});

test('tokens of a service account hold while it and the pod are there', async () => {
  const api = await startApiServer();
  const core = '/api/v1/namespaces/default';
  const pod = await api.create(`${core}/pods`, {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'app', image: 'example' }] },
  });
  const request = (spec: object) =>
    api.send('POST', `${core}/serviceaccounts/default/token`, {
      body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec },
    });
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: pod.metadata.uid };
  const { json } = await request({ expirationSeconds: 3607, boundObjectRef });
  assert.equal(json.status.expirationTimestamp, '2026-01-02T04:04:12Z');
  const call = () => api.send('GET', `${core}/pods`, { headers: { authorization: `Bearer ${json.status.token}` } });
  assert.match((await call()).json.message, /User "system:serviceaccount:default:default" cannot list/);
  await api.delete(`${core}/pods/web?gracePeriodSeconds=0`);
  assert.equal((await call()).status, 401);
  const short = await request({ expirationSeconds: 60 });
  assert.equal(short.status, 422);
  assert.match(
    short.json.message,
    /spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/,
  );
  const none = await api.send('GET', `${core}/pods`, { as: null });
  assert.match(none.json.message, /User "system:anonymous" cannot list resource "pods"/);
});
