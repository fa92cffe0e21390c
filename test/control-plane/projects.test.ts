// Projects on the real control plane: the requests that `oc new-project`, `oc projects`, `oc project`, `oc status` and
// `oc delete project` send (read in oc's sources), as a user with nothing but what every user has.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Namespaces, RoleBindings } from '#api/generated/kind-references.ts';
import type { Identity } from '#api/request.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';
import type { Json } from '#kit/start-api-server.ts';

const projects = '/apis/project.openshift.io/v1/projects';
const projectRequests = '/apis/project.openshift.io/v1/projectrequests';
const user = (name: string, ...groups: string[]): Identity => ({ name, groups: [...groups, 'system:authenticated'] });
/** As a token of OpenShift's login gives: may request projects. */
const anna = user('anna', 'system:authenticated:oauth');
const bert = user('bert', 'system:authenticated:oauth');
/** As a client certificate gives. */
const carl = user('carl');
const asTable = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

let cluster: TestControlPlane;
before(async () => {
  cluster = await startControlPlane();
});
after(() => cluster[Symbol.asyncDispose]());

const send: TestControlPlane['api']['send'] = (...args) => cluster.api.send(...args);
const request = (name: string, as: Identity, more: object = {}, query = '') =>
  send('POST', projectRequests + query, {
    as,
    body: { kind: 'ProjectRequest', apiVersion: 'project.openshift.io/v1', metadata: { name }, ...more },
  });
const namesFor = async (as?: Identity, query = ''): Promise<string[]> =>
  (await send('GET', projects + query, { as })).json.items.map((one: Json) => one.metadata.name);
const bind = (namespace: string, name: string, to: Identity, role: string) =>
  cluster.create(RoleBindings, {
    metadata: { name, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: to.name }],
  });

test('oc new-project: asks whether it may, gets a namespace of its own and administers it', async () => {
  const may = await send('GET', projectRequests, { as: anna });
  assert.deepEqual([may.status, may.json.kind, may.json.status], [200, 'Status', 'Success']);
  const made = await request('shop', anna, { displayName: 'The shop', description: 'All of it' });
  assert.equal(made.status, 201);
  assert.equal(made.json.kind, 'Project');
  assert.equal(made.json.apiVersion, 'project.openshift.io/v1');
  assert.deepEqual(made.json.status, { phase: 'Active' });
  assert.deepEqual(made.json.metadata.annotations, {
    'openshift.io/description': 'All of it',
    'openshift.io/display-name': 'The shop',
    'openshift.io/requester': 'anna',
  });
  const { metadata } = await cluster.find(Namespaces, undefined, 'shop');
  assert.equal(metadata.uid, made.json.metadata.uid);
  const binding = await cluster.find(RoleBindings, 'shop', 'admin');
  assert.deepEqual(binding.roleRef, { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' });
  assert.deepEqual(binding.subjects, [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'anna' }]);
  // Its own from now on, and nobody else's.
  const pod = { metadata: { name: 'config' }, data: {} };
  const path = '/api/v1/namespaces/shop/configmaps';
  assert.equal((await send('POST', path, { as: anna, body: pod })).status, 201);
  assert.equal((await send('GET', path, { as: bert })).status, 403);
});

test('who may not request projects is told so in the words of OpenShift', async () => {
  const answer = await send('GET', projectRequests, { as: carl });
  assert.equal(answer.status, 403);
  assert.equal(answer.json.message, 'You may not request a new project via this API.');
  assert.equal(answer.json.reason, 'Forbidden');
  assert.equal((await request('mine', carl)).status, 403);
  assert.equal(await cluster.find(Namespaces, undefined, 'mine'), undefined);
});

test('a request that cannot be met says why and leaves nothing behind', async () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['shop', 409, /projects\.project\.openshift\.io "shop" already exists/],
    ['openshift', 403, /cannot request a project with the name "openshift"/],
    ['openshift-mine', 403, /cannot request a project starting with "openshift-"/],
    ['kube-mine', 403, /cannot request a project starting with "kube-"/],
    ['x', 422, /metadata\.name: Invalid value: "x": must be at least 2 characters long/],
    ['Shop', 422, /a lowercase RFC 1123 label must consist of/],
    ['', 422, /metadata\.name: Required value/],
  ];
  const before = (await cluster.list(Namespaces)).length;
  for (const [name, status, message] of cases) {
    const answer = await request(name, anna);
    assert.equal(answer.status, status, name);
    assert.match(answer.json.message, message);
  }
  const selector = { metadata: { name: 'selected', annotations: { 'openshift.io/node-selector': 'a b c' } } };
  assert.match((await request('selected', anna, selector)).json.message, /must be a valid label selector/);
  const dryRun = await request('tried', anna, {}, '?dryRun=All');
  assert.deepEqual([dryRun.status, dryRun.json.metadata.name], [201, 'tried']);
  assert.equal((await cluster.list(Namespaces)).length, before);
});

