import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import { startApiServer, type Json } from '#kit/start-api-server.ts';
import type { OutgoingConnector } from '../ports.ts';
import { anonymousEverywhere, type AccessInUse } from './access-in-use.ts';
import { readWebhookKubeconfig } from './kubeconfig.ts';
import { loadAuthentication, loadAuthorization, loadTokenWebhook } from './load.ts';

const issuer = 'https://login.example.com';
const header = { apiVersion: 'apiserver.config.k8s.io/v1' };

interface Asked {
  readonly url: string;
  readonly body: Json;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Servers outside: `answer` gives status and body, or throws as a connection does. */
function outside(answer: (asked: Asked) => readonly [number, unknown]) {
  const asked: Asked[] = [];
  const connector: OutgoingConnector = {
    async request(target, { pathAndQuery, headers, body }) {
      const one = {
        url: `${target.secure ? 'https' : 'http'}://${target.host}${pathAndQuery}`,
        headers,
        body: body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString('utf8')) : undefined,
      };
      asked.push(one);
      const [status, value] = answer(one);
      const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
      return {
        status,
        headers: {},
        stream: (async function* () {
          yield bytes;
        })(),
      };
    },
    upgrade: () => Promise.reject(new Error('not asked for')),
  };
  return { asked, connector };
}

const clock = () => new VirtualClock(Date.parse('2026-01-02T03:04:05Z'));
const ownTokens = {
  issuer: 'https://kubernetes.default.svc',
  audiences: ['https://kubernetes.default.svc'],
  publicKeys: () => [],
};

async function start(
  connector: OutgoingConnector,
  files: { authentication?: object; authorization?: object; tokenWebhook?: object },
) {
  const time = clock();
  const environment = {
    outgoing: connector,
    clock: time,
    random: seededRandom(3),
    logger: silentLogger,
    serviceAccountTokens: ownTokens,
  };
  const kubeconfigs = async () => JSON.stringify(kubeconfig());
  const who = files.authentication && (await loadAuthentication(environment, JSON.stringify(files.authentication)));
  const authorizers =
    files.authorization && (await loadAuthorization(environment, JSON.stringify(files.authorization), kubeconfigs));
  const webhook =
    files.tokenWebhook && (await loadTokenWebhook(environment, JSON.stringify(files.tokenWebhook), kubeconfigs));
  const access: AccessInUse = {
    tokenSources: [...(who?.tokenSources ?? []), ...(webhook === undefined ? [] : [webhook])],
    anonymous: who?.anonymous ?? anonymousEverywhere,
    authorizers,
  };
  const api = await startApiServer({ access: () => access, outgoing: connector, clock: time });
  const review = async (token: string, audiences?: string[]) =>
    (
      await api.create('/apis/authentication.k8s.io/v1/tokenreviews', {
        kind: 'TokenReview',
        apiVersion: 'authentication.k8s.io/v1',
        spec: { token, audiences },
      })
    ).status;
  const may = async (user: string, resourceAttributes: object) =>
    (
      await api.create('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        kind: 'SubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        spec: { user, resourceAttributes },
      })
    ).status;
  return { api, time, review, may };
}

const kubeconfig = (server = 'https://hooks.example.com/ask', user: object = { token: 'secret' }) => ({
  kind: 'Config',
  apiVersion: 'v1',
  'current-context': 'one',
  contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server } }],
  users: [{ name: 'u', user }],
});

interface Signer {
  readonly key: KeyObject;
  readonly jwk: object;
  token(claims: object, head?: object): string;
}
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
function signer(kid: string, kind: 'ec' | 'rsa' = 'ec'): Signer {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const alg = kind === 'ec' ? 'ES256' : 'RS256';
  return {
    key: publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    token(claims, head = {}) {
      const text = `${encoded({ alg, kid, ...head })}.${encoded(claims)}`;
      const key = kind === 'ec' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey;
      return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
    },
  };
}
const now = Math.floor(Date.parse('2026-01-02T03:04:05Z') / 1000);
const claims = (more: object = {}) => ({ iss: issuer, aud: 'cluster', exp: now + 600, sub: 'jane', ...more });

