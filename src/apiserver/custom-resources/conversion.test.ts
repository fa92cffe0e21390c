// Custom resources whose versions a webhook converts: a real HTTPS server, asked by the real chain. Texts are those of a 1.36
// API server, observed or of its converter.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import answers from './conversion-answers.json' with { type: 'json' };
import { cronTabs, definitionsPath, established } from '#kit/custom-resources.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { startWebhookServer, type WebhookServer } from '#kit/webhook-server.ts';

const v1 = '/apis/stable.example.com/v1/namespaces/default/crontabs';
const v2 = '/apis/stable.example.com/v2/namespaces/default/crontabs';
const definitionPath = `${definitionsPath}/crontabs.stable.example.com`;
const kindName = 'stable.example.com/v1, Kind=CronTab';

let hook: WebhookServer;
let api: TestApiServer;
let answer: (body: Json) => unknown;

/** v1 has `hostPort`, v2 `host` and `port`. */
function converted(object: Json, apiVersion: string): Json {
  const { hostPort, host, port, ...rest } = object;
  if (apiVersion.endsWith('/v2')) {
    const [left, right] = (hostPort ?? ':').split(':');
    return { ...rest, apiVersion, host: left, port: right };
  }
  return { ...rest, apiVersion, hostPort: `${host}:${port}` };
}
const reviewOf = (body: Json, convertedObjects: Json[], more: object = {}): Json => ({
  kind: 'ConversionReview',
  apiVersion: body.apiVersion,
  response: { uid: body.request.uid, convertedObjects, result: { status: 'Success' }, ...more },
});
const convertAll = (body: Json): Json =>
  reviewOf(
    body,
    body.request.objects.map((one: Json) => converted(one, body.request.desiredAPIVersion)),
  );

before(async () => {
  hook = await startWebhookServer((_path, body) => answer(body));
});
after(() => hook.close());
beforeEach(async () => {
  answer = convertAll;
  api = await startApiServer({ clock: systemClock, outgoing: hook.outgoing });
  hook.asked.length = 0;
});

const schema = (properties: object) => ({ openAPIV3Schema: { type: 'object', properties } });
const text = { type: 'string' };
const definition = (storage = 'v1', reviewVersions = ['v1', 'v1beta1']): Json =>
  cronTabs({
    conversion: {
      strategy: 'Webhook',
      webhook: {
        conversionReviewVersions: reviewVersions,
        clientConfig: { url: hook.url('/convert'), caBundle: hook.caBundle },
      },
    },
    versions: [
      { name: 'v1', served: true, storage: storage === 'v1', schema: schema({ hostPort: text }) },
      { name: 'v2', served: true, storage: storage === 'v2', schema: schema({ host: text, port: text }) },
    ],
  });
const object = (name: string, version: string, fields: object, more: object = {}): Json => ({
  apiVersion: `stable.example.com/${version}`,
  kind: 'CronTab',
  metadata: { name, ...more },
  ...fields,
});
const fields = ({ hostPort, host, port }: Json) => (hostPort === undefined ? [host, port] : [hostPort]);

test('an object is converted for who reads another version, once a version of it; what is written is stored in one', async () => {
  await established(api, definition());
  const made = await api.create(v1, object('one', 'v1', { hostPort: 'a:1' }, { labels: { x: 'y' } }));
  assert.deepEqual([made.apiVersion, fields(made)], ['stable.example.com/v1', ['a:1']]);
  assert.equal(hook.asked.length, 0);
  const seen = await api.get(`${v2}/one`);
  assert.deepEqual([seen.apiVersion, fields(seen)], ['stable.example.com/v2', ['a', '1']]);
  assert.deepEqual({ ...seen.metadata, managedFields: 0 }, { ...made.metadata, managedFields: 0 });
  assert.deepEqual(
    hook.asked.map((one) => [one.path, one.body.apiVersion, one.body.request.desiredAPIVersion]),
    [['/convert?timeout=30s', 'apiextensions.k8s.io/v1', 'stable.example.com/v2']],
  );
  assert.equal(hook.asked[0]!.body.request.objects[0].metadata.resourceVersion, undefined);
  await api.get(`${v2}/one`);
  assert.equal(hook.asked.length, 1, 'kept for this revision');

  const other = await api.create(v2, object('two', 'v2', { host: 'b', port: '2' }));
  assert.deepEqual([other.apiVersion, fields(other)], ['stable.example.com/v2', ['b', '2']]);
  assert.deepEqual(fields(await api.get(`${v1}/two`)), ['b:2'], 'stored in the version that is stored');
  const patched = await api.patch(`${v2}/one`, 'merge', { port: '9' });
  assert.deepEqual(fields(patched), ['a', '9']);
  assert.deepEqual(fields(await api.get(`${v1}/one`)), ['a:9']);
  const applied = await api.patch(
    `${v2}/three?fieldManager=me`,
    'apply',
    object('three', 'v2', { host: 'c', port: '3' }),
  );
  assert.deepEqual(fields(applied), ['c', '3']);
  const dry = await api.send('POST', `${v2}?dryRun=All`, { body: object('dry', 'v2', { host: 'd', port: '4' }) });
  assert.deepEqual([dry.status, fields(dry.json)], [201, ['d', '4']]);
  const table = await api.send('GET', v2, { headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } });
  assert.equal(table.json.rows.length, 3);
  api.close();
});

