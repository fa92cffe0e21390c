// Custom resources as clients see them change: versions, apply, tables, selectors, discovery, OpenAPI, definitions that change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { cronTabs, cronTabVersion, definitionsPath, established } from '#kit/custom-resources.ts';

const path = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const definitionPath = `${definitionsPath}/crontabs.stable.example.com`;
const cronTab = (name: string, spec: object = {}) => ({
  apiVersion: 'stable.example.com/v1',
  kind: 'CronTab',
  metadata: { name },
  spec: { cronSpec: '* * * * */5', ...spec },
});
const v2 = { ...cronTabVersion, name: 'v2', storage: false };

async function started(more: object = {}): Promise<TestApiServer> {
  const api = await startApiServer();
  await established(api, cronTabs(more));
  return api;
}
const settle = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
};
/** A definition with one field beside its spec, of the schema given. */
const withSchema = (properties: object, more: object = {}) =>
  cronTabs({
    versions: [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties, ...more } } },
    ],
  });

test('an object is the same in every version, and is stored anew in the version that is stored now', async () => {
  const api = await started({ versions: [cronTabVersion, v2] });
  await api.create(path, cronTab('one'));
  const second = path.replace('/v1/', '/v2/');
  const seen = await api.get(`${second}/one`);
  assert.deepEqual([seen.apiVersion, seen.spec.cronSpec], ['stable.example.com/v2', '* * * * */5']);
  assert.equal((await api.get(second)).items[0].apiVersion, 'stable.example.com/v2');
  const definition = await api.get(definitionPath);
  definition.spec.versions[0].storage = false;
  definition.spec.versions[1].storage = true;
  assert.deepEqual((await api.update(definitionPath, definition)).status.storedVersions, ['v1', 'v2']);
  const stored = () =>
    JSON.parse(
      Buffer.from(api.store.get('/registry/stable.example.com/crontabs/default/one')!.bytes).toString(),
    ) as Json;
  assert.equal(stored().apiVersion, 'stable.example.com/v1');
  await api.update(`${path}/one`, await api.get(`${path}/one`));
  assert.equal(stored().apiVersion, 'stable.example.com/v2');
  assert.equal((await api.get(`${path}/one`)).apiVersion, 'stable.example.com/v1');
  const missing = await api.send('PUT', definitionPath, {
    body: await api
      .get(definitionPath)
      .then((now) => ({ ...now, spec: { ...now.spec, versions: [now.spec.versions[1]] } })),
  });
  assert.match(missing.json.message, /status.storedVersions\[0\]: Invalid value: "v1": missing from spec.versions/);
  api.close();
});

test('server-side apply owns fields, merges lists by their keys and tells conflicts', async () => {
  const api = await started({ versions: [cronTabVersion, v2] });
  const apply = (manager: string, spec: object, query = '') =>
    api.send('PATCH', `${path}/one?fieldManager=${manager}${query}`, {
      contentType: 'application/apply-patch+yaml',
      body: cronTab('one', spec),
    });
  const made = await apply('ann', { ports: [{ port: 1, name: 'a' }] });
  assert.equal(made.status, 201);
  const merged = await apply('bob', { ports: [{ port: 2, name: 'b' }] });
  assert.deepEqual(merged.json.spec.ports, [
    { port: 1, name: 'a' },
    { port: 2, name: 'b' },
  ]);
  assert.deepEqual(merged.json.metadata.managedFields[0].fieldsV1, {
    'f:spec': { 'f:cronSpec': {}, 'f:ports': { 'k:{"port":1}': { '.': {}, 'f:name': {}, 'f:port': {} } } },
  });
  const conflict = await apply('bob', { ports: [{ port: 1, name: 'mine' }] });
  assert.equal(conflict.status, 409);
  assert.equal(conflict.json.message, 'Apply failed with 1 conflict: conflict with "ann": .spec.ports[port=1].name');
  const left = await apply('bob', {}, '&force=true');
  assert.deepEqual(left.json.spec.ports, [{ port: 1, name: 'a' }]);
  const unknown = await apply('bob', { unknown: 1 });
  assert.equal(unknown.status, 500);
  assert.match(unknown.json.message, /\.spec\.unknown: field not declared in schema/);
  const inSecond = await api.patch(`${path.replace('/v1/', '/v2/')}/one?fieldManager=eve`, 'apply', {
    ...cronTab('one', { replicas: 3 }),
    apiVersion: 'stable.example.com/v2',
  });
  assert.deepEqual([inSecond.apiVersion, inSecond.spec.replicas], ['stable.example.com/v2', 3]);
  api.close();
});