test('oc projects: everybody sees their own; the administrator sees all; selectors and pages hold', async () => {
  await request('bakery', bert);
  assert.deepEqual(await namesFor(anna), ['shop']);
  assert.deepEqual(await namesFor(bert), ['bakery']);
  assert.deepEqual(await namesFor(carl), []);
  const all = await namesFor();
  assert.ok(['bakery', 'default', 'kube-system', 'shop'].every((name) => all.includes(name)));
  assert.deepEqual(await namesFor(undefined, '?labelSelector=kubernetes.io/metadata.name%3Dshop'), ['shop']);
  assert.deepEqual(await namesFor(undefined, '?fieldSelector=status.phase%3DTerminating'), []);
  assert.deepEqual(await namesFor(anna, '?fieldSelector=status.phase%3DActive'), ['shop']);
  const first = (await send('GET', `${projects}?limit=1`, { as: anna })).json;
  assert.deepEqual(
    first.items.map((one: Json) => one.metadata.name),
    ['shop'],
  );
  assert.equal(first.metadata.continue, undefined, 'nothing that anna sees follows');
  // Rights that come and go are seen at once.
  await bind('bakery', 'guest', anna, 'view');
  assert.deepEqual(await namesFor(anna), ['bakery', 'shop']);
  await cluster.api.delete('/apis/rbac.authorization.k8s.io/v1/namespaces/bakery/rolebindings/guest');
  assert.deepEqual(await namesFor(anna), ['shop']);
});

test('oc project, oc get projects: one project, and tables', async () => {
  const one = await send('GET', `${projects}/shop`, { as: anna });
  assert.deepEqual([one.status, one.json.kind, one.json.metadata.name], [200, 'Project', 'shop']);
  assert.equal((await send('GET', `${projects}/shop`, { as: bert })).status, 403);
  const missing = await send('GET', `${projects}/nowhere`);
  assert.deepEqual([missing.status, missing.json.message], [404, 'namespaces "nowhere" not found']);
  const table = (await send('GET', projects, { as: anna, headers: asTable })).json;
  assert.deepEqual(
    table.columnDefinitions.map((column: Json) => column.name),
    ['Name', 'Display Name', 'Status'],
  );
  assert.deepEqual(
    table.rows.map((row: Json) => row.cells),
    [['shop', 'The shop', 'Active']],
  );
  // A project is no part of a namespace.
  assert.equal((await send('GET', '/apis/project.openshift.io/v1/namespaces/shop/projects/shop')).status, 404);
});

test('oc status in a project: what it lists is allowed to its administrator', async () => {
  const paths = [
    '/api/v1/namespaces/shop',
    ...['replicationcontrollers', 'services', 'pods', 'persistentvolumeclaims'].map(
      (one) => `/api/v1/namespaces/shop/${one}`,
    ),
    ...['deployments', 'statefulsets', 'daemonsets'].map((one) => `/apis/apps/v1/namespaces/shop/${one}`),
    '/apis/autoscaling/v1/namespaces/shop/horizontalpodautoscalers',
    '/apis/route.openshift.io/v1/namespaces/shop/routes',
  ];
  for (const path of paths) assert.equal((await send('GET', path, { as: anna })).status, 200, path);
  // These groups are not there; oc goes on.
  for (const path of [
    '/apis/build.openshift.io/v1/namespaces/shop/builds',
    '/apis/apps.openshift.io/v1/namespaces/shop/deploymentconfigs',
  ])
    assert.equal((await send('GET', path)).status, 404, path);
});

