import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const routes = '/apis/route.openshift.io/v1/namespaces/default/routes';
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
const developer = { name: 'dev', groups: ['system:authenticated'] };
const route = (name: string, spec: object = {}) => ({
  kind: 'Route',
  apiVersion: 'route.openshift.io/v1',
  metadata: { name },
  spec: { to: { kind: 'Service', name: 'hello' }, ...spec },
});
const group = 'route.openshift.io';
/** The developer may write Routes, and has these verbs on routes/custom-host. */
async function start(...customHost: string[]): Promise<TestApiServer> {
  const api = await startApiServer();
  await grant(api, 'dev', { kind: 'User', name: 'dev' }, [
    { apiGroups: [group], resources: ['routes'], verbs: ['*'] },
    ...(customHost.length === 0 ? [] : [{ apiGroups: [group], resources: ['routes/custom-host'], verbs: customHost }]),
  ]);
  return api;
}
async function grant(api: TestApiServer, name: string, subject: object, rules: readonly object[]) {
  await api.create(`${rbac}/roles`, {
    kind: 'Role',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name },
    rules,
  });
  await api.create(`${rbac}/rolebindings`, {
    kind: 'RoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [subject],
  });
}
const say = (answer: { status: number; json: { message?: string } }) => `${answer.status} ${answer.json.message ?? ''}`;
const post = async (api: TestApiServer, body: object) => say(await api.send('POST', routes, { body, as: developer }));
const patch = async (api: TestApiServer, name: string, spec: object) =>
  say(
    await api.send('PATCH', `${routes}/${name}`, {
      body: { spec },
      as: developer,
      contentType: 'application/merge-patch+json',
    }),
  );

test('a host needs the right to choose it; none is given below the domain, with dots of the name as dashes', async () => {
  const api = await start();
  assert.match(
    await post(api, route('a', { host: 'a.example.com' })),
    /^422 .*spec\.host: Forbidden: you do not have permission to set the host field of the route$/,
  );
  assert.match(
    await post(api, route('a', { tls: { termination: 'edge', certificate: 'x', key: 'y' } })),
    /^422 .*spec\.tls: Forbidden: you do not have permission to set certificate fields on the route$/,
  );
  assert.match(await post(api, route('a.b')), /^201/);
  assert.equal((await api.get(`${routes}/a.b`)).spec.host, 'a-b-default.apps.example.com');
  // A wildcard has a host that its writer chose, or is refused: none is made up.
  assert.match(
    await post(api, route('w', { wildcardPolicy: 'Subdomain' })),
    /^422 .*host name not specified for wildcard policy/,
  );
  assert.match(await post(await start('create'), route('a', { host: 'a.example.com' })), /^201/);
});

test('a host stays, unless one may change it; certificates may be brought by who may choose hosts', async () => {
  for (const [verbs, host, tls] of [
    [[], /^422 .*spec\.host: Invalid value: "b\.example\.com": you do not have permission/, /^422 .*spec\.tls/],
    [['create'], /^422 .*spec\.host: Invalid value/, /^200/],
    [['update'], /^200/, /^200/],
  ] as const) {
    const api = await start(...verbs);
    await api.create(routes, route('a', { host: 'a.example.com' }));
    assert.match(await patch(api, 'a', { host: 'b.example.com' }), host, verbs.join());
    const brought = await patch(api, 'a', { tls: { termination: 'edge', certificate: 'x', key: 'y' } });
    assert.match(brought, tls, verbs.join());
    assert.match(await patch(api, 'a', { path: '/x' }), /^200/);
    assert.match(await patch(api, 'a', { tls: null }), /^200/, 'a certificate may be taken away by everybody');
  }
});

test('an external certificate needs a TLS Secret that the router may read', async () => {
  const api = await start('create');
  const external = route('a', { tls: { termination: 'edge', externalCertificate: { name: 'cert' } } });
  const refused = await post(api, external);
  for (const text of ['get', 'watch', 'list'])
    assert.ok(refused.includes(`router serviceaccount does not have permission to ${text} this secret`), refused);
  assert.match(refused, /Not found: /);
  await grant(api, 'router', { kind: 'ServiceAccount', namespace: 'openshift-ingress', name: 'router' }, [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['cert'], verbs: ['get', 'list', 'watch'] },
  ]);
  const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'cert' } };
  await api.create('/api/v1/namespaces/default/secrets', { ...secret, type: 'Opaque' });
  assert.match(await post(api, external), /^422 .*secret of type "kubernetes\.io\/tls" required$/);
  await api.delete('/api/v1/namespaces/default/secrets/cert');
  await api.create('/api/v1/namespaces/default/secrets', {
    ...secret,
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': '', 'tls.key': '' },
  });
  assert.match(await post(api, external), /^201/);
});

test('defaults are those of upstream, at creation and at every change', async () => {
  const api = await startApiServer();
  const created = await api.create(
    routes,
    route('a', { tls: { termination: 'Reencrypt' }, alternateBackends: [{ name: 'b' }], to: { name: 'hello' } }),
  );
  assert.deepEqual(created.spec, {
    host: 'a-default.apps.example.com',
    to: { kind: 'Service', name: 'hello', weight: 100 },
    alternateBackends: [{ kind: 'Service', name: 'b', weight: 100 }],
    tls: { termination: 'reencrypt' },
    wildcardPolicy: 'None',
  });
  const changed = await api.update(`${routes}/a`, { ...created, spec: { to: { name: 'other' }, tls: {} } });
  assert.deepEqual(changed.spec, {
    host: 'a-default.apps.example.com',
    to: { kind: 'Service', name: 'other', weight: 100 },
    tls: { termination: 'edge' },
    wildcardPolicy: 'None',
  });
});