const jwtConfig = (more: object = {}) => ({
  kind: 'AuthenticationConfiguration',
  ...header,
  jwt: [
    {
      issuer: { url: issuer, audiences: ['cluster'] },
      claimMappings: { username: { claim: 'sub', prefix: 'oidc:' }, groups: { claim: 'groups', prefix: '' } },
      ...more,
    },
  ],
});
const issuerAnswers =
  (keys: () => readonly Signer[]) =>
  ({ url }: Asked): readonly [number, unknown] =>
    url === `${issuer}/.well-known/openid-configuration`
      ? [200, { issuer, jwks_uri: `${issuer}/keys` }]
      : url === `${issuer}/keys`
        ? [200, { keys: keys().map((one) => one.jwk) }]
        : [404, {}];

test('a token of a configured issuer stands for the user that its claims name', async () => {
  const key = signer('a');
  const { connector, asked } = outside(issuerAnswers(() => [key]));
  const { review, api } = await start(connector, { authentication: jwtConfig() });
  assert.equal(asked.length, 0, 'the issuer is not asked before a token of it comes');
  assert.deepEqual(await review(key.token(claims({ groups: ['dev'], jti: 'j' }))), {
    authenticated: true,
    user: {
      username: 'oidc:jane',
      groups: ['dev', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j'] },
    },
    audiences: ['https://kubernetes.default.svc'],
  });
  await review(key.token(claims()));
  assert.equal(asked.length, 2, 'the keys are kept');
  const answer = await api.send('GET', '/api/v1/pods', { headers: { authorization: `Bearer ${key.token(claims())}` } });
  assert.match(answer.json.message, /^pods is forbidden: User "oidc:jane" cannot list/);
});

test('what is wrong with a token of an issuer is told by a review', async () => {
  const [key, other] = [signer('a'), signer('a')];
  const rsa = signer('r', 'rsa');
  const { connector } = outside(issuerAnswers(() => [key, rsa]));
  const { review } = await start(connector, {
    authentication: jwtConfig({ claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }] }),
  });
  const error = async (token: string) => (await review(token)).error;
  const good = claims({ hd: 'example.com' });
  assert.equal(await error(key.token(good)), undefined);
  assert.equal(await error(rsa.token(good)), undefined);
  assert.match(await error(key.token({ ...good, aud: 'else' })), /oidc: expected audience in \["cluster"\] got/);
  assert.match(await error(key.token({ ...good, exp: now - 1 })), /oidc: token is expired/);
  assert.match(await error(key.token({ ...good, nbf: now + 301 })), /before the nbf/);
  assert.equal(await error(key.token({ ...good, nbf: now + 299 })), undefined);
  assert.match(await error(key.token(claims())), /required claim hd not present in ID token/);
  assert.match(await error(key.token({ ...good, hd: 'evil.com' })), /Got = evil.com, want = example.com/);
  assert.match(await error(key.token({ ...good, sub: 7 })), /parse username claims "sub"/);
  assert.match(await error(other.token(good)), /failed to verify id token signature/);
  for (const alg of ['none', 'HS256', 'ES512', 'PS256'])
    assert.match(await error(key.token(good, { alg })), /unexpected signature algorithm|failed to verify/, alg);
  assert.match(
    await error(key.token({ ...good, _claim_names: { groups: 'src1' } })),
    /could not expand distributed claims/,
  );
  const [head = '', body = ''] = key.token(good).split('.');
  assert.match(await error(`${head}.${body}.`), /failed to verify/);
});