test('tables have the columns of the definition', async () => {
  const api = await started();
  await api.create(path, cronTab('one', { replicas: 2 }));
  const table = await api.get(path, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  assert.deepEqual(
    table.columnDefinitions.map((one: Json) => [one.name, one.type, one.format, one.description.split('. ')[0]]),
    [
      ['Name', 'string', 'name', 'Name must be unique within a namespace'],
      ['Spec', 'string', '', 'The cron spec'],
      ['Replicas', 'integer', '', 'Custom resource definition column (in JSONPath format): .spec.replicas'],
      ['Age', 'date', '', 'Custom resource definition column (in JSONPath format): .metadata.creationTimestamp'],
    ],
  );
  assert.deepEqual(table.rows[0].cells, ['one', '* * * * */5', 2, '0s']);
  api.close();
});

test('selectable fields select; others are refused', async () => {
  const api = await started();
  await api.create(path, cronTab('fast', { mode: 'fast' }));
  await api.create(path, cronTab('slow', { mode: 'slow' }));
  const watch = await api.watch(`${path}?watch=true&resourceVersion=0&fieldSelector=spec.mode%3Dfast`);
  const names = (await api.get(`${path}?fieldSelector=spec.mode%3Dfast`)).items.map((one: Json) => one.metadata.name);
  assert.deepEqual(names, ['fast']);
  await api.patch(`${path}/slow`, 'merge', { spec: { mode: 'fast' } });
  await api.patch(`${path}/fast`, 'merge', { spec: { mode: 'slow' } });
  assert.deepEqual(
    watch.events.map((one) => [one.type, one.object.metadata.name]),
    [
      ['ADDED', 'fast'],
      ['ADDED', 'slow'],
      ['DELETED', 'fast'],
    ],
  );
  const other = await api.send('GET', `${path}?fieldSelector=spec.image%3Dx`);
  assert.equal(other.status, 400);
  watch.stop();
  api.close();
});

test('discovery and OpenAPI follow definitions', async () => {
  const api = await startApiServer();
  const aggregated = { headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' } };
  const before = await api.send('GET', '/apis', aggregated);
  await established(api, cronTabs({ versions: [cronTabVersion, v2] }));
  const after = await api.send('GET', '/apis', aggregated);
  assert.notEqual(after.headers['etag'], before.headers['etag']);
  const group = after.json.items.find((one: Json) => one.metadata.name === 'stable.example.com');
  assert.deepEqual(
    group.versions.map((one: Json) => one.version),
    ['v2', 'v1'],
  );
  assert.deepEqual(group.versions[0].resources[0].shortNames, ['ct']);
  assert.deepEqual(
    group.versions[0].resources[0].subresources.map((one: Json) => [one.subresource, one.responseKind.kind]),
    [
      ['status', 'CronTab'],
      ['scale', 'Scale'],
    ],
  );
  const list = await api.get('/apis/stable.example.com/v1');
  assert.deepEqual(
    list.resources.map((one: Json) => one.name),
    ['crontabs', 'crontabs/status', 'crontabs/scale'],
  );
  assert.equal((await api.get('/apis/stable.example.com')).preferredVersion.version, 'v2');
  const index = await api.get('/openapi/v3');
  const document = await api.get(index.paths['apis/stable.example.com/v1'].serverRelativeURL);
  const schema = document.components.schemas['com.example.stable.v1.CronTab'];
  assert.equal(schema.properties.spec.properties.image.description, 'The image to run.');
  assert.ok(document.components.schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']);
  assert.ok(document.paths['/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}/scale']);
  const definitions = async () => (await api.get('/openapi/v2')).definitions as Record<string, unknown>;
  assert.ok('com.example.stable.v2.CronTab' in (await definitions()));
  await api.patch(definitionPath, 'json', [{ op: 'replace', path: '/spec/versions/1/served', value: false }]);
  assert.ok(!('com.example.stable.v2.CronTab' in (await definitions())));
  assert.equal((await api.send('GET', '/apis/stable.example.com/v2')).status, 404);
  api.close();
});

test('a watch goes on while the definition changes, and ends with the version', async () => {
  const api = await started({ versions: [cronTabVersion, v2] });
  const first = await api.watch(`${path}?watch=true&resourceVersion=0`);
  const second = await api.watch(`${path.replace('/v1/', '/v2/')}?watch=true&resourceVersion=0`);
  await api.create(path, cronTab('one'));
  await api.patch(definitionPath, 'json', [
    {
      op: 'add',
      path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/added',
      value: { type: 'string', default: 'new' },
    },
    {
      op: 'add',
      path: '/spec/versions/1/schema/openAPIV3Schema/properties/spec/properties/added',
      value: { type: 'string', default: 'new' },
    },
    { op: 'replace', path: '/spec/versions/1/served', value: false },
  ]);
  assert.equal(second.ended, true);
  await api.create(path, cronTab('two'));
  assert.equal(first.ended, false);
  assert.deepEqual(
    first.events.map((one) => [one.type, one.object.metadata.name, one.object.spec.added]),
    [
      ['ADDED', 'one', undefined],
      ['ADDED', 'two', 'new'],
    ],
  );
  await api.delete(definitionPath);
  await settle();
  assert.equal(first.ended, true);
  assert.deepEqual(
    first.events.slice(2).map((one) => [one.type, one.object.metadata.name]),
    [
      ['DELETED', 'one'],
      ['DELETED', 'two'],
    ],
  );
  api.close();
});

test('names belong to one definition of a group, and are free when it goes', async () => {
  const api = await started();
  const other = cronTabs({
    names: { plural: 'others', singular: 'other', kind: 'CronTab', listKind: 'OtherList', shortNames: ['ct', 'ot'] },
  });
  await api.create(definitionsPath, { ...other, metadata: { name: 'others.stable.example.com' } });
  await settle();
  const of = async () => (await api.get(`${definitionsPath}/others.stable.example.com`)).status;
  const refused = await of();
  assert.deepEqual(
    refused.conditions.map((one: Json) => [one.type, one.status, one.reason, one.message]),
    [
      ['NamesAccepted', 'False', 'KindConflict', '"CronTab" is already in use'],
      ['Established', 'False', 'NotAccepted', 'not all names are accepted'],
    ],
  );
  assert.equal(refused.acceptedNames.kind, '');
  assert.equal((await api.send('GET', path.replace('crontabs', 'others'))).status, 404);
  await api.delete(definitionPath);
  await settle();
  assert.deepEqual(
    (await of()).conditions.map((one: Json) => one.status),
    ['True', 'True'],
  );
  assert.deepEqual((await api.get(path.replace('crontabs', 'others'))).items, []);
  api.close();
});

test('what was valid before stays valid when it does not change', async () => {
  const api = await started();
  await api.create(path, cronTab('old', { image: 'x', replicas: 2 }));
  const image = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/image';
  await api.patch(definitionPath, 'json', [{ op: 'add', path: `${image}/minLength`, value: 5 }]);
  assert.equal((await api.patch(`${path}/old`, 'merge', { spec: { replicas: 3 } })).spec.replicas, 3);
  const changed = await api.send('PATCH', `${path}/old`, {
    contentType: 'application/merge-patch+json',
    body: { spec: { image: 'y' } },
  });
  assert.equal(
    changed.json.message,
    'CronTab.stable.example.com "old" is invalid: spec.image: Invalid value: "y": spec.image in body should be at least 5 chars long',
  );
  api.close();
});

test('open parts, nulls, numbers or texts, embedded objects', async () => {
  const api = await startApiServer();
  await established(
    api,
    withSchema({
      spec: {
        type: 'object',
        properties: {
          open: {
            type: 'object',
            'x-kubernetes-preserve-unknown-fields': true,
            properties: { known: { type: 'object' } },
          },
          port: { 'x-kubernetes-int-or-string': true },
          nullable: { type: 'string', nullable: true },
          defaulted: { type: 'string', default: 'd' },
          plain: { type: 'string' },
          map: { type: 'object', additionalProperties: { type: 'integer' } },
          set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
          inner: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
        },
      },
    }),
  );
  const body = (spec: object) => ({ ...cronTab('x'), metadata: { generateName: 'x-' }, spec });
  const made = await api.create(
    path,
    body({
      open: { any: { thing: 1 }, known: { pruned: true } },
      port: '80%',
      nullable: null,
      defaulted: null,
      plain: null,
      map: { a: 1 },
      set: ['a', 'b'],
      inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { a: 'b' } }, spec: { more: 1 } },
    }),
  );
  assert.deepEqual(made.spec, {
    open: { any: { thing: 1 }, known: {} },
    port: '80%',
    nullable: null,
    defaulted: 'd',
    map: { a: 1 },
    set: ['a', 'b'],
    inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { a: 'b' } }, spec: { more: 1 } },
  });
  const causes = async (spec: object) =>
    (await api.send('POST', path, { body: body(spec) })).json.details.causes.map(
      (one: Json) => `${one.field}: ${one.message}`,
    );
  assert.deepEqual(await causes({ port: true, map: { a: 'x' }, set: ['a', 'a'], inner: { kind: 'Pod' } }), [
    'spec.map.a: Invalid value: "string": spec.map.a in body must be of type integer: "string"',
    'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    'spec.inner.apiVersion: Required value',
    'spec.set[1]: Duplicate value: "a"',
  ]);
  api.close();
});

