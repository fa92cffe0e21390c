// Verbs through the whole chain, with the answers that upstream gives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { TestApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';
const maps = `${core}/configmaps`;
const map = (name: string, more: object = {}) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, ...more },
});
const deployment = (name: string) => ({
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'example:1' }] } },
  },
});
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const make = async (api: TestApiServer, count: number) => {
  for (let index = 0; index < count; index++)
    await api.create(maps, map(`m${index}`, { labels: { parity: index % 2 === 0 ? 'even' : 'odd' } }));
};
const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map((one) => one.metadata.name);

test('pages show one state, whatever is written between them', async () => {
  const api = await startApiServer();
  await make(api, 5);
  const first = await api.get(`${maps}?limit=2`);
  assert.deepEqual(names(first), ['m0', 'm1']);
  assert.equal(first.metadata.remainingItemCount, 3);
  await api.create(maps, map('m2a'));
  await api.delete(`${maps}/m4`);
  const second = await api.get(`${maps}?limit=2&continue=${first.metadata.continue}`);
  assert.deepEqual(names(second), ['m2', 'm3']);
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  const third = await api.get(`${maps}?limit=2&continue=${second.metadata.continue}`);
  assert.deepEqual(names(third), ['m4']);
  assert.equal(third.metadata.continue, undefined);
  const bad = await api.send('GET', `${maps}?continue=nonsense`);
  assert.equal(bad.status, 400);
});

test('selectors choose, also across pages', async () => {
  const api = await startApiServer();
  await make(api, 6);
  const first = await api.get(`${maps}?labelSelector=parity%3Deven&limit=2`);
  assert.deepEqual(names(first), ['m0', 'm2']);
  assert.equal(first.metadata.remainingItemCount, undefined);
  assert.deepEqual(
    names(await api.get(`${maps}?labelSelector=parity%3Deven&limit=2&continue=${first.metadata.continue}`)),
    ['m4'],
  );
  assert.deepEqual(names(await api.get(`${maps}?fieldSelector=metadata.name%3Dm3`)), ['m3']);
  assert.deepEqual(names(await api.get('/api/v1/configmaps?fieldSelector=metadata.name%3Dm3')), ['m3']);
  const unknown = await api.send('GET', `${maps}?fieldSelector=data.x%3D1`);
  assert.equal(unknown.status, 400);
  assert.match(unknown.json.message, /"data.x" is not a known field selector/);
});

test('resource versions: from the future, exact, with wrong options', async () => {
  const api = await startApiServer();
  await make(api, 1);
  const { revision } = api.store;
  await api.create(maps, map('later'));
  assert.deepEqual(names(await api.get(`${maps}?resourceVersion=${revision}&resourceVersionMatch=Exact`)), ['m0']);
  const future = await api.send('GET', `${maps}?resourceVersion=${revision + 100}`);
  assert.equal(future.status, 504);
  assert.equal(future.json.message, `Timeout: Too large resource version: ${revision + 100}, current: ${revision + 1}`);
  const told = async (token: unknown) => {
    const text = Buffer.from(JSON.stringify(token)).toString('base64url');
    return (await api.send('GET', `${maps}?limit=1&continue=${text}&resourceVersion=5`)).json.message;
  };
  const invalid = 'invalid continue token: continue key is not valid: ';
  assert.equal(await told(null), `${invalid}server does not recognize this encoded version `);
  assert.equal(await told({ v: 'x' }), `${invalid}server does not recognize this encoded version x`);
  const token = { v: 'meta.k8s.io/v1', rv: 1, start: 'a' };
  assert.equal(
    await told({ ...token, rv: 0 }),
    `${invalid}incorrect encoded start resourceVersion (version meta.k8s.io/v1)`,
  );
  assert.equal(await told({ ...token, start: '' }), `${invalid}encoded start key empty (version meta.k8s.io/v1)`);
  assert.equal(await told({ ...token, start: '../a' }), `${invalid}../a`);
  assert.equal(await told(token), 'specifying resource version is not allowed when using continue');
  const wrong = await api.send('GET', `${maps}?resourceVersionMatch=Exact`);
  assert.equal(
    wrong.json.message,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  );
});

