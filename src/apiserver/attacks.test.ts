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

const ownNode = async (api: TestApiServer) => {
  const made = await api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'one' } });
  return { apiVersion: 'v1', kind: 'Node', name: 'one', uid: made.metadata.uid as string, controller: true };
};

test('a node makes no mirror pod that opens secrets to it', async () => {
  const api = await startApiServer();
  const owner = await ownNode(api);
  await api.create(`${core}/secrets`, secret('other'));
  const make = (name: string, spec: object, ownerReferences: object[] = [owner]) =>
    api.send('POST', `${core}/pods`, {
      as: node,
      body: pod(
        name,
        { nodeName: 'one', ...spec },
        { ownerReferences, annotations: { 'kubernetes.io/config.mirror': 'x' } },
      ),
    });
  const secretRef = { name: 'other' };
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { ...secretRef, key: 'a' } } }];
  const refused: [object, RegExp][] = [
    [{ containers: [{ name: 'app', image: 'example', env }] }, /can not create pods that reference secrets/],
    [
      { containers: [{ name: 'app', image: 'example', envFrom: [{ configMapRef: secretRef }] }] },
      /reference configmaps/,
    ],
    [{ imagePullSecrets: [secretRef] }, /reference secrets/],
    [{ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'other' } }] }, /reference persistentvolumeclaims/],
    [{ volumes: [{ name: 'v', projected: { sources: [{ secret: secretRef }] } }] }, /reference secrets/],
    [{ volumes: [{ name: 'v', csi: { driver: 'd', nodePublishSecretRef: secretRef } }] }, /reference secrets/],
  ];
  for (const [spec, text] of refused) {
    const answer = await make('mirror', spec);
    assert.deepEqual([answer.status, text.test(answer.json.message)], [403, true], answer.json.message);
  }
  assert.match((await make('mirror', {}, [])).json.message, /with an owner reference set to itself/);
  assert.match((await make('mirror', {}, [{ ...owner, uid: 'x' }])).json.message, /UID mismatch/);
  assert.equal((await make('mirror', { volumes: [{ name: 'v', hostPath: { path: '/x' } }] })).status, 201);
  assert.equal((await api.send('GET', `${core}/secrets/other`, { as: node })).status, 403);
  api.close();
});

test('a node gets tokens only for its pods, for audiences that they name', async () => {
  const api = await startApiServer();
  const made = await api.create(`${core}/pods`, pod('here', { nodeName: 'one' }));
  const audience = { serviceAccountToken: { path: 'vault', audience: 'vault' } };
  const vault = await api.create(
    `${core}/pods`,
    pod('vault', { nodeName: 'one', volumes: [{ name: 'v', projected: { sources: [audience] } }] }),
  );
  const away = await api.create(`${core}/pods`, pod('away', { nodeName: 'two' }));
  const ask = async (spec: object): Promise<[number, string]> => {
    const body = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec };
    const answer = await api.send('POST', `${core}/serviceaccounts/default/token`, { as: node, body });
    return [answer.status, answer.json.message ?? ''];
  };
  const bound = (of: { metadata: { name: string; uid: string } }, more: object = {}) => ({
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: of.metadata.name, uid: of.metadata.uid },
    ...more,
  });
  for (const [spec, text] of [
    [{}, /not bound to a pod/],
    [{ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'here' } }, /without a uid/],
    [bound(away), /scheduled on a different node/],
    [bound(made, { audiences: ['vault'] }), /audience "vault" not found in pod spec volume/],
    [bound(made, { audiences: ['a', 'b'] }), /0 or 1 audiences/],
  ] as const) {
    const [status, message] = await ask(spec);
    assert.deepEqual([status, text.test(message)], [403, true], message);
  }
  assert.equal((await ask(bound(made)))[0], 201);
  assert.equal((await ask(bound(vault, { audiences: ['vault'] })))[0], 201);
  api.close();
});

test("a node makes no other node's lease", async () => {
  const api = await startApiServer();
  const make = (name: string) =>
    api.send('POST', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', {
      as: node,
      body: { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name } },
    });
  assert.equal((await make('two')).status, 403);
  assert.equal((await make('one')).status, 201);
  const csi = (name: string) =>
    api.send('POST', '/apis/storage.k8s.io/v1/csinodes', {
      as: node,
      body: { kind: 'CSINode', apiVersion: 'storage.k8s.io/v1', metadata: { name }, spec: { drivers: [] } },
    });
  assert.equal((await csi('two')).status, 403);
  assert.equal((await csi('one')).status, 201);
  api.close();
});