test('a key that is not known is looked for again, at most once in ten seconds', async () => {
  const keys = [signer('a')];
  const { connector, asked } = outside(issuerAnswers(() => keys));
  const { review, time } = await start(connector, { authentication: jwtConfig() });
  assert.equal((await review(keys[0]!.token(claims()))).authenticated, true);
  const rotated = signer('b');
  assert.equal((await review(rotated.token(claims()))).authenticated, undefined);
  keys.push(rotated);
  assert.equal((await review(rotated.token(claims()))).authenticated, undefined);
  assert.equal(asked.length, 2, 'a stranger cannot make this server ask the issuer often');
  time.advance(10_000);
  assert.equal((await review(rotated.token(claims()))).authenticated, true);
  assert.equal(asked.length, 4);
});

test('while an issuer is away its tokens are refused and nothing else is', async () => {
  let isAway = true;
  const key = signer('a');
  const answers = issuerAnswers(() => [key]);
  const { connector } = outside((asked) => {
    if (isAway) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    return answers(asked);
  });
  const { review, time, api } = await start(connector, { authentication: jwtConfig() });
  assert.match((await review(key.token(claims()))).error, /oidc: authenticator not initialized/);
  assert.equal((await api.send('GET', '/api/v1/pods')).status, 200);
  isAway = false;
  time.advance(10_000);
  assert.equal((await review(key.token(claims()))).authenticated, true);
});

test('expressions over claims and users map, and refuse', async () => {
  const key = signer('a');
  const { connector } = outside(issuerAnswers(() => [key]));
  const { review } = await start(connector, {
    authentication: jwtConfig({
      claimValidationRules: [{ expression: 'claims.exp - claims.nbf <= 86400', message: 'too long' }],
      claimMappings: {
        username: { expression: 'claims.sub + "@" + claims.org' },
        groups: { expression: 'claims.roles.map(r, "org:" + r)' },
        uid: { claim: 'sub' },
        extra: [{ key: 'example.com/org', valueExpression: 'claims.org' }],
      },
      userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }],
    }),
  });
  const good = claims({ org: 'acme', roles: ['a', 'b'], nbf: now });
  const status = await review(key.token(good));
  assert.equal(status.error, undefined);
  assert.deepEqual(status.user, {
    username: 'jane@acme',
    uid: 'jane',
    groups: ['org:a', 'org:b', 'system:authenticated'],
    extra: { 'example.com/org': ['acme'] },
  });
  const error = async (more: object) => (await review(key.token({ ...good, ...more }))).error;
  assert.match(await error({ exp: now + 100_000 }), /validation expression '.*' failed: too long/);
  assert.match(await error({ sub: 'system:admin' }), /validation expression '.*' failed: reserved/);
  assert.match(await error({ org: undefined }), /error evaluating username claim expression/);
});

