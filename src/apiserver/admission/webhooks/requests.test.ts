// Which requests webhooks are asked about, and what they are told of them: observed of a 1.36 API server, asked the same.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { reviewed, reviewedPatch, startWebhookServer, type WebhookServer } from '#kit/webhook-server.ts';

const core = '/api/v1/namespaces/default';
const registration = '/apis/admissionregistration.k8s.io/v1';
const mutatingPath = `${registration}/mutatingwebhookconfigurations`;
const validatingPath = `${registration}/validatingwebhookconfigurations`;

let hooks: WebhookServer;
let api: TestApiServer;
let answer: (body: Json, path: string) => unknown = (body) => reviewed(body);

before(async () => {
  hooks = await startWebhookServer((path, body) => answer(body, path.replace(/\?.*$/, '')));
});
after(() => hooks.close());
beforeEach(async () => {
  api = await startApiServer({ clock: systemClock, outgoing: hooks.outgoing });
  hooks.asked.length = 0;
  answer = (body) => reviewed(body);
});

const hookOf = (name: string, more: object = {}): Json => ({
  name: `${name}.example.com`,
  clientConfig: { url: hooks.url(`/${name}`), caBundle: hooks.caBundle },
  rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
});
const configure = (path: string, name: string, ...webhooks: Json[]): Promise<Json> =>
  api.create(path, {
    kind: path === mutatingPath ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    apiVersion: 'admissionregistration.k8s.io/v1',
    metadata: { name },
    webhooks,
  });
const rules = (
  ...list: [operations: string[], groups: string[], versions: string[], resources: string[], scope?: string][]
) => ({
  rules: list.map(([operations, apiGroups, apiVersions, resources, scope = '*']) => ({
    operations,
    apiGroups,
    apiVersions,
    resources,
    scope,
  })),
});
const configMap = (name: string, more: object = {}): Json => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, ...more },
});
const requests = (): Json[] => hooks.asked.splice(0).map((one) => one.body.request);
const shape = ({ object, oldObject, uid: _uid, userInfo: _userInfo, ...rest }: Json): Json => ({
  ...rest,
  object: object === null ? null : object.kind,
  oldObject: oldObject === null ? null : oldObject.kind,
});
const configMapKind = { group: '', version: 'v1', kind: 'ConfigMap' };
const configMapResource = { group: '', version: 'v1', resource: 'configmaps' };
const ofConfigMap = {
  kind: configMapKind,
  resource: configMapResource,
  requestKind: configMapKind,
  requestResource: configMapResource,
  name: 'one',
  namespace: 'default',
  dryRun: false,
};

test('creates, updates, patches, applies and deletes are told with their options, old and new object', async () => {
  await configure(validatingPath, 'all', hookOf('all'));
  const path = `${core}/configmaps`;
  await api.create(`${path}?fieldManager=me&fieldValidation=Strict`, configMap('one'));
  const [created] = requests();
  assert.deepEqual(shape(created), {
    ...ofConfigMap,
    operation: 'CREATE',
    object: 'ConfigMap',
    oldObject: null,
    options: {
      kind: 'CreateOptions',
      apiVersion: 'meta.k8s.io/v1',
      fieldManager: 'me',
      fieldValidation: 'Strict',
    },
  });
  assert.match(created.uid, /^[0-9a-f-]{36}$/);
  assert.deepEqual(created.userInfo, { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] });
  assert.deepEqual(Object.keys(created.object), ['kind', 'apiVersion', 'metadata']);
  assert.equal(created.object.metadata.managedFields, undefined);
  assert.ok(created.object.metadata.uid);

  await api.patch(`${path}/one?fieldManager=me`, 'merge', { data: { a: 'b' } });
  const [patched] = requests();
  assert.deepEqual(shape(patched), {
    ...ofConfigMap,
    operation: 'UPDATE',
    object: 'ConfigMap',
    oldObject: 'ConfigMap',
    options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
  });
  assert.deepEqual([patched.oldObject.data, patched.object.data], [undefined, { a: 'b' }]);

  await api.patch(`${path}/two?fieldManager=me&force=true`, 'apply', { ...configMap('two'), data: { x: 'y' } });
  await api.patch(`${path}/two?fieldManager=me&force=true`, 'apply', { ...configMap('two'), data: { x: 'z' } });
  assert.deepEqual(
    requests().map((one) => [one.operation, one.options.kind, one.object.data, one.oldObject?.data]),
    [
      ['CREATE', 'CreateOptions', { x: 'y' }, undefined],
      ['UPDATE', 'UpdateOptions', { x: 'z' }, { x: 'y' }],
    ],
  );
  await api.delete(`${path}/one?propagationPolicy=Background&dryRun=All`);
  const [deleted] = requests();
  assert.deepEqual(shape(deleted), {
    ...ofConfigMap,
    operation: 'DELETE',
    dryRun: true,
    object: null,
    oldObject: 'ConfigMap',
    options: {
      kind: 'DeleteOptions',
      apiVersion: 'meta.k8s.io/v1',
      propagationPolicy: 'Background',
      dryRun: ['All'],
    },
  });
  await api.delete(path);
  assert.deepEqual(
    requests().map((one) => [one.operation, one.name, one.oldObject.metadata.name]),
    [
      // As the request names none.
      ['DELETE', undefined, 'one'],
      ['DELETE', undefined, 'two'],
    ],
  );
  api.close();
});