test('lists of objects of several stored versions are converted in one call; selected and removed in another version', async () => {
  await established(api, definition());
  await api.create(v1, object('one', 'v1', { hostPort: 'a:1' }, { labels: { n: '1' } }));
  await api.create(v1, object('two', 'v1', { hostPort: 'b:2' }, { labels: { n: '2' } }));
  await api.patch(definitionPath, 'merge', { spec: definition('v2').spec });
  await api.create(v2, object('three', 'v2', { host: 'c', port: '3' }));
  hook.asked.length = 0;
  assert.deepEqual((await api.get(v2)).items.map(fields), [
    ['a', '1'],
    ['c', '3'],
    ['b', '2'],
  ]);
  assert.deepEqual(
    hook.asked.map((one) => one.body.request.objects.length),
    [2],
  );
  assert.deepEqual((await api.get(v1)).items.map(fields), [['a:1'], ['c:3'], ['b:2']]);
  assert.deepEqual((await api.get(`${v2}?labelSelector=n%3D2`)).items.map(fields), [['b', '2']]);
  assert.deepEqual((await api.get(`${v2}?limit=1`)).items.map(fields), [['a', '1']]);
  await api.delete(`${v2}?labelSelector=n%3D2`);
  await api.delete(`${v2}/one`);
  assert.deepEqual((await api.get(v1)).items.map(fields), [['c:3']]);
  api.close();
});

