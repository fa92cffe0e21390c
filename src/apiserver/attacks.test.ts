// Requests that ask for more than their sender may have, or for what no request should be able to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '#api/request.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import type { TestApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
const eve: Identity = { name: 'eve', groups: ['system:authenticated'] };
const node: Identity = { name: 'system:node:one', groups: ['system:nodes'] };

const grant = async (api: TestApiServer, rules: readonly object[]) => {
  await api.create(`${rbac}/roles`, {
    kind: 'Role',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'eve' },
    rules,
  });
  await api.create(`${rbac}/rolebindings`, {
    kind: 'RoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'eve' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'eve' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' }],
  });
};
const map = (name: string, data: object = {}) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data });
const secret = (name: string) => ({ kind: 'Secret', apiVersion: 'v1', metadata: { name }, stringData: { a: 'b' } });
const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'app', image: 'example' }], ...spec },
});

test('a name hidden in the value of another field selector gives no right to the list', async () => {
  const api = await startApiServer();
  await api.create(`${core}/secrets`, secret('mine'));
  await api.create(`${core}/secrets`, secret('other'));
  await grant(api, [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs: ['list', 'deletecollection'] },
  ]);
  const selected = (selector: string) => `${core}/secrets?fieldSelector=${encodeURIComponent(selector)}`;
  const honest = await api.send('GET', selected('metadata.name=mine'), { as: eve });
  assert.deepEqual(
    honest.json.items.map((one: { metadata: { name: string } }) => one.metadata.name),
    ['mine'],
  );
  const hidden = 'metadata.namespace!=x\\,metadata.name=mine';
  assert.equal((await api.send('GET', selected(hidden), { as: eve })).status, 403);
  assert.equal((await api.send('DELETE', selected(hidden), { as: eve })).status, 403);
  await api.create(`${core}/pods`, pod('elsewhere', { nodeName: 'two' }));
  const pods = `/api/v1/pods?fieldSelector=${encodeURIComponent('metadata.namespace!=x\\,spec.nodeName=one')}`;
  assert.equal((await api.send('GET', pods, { as: node })).status, 403);
  api.close();
});

test('a write that would make the object takes the right to create it', async () => {
  const api = await startApiServer();
  await grant(api, [
    { apiGroups: ['', 'coordination.k8s.io'], resources: ['configmaps', 'leases'], verbs: ['get', 'update', 'patch'] },
  ]);
  const lease = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name: 'new' } };
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  const updated = await api.send('PUT', `${leases}/new`, { as: eve, body: lease });
  assert.equal(updated.status, 403);
  assert.match(updated.json.message, /User "eve" cannot create resource "leases"/);
  const apply = { as: eve, contentType: 'application/apply-patch+yaml' };
  const path = `${core}/configmaps/new?fieldManager=eve`;
  const applied = await api.send('PATCH', path, { ...apply, bytes: JSON.stringify(map('new')) });
  assert.equal(applied.status, 403);
  await api.create(`${core}/configmaps`, map('new'));
  assert.equal((await api.send('PATCH', path, { ...apply, bytes: JSON.stringify(map('new')) })).status, 200);
  api.close();
});

test('a path is decoded once', async () => {
  const api = await startApiServer();
  const answer = await api.send('GET', `${core}/configmaps/a%253Ab`);
  assert.match(answer.json.message, /"a%3Ab" not found/);
  api.close();
});

test('names that every JavaScript object has are nothing special', async () => {
  const api = await startApiServer();
  const data = JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}') as object;
  const made = await api.create(`${core}/configmaps`, map('odd', data));
  assert.equal(JSON.stringify(made.data), JSON.stringify(data));
  // The removal of such a key is a change.
  const changed = await api.update(`${core}/configmaps/odd`, map('odd', { constructor: '2' }));
  assert.equal(JSON.stringify(changed.data), '{"constructor":"2"}');
  assert.equal(JSON.stringify((await api.update(`${core}/configmaps/odd`, map('odd'))).data ?? {}), '{}');
  const patched = await api.send('PATCH', `${core}/configmaps/odd`, {
    contentType: 'application/merge-patch+json',
    bytes: '{"data":{"__proto__":"x","constructor":"y"},"__proto__":{"polluted":"yes"}}',
  });
  assert.equal(JSON.stringify(patched.json.data), '{"__proto__":"x","constructor":"y"}');
  assert.equal(({} as { polluted?: string }).polluted, undefined);
  const strategic = await api.send('PATCH', `${core}/configmaps/odd`, {
    contentType: 'application/strategic-merge-patch+json',
    bytes: '{"data":{"__proto__":null,"toString":"z"}}',
  });
  assert.equal(JSON.stringify(strategic.json.data), '{"constructor":"y","toString":"z"}');
  for (const selector of ['constructor', 'toString in (a)', '!absent,constructor'])
    assert.deepEqual((await api.get(`${core}/configmaps?labelSelector=${encodeURIComponent(selector)}`)).items, []);
  for (const name of ['constructor', '__proto__', 'toString']) {
    assert.equal((await api.send('GET', `${core}/configmaps/odd/${name}`)).status, 404, name);
    assert.equal((await api.send('GET', `/openapi/v3/${name}`)).status, 404, name);
    assert.equal((await api.send('GET', `${core}/${name}`)).status, 404, name);
    assert.equal((await api.send('GET', `/apis/${name}/v1/pods`)).status, 404, name);
    assert.equal((await api.send('GET', `/apis/${name}`)).status, 404, name);
    const patch = { contentType: name, bytes: '{}' };
    assert.equal((await api.send('PATCH', `${core}/configmaps/odd`, patch)).status, 415, name);
  }
  api.close();
});

test('impersonation cannot reach the prototype of what it sets', async () => {
  const api = await startApiServer();
  const who = await api.send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    body: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' },
    headers: { 'impersonate-user': 'ann', 'impersonate-group': 'system:masters', 'impersonate-extra-__proto__': 'x' },
  });
  assert.equal(JSON.stringify(who.json.status.userInfo.extra), '{"__proto__":["x"]}');
  api.close();
});