test('subresources are told in their own types: scale, status, eviction, binding, token, connections', async () => {
  const deployment = {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: { name: 'dep' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  };
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'pod' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  await api.create('/apis/apps/v1/namespaces/default/deployments', deployment);
  await api.create(`${core}/pods`, pod);
  await configure(validatingPath, 'all', hookOf('all'));
  await api.patch('/apis/apps/v1/namespaces/default/deployments/dep/scale', 'merge', { spec: { replicas: 2 } });
  await api.patch('/apis/apps/v1/namespaces/default/deployments/dep/status', 'merge', { status: { replicas: 0 } });
  const post = (path: string, body: object) => api.send('POST', `${core}/${path}`, { body });
  await post('serviceaccounts/default/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: {},
  });
  await post('pods/pod/binding', {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name: 'pod' },
    target: { name: 'n' },
  });
  await api.send('GET', `${core}/pods/pod/exec?command=ls&command=-l&stdout=true&container=c`);
  await api.send('POST', `${core}/pods/pod/attach?stdin=true`);
  await api.send('POST', `${core}/pods/pod/portforward`);
  await api.send('GET', `${core}/pods/pod/proxy/x/y`);
  await post('pods/pod/eviction', { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'pod' } });
  const told = requests().map(({ operation, subResource, kind, object, oldObject, options, name }) => {
    const { metadata: _, ...rest } = object;
    return [
      `${operation} ${name}/${subResource}`,
      kind.kind,
      kind.kind === 'Deployment' ? '' : rest,
      oldObject?.kind,
      options?.kind,
    ];
  });
  const v1 = 'v1';
  assert.deepEqual(told, [
    [
      'UPDATE dep/scale',
      'Scale',
      { kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 2 }, status: { replicas: 0, selector: 'a=b' } },
      'Scale',
      'UpdateOptions',
    ],
    ['UPDATE dep/status', 'Deployment', '', 'Deployment', 'UpdateOptions'],
    ['CREATE default/token', 'TokenRequest', told[2]![2], undefined, 'CreateOptions'],
    [
      'CREATE pod/binding',
      'Binding',
      { kind: 'Binding', apiVersion: v1, target: { name: 'n' } },
      undefined,
      'CreateOptions',
    ],
    [
      'CONNECT pod/exec',
      'PodExecOptions',
      { kind: 'PodExecOptions', apiVersion: v1, stdout: true, container: 'c', command: ['ls', '-l'] },
      undefined,
      undefined,
    ],
    [
      'CONNECT pod/attach',
      'PodAttachOptions',
      { kind: 'PodAttachOptions', apiVersion: v1, stdin: true },
      undefined,
      undefined,
    ],
    [
      'CONNECT pod/portforward',
      'PodPortForwardOptions',
      { kind: 'PodPortForwardOptions', apiVersion: v1 },
      undefined,
      undefined,
    ],
    [
      'CONNECT pod/proxy',
      'PodProxyOptions',
      { kind: 'PodProxyOptions', apiVersion: v1, path: '/x/y' },
      undefined,
      undefined,
    ],
    ['CREATE pod/eviction', 'Eviction', { kind: 'Eviction', apiVersion: 'policy/v1' }, undefined, 'CreateOptions'],
  ]);
  answer = (body) => reviewed(body, { allowed: false });
  const attached = await api.send('POST', `${core}/pods/pod/attach?stdin=true`);
  assert.match(attached.json.message, /^admission webhook "all\.example\.com" denied the request/);
  api.close();
});

