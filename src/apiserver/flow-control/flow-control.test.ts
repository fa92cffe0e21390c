// Priority and fairness through the real request chain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const path = '/apis/flowcontrol.apiserver.k8s.io/v1';
const as = (commonName: string, ...organizations: string[]) => ({
  as: null,
  certificate: { commonName, organizations },
});
const admin = as('root', 'system:masters');
const configMaps = '/api/v1/namespaces/default/configmaps';

/** May do everything, and is no member of system:masters. */
async function giveRights(api: TestApiServer, name: string): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const every = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
  await api.create(`${rbac}/clusterroles`, { metadata: { name: 'all' }, rules: [every] });
  await api.create(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'all' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'all' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  });
}

const level = (name: string, limitResponse: object, nominalConcurrencyShares = 5) => ({
  metadata: { name },
  spec: { type: 'Limited', limited: { nominalConcurrencyShares, limitResponse } },
});
const schema = (name: string, to: string, user: string, matchingPrecedence = 50) => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name: to },
    matchingPrecedence,
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: user } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
  },
});

test('answers name the schema and level; changes of them hold from the next request on', async () => {
  const api = await startApiServer();
  const before = await api.send('GET', '/version', as('alice'));
  assert.equal(before.headers['x-kubernetes-pf-flowschema-uid'], '', 'the mandatory ones hold without their objects');
  const made = await api.create(`${path}/prioritylevelconfigurations`, {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    ...level('batch', { type: 'Reject' }),
  });
  const flow = await api.create(`${path}/flowschemas`, {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    ...schema('batch', 'batch', 'alice'),
  });
  const of = async (user: string) => {
    const { headers } = await api.send('GET', '/version', as(user));
    return [headers['x-kubernetes-pf-flowschema-uid'], headers['x-kubernetes-pf-prioritylevel-uid']];
  };
  assert.deepEqual(await of('alice'), [flow.metadata.uid, made.metadata.uid]);
  assert.deepEqual(await of('bob'), ['', '']);
  await api.send('DELETE', `${path}/prioritylevelconfigurations/batch`);
  assert.deepEqual(await of('alice'), ['', ''], 'a schema without its level holds for nobody');
});

test('a level that is full refuses with 429, and others are served', async () => {
  const api = await startApiServer({ seatsInFlight: 1 });
  await giveRights(api, 'alice');
  const group = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1' };
  await api.create(`${path}/prioritylevelconfigurations`, {
    ...group,
    kind: 'PriorityLevelConfiguration',
    ...level('batch', { type: 'Reject' }),
  });
  await api.create(`${path}/flowschemas`, { ...group, kind: 'FlowSchema', ...schema('batch', 'batch', 'alice') });
  // Its body does not end, so it stays in work.
  const body = Promise.withResolvers<Uint8Array>();
  const slow = api.send('POST', configMaps, { ...as('alice'), pendingBytes: body.promise });
  const { status, headers, text } = await api.send('GET', configMaps, as('alice'));
  assert.deepEqual([status, headers['retry-after'], text], [429, '1', 'Too many requests, please try again later.\n']);
  assert.equal((await api.send('GET', configMaps, as('bob'))).status, 403, 'another level');
  assert.equal((await api.send('GET', configMaps, admin)).status, 200, 'exempt');
  assert.equal((await api.send('GET', configMaps)).status, 200, 'the system itself');
  const dump = await api.send('GET', '/debug/api_priority_and_fairness/dump_priority_levels', admin);
  assert.match(dump.text, /^batch, +0, +false, +false, +0, +1, +1, +1, +0, +0$/m);
  const metrics = (await api.send('GET', '/metrics', admin)).text;
  const labels = '{flow_schema="batch",priority_level="batch"';
  assert.ok(metrics.includes(`apiserver_flowcontrol_current_executing_requests${labels}} 1\n`));
  assert.ok(metrics.includes(`apiserver_flowcontrol_rejected_requests_total${labels},reason="concurrency-limit"} 1\n`));
  body.resolve(Buffer.from('{}'));
  await slow;
  assert.notEqual((await api.send('GET', configMaps, as('alice'))).status, 429);
});

test('a request that waits is served when its turn comes, and refused after a quarter of a minute', async () => {
  const api = await startApiServer({ seatsInFlight: 1 });
  await giveRights(api, 'alice');
  const group = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1' };
  const queuing = { queues: 1, handSize: 1, queueLengthLimit: 1 };
  await api.create(`${path}/prioritylevelconfigurations`, {
    ...group,
    kind: 'PriorityLevelConfiguration',
    ...level('batch', { type: 'Queue', queuing }),
  });
  await api.create(`${path}/flowschemas`, { ...group, kind: 'FlowSchema', ...schema('batch', 'batch', 'alice') });
  const body = Promise.withResolvers<Uint8Array>();
  const slow = api.send('POST', configMaps, { ...as('alice'), pendingBytes: body.promise });
  const waiting = api.send('GET', configMaps, as('alice'));
  assert.equal((await api.send('GET', configMaps, as('alice'))).status, 429, 'the queue is full');
  const dump = await api.send('GET', '/debug/api_priority_and_fairness/dump_requests', admin);
  assert.match(dump.text, /^batch, +batch, +0, +0, +alice, /m);
  body.resolve(Buffer.from('{}'));
  await slow;
  assert.equal((await waiting).status, 200);

  const again = Promise.withResolvers<Uint8Array>();
  const held = api.send('POST', configMaps, { ...as('alice'), pendingBytes: again.promise });
  const late = api.send('GET', configMaps, as('alice'));
  await new Promise((resolve) => setImmediate(resolve));
  api.virtualClock.advance(15_001);
  assert.equal((await late).status, 429);
  again.resolve(Buffer.from('{}'));
  await held;
});
