// Webhooks and custom resources: denied, changed and pruned, asked about in another version, with other stored versions.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { cronTabs, definitionsPath, established } from '#kit/custom-resources.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { reviewed, reviewedPatch, startWebhookServer, type WebhookServer } from '#kit/webhook-server.ts';

const registration = '/apis/admissionregistration.k8s.io/v1';
const v1 = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const v2 = '/apis/stable.example.com/v2/namespaces/default/crontabs';

let hooks: WebhookServer;
let api: TestApiServer;
let answer: (body: Json) => unknown;

before(async () => {
  hooks = await startWebhookServer((path, body) => (path.startsWith('/convert') ? converted(body) : answer(body)));
});
after(() => hooks.close());
beforeEach(async () => {
  api = await startApiServer({ clock: systemClock, outgoing: hooks.outgoing });
  hooks.asked.length = 0;
  answer = (body) => reviewed(body);
});

/** v1 says `data`, v2 `values`. */
const converted = (body: Json): Json => ({
  kind: 'ConversionReview',
  apiVersion: body.apiVersion,
  response: {
    uid: body.request.uid,
    result: { status: 'Success' },
    convertedObjects: body.request.objects.map(({ data, values, ...rest }: Json) => ({
      ...rest,
      apiVersion: body.request.desiredAPIVersion,
      ...(body.request.desiredAPIVersion.endsWith('/v2') ? { values: data ?? {} } : { data: values ?? {} }),
    })),
  },
});
const texts = { type: 'object', additionalProperties: { type: 'string' } };
const version = (name: string, storage: boolean, field: string, more: object = {}): Json => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', properties: { [field]: { ...texts, ...more } } } },
});
const configure = (kind: 'Mutating' | 'Validating', apiVersions: readonly string[], resources = ['crontabs']) =>
  api.create(`${registration}/${kind.toLowerCase()}webhookconfigurations`, {
    kind: `${kind}WebhookConfiguration`,
    apiVersion: 'admissionregistration.k8s.io/v1',
    metadata: { name: kind.toLowerCase() },
    webhooks: [
      {
        name: 'hook.example.com',
        clientConfig: { url: hooks.url('/hook'), caBundle: hooks.caBundle },
        rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions, resources }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
const object = (name: string, apiVersion: string, fields: object): Json => ({
  apiVersion: `stable.example.com/${apiVersion}`,
  kind: 'CronTab',
  metadata: { name },
  ...fields,
});

test('creation, change and deletion of custom resources and of definitions can be denied', async () => {
  await established(api, cronTabs({ versions: [version('v1', true, 'data')] }));
  await api.create(v1, object('one', 'v1', { data: {} }));
  await configure('Validating', ['v1'], ['crontabs', 'customresourcedefinitions']);
  answer = (body) => reviewed(body, { allowed: false, status: { message: `no ${body.request.operation}` } });
  const said = async (method: string, path: string, send: object = {}) =>
    (await api.send(method, path, send)).json.message;
  const denied = (operation: string) => `admission webhook "hook.example.com" denied the request: no ${operation}`;
  assert.equal(await said('POST', v1, { body: object('two', 'v1', {}) }), denied('CREATE'));
  const merge = { body: { data: { a: 'b' } }, contentType: 'application/merge-patch+json' };
  assert.equal(await said('PATCH', `${v1}/one`, merge), denied('UPDATE'));
  assert.equal(await said('DELETE', `${v1}/one`), denied('DELETE'));
  const other = { ...cronTabs({ group: 'other.example.com' }), metadata: { name: 'crontabs.other.example.com' } };
  assert.equal(await said('POST', definitionsPath, { body: other }), denied('CREATE'));
  assert.equal((await api.send('GET', `${v1}/one`)).status, 200);
  api.close();
});

test('what a webhook adds is there if the schema knows it, defaulted, and pruned if not', async () => {
  const schema = { ...texts, default: {}, properties: { mode: { type: 'string', default: 'slow' } } };
  const { additionalProperties: _none, ...known } = schema;
  await established(
    api,
    cronTabs({
      versions: [
        {
          ...version('v1', true, 'other'),
          schema: { openAPIV3Schema: { type: 'object', properties: { data: known } } },
        },
      ],
    }),
  );
  await configure('Mutating', ['v1']);
  answer = (body) =>
    reviewedPatch(body, [
      { op: 'add', path: '/data', value: { unknown: 'x' } },
      { op: 'add', path: '/more', value: 1 },
    ]);
  const made = await api.create(v1, object('one', 'v1', {}));
  assert.deepEqual([made.data, made.more], [{ mode: 'slow' }, undefined]);
  answer = (body) => reviewedPatch(body, [{ op: 'add', path: '/data/mode', value: 7 }]);
  assert.equal((await api.send('POST', v1, { body: object('two', 'v1', {}) })).status, 422);
  api.close();
});

test('a webhook of one version is asked about requests for the other in its own, with another stored version as well', async () => {
  const conversion = {
    strategy: 'Webhook',
    webhook: {
      conversionReviewVersions: ['v1'],
      clientConfig: { url: hooks.url('/convert'), caBundle: hooks.caBundle },
    },
  };
  const definition = (storage: string): Json =>
    cronTabs({
      conversion,
      versions: [version('v1', storage === 'v1', 'data'), version('v2', storage === 'v2', 'values')],
    });
  await established(api, definition('v1'));
  await configure('Mutating', ['v1']);
  const seen: Json[] = [];
  answer = (body) => {
    seen.push(body.request);
    return reviewedPatch(body, [{ op: 'add', path: '/data/touched', value: body.request.operation }]);
  };
  const made = await api.create(v2, object('one', 'v2', { values: { a: 'b' } }));
  assert.deepEqual([made.apiVersion, made.values], ['stable.example.com/v2', { a: 'b', touched: 'CREATE' }]);
  assert.deepEqual(
    [seen[0]!.kind.version, seen[0]!.requestKind.version, seen[0]!.object.apiVersion, seen[0]!.object.data],
    ['v1', 'v2', 'stable.example.com/v1', { a: 'b' }],
  );
  await api.patch(`${definitionsPath}/crontabs.stable.example.com`, 'merge', { spec: definition('v2').spec });
  const patched = await api.patch(`${v1}/one`, 'merge', { data: { c: 'd' } });
  assert.deepEqual(patched.data, { a: 'b', touched: 'UPDATE', c: 'd' });
  assert.deepEqual(seen.at(-1)!.oldObject.data, { a: 'b', touched: 'CREATE' });
  assert.deepEqual((await api.get(`${v2}/one`)).values, patched.data);
  const [stored] = api.store.list('/registry/stable.example.com/crontabs/').items;
  assert.equal(stored!.object().apiVersion, 'stable.example.com/v2');
  api.close();
});