test('a watch tells of objects that enter and leave its selection', async () => {
  const api = await startApiServer();
  const watched = await api.watch(`${maps}?watch=1&labelSelector=tier%3Dweb&resourceVersion=${api.store.revision}`);
  await api.create(maps, map('one'));
  await api.patch(`${maps}/one`, 'merge', { metadata: { labels: { tier: 'web' } } });
  await api.patch(`${maps}/one`, 'merge', { data: { a: '1' } });
  const left = await api.patch(`${maps}/one`, 'merge', { metadata: { labels: { tier: 'db' } } });
  await api.delete(`${maps}/one`);
  assert.deepEqual(
    watched.events.map(({ type }) => type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  );
  const last = watched.events.at(-1)!.object;
  assert.equal(last.metadata.labels.tier, 'web');
  assert.equal(last.metadata.resourceVersion, left.metadata.resourceVersion);
});

test('a watch may begin with the state, and says where it ends', async () => {
  const api = await startApiServer();
  await make(api, 2);
  const streamed = await api.watch(
    `${maps}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`,
  );
  assert.deepEqual(
    streamed.events.map(({ type }) => type),
    ['ADDED', 'ADDED', 'BOOKMARK'],
  );
  assert.deepEqual(streamed.events[2]!.object, {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { resourceVersion: String(api.store.revision), annotations: { 'k8s.io/initial-events-end': 'true' } },
  });
  const timed = await api.watch(`${maps}?watch=1&timeoutSeconds=5&allowWatchBookmarks=1&resourceVersion=0`);
  assert.equal(timed.events.length, 2);
  api.virtualClock.advance(5_001);
  assert.equal(timed.ended, true);
});

test('a watch from a time that is forgotten ends with 410', async () => {
  const clock = new VirtualClock(0);
  const store = createMemoryStore({
    clock,
    history: { eventsMax: 3, eventsMin: 1, bytesMax: 1 << 20, ageMsMax: 1e9, pastListAgeMsMax: 1e9 },
  });
  const api = await startApiServer({ clock, store });
  await api.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'default' } });
  await make(api, 9);
  const watched = await api.watch(`${maps}?watch=1&resourceVersion=1`);
  assert.equal(watched.ended, true);
  assert.deepEqual(
    watched.events.map(({ type, object }) => [type, object.code, object.reason]),
    [['ERROR', 410, 'Expired']],
  );
  assert.match(watched.events[0]!.object.message, /^too old resource version: 1 \(\d+\)$/);
  const page = await api.get(`${maps}?limit=2`);
  await make(api, 0);
  for (let index = 0; index < 9; index++) await api.patch(`${maps}/m1`, 'merge', { data: { index: String(index) } });
  const expired = await api.send('GET', `${maps}?limit=2&continue=${page.metadata.continue}`);
  assert.deepEqual([expired.status, expired.json.reason], [410, 'Expired']);
  const rest = await api.get(`${maps}?limit=2&continue=${expired.json.metadata.continue}`);
  assert.deepEqual(names(rest), ['m2', 'm3']);
});

test('bookmarks tell idle watchers how far they are', async () => {
  const api = await startApiServer();
  const watched = await api.watch(`${maps}?watch=1&allowWatchBookmarks=true&resourceVersion=${api.store.revision}`);
  await api.create(`${core}/secrets`, { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'other' } });
  api.virtualClock.advance(60_001);
  assert.deepEqual(
    watched.events.map(({ type, object }) => [type, object.metadata.resourceVersion]),
    [['BOOKMARK', String(api.store.revision)]],
  );
});

test('create refuses what upstream refuses', async () => {
  const api = await startApiServer();
  await api.create(maps, map('one'));
  const post = (path: string, body: object) => api.send('POST', path, { body });
  assert.equal((await post(maps, map('one'))).json.message, 'configmaps "one" already exists');
  const invalid = await post(maps, map('Not Valid'));
  assert.equal(invalid.status, 422);
  assert.match(
    invalid.json.message,
    /^ConfigMap "Not Valid" is invalid: metadata.name: Invalid value: "Not Valid": a lowercase RFC 1123 subdomain/,
  );
  assert.equal(
    (await post(maps, { ...map('two'), metadata: { name: 'two', namespace: 'kube-system' } })).json.message,
    'the namespace of the provided object does not match the namespace sent on the request',
  );
  assert.equal(
    (await post('/api/v1/namespaces/nowhere/configmaps', map('one'))).json.message,
    'namespaces "nowhere" not found',
  );
  const strict = await post(`${maps}?fieldValidation=Strict`, { ...map('three'), dat: {} });
  assert.equal(
    strict.json.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dat"',
  );
  const warned = await post(maps, { ...map('four'), dat: {} });
  assert.deepEqual(warned.warnings, ['unknown field "dat"']);
  const dry = await post(`${maps}?dryRun=All`, map('five'));
  assert.deepEqual([dry.status, dry.json.metadata.resourceVersion], [201, undefined]);
  assert.equal((await api.send('GET', `${maps}/five`)).status, 404);
  assert.equal(
    (await api.send('GET', '/api/v1/namespaces/default/nothings')).json.message,
    'the server could not find the requested resource',
  );
  assert.equal((await api.send('PUT', maps, { body: map('x') })).status, 405);
  const type = await api.send('POST', maps, { bytes: 'x', contentType: 'application/cbor' });
  assert.equal(type.status, 415);
});

