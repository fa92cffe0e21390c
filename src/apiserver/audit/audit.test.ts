// What the audit log holds of requests that go through the whole chain, by profile.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import type { ApiServerOptions } from '../options.ts';
import { requestInfo } from '../request-info.ts';
import type { AuditEvent } from './event.ts';
import { auditLevel, type AuditProfile } from './policy.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const map = (name: string) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data: { a: 'b' } });
const secrets = '/api/v1/namespaces/default/secrets';

async function start(
  profile: AuditProfile,
  overrides: Partial<ApiServerOptions> = {},
): Promise<{
  readonly api: TestApiServer;
  readonly take: () => readonly AuditEvent[];
  readonly choose: (now: AuditProfile) => void;
}> {
  let current = profile;
  let events: AuditEvent[] = [];
  const api = await startApiServer({
    ...overrides,
    // As it goes through the file.
    audit: { profile: () => current, write: (event) => events.push(JSON.parse(JSON.stringify(event)) as AuditEvent) },
  });
  events = [];
  return {
    api,
    take: () => {
      const taken = events;
      events = [];
      return taken;
    },
    choose: (now) => (current = now),
  };
}

test('Default: who did what to what, when, from where, and whether they might; no bodies', async () => {
  const { api, take } = await start('Default');
  await api.create(`${maps}?fieldManager=me`, map('one'));
  const [event] = take();
  assert.match(event?.auditID ?? '', /^[0-9a-f]{8}-/);
  assert.deepEqual(
    { ...event, auditID: '', objectRef: { ...event?.objectRef, uid: '', resourceVersion: '' } },
    {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID: '',
      stage: 'ResponseComplete',
      requestURI: `${maps}?fieldManager=me`,
      verb: 'create',
      user: { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] },
      sourceIPs: ['127.0.0.1'],
      userAgent: 'kit/1',
      objectRef: {
        resource: 'configmaps',
        namespace: 'default',
        name: 'one',
        uid: '',
        apiVersion: 'v1',
        resourceVersion: '',
      },
      responseStatus: { metadata: {}, code: 201 },
      requestReceivedTimestamp: '2026-01-02T03:04:05.000000Z',
      stageTimestamp: '2026-01-02T03:04:05.000000Z',
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    },
  );
});

test('refusals are recorded with their Status: forbidden, not found, and nobody at all', async () => {
  const { api, take } = await start('Default');
  const as = { name: 'jane', groups: [] };
  await api.send('GET', `${maps}/one`, { as });
  await api.send('GET', `${maps}/one`);
  await api.send('GET', `${maps}/one`, { headers: { authorization: 'Bearer nonsense' } });
  await api.send('GET', `${maps}/one`, { as: null });
  const [forbidden, missing, unknown, anonymous] = take();
  assert.deepEqual(
    [forbidden?.user.username, forbidden?.annotations?.['authorization.k8s.io/decision']],
    ['jane', 'forbid'],
  );
  assert.equal(forbidden?.responseStatus?.['reason'], 'Forbidden');
  assert.deepEqual(missing?.responseStatus, {
    metadata: {},
    status: 'Failure',
    message: 'configmaps "one" not found',
    reason: 'NotFound',
    details: { name: 'one', kind: 'configmaps' },
    code: 404,
  });
  assert.deepEqual([unknown?.user, unknown?.responseStatus?.['code']], [{}, 401]);
  assert.deepEqual(
    [anonymous?.user, anonymous?.responseStatus?.['code']],
    [{ username: 'system:anonymous', groups: ['system:unauthenticated'] }, 403],
  );
});

test('impersonation is recorded with both names', async () => {
  const { api, take } = await start('Default');
  await api.send('GET', maps, { headers: { 'impersonate-user': 'jane', 'impersonate-group': 'staff' } });
  const [event] = take();
  assert.equal(event?.user.username, 'system:admin');
  assert.deepEqual(event?.impersonatedUser, { username: 'jane', groups: ['staff', 'system:authenticated'] });
  assert.deepEqual(event?.authenticationMetadata, { impersonationConstraint: 'impersonate:user-info' });
});