test('mistakes in an authentication configuration are told all at once, with their places', async () => {
  const environment = {
    outgoing: undefined,
    clock: clock(),
    random: seededRandom(1),
    logger: silentLogger,
    serviceAccountTokens: ownTokens,
  };
  const problems = async (value: object) =>
    loadAuthentication(environment, JSON.stringify({ kind: 'AuthenticationConfiguration', ...header, ...value })).then(
      () => [],
      (error: { problems: readonly string[] }) => error.problems,
    );
  const one = (more: object) => ({
    jwt: [
      { issuer: { url: issuer, audiences: ['a'] }, claimMappings: { username: { claim: 'sub', prefix: '' } }, ...more },
    ],
  });
  assert.deepEqual(await problems(one({})), []);
  assert.deepEqual(await problems({ jwt: [{}] }), [
    'jwt[0].issuer.url: Required value',
    'jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required',
    'jwt[0].claimMappings.username: Required value: claim or expression is required',
  ]);
  assert.deepEqual(await problems(one({ issuer: { url: 'http://a.b/?c#d', audiences: ['a', 'a'] } })), [
    'jwt[0].issuer.url: Invalid value: "http://a.b/?c#d": URL scheme must be https',
    'jwt[0].issuer.url: Invalid value: "http://a.b/?c#d": URL must not contain a query',
    'jwt[0].issuer.url: Invalid value: "http://a.b/?c#d": URL must not contain a fragment',
    'jwt[0].issuer.audiences[1]: Duplicate value: "a"',
    'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
  ]);
  assert.deepEqual(await problems(one({ claimMappings: { username: { claim: 'sub' } }, more: 1 })), [
    'jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing',
    'strict decoding error: unknown field "more"',
  ]);
  const [email] = await problems(one({ claimMappings: { username: { expression: 'claims.email' } } }));
  assert.match(email!, /^jwt\[0\]\.claimMappings\.username\.expression: .*claims\.email_verified must be used/);
  const [wrong] = await problems(one({ userValidationRules: [{ expression: 'user.nothing' }] }));
  assert.match(wrong!, /^jwt\[0\]\.userValidationRules\[0\]\.expression: .*compilation failed/);
  const [own] = await problems(one({ issuer: { url: ownTokens.issuer, audiences: ['a'] } }));
  assert.match(own!, /URL must not overlap with disallowed issuers/);
  assert.deepEqual(await problems({ anonymous: { enabled: false, conditions: [{ path: '/livez' }] } }), [
    'anonymous.conditions: Invalid value: [{"path":"/livez"}]: enabled should be set to true when conditions are defined',
  ]);
});

test('anonymous requests may be limited to paths, or refused', async () => {
  const { connector } = outside(() => [404, {}]);
  const anonymous = async (value: object) => {
    const { api } = await start(connector, {
      authentication: { kind: 'AuthenticationConfiguration', ...header, anonymous: value },
    });
    const code = async (path: string) => (await api.send('GET', path, { as: null })).status;
    return [await code('/livez'), await code('/readyz'), await code('/api')];
  };
  assert.deepEqual(await anonymous({ enabled: true }), [200, 200, 403]);
  assert.deepEqual(await anonymous({ enabled: true, conditions: [{ path: '/livez' }] }), [200, 401, 401]);
  assert.deepEqual(await anonymous({ enabled: false }), [401, 401, 401]);
});

const webhook = (more: object = {}) => ({
  type: 'Webhook',
  name: 'hook',
  webhook: {
    timeout: '3s',
    subjectAccessReviewVersion: 'v1',
    failurePolicy: 'NoOpinion',
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/etc/hook.kubeconfig' },
    ...more,
  },
});
const authorization = (...authorizers: object[]) => ({ kind: 'AuthorizationConfiguration', ...header, authorizers });