test('definitions that cannot be served are refused with the reason', async () => {
  const api = await startApiServer();
  const causes = async (definition: Json): Promise<string[]> => {
    const answer = await api.send('POST', definitionsPath, { body: definition });
    return (answer.json.details?.causes ?? []).map((one: Json) => `${one.field}: ${one.message}`);
  };
  const at = 'spec.validation.openAPIV3Schema';
  assert.deepEqual(await causes({ ...cronTabs(), metadata: { name: 'other' } }), [
    'metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group',
  ]);
  assert.deepEqual(await causes(withSchema({ spec: { properties: { a: { type: 'integer' } } } })), [
    `${at}.properties[spec].type: Required value: must not be empty for specified object fields`,
  ]);
  assert.deepEqual(await causes(withSchema({ a: { type: 'array' }, b: { type: 'string', pattern: '(' } })), [
    `${at}.properties[a].items: Required value: must be specified`,
    `${at}.properties[b].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``,
  ]);
  assert.deepEqual(await causes(withSchema({ a: { type: 'integer', default: 'x' } })), [
    `${at}.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"`,
  ]);
  assert.deepEqual(
    await causes(withSchema({ a: { type: 'object' } }, { anyOf: [{ properties: { b: { minLength: 1 } } }] })),
    [`${at}.properties[b]: Required value: because it is defined in ${at}.anyOf[0].properties[b]`],
  );
  const list = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };
  assert.deepEqual(
    await causes(withSchema({ a: { ...list, items: { type: 'object', properties: { k: { type: 'string' } } } } })),
    [
      `${at}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
  );
  const twice = await causes(cronTabs({ versions: [cronTabVersion, { ...v2, storage: true }] }));
  assert.match(twice[0]!, /^spec\.versions: .*must have exactly one version marked as storage version$/);
  assert.equal(twice[1], 'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2');
  assert.deepEqual(await causes(cronTabs({ group: 'gadgets' })), [
    'metadata.name: Invalid value: "crontabs.stable.example.com": must be spec.names.plural+"."+spec.group',
    'spec.group: Invalid value: "gadgets": should be a domain with at least one dot',
  ]);
  api.close();
});

test('rules hold on every write, after everything else; what is no expression is refused with the definition', async () => {
  const api = await startApiServer();
  const properties = { min: { type: 'integer' }, max: { type: 'integer' }, name: { type: 'string' } };
  const rules = [
    { rule: 'self.min <= self.max', message: 'min must not be above max', fieldPath: '.min' },
    { rule: 'self.name == oldSelf.name', messageExpression: '"name stays " + oldSelf.name' },
  ];
  const ruled = (validations: object[]) =>
    withSchema({ spec: { type: 'object', properties, 'x-kubernetes-validations': validations } });
  const wrong = await api.send('POST', definitionsPath, { body: ruled([{ rule: 'self.min <' }]) });
  assert.equal(wrong.status, 422);
  assert.match(
    wrong.json.message,
    /spec\.validation\.openAPIV3Schema\.properties\[spec\]\.x-kubernetes-validations\[0\]\.rule: Invalid value: \{"Rule":"self\.min \\u003c",.*\}: compilation failed: ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>' expecting /,
  );
  await established(api, ruled(rules));
  const body = (spec: object) => ({ ...cronTab('x'), spec });
  const refused = async (spec: object) => (await api.send('POST', path, { body: body(spec) })).json.message;
  assert.equal(
    await refused({ min: 3, max: 2, name: 'a' }),
    'CronTab.stable.example.com "x" is invalid: spec.min: Invalid value: min must not be above max',
  );
  assert.equal(
    await refused({ min: 'x', max: 2, name: 'a' }),
    'CronTab.stable.example.com "x" is invalid: [spec.min: Invalid value: "string": spec.min in body must be of type integer: "string", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
  );
  await api.create(path, body({ min: 1, max: 2, name: 'a' }));
  const renamed = await api.send('PATCH', `${path}/x`, {
    contentType: 'application/merge-patch+json',
    body: { spec: { name: 'b' } },
  });
  assert.equal(renamed.json.message, 'CronTab.stable.example.com "x" is invalid: spec: Invalid value: name stays a');
  assert.equal((await api.patch(`${path}/x`, 'merge', { spec: { max: 5 } })).spec.max, 5);
  api.close();
});

test('warnings: deprecated versions, unknown formats, finalizers without a domain', async () => {
  const api = await startApiServer();
  const definition = withSchema({
    spec: { type: 'object', properties: { a: { type: 'string', format: 'odd' } } },
  });
  definition.spec.versions.push({ ...definition.spec.versions[0], name: 'v1beta1', storage: false, deprecated: true });
  const made = await api.send('POST', definitionsPath, { body: definition });
  assert.equal(made.status, 201);
  assert.deepEqual(made.warnings, ['unrecognized format "odd"']);
  await settle();
  const old = await api.send('POST', path.replace('/v1/', '/v1beta1/'), {
    body: {
      ...cronTab('x'),
      apiVersion: 'stable.example.com/v1beta1',
      metadata: { name: 'x', finalizers: ['mine'] },
      spec: {},
    },
  });
  assert.deepEqual(old.warnings, [
    'stable.example.com/v1beta1 CronTab is deprecated; use stable.example.com/v1 CronTab',
    'metadata.finalizers: "mine": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
  ]);
  api.close();
});