test('a Scale that a webhook changed scales as it says', async () => {
  const path = '/apis/apps/v1/namespaces/default/replicasets';
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await api.create(path, {
    kind: 'ReplicaSet',
    apiVersion: 'apps/v1',
    metadata: { name: 'set' },
    spec: { replicas: 1, selector: { matchLabels: { a: 'b' } }, template },
  });
  await configure(mutatingPath, 'scale', hookOf('scale', rules([['UPDATE'], ['apps'], ['v1'], ['replicasets/scale']])));
  answer = (body) => reviewedPatch(body, [{ op: 'replace', path: '/spec/replicas', value: 7 }]);
  const scaled = await api.patch(`${path}/set/scale`, 'merge', { spec: { replicas: 3 } });
  assert.equal(scaled.spec.replicas, 7);
  assert.equal((await api.get(`${path}/set`)).spec.replicas, 7);
  api.close();
});

test('rules: groups, versions, resources, scopes, operations', async () => {
  const table: [name: string, rule: Parameters<typeof rules>[0], asked: string[]][] = [
    ['main', [['CREATE'], [''], ['v1'], ['configmaps']], ['configmaps']],
    ['star', [['CREATE'], ['*'], ['*'], ['*']], ['configmaps', 'namespaces']],
    ['subresources', [['*'], ['*'], ['*'], ['*/token']], ['serviceaccounts/token']],
    ['of-one', [['*'], [''], ['v1'], ['serviceaccounts/*']], ['serviceaccounts/token']],
    ['cluster', [['CREATE'], ['*'], ['*'], ['*'], 'Cluster'], ['namespaces']],
    ['namespaced', [['CREATE'], ['*'], ['*'], ['*'], 'Namespaced'], ['configmaps']],
    ['other-version', [['CREATE'], [''], ['v2'], ['*']], []],
    ['other-group', [['CREATE'], ['apps'], ['v1'], ['*']], []],
    ['other-operation', [['DELETE'], ['*'], ['*'], ['*/*']], []],
  ];
  await configure(validatingPath, 'rules', ...table.map(([name, rule]) => hookOf(name, rules(rule))));
  await api.create(`${core}/configmaps`, configMap('one'));
  await api.create(`/api/v1/namespaces`, { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'own' } });
  await api.create(`${core}/serviceaccounts/default/token`, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: {},
  });
  const told = new Map<string, string[]>();
  for (const { path, body } of hooks.asked.splice(0)) {
    const name = path.replace(/\?.*$/, '').slice(1);
    const { resource, subResource } = body.request;
    told.set(name, [
      ...(told.get(name) ?? []),
      resource.resource + (subResource === undefined ? '' : `/${subResource}`),
    ]);
  }
  for (const [name, , asked] of table) assert.deepEqual(told.get(name) ?? [], asked, name);
  api.close();
});

test('a resource in another version or group is asked about as the rule names it, unless the match is exact', async () => {
  const path = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
  const old = rules([['*'], ['autoscaling'], ['v1'], ['horizontalpodautoscalers']]);
  await configure(
    mutatingPath,
    'versions',
    hookOf('equivalent', old),
    hookOf('exact', { ...old, matchPolicy: 'Exact' }),
  );
  answer = (body) => reviewedPatch(body, [{ op: 'replace', path: '/spec/maxReplicas', value: 9 }]);
  const made = await api.create(path, {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata: { name: 'hpa' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3 },
  });
  assert.equal(made.apiVersion, 'autoscaling/v2');
  assert.equal(made.spec.maxReplicas, 9);
  const asked = hooks.asked.splice(0);
  assert.deepEqual(
    asked.map((one) => one.path),
    ['/equivalent?timeout=10s'],
  );
  const { request } = asked[0]!.body;
  assert.deepEqual(
    [request.kind.version, request.resource.version, request.requestKind.version, request.requestResource.version],
    ['v1', 'v1', 'v2', 'v2'],
  );
  assert.equal(request.object.apiVersion, 'autoscaling/v1');
  api.close();
});