test('who holds a right to a nameless object may not grant the right to all', async () => {
  const api = await startApiServer();
  await grant(api, [
    { apiGroups: [''], resources: ['secrets'], resourceNames: [''], verbs: ['get'] },
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] },
  ]);
  const role = (rules: object[]) => ({
    kind: 'Role',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'more' },
    rules,
  });
  const all = await api.send('POST', `${rbac}/roles`, {
    as: eve,
    body: role([{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]),
  });
  assert.equal(all.status, 403);
  api.close();
});

test('paths that nobody serves leave no counters', async () => {
  const api = await startApiServer();
  for (let index = 0; index < 50; index++) await api.send('GET', `/apis/g${index}/v1/things${index}/x`, { as: null });
  await api.send('GET', `${core}/pods/x/nothing`);
  const { text } = await api.send('GET', '/metrics');
  assert.ok(!text.includes('things') && !text.includes('nothing'), text.slice(0, 500));
  assert.match(text, /^authorization_attempts_total\{result="no-opinion"\} 50$/m);
  api.close();
});

test('a subresource changes its own part and nothing else', async () => {
  const api = await startApiServer();
  const made = await api.create(`${core}/pods`, pod('web', { nodeName: 'one' }, { labels: { app: 'a' } }));
  const change = { status: { phase: 'Failed', podIP: '10.0.0.1' }, spec: { activeDeadlineSeconds: 5 } };
  for (const part of ['ephemeralcontainers', 'resize']) {
    const answer = await api.send('PATCH', `${core}/pods/web/${part}`, {
      contentType: 'application/merge-patch+json',
      body: { ...change, metadata: { labels: { app: 'b' }, finalizers: ['x/y'] } },
    });
    if (part === 'resize') assert.equal(answer.status, 200);
    const now = await api.get(`${core}/pods/web`);
    assert.deepEqual(
      [now.status.phase, now.status.podIP, now.spec.activeDeadlineSeconds, now.metadata.finalizers],
      [made.status.phase, undefined, undefined, undefined],
      part,
    );
  }
  await api.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'far' } });
  await api.send('PUT', '/api/v1/namespaces/far/finalize', {
    body: {
      kind: 'Namespace',
      apiVersion: 'v1',
      metadata: { name: 'far' },
      spec: { finalizers: [] },
      status: { phase: 'Terminating' },
    },
  });
  const far = await api.get('/api/v1/namespaces/far');
  assert.deepEqual([far.spec.finalizers ?? [], far.status.phase], [[], 'Active']);
  const signing = {
    kind: 'CertificateSigningRequest',
    apiVersion: 'certificates.k8s.io/v1',
    metadata: { name: 'one' },
  };
  const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const request = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n').toString(
    'base64',
  );
  const body = { ...signing, spec: { request, signerName: 'example.com/a', usages: ['client auth'] } };
  const asked = await api.send('POST', requests, { body });
  if (asked.status === 201) {
    const condition = { type: 'Approved', status: 'True', reason: 'r', message: 'm' };
    await api.send('PATCH', `${requests}/one/approval`, {
      contentType: 'application/merge-patch+json',
      body: { spec: { signerName: 'example.com/b' }, status: { certificate: 'YQ==', conditions: [condition] } },
    });
    const now = await api.get(`${requests}/one`);
    assert.deepEqual([now.spec.signerName, now.status.certificate], ['example.com/a', undefined]);
  }
  api.close();
});

test('an object does not grow without end by patches that copy', async () => {
  const api = await startApiServer();
  const path = '/apis/apps/v1/namespaces/default/deployments';
  const env = [{ name: 'E', value: 'x'.repeat(1_000_000) }];
  const spec = { containers: [{ name: 'c', image: 'i', env }] };
  const labels = { a: 'b' };
  await api.create(path, {
    metadata: { name: 'x' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  const [from, to] = ['/spec/template/spec/containers/0/env/0', '/spec/template/spec/containers/0/env/-'];
  const copy = () =>
    api.send('PATCH', `${path}/x`, {
      contentType: 'application/json-patch+json',
      body: [
        { op: 'copy', from, path: to },
        { op: 'copy', from, path: to },
      ],
    });
  const answers = [];
  for (let count = 0; count < 4; count++) answers.push(await copy());
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 500],
  );
  assert.deepEqual(
    [answers[3]?.json.message, answers[3]?.json.reason],
    ['etcdserver: request is too large', undefined],
  );
  assert.equal((await api.get(`${path}/x`)).spec.template.spec.containers[0].env.length, 7);
  api.close();
});