test('WriteRequestBodies: both bodies of writes, without managed fields; of reads none', async () => {
  const { api, take } = await start('WriteRequestBodies');
  await api.send('POST', maps, { bytes: JSON.stringify(map('one')), contentType: 'application/json' });
  await api.send('PATCH', `${maps}/one`, {
    bytes: 'metadata: {labels: {a: b}}\napiVersion: v1\nkind: ConfigMap\n',
    contentType: 'application/apply-patch+yaml',
    headers: { 'x-none': '' },
  });
  await api.get(`${maps}/one`);
  await api.send('POST', maps, { bytes: '{', contentType: 'application/json' });
  const [created, applied, read, broken] = take();
  assert.equal(created?.level, 'RequestResponse');
  assert.deepEqual(created.requestObject, map('one'));
  const answer = created.responseObject as { metadata: Record<string, unknown>; data: unknown };
  assert.deepEqual(
    [answer.data, typeof answer.metadata['uid'], 'managedFields' in answer.metadata],
    [{ a: 'b' }, 'string', false],
  );
  assert.deepEqual(applied?.requestObject, {
    metadata: { labels: { a: 'b' } },
    apiVersion: 'v1',
    kind: 'ConfigMap',
  });
  assert.deepEqual([read?.level, 'responseObject' in (read ?? {})], ['Metadata', false]);
  assert.deepEqual([broken?.responseStatus?.['code'], 'requestObject' in (broken ?? {})], [400, false]);
});

test('AllRequestBodies: answers of reads as well, lists without managed fields', async () => {
  const { api, take } = await start('AllRequestBodies');
  await api.create(maps, map('one'));
  await api.get(maps);
  const [, listed] = take();
  const { items } = listed!.responseObject as { items: { metadata: object }[] };
  assert.deepEqual(
    items.map((one) => 'managedFields' in one.metadata),
    [false],
  );
});

test('a body that is too long is left out, and its event says so', async () => {
  const { api, take } = await start('WriteRequestBodies');
  const metadata = { name: 'long', annotations: { a: 'x'.repeat(100_000) } };
  const long = { ...map('long'), metadata, data: { a: 'x'.repeat(1_000_000) } };
  await api.send('POST', maps, { bytes: JSON.stringify(long), contentType: 'application/json' });
  const [event] = take();
  assert.deepEqual(
    [
      event?.responseStatus?.['code'],
      'responseObject' in (event ?? {}),
      event?.annotations?.['audit.k8s.io/truncated'],
    ],
    [201, false, 'true'],
  );
});

test('bodies with secrets are in no profile: Secrets, tokens, reviews, Routes', async () => {
  const { api, take } = await start('AllRequestBodies');
  const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 's' }, stringData: { password: 'hunter2' } };
  await api.create(secrets, secret);
  await api.patch(`${secrets}/s`, 'merge', { stringData: { password: 'hunter3' } });
  await api.get(secrets);
  await api.get(`${secrets}/s`, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  await api.delete(`${secrets}/s`);
  const token = await api.create('/api/v1/namespaces/default/serviceaccounts/default/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: {},
  });
  await api.create('/apis/authentication.k8s.io/v1/tokenreviews', {
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { token: token.status.token },
  });
  await api.get(maps, { headers: { authorization: `Bearer ${token.status.token}` } }).catch(() => {});
  const events = take();
  assert.equal(events.length, 8);
  const text = JSON.stringify(events);
  assert.doesNotMatch(text, /hunter|aHVudGVy/);
  assert(!text.includes(token.status.token.split('.')[1]), 'no token');
  assert(events.slice(0, 7).every((one) => one.level === 'Metadata'));
  for (const path of ['/apis/route.openshift.io/v1/namespaces/a/routes/b', '/apis/route.openshift.io/v1/routes'])
    assert.equal(auditLevel('AllRequestBodies', requestInfo('GET', path, new URLSearchParams()), true), 'Metadata');
});

test('what goes through a proxy to an application is in no profile', async () => {
  const { api, take } = await start('AllRequestBodies', {
    pods: {
      async request() {
        const page = async function* () {
          yield Buffer.from('{"token":"hidden"}');
        };
        return { status: 200, headers: { 'content-type': 'application/json' }, stream: page() };
      },
      upgrade: () => Promise.reject(new Error('not here')),
    },
  });
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'a', image: 'x' }] },
  };
  const made = await api.create('/api/v1/namespaces/default/pods', pod);
  const at = '/api/v1/namespaces/default/pods/web';
  await api.send('PUT', `${at}/status`, { body: { ...made, status: { podIP: '10.42.0.2' } } });
  take();
  const answer = await api.send('POST', `${at}/proxy/login`, { body: { password: 'hidden' } });
  assert.equal(answer.status, 200, answer.text);
  const events = take();
  assert.ok(events.length > 0);
  assert.doesNotMatch(JSON.stringify(events), /hidden/);
});