test('selectors: of the namespace, of a Namespace itself, of the old or the new object', async () => {
  await configure(
    validatingPath,
    'selectors',
    hookOf('namespace', { ...rules([['*'], ['*'], ['*'], ['*']]), namespaceSelector: { matchLabels: { on: 'yes' } } }),
    hookOf('object', { ...rules([['*'], ['*'], ['*'], ['*']]), objectSelector: { matchLabels: { on: 'yes' } } }),
  );
  const namespaces = '/api/v1/namespaces';
  const asked = () =>
    hooks.asked.splice(0).map((one) => `${one.path.replace(/\?.*$/, '')} ${one.body.request.operation}`);
  await api.create(`${core}/configmaps`, configMap('one'));
  assert.deepEqual(asked(), []);
  await api.create(namespaces, {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'own', labels: { on: 'yes' } },
  });
  assert.deepEqual(asked().toSorted(), ['/namespace CREATE', '/object CREATE']);
  await api.create(`${namespaces}/own/configmaps`, configMap('one'));
  assert.deepEqual(asked(), ['/namespace CREATE']);
  await api.create(`${core}/configmaps`, configMap('two', { labels: { on: 'yes' } }));
  assert.deepEqual(asked(), ['/object CREATE']);
  await api.patch(`${core}/configmaps/two`, 'merge', { metadata: { labels: null } });
  assert.deepEqual(asked(), ['/object UPDATE'], 'the old object has the label');
  await api.create('/apis/scheduling.k8s.io/v1/priorityclasses', {
    kind: 'PriorityClass',
    apiVersion: 'scheduling.k8s.io/v1',
    metadata: { name: 'p' },
    value: 1,
  });
  assert.deepEqual(asked(), ['/namespace CREATE'], 'what is in no namespace is never left out by one');
  api.close();
});

test('configurations of webhooks and policies are asked of nobody, so that they can always be repaired', async () => {
  answer = (body) => reviewed(body, { allowed: false });
  await configure(validatingPath, 'no', hookOf('no'));
  await configure(mutatingPath, 'no', hookOf('no'));
  await api.patch(`${mutatingPath}/no`, 'merge', { metadata: { labels: { a: 'b' } } });
  assert.equal((await api.send('POST', `${core}/configmaps`, { body: configMap('x') })).status, 400);
  await api.delete(`${validatingPath}/no`);
  await api.delete(mutatingPath);
  assert.equal((await api.send('POST', `${core}/configmaps`, { body: configMap('x') })).status, 201);
  api.close();
});

test('webhooks are called by configuration name and their place; the changed object goes to the next, and to those that want it again', async () => {
  const onConfigMaps = rules([['CREATE'], [''], ['v1'], ['configmaps']]);
  await configure(mutatingPath, 'b', hookOf('third', onConfigMaps));
  await configure(
    mutatingPath,
    'a',
    hookOf('first', { ...onConfigMaps, reinvocationPolicy: 'IfNeeded' }),
    hookOf('second', onConfigMaps),
  );
  answer = (body, path) => {
    const { data = {} } = body.request.object;
    return reviewedPatch(body, [{ op: 'add', path: '/data', value: { ...data, [path.slice(1)]: 'x' } }]);
  };
  const { data } = await api.create(`${core}/configmaps`, configMap('one'));
  assert.deepEqual(data, { first: 'x', second: 'x', third: 'x' });
  const asked = hooks.asked.splice(0);
  assert.deepEqual(
    asked.map((one) => one.path.replace(/\?.*$/, '')),
    ['/first', '/second', '/third', '/first'],
  );
  assert.deepEqual(asked[3]!.body.request.object.data, { first: 'x', second: 'x', third: 'x' });
  api.close();
});