test('patches of all kinds; a write that changes nothing makes no revision', async () => {
  const api = await startApiServer();
  const made = await api.create(deployments, deployment('web'));
  assert.equal(made.metadata.generation, 1);
  const path = `${deployments}/web`;
  const strategic = await api.patch(path, 'strategic', {
    spec: { template: { spec: { containers: [{ name: 'side', image: 'side:1' }] } } },
  });
  assert.deepEqual(
    strategic.spec.template.spec.containers.map((one: { name: string }) => one.name),
    ['side', 'app'],
  );
  assert.equal(strategic.metadata.generation, 2);
  const json = await api.patch(path, 'json', [{ op: 'replace', path: '/spec/replicas', value: 5 }]);
  assert.equal(json.spec.replicas, 5);
  const { revision } = api.store;
  const same = await api.patch(path, 'merge', { spec: { replicas: 5 } });
  assert.equal(same.metadata.resourceVersion, String(revision));
  assert.equal(api.store.revision, revision);
  const status = await api.patch(`${path}/status`, 'merge', { spec: { replicas: 9 }, status: { replicas: 3 } });
  assert.deepEqual([status.spec.replicas, status.status.replicas, status.metadata.generation], [5, 3, 3]);
  const ignored = await api.patch(path, 'merge', { status: { replicas: 77 } });
  assert.equal(ignored.status.replicas, 3);
  const stale = await api.send('PATCH', path, {
    body: { metadata: { resourceVersion: '1' }, spec: { replicas: 1 } },
    contentType: 'application/merge-patch+json',
  });
  assert.equal(stale.status, 409);
  const unknown = await api.send('PATCH', path, { body: {}, contentType: 'text/plain' });
  assert.deepEqual([unknown.status, unknown.json.message], [415, '415: Unsupported Media Type']);
});

test('server-side apply creates, owns, and conflicts', async () => {
  const api = await startApiServer();
  const applied = (manager: string, data: object, force = false) =>
    api.send('PATCH', `${maps}/one?fieldManager=${manager}${force ? '&force=true' : ''}`, {
      contentType: 'application/apply-patch+yaml',
      bytes: JSON.stringify({ ...map('one'), data }),
    });
  const first = await applied('a', { x: '1', y: '1' });
  assert.equal(first.status, 201);
  assert.equal(first.json.metadata.managedFields[0].manager, 'a');
  const conflict = await applied('b', { x: '2' });
  assert.equal(conflict.status, 409);
  assert.equal(conflict.json.message, 'Apply failed with 1 conflict: conflict with "a": .data.x');
  assert.deepEqual((await applied('b', { x: '2' }, true)).json.data, { x: '2', y: '1' });
  const nameless = await api.send('PATCH', `${maps}/one`, { contentType: 'application/apply-patch+yaml', bytes: '{}' });
  assert.match(nameless.json.message, /fieldManager: Required value: is required for apply patch/);
});

test('deletes wait for finalizers, keep dependents when asked, and check preconditions', async () => {
  const api = await startApiServer();
  await api.create(maps, map('held', { finalizers: ['example.com/hold'] }));
  const marked = await api.delete(`${maps}/held`);
  assert.equal(marked.metadata.deletionTimestamp, '2026-01-02T03:04:05Z');
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 0);
  assert.equal((await api.send('GET', `${maps}/held`)).status, 200);
  await api.patch(`${maps}/held`, 'merge', { metadata: { finalizers: null } });
  assert.equal((await api.send('GET', `${maps}/held`)).status, 404);

  await api.create(deployments, deployment('web'));
  const orphaned = await api.delete(`${deployments}/web`, {
    body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground' },
  });
  assert.deepEqual(orphaned.metadata.finalizers, ['foregroundDeletion']);
  assert.equal(orphaned.metadata.generation, 2);

  await api.create(maps, map('one'));
  const wrong = await api.send('DELETE', `${maps}/one`, { body: { preconditions: { uid: 'other' } } });
  assert.equal(wrong.status, 409);
  assert.match(wrong.json.message, /the UID in the precondition \(other\) does not match the UID in record/);
  const policy = await api.send('DELETE', `${maps}/one?propagationPolicy=Nonsense`);
  assert.equal(policy.status, 422);
});

test('deletecollection removes what is selected and answers with it', async () => {
  const api = await startApiServer();
  await make(api, 4);
  const answer = await api.delete(`${maps}?labelSelector=parity%3Dodd`);
  assert.equal(answer.kind, 'ConfigMapList');
  assert.deepEqual(names(answer), ['m1', 'm3']);
  assert.deepEqual(names(await api.get(maps)), ['m0', 'm2']);
});

