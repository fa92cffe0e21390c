import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { cronTabs, definitionsPath, established } from '#kit/custom-resources.ts';

const path = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const cronTab = (name: string, spec: object = {}, more: object = {}) => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name },
  spec: { cronSpec: '* * * * */5', image: 'my-awesome-cron-image', ...spec },
  ...more,
});

async function started(overrides: object = {}): Promise<TestApiServer> {
  const api = await startApiServer();
  await established(api, cronTabs(overrides));
  return api;
}

test('a definition gets its conditions, its names and its resource', async () => {
  const api = await startApiServer();
  assert.equal((await api.send('GET', path)).status, 404);
  const definition = await established(api, cronTabs());
  assert.deepEqual(
    definition.status.conditions.map((one: { type: string; status: string; reason: string; message: string }) => [
      one.type,
      one.status,
      one.reason,
      one.message,
    ]),
    [
      ['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'],
      ['Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'],
    ],
  );
  assert.deepEqual(definition.status.acceptedNames, {
    plural: 'crontabs',
    singular: 'crontab',
    shortNames: ['ct'],
    kind: 'CronTab',
    listKind: 'CronTabList',
    categories: ['all'],
  });
  assert.deepEqual(definition.status.storedVersions, ['v1']);
  const list = await api.get(path);
  assert.deepEqual([list.kind, list.apiVersion, list.items], ['CronTabList', 'stable.example.com/v1', []]);
  api.close();
});

test('objects are made, read, changed, watched and deleted', async () => {
  const api = await started();
  const watch = await api.watch(`${path}?watch=true&resourceVersion=0`);
  const made = await api.create(path, cronTab('one', { replicas: 3 }));
  assert.equal(made.metadata.generation, 1);
  assert.equal(made.metadata.namespace, 'default');
  const changed = await api.patch(`${path}/one`, 'merge', { spec: { replicas: 5 } });
  assert.deepEqual([changed.spec.replicas, changed.metadata.generation], [5, 2]);
  const labelled = await api.patch(`${path}/one`, 'json', [{ op: 'add', path: '/metadata/labels', value: { a: 'b' } }]);
  assert.equal(labelled.metadata.generation, 2);
  const strategic = await api.send('PATCH', `${path}/one`, {
    contentType: 'application/strategic-merge-patch+json',
    body: {},
  });
  assert.equal(strategic.status, 415);
  assert.equal(
    strategic.json.message,
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  );
  const { resourceVersion: _, ...metadata } = labelled.metadata;
  const blind = await api.send('PUT', `${path}/one`, { body: { ...labelled, metadata } });
  assert.equal(blind.status, 422);
  assert.match(blind.json.message, /metadata.resourceVersion: Invalid value: 0: must be specified for an update/);
  const listed = await api.get(path);
  assert.deepEqual([listed.items[0].kind, listed.items[0].apiVersion], ['CronTab', 'stable.example.com/v1']);
  assert.equal((await api.delete(`${path}/one`)).status, 'Success');
  assert.deepEqual(
    watch.events.map((one) => one.type),
    ['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED'],
  );
  watch.stop();
  api.close();
});

test('unknown fields are pruned, told of, or refused; metadata is that of every object', async () => {
  const api = await started();
  const body = cronTab('pruned', { cronspec: 'x', nested: { more: 1 } }, { extra: true });
  const pruned = await api.create(`${path}?fieldValidation=Ignore`, body);
  assert.deepEqual(Object.keys(pruned.spec).toSorted(), ['cronSpec', 'image', 'replicas']);
  assert.equal(pruned.extra, undefined);
  const warned = await api.send('POST', `${path}?fieldValidation=Warn`, {
    body: { ...body, metadata: { name: 'warned', unknown: 1 } },
  });
  assert.deepEqual(warned.warnings, [
    'unknown field "metadata.unknown"',
    'unknown field "extra"',
    'unknown field "spec.cronspec"',
    'unknown field "spec.nested"',
  ]);
  const refused = await api.send('POST', `${path}?fieldValidation=Strict`, { body });
  assert.equal(refused.status, 400);
  assert.equal(
    refused.json.message,
    'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "extra", unknown field "spec.cronspec", unknown field "spec.nested"',
  );
  const wrongMeta = await api.send('POST', path, { body: { ...body, metadata: { name: 'x', labels: { a: 1 } } } });
  assert.equal(wrongMeta.status, 400);
  assert.match(wrongMeta.json.message, /json: cannot unmarshal number into Go struct field .*metadata.labels/);
  api.close();
});

