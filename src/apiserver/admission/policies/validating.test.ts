// Validating policies through the whole request chain: what recorded answers do not show.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import type { AuditEvent } from '../../audit/event.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const core = '/api/v1/namespaces/default';
const configMaps = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['configmaps'],
};

async function givePolicy(
  api: TestApiServer,
  name: string,
  spec: object,
  binding: object = {},
  rule: object = configMaps,
): Promise<void> {
  await api.create(`${group}/validatingadmissionpolicies`, {
    metadata: { name },
    spec: { matchConstraints: { resourceRules: [rule] }, ...spec },
  });
  await api.create(`${group}/validatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  });
}
const make = (api: TestApiServer, name: string, data: object = {}, more: object = {}) =>
  api.send('POST', `${core}/configmaps`, { body: { metadata: { name, ...more }, data } });
const denied = (policy: string, message: string): string =>
  `ValidatingAdmissionPolicy '${policy}' with binding '${policy}-binding' denied request: ${message}`;

test('a policy denies with its message, reason and code, acts at once and stops at once', async () => {
  const api = await startApiServer();
  await givePolicy(api, 'p', { validations: [{ expression: "object.data.x == 'y'" }] });
  const refused = await make(api, 'c', { x: 'z' });
  const text = `ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: failed expression: object.data.x == 'y'`;
  assert.deepEqual(refused.json, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `configmaps "c" is forbidden: ${text}`,
    reason: 'Invalid',
    details: { name: 'c', kind: 'configmaps', causes: [{ message: text }] },
    code: 422,
  });
  assert.equal((await make(api, 'c', { x: 'y' })).status, 201);
  await api.delete(`${group}/validatingadmissionpolicybindings/p-binding`);
  assert.equal((await make(api, 'd', { x: 'z' })).status, 201);
});

test('failures and annotations are in the audit log; values of several parameters are joined', async () => {
  let events: AuditEvent[] = [];
  const api = await startApiServer({ audit: { profile: () => 'Default', write: (event) => void events.push(event) } });
  for (const max of ['3', '5'])
    await api.create(`${core}/configmaps`, {
      metadata: { name: `max-${max}`, labels: { use: 'params' } },
      data: { max },
    });
  await givePolicy(
    api,
    'p',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [
        { expression: 'true' },
        { expression: 'int(object.data.n) < int(params.data.max)', message: 'too many' },
      ],
      auditAnnotations: [
        { key: 'limit', valueExpression: "'at most ' + params.data.max" },
        { key: 'same', valueExpression: "' for all '" },
        { key: 'none', valueExpression: 'null' },
        { key: 'long', valueExpression: "'x'.replace('x', object.data.long)" },
      ],
    },
    {
      validationActions: ['Audit', 'Warn'],
      paramRef: { selector: { matchLabels: { use: 'params' } }, parameterNotFoundAction: 'Deny' },
    },
  );
  events = [];
  const answer = await make(api, 'c', { n: '4', long: 'y'.repeat(20_000) });
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.warnings, [
    "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-binding': too many",
  ]);
  const annotations = events.find((event) => event.verb === 'create')?.annotations ?? {};
  assert.deepEqual(JSON.parse(annotations['validation.policy.admission.k8s.io/validation_failure'] ?? ''), [
    {
      message: 'too many',
      policy: 'p',
      binding: 'p-binding',
      expressionIndex: 1,
      validationActions: ['Audit', 'Warn'],
    },
  ]);
  assert.equal(annotations['p/limit'], 'at most 3, at most 5');
  assert.equal(annotations['p/same'], 'for all');
  assert.equal(annotations['p/none'], undefined);
  assert.equal(annotations['p/long']?.length, 10 * 1024);
});

test('a change of a policy, of a parameter and of the namespace counts for the next request', async () => {
  const api = await startApiServer();
  await api.create(`${core}/configmaps`, { metadata: { name: 'limits' }, data: { max: '3' } });
  await givePolicy(
    api,
    'p',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [{ expression: "object.metadata.name == 'limits' || int(object.data.n) <= int(params.data.max)" }],
    },
    {
      paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' },
      matchResources: { namespaceSelector: { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] } },
    },
  );
  const status = async (n: string) => (await make(api, `c-${n}`, { n }, {})).status;
  assert.equal(await status('4'), 422);
  await api.patch(`${core}/configmaps/limits`, 'merge', { data: { max: '5' } });
  assert.equal(await status('4'), 201);
  assert.equal(await status('6'), 422);
  await api.patch(core, 'merge', { metadata: { labels: { free: '' } } });
  assert.equal(await status('6'), 201);
  await api.patch(core, 'merge', { metadata: { labels: { free: null } } });
  await api.patch(`${group}/validatingadmissionpolicies/p`, 'merge', {
    spec: { validations: [{ expression: 'true' }] },
  });
  assert.equal(await status('7'), 201);
});

test('custom resources are parameters and are judged, by all versions of theirs', async () => {
  const api = await startApiServer();
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { max: { type: 'integer' } } } },
    },
  };
  await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'limits.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'limits', kind: 'Limit' },
      versions: [
        { name: 'v1', served: true, storage: true, schema },
        { name: 'v2', served: true, storage: false, schema },
      ],
    },
  });
  const limits = (version: string) => `/apis/example.com/${version}/namespaces/default/limits`;
  await api.create(limits('v1'), {
    apiVersion: 'example.com/v1',
    kind: 'Limit',
    metadata: { name: 'l' },
    spec: { max: 3 },
  });
  await givePolicy(
    api,
    'p',
    {
      paramKind: { apiVersion: 'example.com/v2', kind: 'Limit' },
      validations: [
        { expression: 'object.data.size() <= params.spec.max', messageExpression: 'string(params.apiVersion)' },
      ],
    },
    { paramRef: { name: 'l', parameterNotFoundAction: 'Deny' } },
  );
  assert.equal((await make(api, 'a', { x: '1' })).status, 201);
  const refused = await make(api, 'b', { a: '1', b: '1', c: '1', d: '1' });
  assert.equal(refused.json.details.causes[0].message, denied('p', 'example.com/v2'));

  const ofLimits = { apiGroups: ['example.com'], apiVersions: ['v2'], operations: ['*'], resources: ['limits'] };
  const validations = [
    { expression: 'object == null || object.spec.max < 10', messageExpression: 'string(object.apiVersion)' },
  ];
  await givePolicy(api, 'q', { validations }, {}, ofLimits);
  for (const version of ['v1', 'v2']) {
    const body = {
      apiVersion: `example.com/${version}`,
      kind: 'Limit',
      metadata: { name: version },
      spec: { max: 11 },
    };
    const answer = await api.send('POST', limits(version), { body });
    assert.equal(answer.json.details?.causes[0].message, denied('q', 'example.com/v2'), version);
  }
});

test('subresources: scale, status, bindings and connections are judged as what they are', async () => {
  const api = await startApiServer();
  const rule = (apiGroups: string[], resources: string[], operations = ['*']) => ({
    apiGroups,
    apiVersions: ['v1'],
    operations,
    resources,
  });
  const deployment = {
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
    },
  };
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  await api.create(deployments, deployment);
  await api.create(`${core}/pods`, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'x' }] } });
  const told = (expression: string) => ({ validations: [{ expression: 'false', messageExpression: expression }] });
  await givePolicy(
    api,
    'scale',
    told("object.kind + ' ' + string(object.spec.replicas) + request.subResource"),
    {},
    rule(['apps'], ['deployments/scale']),
  );
  await givePolicy(
    api,
    'status',
    told('object.kind + request.subResource'),
    {},
    rule(['apps'], ['deployments/status']),
  );
  await givePolicy(api, 'binding', told("object.kind + ' ' + object.target.name"), {}, rule([''], ['pods/binding']));
  await givePolicy(
    api,
    'exec',
    told("object.kind + ' ' + object.command[0] + ' ' + request.operation"),
    {},
    rule([''], ['pods/exec'], ['CONNECT']),
  );
  const message = async (method: string, path: string, body?: object, contentType?: string) => {
    const { json } = await api.send(method, path, { body, contentType });
    return json.details?.causes?.[0].message ?? JSON.stringify(json);
  };
  const merge = 'application/merge-patch+json';
  assert.equal(
    await message('PATCH', `${deployments}/d/scale`, { spec: { replicas: 3 } }, merge),
    denied('scale', 'Scale 3scale'),
  );
  assert.equal(
    await message('PATCH', `${deployments}/d/status`, { status: { replicas: 3 } }, merge),
    denied('status', 'Deploymentstatus'),
  );
  const target = { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } };
  assert.equal(await message('POST', `${core}/pods/p/binding`, target), denied('binding', 'Binding n'));
  const exec = await message('POST', `${core}/pods/p/exec?command=sh&stdout=true`);
  assert.equal(exec, denied('exec', 'PodExecOptions sh CONNECT'));
});

test('policies on their own kinds, on webhooks and on reviews do nothing', async () => {
  const api = await startApiServer();
  const all = { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] };
  await givePolicy(api, 'p', { validations: [{ expression: 'false' }] }, {}, all);
  assert.equal((await make(api, 'c')).status, 422);
  const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } };
  assert.equal(
    (await api.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body: review })).status,
    201,
  );
  await api.create(`${group}/validatingwebhookconfigurations`, { metadata: { name: 'w' } });
  await api.delete(`${group}/validatingadmissionpolicies/p`);
  assert.equal((await make(api, 'c')).status, 201);
});

const tens = '[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]';
const long = ['a', 'b', 'c', 'd', 'e'].reduce(
  (inner, name) => `${tens}.all(${name}, ${inner})`,
  'a + b + c + d + e > 0',
);

test('an expression that costs too much ends, and so does a policy of many; neighbours go on', async () => {
  const api = await startApiServer();
  await givePolicy(api, 'p', { validations: [{ expression: `${tens}.all(z, ${long})` }] });
  const refused = await make(api, 'c');
  assert.match(refused.json.message, /resulted in error: operation cancelled: actual cost limit exceeded$/);
  await api.delete(`${group}/validatingadmissionpolicies/p`);
  const validations = Array.from({ length: 60 }, (_, index) => ({ expression: `${long} || ${index} == 0` }));
  await givePolicy(api, 'many', { validations });
  const over = await make(api, 'c');
  assert.equal(
    over.json.details.causes[0].message,
    denied('many', 'validation failed due to running out of cost budget, no further validation rules will be run'),
  );
  assert.equal((await api.send('GET', `${core}/configmaps`)).status, 200);
});

test('a policy with thousands of parameters lets others in between, and ends with its request', async () => {
  const api = await startApiServer();
  for (let index = 0; index < 300; index++)
    await api.create(`${core}/configmaps`, { metadata: { name: `param-${index}`, labels: { use: 'params' } } });
  await givePolicy(
    api,
    'p',
    { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: "params.metadata.name != ''" }] },
    { paramRef: { selector: { matchLabels: { use: 'params' } }, parameterNotFoundAction: 'Deny' } },
  );
  let isDone = false;
  let turns = 0;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const answer = await make(api, 'c');
  isDone = true;
  assert.equal(answer.status, 201);
  assert.ok(turns > 100, `${turns} turns`);
  const aborted = new AbortController();
  const pending = api.send('POST', `${core}/configmaps`, {
    body: { metadata: { name: 'late' } },
    signal: aborted.signal,
  });
  setImmediate(() => aborted.abort());
  assert.notEqual((await pending).status, 201);
  assert.equal((await api.send('GET', `${core}/configmaps/late`)).status, 404);
});

test('deep objects, hostile texts and names of prototypes are values like others', async () => {
  const api = await startApiServer();
  const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['controllerrevisions'] };
  await givePolicy(
    api,
    'p',
    { validations: [{ expression: "!has(object.data.__proto__) && !('constructor' in object.data)" }] },
    {},
    rule,
  );
  let data: object = {};
  for (let depth = 0; depth < 900; depth++) data = { data };
  const revisions = '/apis/apps/v1/namespaces/default/controllerrevisions';
  const make = (body: string) => api.send('POST', revisions, { bytes: body, contentType: 'application/json' });
  assert.equal((await make(JSON.stringify({ metadata: { name: 'deep' }, revision: 1, data }))).status, 201);
  const own = '{"metadata":{"name":"own"},"revision":1,"data":{"constructor":"x"}}';
  assert.equal((await make(own)).status, 422);
  await givePolicy(api, 'q', {
    validations: [{ expression: String.raw`object.data.text.matches('^(a+)+$') || true` }],
  });
  const started = performance.now();
  const answer = await api.send('POST', `${core}/configmaps`, {
    body: { metadata: { name: 'c' }, data: { text: `${'a'.repeat(50_000)}!` } },
  });
  assert.equal(answer.status, 201);
  assert.ok(performance.now() - started < 5_000);
});