test('an authorization webhook is asked in its turn, and its answers are kept for a while', async () => {
  const { connector, asked } = outside(({ body }) => [
    200,
    {
      status: { allowed: body.spec.user === 'jane', denied: body.spec.user === 'eve', reason: `for ${body.spec.user}` },
    },
  ]);
  const { may, time, api } = await start(connector, {
    authorization: authorization({ type: 'RBAC', name: 'rbac' }, webhook(), { type: 'AlwaysDeny', name: 'never' }),
  });
  const pods = { verb: 'get', resource: 'pods', namespace: 'default', name: 'web' };
  assert.deepEqual(await may('jane', pods), { allowed: true, reason: 'for jane' });
  assert.deepEqual(asked[0]?.body, {
    kind: 'SubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec: {
      resourceAttributes: { namespace: 'default', verb: 'get', version: '*', resource: 'pods', name: 'web' },
      user: 'jane',
    },
    status: { allowed: false },
  });
  assert.equal(asked[0]?.headers['authorization'], 'Bearer secret');
  assert.deepEqual(await may('eve', pods), { allowed: false, denied: true, reason: 'for eve' });
  assert.deepEqual(await may('bob', pods), { allowed: false, reason: 'for bob\nEverything is forbidden.' });
  assert.equal(asked.length, 3);
  time.advance(29_000);
  await may('jane', pods);
  await may('bob', pods);
  assert.equal(asked.length, 3, 'both kinds of answers are kept');
  time.advance(2_000);
  await may('bob', pods);
  assert.equal(asked.length, 4, 'a refusal for thirty seconds');
  await may('jane', pods);
  assert.equal(asked.length, 4);
  time.advance(270_000);
  await may('jane', pods);
  assert.equal(asked.length, 5, 'a permission for five minutes');
  await may('jane', { ...pods, name: 'other' });
  assert.equal(asked.length, 6, 'another question is another');
  const selected = { verb: 'list', resource: 'pods', fieldSelector: { rawSelector: 'spec.nodeName=a' } };
  await may('jane', { ...selected, labelSelector: { rawSelector: 'x in (1,2),y' } });
  assert.deepEqual(asked.at(-1)?.body.spec.resourceAttributes.fieldSelector, {
    requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['a'] }],
  });
  assert.equal((await api.send('GET', '/api/v1/pods', { as: { name: 'jane', groups: [] } })).status, 200);
  const rules = await api.create(
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { kind: 'SelfSubjectRulesReview', apiVersion: 'authorization.k8s.io/v1', spec: { namespace: 'default' } },
    { as: { name: 'jane', groups: [] } },
  );
  assert.equal(rules.status.incomplete, true, 'a webhook cannot list what it would allow');
});

for (const [policy, expected] of [
  ['NoOpinion', { allowed: false }],
  ['Deny', { allowed: false, denied: true }],
] as const)
  test(`an authorization webhook that answers wrongly: ${policy}`, async () => {
    const { connector } = outside(() => [400, 'no']);
    const { may, api } = await start(connector, { authorization: authorization(webhook({ failurePolicy: policy })) });
    assert.deepEqual(await may('jane', { verb: 'get', resource: 'pods' }), {
      ...expected,
      evaluationError: 'https://hooks.example.com/ask answered 400',
    });
    const refused = await api.send('GET', '/api/v1/pods', { as: { name: 'jane', groups: [] } });
    assert.equal(refused.status, 500);
    assert.equal((await api.send('GET', '/api/v1/pods')).status, 200, 'masters do not depend on it');
  });

test('match conditions say about what a webhook is asked at all', async () => {
  const { connector, asked } = outside(() => [200, { status: { allowed: true } }]);
  const { may } = await start(connector, {
    authorization: authorization(
      webhook({
        matchConditionSubjectAccessReviewVersion: 'v1',
        matchConditions: [
          { expression: 'has(request.resourceAttributes)' },
          { expression: "request.resourceAttributes.namespace == 'team'" },
          { expression: "!('system:nodes' in request.groups)" },
        ],
      }),
    ),
  });
  assert.equal((await may('jane', { verb: 'get', resource: 'pods', namespace: 'other' })).allowed, false);
  assert.equal(asked.length, 0);
  assert.equal((await may('jane', { verb: 'get', resource: 'pods', namespace: 'team' })).allowed, true);
});