test('an update changes display name and description, and nothing else', async () => {
  const { json: project } = await send('GET', `${projects}/shop`, { as: anna });
  const annotations = { ...project.metadata.annotations, 'openshift.io/display-name': 'Our shop' };
  const renamed = await send('PUT', `${projects}/shop`, {
    as: anna,
    body: { ...project, metadata: { ...project.metadata, annotations } },
  });
  assert.equal(renamed.status, 200);
  assert.equal(renamed.json.kind, 'Project');
  const patch = (metadata: object) =>
    send('PATCH', `${projects}/shop`, {
      as: anna,
      body: { metadata },
      contentType: 'application/merge-patch+json',
    });
  assert.equal((await patch({ annotations: { 'openshift.io/description': 'Half of it' } })).status, 200);
  const stored = (await cluster.find(Namespaces, undefined, 'shop')).metadata.annotations;
  assert.equal(stored['openshift.io/display-name'], 'Our shop');
  assert.equal(stored['openshift.io/description'], 'Half of it');
  for (const metadata of [
    { annotations: { 'openshift.io/requester': 'bert' } },
    { annotations: { 'openshift.io/requester': null } },
    { annotations: { 'openshift.io/sa.scc.uid-range': '0/1' } },
    { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
  ]) {
    const answer = await patch(metadata);
    assert.equal(answer.status, 422, JSON.stringify(metadata));
    assert.match(answer.json.message, /field is immutable, try updating the namespace/);
  }
  const spoilt = await patch({ annotations: { 'openshift.io/display-name': 'two\nlines' } });
  assert.match(spoilt.json.message, /may not contain a new line or tab/);
  assert.equal((await send('PUT', `${projects}/shop`, { as: bert, body: project })).status, 403);
});

test('a project is created directly by who may, and not by others', async () => {
  const body = { kind: 'Project', apiVersion: 'project.openshift.io/v1', metadata: { name: 'plain' } };
  assert.equal((await send('POST', projects, { as: anna, body })).status, 403);
  const made = await send('POST', projects, { body });
  assert.deepEqual([made.status, made.json.kind], [201, 'Project']);
  assert.equal((await cluster.find(Namespaces, undefined, 'plain')).status.phase, 'Active');
});

test('a watch follows the projects of its user: new ones, changed ones, rights that come and go, deleted ones', async () => {
  const { metadata } = (await send('GET', projects, { as: anna })).json;
  const watch = await cluster.api.watch(`${projects}?watch=true&resourceVersion=${metadata.resourceVersion}`, {
    as: anna,
  });
  // Controllers of the cluster change namespaces, too (ranges, status): changes are looked at by their content below.
  const heard = () =>
    watch.events
      .filter(({ type }) => type !== 'MODIFIED')
      .map(({ type, object }) => `${type} ${object.kind} ${object.metadata.name}`);
  const hears = (events: readonly string[]) => cluster.eventually(async () => assert.deepEqual(heard(), events));
  await request('second', anna);
  await hears(['ADDED Project second']);
  await request('others', bert);
  await bind('bakery', 'guest', anna, 'view');
  await hears(['ADDED Project second', 'ADDED Project bakery']);
  await cluster.api.delete('/apis/rbac.authorization.k8s.io/v1/namespaces/bakery/rolebindings/guest');
  await hears(['ADDED Project second', 'ADDED Project bakery', 'DELETED Project bakery']);
  watch.events.length = 0;
  const description = { metadata: { annotations: { 'openshift.io/description': 'new' } } };
  await cluster.api.patch(`${projects}/second`, 'merge', description, { as: anna });
  await cluster.eventually(async () => {
    const change = watch.events.find(({ object }) => object.metadata.annotations['openshift.io/description'] === 'new');
    assert.deepEqual(
      [change?.type, change?.object.kind, change?.object.metadata.name],
      ['MODIFIED', 'Project', 'second'],
    );
  });
  // oc delete project
  const deleted = await send('DELETE', `${projects}/second`, { as: anna });
  assert.deepEqual([deleted.status, deleted.json.kind, deleted.json.status], [200, 'Status', 'Success']);
  await cluster.eventually(async () => {
    assert.equal(heard().at(-1), 'DELETED Project second');
    assert.equal(await cluster.find(Namespaces, undefined, 'second'), undefined);
  });
  watch.stop();
  assert.equal((await send('DELETE', `${projects}/shop`, { as: bert })).status, 403);
  assert.equal((await send('DELETE', `${projects}/default`)).status, 403);
});

test('a first watch without a version sends what is there', async () => {
  const watch = await cluster.api.watch(`${projects}?watch=true`, { as: bert });
  await cluster.eventually(async () =>
    assert.deepEqual(
      watch.events.map(({ type, object }) => `${type} ${object.metadata.name}`),
      ['ADDED bakery', 'ADDED others'],
    ),
  );
  watch.stop();
});

test('oc whoami: who asks, and nobody else', async () => {
  const me = await send('GET', '/apis/user.openshift.io/v1/users/~', { as: anna });
  assert.deepEqual([me.status, me.json.kind, me.json.metadata.name], [200, 'User', 'anna']);
  assert.deepEqual(me.json.groups, ['system:authenticated', 'system:authenticated:oauth']);
  assert.equal((await send('GET', '/apis/user.openshift.io/v1/users/bert', { as: anna })).status, 403);
  assert.equal((await send('GET', '/apis/user.openshift.io/v1/users/bert')).status, 404);
});