test('invalid objects are refused with every cause', async () => {
  const api = await started();
  const answer = await api.send('POST', path, {
    body: cronTab('bad', { cronSpec: 'x y', image: 7, replicas: 11, mode: 'odd', ports: [{ port: 1 }, { port: 1 }] }),
  });
  assert.equal(answer.status, 422);
  assert.deepEqual(
    answer.json.details.causes.map((one: { reason: string; field: string; message: string }) => [
      one.reason,
      one.field,
      one.message,
    ]),
    [
      [
        'FieldValueInvalid',
        'spec.cronSpec',
        'Invalid value: "x y": spec.cronSpec in body should match \'^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$\'',
      ],
      [
        'FieldValueTypeInvalid',
        'spec.image',
        'Invalid value: "integer": spec.image in body must be of type string: "integer"',
      ],
      ['FieldValueNotSupported', 'spec.mode', 'Unsupported value: "odd": supported values: "fast", "slow"'],
      [
        'FieldValueInvalid',
        'spec.replicas',
        'Invalid value: 11: spec.replicas in body should be less than or equal to 10',
      ],
      ['FieldValueDuplicate', 'spec.ports[1]', 'Duplicate value: {"port":1}'],
    ],
  );
  const missing = await api.send('POST', path, { body: { ...cronTab('x'), spec: {} } });
  assert.equal(missing.json.message, 'CronTab.stable.example.com "x" is invalid: spec.cronSpec: Required value');
  const kind = await api.send('POST', path, { body: { ...cronTab('x'), kind: 'Other' } });
  assert.match(kind.json.message, /kind: Invalid value: "Other": must be CronTab/);
  api.close();
});

test('defaults come on write, and on read of what was stored before', async () => {
  const api = await started();
  assert.equal((await api.create(path, cronTab('first'))).spec.replicas, 1);
  await api.patch(`${definitionsPath}/crontabs.stable.example.com`, 'json', [
    {
      op: 'add',
      path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/added',
      value: { type: 'string', default: 'later' },
    },
  ]);
  assert.equal((await api.get(`${path}/first`)).spec.added, 'later');
  assert.equal((await api.get(path)).items[0].spec.added, 'later');
  api.close();
});

test('status and scale are written apart', async () => {
  const api = await started();
  const made = await api.create(path, cronTab('one', { replicas: 2 }, { status: { replicas: 9 } }));
  assert.equal(made.status, undefined);
  const status = await api.update(`${path}/one/status`, {
    ...made,
    metadata: { ...made.metadata, labels: { not: 'kept' } },
    spec: { ...made.spec, replicas: 7 },
    status: { replicas: 1, selector: 'app=web' },
  });
  assert.deepEqual(
    [status.spec.replicas, status.status, status.metadata.generation, status.metadata.labels],
    [2, { replicas: 1, selector: 'app=web' }, 1, undefined],
  );
  const scale = await api.get(`${path}/one/scale`);
  assert.deepEqual(
    [scale.kind, scale.spec, scale.status],
    ['Scale', { replicas: 2 }, { replicas: 1, selector: 'app=web' }],
  );
  const scaled = await api.patch(`${path}/one/scale`, 'merge', { spec: { replicas: 4 } });
  assert.equal(scaled.spec.replicas, 4);
  const after = await api.get(`${path}/one`);
  assert.deepEqual([after.spec.replicas, after.metadata.generation], [4, 2]);
  const main = await api.update(`${path}/one`, { ...after, status: { replicas: 100 } });
  assert.equal(main.status.replicas, 1);
  api.close();
});

test('a deleted definition takes its objects with it, and waits for their finalizers', async () => {
  const api = await started();
  await api.create(path, cronTab('one'));
  await api.create(path, { ...cronTab('two'), metadata: { name: 'two', finalizers: ['example.com/wait'] } });
  const gone = await api.delete(`${definitionsPath}/crontabs.stable.example.com`);
  assert.deepEqual(gone.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
  const settle = async () => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  await settle();
  const waiting = await api.get(`${definitionsPath}/crontabs.stable.example.com`);
  const condition = waiting.status.conditions.find((one: { type: string }) => one.type === 'Terminating');
  assert.deepEqual([condition.status, condition.reason], ['True', 'InstanceDeletionInProgress']);
  const items = (await api.get(path)).items.map((one: { metadata: { name: string } }) => one.metadata.name);
  assert.deepEqual(items, ['two']);
  const create = await api.send('POST', path, { body: cronTab('three') });
  assert.equal(create.status, 403);
  assert.match(create.json.message, /create not allowed while custom resource definition is terminating/);
  await api.patch(`${path}/two`, 'merge', { metadata: { finalizers: null } });
  await settle();
  assert.equal((await api.send('GET', `${definitionsPath}/crontabs.stable.example.com`)).status, 404);
  assert.equal((await api.send('GET', path)).status, 404);
  api.close();
});