test('a watch in another version sends converted objects, in order, while the webhook takes its time', async () => {
  await established(api, definition());
  await api.create(v1, object('one', 'v1', { hostPort: 'a:1' }));
  const watch = await api.watch(`${v2}?watch=true&resourceVersion=0`);
  const selected = await api.watch(`${v2}?watch=true&resourceVersion=0&labelSelector=on`);
  await api.patch(`${v1}/one`, 'merge', { hostPort: 'a:2' });
  await api.create(v1, object('two', 'v1', { hostPort: 'b:1' }, { labels: { on: '' } }));
  await api.patch(`${v1}/two`, 'merge', { metadata: { labels: null } });
  await api.delete(`${v1}/one`);
  const events = (one: typeof watch) =>
    one.events.map(({ type, object: seen }) => [type, seen.metadata.name, ...fields(seen)]);
  for (let turn = 0; turn < 200 && (watch.events.length < 5 || selected.events.length < 2); turn++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(events(watch), [
    ['ADDED', 'one', 'a', '1'],
    ['MODIFIED', 'one', 'a', '2'],
    ['ADDED', 'two', 'b', '1'],
    ['MODIFIED', 'two', 'b', '1'],
    ['DELETED', 'one', 'a', '2'],
  ]);
  assert.deepEqual(events(selected), [
    ['ADDED', 'two', 'b', '1'],
    ['DELETED', 'two', 'b', '1'],
  ]);
  assert.ok(watch.events.every((one) => one.object.apiVersion === 'stable.example.com/v2'));
  answer = (body) => reviewOf(body, [], { result: { status: 'Failed', message: 'no more' } });
  await api.patch(`${v1}/two`, 'merge', { hostPort: 'b:2' });
  for (let turn = 0; turn < 200 && !watch.ended; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(watch.ended, true, 'who cannot be told ends, and lists again');
  assert.equal(watch.events.at(-1)!.type, 'ERROR');
  selected.stop();
  api.close();
});

test('what a webhook may not do is told as upstream tells it, and nothing is stored', async () => {
  await established(api, definition());
  await api.create(v1, object('one', 'v1', { hostPort: 'a:1' }));
  const failure = `conversion webhook for ${kindName} `;
  const changed = (change: (one: Json) => Json) => (body: Json) =>
    reviewOf(
      body,
      body.request.objects.map((one: Json) => change(converted(one, body.request.desiredAPIVersion))),
    );
  const table: [answer: (body: Json) => unknown, message: string | RegExp][] = [
    [
      (body) => ({ kind: 'AdmissionReview', apiVersion: body.apiVersion }),
      `${failure}failed: no kind "AdmissionReview" is registered for version "apiextensions.k8s.io/v1" in scheme "k8s.io/apiserver/pkg/util/webhook/client.go:71"`,
    ],
    [(body) => ({ kind: 'ConversionReview', apiVersion: body.apiVersion }), `${failure}failed: no response provided`],
    [(body) => reviewOf(body, [], { uid: 'x' }), /failed: expected response\.uid="[0-9a-f-]{36}", got "x"$/],
    [
      (body) => reviewOf(body, [], { result: { status: 'Failed', message: 'not today' } }),
      `${failure}failed: not today`,
    ],
    [(body) => reviewOf(body, [], { result: {} }), `${failure}failed: response.result.status was '', not 'Success'`],
    [(body) => reviewOf(body, []), `${failure}returned 0 objects, expected 1`],
    [
      changed((one) => ({ ...one, apiVersion: 'stable.example.com/v3' })),
      `${failure}returned invalid converted object at index 0: invalid groupVersion (expected stable.example.com/v2, received stable.example.com/v3)`,
    ],
    [
      changed((one) => ({ ...one, kind: 'Other' })),
      `${failure}returned invalid converted object at index 0: invalid kind (expected CronTab, received Other)`,
    ],
    [
      changed((one) => ({ ...one, metadata: { ...one.metadata, name: 'other' } })),
      `${failure}returned invalid converted object at index 0: must have the same name: one != other`,
    ],
    [
      changed((one) => ({ ...one, metadata: undefined })),
      `${failure}returned invalid metadata in object at index 0: missing metadata in converted object`,
    ],
    [() => 'not json', /failed: couldn't get version\/kind; json parse error: /],
  ];
  for (const [said, message] of table) {
    answer = said;
    const { status, json } = await api.send('GET', `${v2}/one`);
    assert.deepEqual([status, json.code, json.reason], [500, 500, undefined]);
    if (typeof message === 'string') assert.equal(json.message, message);
    else assert.match(json.message, message);
  }
  assert.equal((await api.send('GET', v2)).status, 500);
  assert.equal((await api.send('POST', v2, { body: object('two', 'v2', { host: 'b', port: '2' }) })).status, 500);
  assert.equal((await api.send('GET', `${v1}/two`)).status, 404);
  answer = changed((one) => ({
    ...one,
    metadata: { ...one.metadata, labels: { added: 'yes' }, finalizers: ['a/b'], generation: 7 },
  }));
  const { metadata } = await api.get(`${v2}/one`);
  assert.deepEqual([metadata.labels, metadata.finalizers, metadata.generation], [{ added: 'yes' }, undefined, 1]);
  assert.equal((await api.send('GET', `${v1}/one`)).status, 200, 'the stored version needs nobody');
  api.close();
});

test('the first version of ConversionReview is spoken to who wants it', async () => {
  await established(api, definition('v1', ['v1beta1']));
  await api.create(v1, object('one', 'v1', { hostPort: 'a:1' }));
  answer = (body) => ({ response: convertAll(body).response });
  assert.deepEqual(fields(await api.get(`${v2}/one`)), ['a', '1']);
  assert.equal(hook.asked[0]!.body.apiVersion, 'apiextensions.k8s.io/v1beta1');
  api.close();
});

test('every wrong conversion is refused for the reasons that a 1.36 API server gave', async () => {
  for (const { label, conversion, code, ...expected } of answers as Json[]) {
    const { status, json } = await api.send('POST', `${definitionsPath}?dryRun=All`, {
      body: cronTabs({ conversion }),
    });
    const causes = json.details?.causes?.map((one: Json) => [one.reason, one.field, one.message]);
    assert.deepEqual([status, causes], [code, expected.causes], label);
    if (code === 201) assert.deepEqual(json.spec.conversion, expected.result, label);
  }
  assert.ok(answers.length >= 24);
  api.close();
});
