import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function signed(api: TestApiServer, claims: object, kid = 'test'): string {
  const text = `${encoded({ alg: 'ES256', kid })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key: api.tokenKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const review = async (api: TestApiServer, token: string, audiences?: readonly string[]) =>
  (
    await api.create('/apis/authentication.k8s.io/v1/tokenreviews', {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      spec: { token, audiences },
    })
  ).status;

const bootstrapSecret = (data: Record<string, string>) => ({
  kind: 'Secret',
  apiVersion: 'v1',
  metadata: { name: 'bootstrap-token-abcdef' },
  type: 'bootstrap.kubernetes.io/token',
  stringData: {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    ...data,
  },
});

test('a bootstrap token holds until it expires, with the groups of its Secret', async () => {
  const api = await startApiServer();
  const path = '/api/v1/namespaces/kube-system/secrets';
  const token = 'abcdef.0123456789abcdef';
  assert.equal((await review(api, token)).error, 'invalid bearer token');
  const groups = 'system:bootstrappers:workers,system:bootstrappers:a';
  await api.create(path, bootstrapSecret({ expiration: '2026-01-02T04:04:05Z', 'auth-extra-groups': groups }));
  assert.deepEqual(await review(api, token), {
    authenticated: true,
    user: {
      username: 'system:bootstrap:abcdef',
      groups: [
        'system:bootstrappers',
        'system:bootstrappers:a',
        'system:bootstrappers:workers',
        'system:authenticated',
      ],
    },
    audiences: ['https://kubernetes.default.svc'],
  });
  assert.equal((await review(api, 'abcdef.0123456789abcdee')).authenticated, undefined);
  assert.equal((await review(api, token, ['vault'])).authenticated, undefined, 'of the API server only');
  api.virtualClock.advance(3_600_000);
  assert.equal((await review(api, token)).authenticated, undefined);
});

for (const [what, data] of Object.entries({
  'is not for authentication': { 'usage-bootstrap-authentication': 'false' },
  'names a group that is none of bootstrappers': { 'auth-extra-groups': 'system:masters' },
  'has a time that cannot be read': { expiration: 'tomorrow' },
}))
  test(`a bootstrap token that ${what} stands for nobody`, async () => {
    const api = await startApiServer();
    // Written past validation, which would refuse some of these: what is stored decides.
    const made = bootstrapSecret({});
    const stored = Object.entries({ ...made.stringData, ...data }).map(([name, value]) => [name, base64(value)]);
    await api.store.write({
      key: '/registry/secrets/kube-system/bootstrap-token-abcdef',
      expectedRevision: 0,
      object: {
        kind: 'Secret',
        apiVersion: 'v1',
        metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system', uid: 'u' },
        type: 'bootstrap.kubernetes.io/token',
        data: Object.fromEntries(stored),
      } as never,
      durability: 'durable',
    });
    assert.equal((await review(api, 'abcdef.0123456789abcdef')).error, 'invalid bearer token');
  });

test('a token kept in a Secret holds as long as the Secret holds it, and the day of its use is noted', async () => {
  const api = await startApiServer();
  const core = '/api/v1/namespaces/default';
  const account = await api.get(`${core}/serviceaccounts/default`);
  const claims = {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': 'default',
    'kubernetes.io/serviceaccount/secret.name': 'kept',
    'kubernetes.io/serviceaccount/service-account.name': 'default',
    'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid,
    sub: 'system:serviceaccount:default:default',
  };
  const token = signed(api, claims);
  assert.equal((await review(api, token)).error, '[invalid bearer token, Token has been invalidated]');
  await api.create(`${core}/secrets`, {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name: 'kept', annotations: { 'kubernetes.io/service-account.name': 'default' } },
    type: 'kubernetes.io/service-account-token',
    data: { token: base64(token) },
  });
  assert.deepEqual(await review(api, token), {
    authenticated: true,
    user: {
      username: 'system:serviceaccount:default:default',
      uid: account.metadata.uid,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    },
    audiences: ['https://kubernetes.default.svc'],
  });
  const secret = await api.get(`${core}/secrets/kept`);
  assert.equal(secret.metadata.labels['kubernetes.io/legacy-token-last-used'], '2026-01-02');
  await api.patch(`${core}/secrets/kept`, 'merge', {
    metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-02' } },
  });
  assert.match((await review(api, token)).error, /the token in secret default\/kept .* has been marked invalid/);
  await api.patch(`${core}/secrets/kept`, 'merge', {
    metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': null } },
    data: { token: base64('other') },
  });
  assert.match((await review(api, token)).error, /Token does not match server's copy/);
});

test('a token of a service account ends with its time, its account and what it is bound to', async () => {
  const api = await startApiServer();
  const core = '/api/v1/namespaces/default';
  const account = await api.get(`${core}/serviceaccounts/default`);
  const now = Math.floor(api.virtualClock.now() / 1000);
  const own = (more: object, bound: object = {}) =>
    signed(api, {
      iss: 'https://kubernetes.default.svc',
      aud: ['https://kubernetes.default.svc'],
      sub: 'system:serviceaccount:default:default',
      exp: now + 600,
      'kubernetes.io': {
        namespace: 'default',
        serviceaccount: { name: 'default', uid: account.metadata.uid },
        ...bound,
      },
      ...more,
    });
  const error = async (token: string) => (await review(api, token)).error;
  assert.equal(await error(own({})), undefined);
  assert.equal(await error(own({ exp: now - 61 })), '[invalid bearer token, service account token has expired]');
  assert.equal(await error(own({ exp: now - 59 })), undefined, 'clocks differ by up to a minute');
  assert.match(await error(own({ nbf: now + 61 })), /service account token is not valid yet/);
  assert.match(await error(own({ iat: now + 61 })), /service account token is issued in the future/);
  assert.match(
    await error(own({}, { serviceaccount: { name: 'default', uid: 'x' } })),
    /service account UID \(.+\) does not match claim \(x\)/,
  );
  assert.match(await error(own({}, { pod: { name: 'web', uid: 'x' } })), /service account token has been invalidated/);
  assert.match(await error(own({}, { node: { name: 'n', uid: 'x' } })), /service account token has been invalidated/);
  const none = encoded({ alg: 'none' });
  const unsigned = `${none}.${own({}).split('.')[1]}.`;
  assert.match(await error(unsigned), /error in cryptographic primitive/);
  assert.match(await error(signed(api, { iss: 'https://kubernetes.default.svc' }, 'other')), /no keys found/);
  assert.equal(await error('x'.repeat(20_000)), 'invalid bearer token');
});