test('a bound Pod ends gracefully; a namespace waits to be emptied', async () => {
  const api = await startApiServer();
  const pod = (name: string) => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name },
    spec: { containers: [{ name: 'app', image: 'example' }] },
  });
  await api.create(`${core}/pods`, pod('web'));
  const binding = {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    target: { kind: 'Node', name: 'one' },
  };
  const bound = await api.create(`${core}/pods/web/binding`, binding);
  assert.deepEqual([bound.kind, bound.status, bound.code], ['Status', 'Success', 201]);
  assert.equal(
    (await api.get(`${core}/pods/web`)).metadata.generation,
    1,
    'what the cluster adds is no new generation',
  );
  const again = await api.send('POST', `${core}/pods/web/binding`, { body: binding });
  assert.equal(
    again.json.message,
    'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "one"',
  );
  const ending = await api.delete(`${core}/pods/web`);
  assert.equal(ending.metadata.deletionGracePeriodSeconds, 30);
  assert.equal(ending.metadata.deletionTimestamp, '2026-01-02T03:04:35Z');
  await api.delete(`${core}/pods/web?gracePeriodSeconds=0`);
  assert.equal((await api.send('GET', `${core}/pods/web`)).status, 404);

  await api.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'gone' } });
  const terminating = await api.delete('/api/v1/namespaces/gone');
  assert.equal(terminating.status.phase, 'Terminating');
  const refused = await api.send('POST', '/api/v1/namespaces/gone/configmaps', { body: map('late') });
  assert.equal(
    refused.json.message,
    'configmaps "late" is forbidden: unable to create new content in namespace gone because it is being terminated',
  );
  await api.update('/api/v1/namespaces/gone/finalize', { ...terminating, spec: { finalizers: [] } });
  assert.equal((await api.send('GET', '/api/v1/namespaces/gone')).status, 404);
  assert.equal((await api.send('DELETE', '/api/v1/namespaces/default')).status, 403);
});

test('scale reads and changes replicas alone', async () => {
  const api = await startApiServer();
  await api.create(deployments, deployment('web'));
  const scale = await api.get(`${deployments}/web/scale`);
  assert.deepEqual(
    [scale.kind, scale.spec, scale.status],
    ['Scale', { replicas: 2 }, { replicas: 0, selector: 'app=web' }],
  );
  await api.patch(`${deployments}/web/scale`, 'merge', { spec: { replicas: 7 } });
  const after = await api.get(`${deployments}/web`);
  assert.deepEqual([after.spec.replicas, after.metadata.generation], [7, 2]);
  await api.update(`${deployments}/web/scale`, { ...scale, metadata: { name: 'web' }, spec: { replicas: 1 } });
  assert.equal((await api.get(`${deployments}/web`)).spec.replicas, 1);
});

test('events of both groups are one object', async () => {
  const api = await startApiServer();
  await api.create(`${core}/events`, {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name: 'e1' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' },
    reason: 'Started',
    message: 'it runs',
    type: 'Normal',
  });
  const event = await api.get('/apis/events.k8s.io/v1/namespaces/default/events/e1');
  assert.deepEqual([event.apiVersion, event.note, event.regarding.name], ['events.k8s.io/v1', 'it runs', 'web']);
  const selected = async (selector: string) =>
    (await api.send('GET', `/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=${selector}`)).json.items
      .length;
  assert.deepEqual([await selected('regarding.name=web'), await selected('regarding.name=db')], [1, 0]);
});

test('no collection of all namespaces is deleted or written to: upstream has no such path', async () => {
  const api = await startApiServer();
  await make(api, 1);
  for (const method of ['DELETE', 'POST', 'PUT']) {
    const answer = await api.send(method, '/api/v1/configmaps', { body: {} });
    assert.deepEqual(
      [answer.status, answer.json.message],
      [405, 'the server does not allow this method on the requested resource'],
      method,
    );
  }
  assert.deepEqual(names(await api.get(maps)), ['m0']);
});

test('a watch from a version that is not there yet waits for it, and tells nothing before', async () => {
  const api = await startApiServer();
  const later = api.store.revision + 2;
  const watch = await api.watch(`${maps}?watch=1&resourceVersion=${later}`);
  for (const name of ['one', 'two', 'three'])
    await api.create(maps, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name } });
  assert.deepEqual(
    watch.events.map(({ object }) => object.metadata.name),
    ['three'],
  );
  assert.equal(watch.ended, false);
  watch.stop();
  // The state of a version that is not there is nobody's to give.
  const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const refused = await api.send('GET', `${maps}?watch=1&${initial}&resourceVersion=${api.store.revision + 100}`);
  assert.equal(refused.status, 504);
});