test('what a webhook adds is completed by the built-in plugins in the second round, and validated', async () => {
  await configure(mutatingPath, 'pods', hookOf('pods', rules([['CREATE'], [''], ['v1'], ['pods']])));
  answer = (body) =>
    reviewedPatch(body, [{ op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 'i' } }]);
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'pod' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const made = await api.create(`${core}/pods`, pod);
  const [main, side] = made.spec.containers;
  assert.equal(side.terminationMessagePath, '/dev/termination-log', 'defaulted');
  assert.deepEqual(side.volumeMounts, main.volumeMounts, 'the token is mounted there as well');
  answer = (body) => reviewedPatch(body, [{ op: 'add', path: '/spec/containers/-', value: { name: 'c', image: 'i' } }]);
  const refused = await api.send('POST', `${core}/pods`, { body: { ...pod, metadata: { name: 'pod2' } } });
  assert.equal(refused.status, 422);
  api.close();
});

test('dry runs are asked about only by webhooks without side effects', async () => {
  await configure(validatingPath, 'some', hookOf('some', { sideEffects: 'NoneOnDryRun' }));
  assert.equal((await api.send('POST', `${core}/configmaps?dryRun=All`, { body: configMap('x') })).status, 201);
  const [request] = requests();
  assert.deepEqual([request.dryRun, request.options.dryRun], [true, ['All']]);
  // Only older servers let such a webhook be stored.
  const [stored] = api.store.list('/registry/validatingwebhookconfigurations/').items;
  const object: Json = structuredClone(stored!.object());
  object.webhooks[0].sideEffects = 'Some';
  object.webhooks[0].failurePolicy = 'Ignore';
  delete object.metadata.resourceVersion;
  await api.store.write({ key: stored!.key, expectedRevision: stored!.revision, object, durability: 'durable' });
  const { status, json } = await api.send('POST', `${core}/configmaps?dryRun=All`, { body: configMap('x') });
  assert.deepEqual([status, json.message], [400, 'admission webhook "some.example.com" does not support dry run']);
  api.close();
});

test('a webhook of the first version of AdmissionReview is asked in it', async () => {
  await configure(
    mutatingPath,
    'old',
    hookOf('old', { admissionReviewVersions: ['v1beta1', 'v1'], ...rules([['CREATE'], [''], ['v1'], ['configmaps']]) }),
  );
  answer = () => ({
    response: {
      allowed: true,
      patch: Buffer.from('[{"op":"add","path":"/data","value":{"a":"b"}}]').toString('base64'),
    },
  });
  assert.deepEqual((await api.create(`${core}/configmaps`, configMap('x'))).data, { a: 'b' });
  assert.equal(hooks.asked[0]!.body.apiVersion, 'admission.k8s.io/v1beta1');
  api.close();
});

test('match conditions: all must hold; one that is false leaves the webhook out, one that fails follows its failure policy', async () => {
  const condition = (...expressions: string[]) => ({
    matchConditions: expressions.map((expression, index) => ({ name: `n${index}`, expression })),
    ...rules([['*'], [''], ['v1'], ['configmaps']]),
  });
  await configure(
    validatingPath,
    'conditions',
    hookOf('named', condition("object != null && object.metadata.name == 'one'", 'request.operation == "CREATE"')),
    hookOf('old', condition('oldObject != null')),
    hookOf('allowed', condition("authorizer.group('').resource('pods').namespace('default').check('get').allowed()")),
    hookOf('open', { ...condition('object.data.none == "x"'), failurePolicy: 'Ignore' }),
    hookOf('false-first', condition('object.data.none == "x"', 'false')),
  );
  const asked = () =>
    hooks.asked
      .splice(0)
      .map((one) => one.path.replace(/\?.*$/, ''))
      .toSorted();
  await api.create(`${core}/configmaps`, configMap('one'));
  assert.deepEqual(asked(), ['/allowed', '/named']);
  await api.patch(`${core}/configmaps/one`, 'merge', { data: { a: 'b' } });
  assert.deepEqual(asked(), ['/allowed', '/old']);
  await configure(mutatingPath, 'closed', hookOf('closed', condition('object.data.none == "x"')));
  const { status, json } = await api.send('POST', `${core}/configmaps`, { body: configMap('two') });
  assert.deepEqual(
    [status, json.reason, json.message],
    [
      403,
      'Forbidden',
      'configmaps "two" is forbidden: expression \'object.data.none == "x"\' resulted in error: no such key: data',
    ],
  );
  assert.deepEqual(asked(), []);
  api.close();
});