test('health, version and discovery are not recorded, whatever the profile; None records nothing', async () => {
  const { api, take, choose } = await start('AllRequestBodies');
  for (const path of ['/readyz', '/livez', '/healthz', '/version', '/api', '/apis', '/apis/apps/v1', '/api/v1'])
    await api.send('GET', path);
  assert.deepEqual(take(), []);
  choose('None');
  await api.create(maps, map('one'));
  assert.deepEqual(take(), []);
  choose('Default');
  await api.get(`${maps}/one`);
  assert.equal(take().length, 1);
});

test('a watch is recorded when it begins and when it ends', async () => {
  const { api, take } = await start('Default');
  const watch = await api.watch(`${maps}?watch=true`);
  const begun = take();
  watch.stop();
  watch.stop();
  const ended = take();
  assert.deepEqual(
    [...begun, ...ended].map((one) => [one.verb, one.stage, one.auditID === begun[0]?.auditID]),
    [
      ['watch', 'ResponseStarted', true],
      ['watch', 'ResponseComplete', true],
    ],
  );
  const other = await api.watch(`${maps}?watch=true`);
  api.close();
  assert.equal(other.ended, true);
  assert.deepEqual(
    take().map((one) => one.stage),
    ['ResponseStarted', 'ResponseComplete'],
  );
});

test('logs and exec are recorded when they begin and when they end, without what flows in them', async () => {
  const [near] = duplexPair();
  const { api, take } = await start('AllRequestBodies', {
    nodes: {
      async request() {
        const lines = async function* () {
          yield Buffer.from('a line');
        };
        return { status: 200, contentType: 'text/plain', stream: lines() };
      },
      async upgrade() {
        const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': 'v5.channel.k8s.io' };
        return { status: 101, headers, socket: near, head: Buffer.from('') };
      },
    },
  });
  await api.create('/api/v1/namespaces/default/pods', {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: { nodeName: 'one', containers: [{ name: 'app', image: 'example' }] },
  });
  take();
  const pod = '/api/v1/namespaces/default/pods/web';
  assert.equal((await api.send('GET', `${pod}/log`)).text, 'a line');
  assert.deepEqual(
    take().map((one) => [one.stage, one.objectRef?.['subresource'], 'responseObject' in one]),
    [
      ['ResponseStarted', 'log', false],
      ['ResponseComplete', 'log', false],
    ],
  );
  const [client, far] = duplexPair();
  far.resume();
  await api.server.handle({
    method: 'POST',
    path: `${pod}/exec`,
    query: new URLSearchParams('command=ls&stdout=true'),
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': 'v5.channel.k8s.io' },
    identity: { name: 'system:admin', groups: ['system:masters'] },
    remoteAddress: '127.0.0.1',
    body: { type: 'none' },
    signal: new AbortController().signal,
    upgrade: { socket: client, head: new Uint8Array() },
  });
  const begun = take();
  const closed = once(client, 'close');
  client.destroy();
  await closed;
  assert.deepEqual(
    [...begun, ...take()].map((one) => [one.stage, one.requestURI]),
    [
      ['ResponseStarted', `${pod}/exec?command=ls&stdout=true`],
      ['ResponseComplete', `${pod}/exec?command=ls&stdout=true`],
    ],
  );
});

test("every answer to the network has an Audit-Id: the client's own, or a new one; the log has the same", async () => {
  const { api, take } = await start('Default');
  const header = async (as: undefined | null, path: string, headers = {}) =>
    (await api.send('GET', path, { as, headers })).headers['audit-id'];
  const made = await header(null, maps);
  assert.match(made ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.equal(take()[0]?.auditID, made);
  assert.equal(await header(null, maps, { 'audit-id': 'mine' }), 'mine');
  assert.equal(take()[0]?.auditID, 'mine');
  for (const path of ['/livez', '/nope', '/version', '/api']) assert.ok(await header(null, path), path);
  assert.notEqual(await header(null, '/livez'), await header(null, '/livez'));
  assert.equal(await header(undefined, '/livez'), undefined, 'callers in this process have no use for it');
});