test('mistakes in an authorization configuration are told all at once, with their places', async () => {
  const environment = {
    outgoing: undefined,
    clock: clock(),
    random: seededRandom(1),
    logger: silentLogger,
    serviceAccountTokens: ownTokens,
  };
  const problems = async (...authorizers: object[]) =>
    loadAuthorization(environment, JSON.stringify(authorization(...authorizers)), async () =>
      JSON.stringify(kubeconfig()),
    ).then(
      () => [],
      (error: { problems: readonly string[] }) => error.problems,
    );
  assert.deepEqual(await problems(), ['authorizers: Required value: at least one authorization mode must be defined']);
  assert.deepEqual(await problems({ type: 'Node', name: 'a' }, { type: 'Node', name: 'a' }, { type: 'X', name: 'B' }), [
    'authorizers[1].type: Duplicate value: "Node"',
    'authorizers[1].name: Duplicate value: "a"',
    'authorizers[2].type: Unsupported value: "X": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
    `authorizers[2].name: Invalid value: "B": authorizer name is invalid: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`
      .replace('\\\\\\\\', '\\\\')
      .replace('\\\\.', '\\.'),
  ]);
  assert.deepEqual(
    await problems(
      webhook({
        timeout: '31s',
        subjectAccessReviewVersion: 'v2',
        failurePolicy: '',
        matchConditions: [{ expression: 'request.' }],
      }),
    ).then((all) => all.map((one) => one.split(': ')[0])),
    [
      'authorizers[0].timeout',
      'authorizers[0].subjectAccessReviewVersion',
      'authorizers[0].failurePolicy',
      'authorizers[0].matchConditionSubjectAccessReviewVersion',
      'authorizers[0].matchConditions[0].expression',
    ],
  );
});

test('a token webhook is asked about tokens that nobody here knows', async () => {
  const { connector, asked } = outside(({ body }) =>
    body.spec.token === 'good'
      ? [200, { status: { authenticated: true, user: { username: 'joe', groups: ['g'], extra: { k: ['v'] } } } }]
      : body.spec.token === 'broken'
        ? [400, 'what?']
        : [200, { status: { authenticated: false, error: 'never heard of it' } }],
  );
  const { review, time } = await start(connector, { tokenWebhook: kubeconfig() });
  assert.deepEqual((await review('good')).user, {
    username: 'joe',
    groups: ['g', 'system:authenticated'],
    extra: { k: ['v'] },
  });
  assert.match((await review('bad')).error, /never heard of it/);
  assert.match((await review('broken')).error, /answered 400/);
  await review('good');
  await review('bad');
  assert.equal(asked.length, 3, 'answers are kept');
  await review('broken');
  assert.equal(asked.length, 4, 'failures are not');
  time.advance(120_000);
  await review('good');
  assert.equal(asked.length, 5);
  assert.equal((await review('good', ['vault'])).authenticated, undefined, 'it spoke of this server only');
});

test('a token webhook that hangs is asked about so many tokens at once, and no more', async () => {
  let asked = 0;
  const never: OutgoingConnector = {
    request: () => {
      asked++;
      return new Promise(() => {});
    },
    upgrade: () => Promise.reject(new Error('not asked for')),
  };
  const { api } = await start(never, { tokenWebhook: kubeconfig() });
  const withToken = (token: number) => api.send('GET', '/api', { headers: { authorization: `Bearer t${token}` } });
  for (let token = 0; token < 1_024; token++) void withToken(token);
  assert.equal((await withToken(1_024)).status, 401);
  assert.equal(asked, 1_024);
  api.close();
});

test('a kubeconfig for a webhook says whom to call and how to be known there', async () => {
  const files: Record<string, string> = { '/ca': 'CA', '/crt': 'CRT', '/key': 'KEY', '/token': 'tok\n' };
  const read = async (value: object) => readWebhookKubeconfig(value, async (path) => files[path] ?? assert.fail(path));
  const full = kubeconfig('https://a.example.com:8443/x', { 'client-certificate': '/crt', 'client-key': '/key' });
  (full.clusters[0]!.cluster as Json)['certificate-authority'] = '/ca';
  assert.deepEqual((await read(full)).target, {
    host: 'a.example.com',
    port: 8443,
    secure: true,
    authorities: 'CA',
    certificate: 'CRT',
    key: 'KEY',
  });
  assert.equal((await read(kubeconfig(undefined, { tokenFile: '/token' }))).authorization, 'Bearer tok');
  await assert.rejects(read(kubeconfig(undefined, { exec: {} })), /exec: is not supported/);
  await assert.rejects(read(kubeconfig('ftp://a')), /must be a URL of https/);
  await assert.rejects(read({}), /current-context/);
});
