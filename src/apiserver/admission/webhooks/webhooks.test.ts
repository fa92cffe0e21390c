// Webhooks through the whole chain, with a real HTTPS server. The answers to bad webhooks are those of a 1.36 API server, asked
// the same.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { administrator, startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { reviewed, reviewedPatch, startWebhookServer, type WebhookServer } from '#kit/webhook-server.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const registration = '/apis/admissionregistration.k8s.io/v1';

type Answer = (body: Json, response: ServerResponse) => unknown;
const raw =
  (text: string, status = 200, headers: Record<string, string> = {}): Answer =>
  (_body, response) =>
    void response.writeHead(status, headers).end(text);
const says =
  (response: object): Answer =>
  (body) =>
    reviewed(body, response);
const patches =
  (...operations: object[]): Answer =>
  (body) =>
    reviewedPatch(body, operations);

let hooks: WebhookServer;
let api: TestApiServer;
const answers: Record<string, Answer> = {};

before(async () => {
  hooks = await startWebhookServer((path, body, response) =>
    (answers[path.replace(/\?.*$/, '').slice(1)] ?? says({}))(body, response),
  );
  api = await startApiServer({ clock: systemClock, outgoing: hooks.outgoing });
});
after(() => {
  api.close();
  hooks.close();
});

interface Hook {
  readonly name: string;
  readonly more?: object;
}
const rules = (...resources: string[]) => [
  { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources, scope: '*' },
];
const configuration = (type: 'Mutating' | 'Validating', name: string, list: readonly Hook[]): Json => ({
  kind: `${type}WebhookConfiguration`,
  apiVersion: 'admissionregistration.k8s.io/v1',
  metadata: { name },
  webhooks: list.map((hook) => ({
    name: `${hook.name}.example.com`,
    clientConfig: { url: hooks.url(`/${hook.name}`), caBundle: hooks.caBundle },
    rules: rules('configmaps'),
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...hook.more,
  })),
});
/** Only for the time of `run`. */
async function configured(
  type: 'Mutating' | 'Validating',
  list: readonly Hook[],
  run: () => Promise<void>,
  name = 'test',
): Promise<void> {
  const path = `${registration}/${type.toLowerCase()}webhookconfigurations`;
  await api.create(path, configuration(type, name, list));
  try {
    await run();
  } finally {
    await api.delete(`${path}/${name}`);
    hooks.asked.length = 0;
  }
}
let count = 0;
const configMap = (more: object = {}): Json => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: `m${++count}` },
  ...more,
});
const post = (body: Json = configMap(), query = '') => api.send('POST', `${configMaps}${query}`, { body });

const failure = 'Internal error occurred: failed calling webhook "x.example.com": ';
const notJson =
  'couldn\'t get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** What a webhook answers -> code, reason, message; for both kinds of webhooks. */
const refusals: readonly [Answer, number, string | undefined, string | RegExp][] = [
  [
    says({ allowed: false, status: { message: 'no way', code: 418, reason: 'Teapot' } }),
    418,
    'Teapot',
    'admission webhook "x.example.com" denied the request: no way',
  ],
  [
    says({ allowed: false }),
    400,
    undefined,
    'admission webhook "x.example.com" denied the request without explanation',
  ],
  [
    says({ allowed: false, status: { reason: 'BadThing' } }),
    400,
    'BadThing',
    'admission webhook "x.example.com" denied the request: BadThing',
  ],
  [
    says({ allowed: false, status: { code: 200, status: 'Success', message: 'm' } }),
    400,
    undefined,
    'admission webhook "x.example.com" denied the request: m',
  ],
  [
    says({ uid: 'other' }),
    500,
    'InternalError',
    /received invalid webhook response: expected response\.uid="[0-9a-f-]{36}", got "other"$/,
  ],
  [raw('not json'), 500, 'InternalError', `${failure}failed to call webhook: ${notJson}`],
  [
    raw('', 200, { 'content-type': 'application/json' }),
    500,
    'InternalError',
    `${failure}failed to call webhook: 0-length response with status code: 200 and content type: application/json`,
  ],
  [
    () => ({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' }),
    500,
    'InternalError',
    `${failure}received invalid webhook response: webhook response was absent`,
  ],
  [
    (body) => ({ ...reviewed(body), kind: 'Other' }),
    500,
    'InternalError',
    `${failure}failed to call webhook: no kind "Other" is registered for version "admission.k8s.io/v1" in scheme "k8s.io/apiserver/pkg/util/webhook/client.go:71"`,
  ],
  [
    (body) => ({ ...reviewed(body), apiVersion: 'admission.k8s.io/v1beta1' }),
    500,
    'InternalError',
    `${failure}failed to call webhook: converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion`,
  ],
  [
    (body) => ({ response: reviewed(body).response }),
    500,
    'InternalError',
    `${failure}received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=`,
  ],
  [
    raw('boom', 500),
    500,
    'InternalError',
    `${failure}failed to call webhook: an error on the server ("boom") has prevented the request from succeeding`,
  ],
  [
    raw('nope', 404),
    500,
    'InternalError',
    `${failure}failed to call webhook: the server could not find the requested resource`,
  ],
  [raw('nope', 403), 500, 'InternalError', `${failure}failed to call webhook: nope`],
  [raw('{"kind":"Status","message":"sorry"}', 403), 500, 'InternalError', `${failure}failed to call webhook: sorry`],
  [
    raw('bad', 400),
    500,
    'InternalError',
    `${failure}failed to call webhook: the server rejected our request for an unknown reason`,
  ],
  [
    raw('many', 429),
    500,
    'InternalError',
    `${failure}failed to call webhook: the server has received too many requests and has asked us to try again later`,
  ],
  [
    raw('away', 503),
    500,
    'InternalError',
    `${failure}failed to call webhook: the server is currently unable to handle the request`,
  ],
  [
    says({ patchType: 'JSONPatch', patch: '###' }),
    500,
    'InternalError',
    `${failure}failed to call webhook: illegal base64 data at input byte 0`,
  ],
];

for (const type of ['Mutating', 'Validating'] as const)
  test(`what ${type.toLowerCase()} webhooks say no with, and say wrongly, is told as upstream tells it`, async () => {
    await configured(type, [{ name: 'x' }], async () => {
      for (const [answer, code, reason, message] of refusals) {
        answers['x'] = answer;
        const { status, json } = await post();
        const label = String(message);
        assert.equal(status, code, label);
        assert.equal(json.reason, reason, label);
        if (typeof message === 'string') assert.equal(json.message, message);
        else assert.match(json.message, message);
      }
    });
  });

test('a webhook that cannot be called refuses, or with failurePolicy Ignore lets pass; one that says no refuses always', async () => {
  const ignores = { failurePolicy: 'Ignore' };
  answers['x'] = raw('not json');
  for (const type of ['Mutating', 'Validating'] as const)
    await configured(type, [{ name: 'x', more: ignores }], async () => {
      assert.equal((await post()).status, 201);
      answers['x'] = says({ allowed: false });
      assert.equal((await post()).status, 400);
      answers['x'] = raw('not json');
    });
  answers['x'] = patches({ op: 'remove', path: '/data/none' });
  await configured('Mutating', [{ name: 'x', more: ignores }], async () => assert.equal((await post()).status, 500));
});

test('details and metadata of a denial go to the client; so do warnings', async () => {
  const details = { name: 'x', causes: [{ reason: 'c', message: 'b', field: 'a' }] };
  answers['x'] = says({
    allowed: false,
    warnings: ['hello', 'hello'],
    status: { message: 'm', details, metadata: { resourceVersion: '3' } },
  });
  await configured('Validating', [{ name: 'x' }], async () => {
    const { json, warnings } = await post();
    assert.deepEqual(json, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: { resourceVersion: '3' },
      status: 'Failure',
      message: 'admission webhook "x.example.com" denied the request: m',
      details,
      code: 400,
    });
    assert.deepEqual(warnings, ['hello']);
  });
});

test('a webhook that hangs, sends without end or cannot be reached is left in time', async () => {
  answers['x'] = () => undefined;
  await configured('Validating', [{ name: 'x', more: { timeoutSeconds: 1 } }], async () => {
    const { json } = await post();
    assert.equal(
      json.message,
      `${failure}failed to call webhook: Post "${hooks.url('/x')}?timeout=1s": context deadline exceeded`,
    );
    assert.deepEqual(json.details.causes, [{ message: json.message.replace('Internal error occurred: ', '') }]);
  });
  answers['x'] = (_body, response) => {
    const part = Buffer.alloc(1024 * 1024, 32);
    const more = (): void => {
      while (!response.destroyed && response.write(part));
      if (!response.destroyed) response.once('drain', more);
    };
    response.on('error', () => {});
    more();
  };
  await configured('Mutating', [{ name: 'x', more: { timeoutSeconds: 10 } }], async () => {
    assert.match((await post()).json.message, /http: response body too large/);
  });
  const unreachable = { clientConfig: { url: 'https://127.0.0.1:1/x', caBundle: hooks.caBundle } };
  await configured('Mutating', [{ name: 'x', more: unreachable }], async () => {
    assert.match((await post()).json.message, /dial tcp 127\.0\.0\.1:1: connect: connection refused$/);
  });
});

test('patches change the object: defaulted, validated and owned as upstream has it', async () => {
  const outcome = async (answer: Answer): Promise<Json> => {
    answers['x'] = answer;
    const { status, json, warnings } = await post();
    return status === 201
      ? { data: json.data, name: json.metadata.name, warnings }
      : { status, reason: json.reason, message: json.message.replace(/m\d+/, 'm') };
  };
  await configured('Mutating', [{ name: 'x' }], async () => {
    const refused = (message: string) => ({ status: 500, reason: 'InternalError', message });
    const value = { a: 'b' };
    assert.deepEqual((await outcome(patches({ op: 'add', path: '/data', value }))).data, value);
    assert.equal((await outcome(patches({ op: 'replace', path: '/metadata/name', value: 'renamed' }))).name, 'renamed');
    assert.deepEqual((await outcome(patches({ op: 'add', path: '/bogus', value: 1 }))).data, undefined);
    assert.ok((await outcome(patches({ op: 'remove', path: '/kind' }))).name);
    assert.ok((await outcome(patches())).name);
    assert.deepEqual(
      await outcome(patches({ op: 'remove', path: '/data/none' })),
      refused(
        'Internal error occurred: remove operation does not apply: doc is missing path: "/data/none": missing value',
      ),
    );
    assert.deepEqual(
      await outcome(patches({ op: 'test', path: '/metadata/name', value: 'zzz' })),
      refused('Internal error occurred: testing value /metadata/name failed: test failed'),
    );
    assert.deepEqual(
      await outcome(patches({ op: 'frobnicate', path: '/data' })),
      refused('Internal error occurred: Unexpected kind: frobnicate'),
    );
    assert.deepEqual(
      await outcome(patches({ op: 'replace', path: '/metadata', value: 'x' })),
      refused(
        'Internal error occurred: json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta',
      ),
    );
    assert.deepEqual(await outcome(patches({ op: 'replace', path: '/kind', value: 'Secret' })), {
      ...refused('converting (v1.Secret) to (core.ConfigMap): unknown conversion'),
      reason: undefined,
    });
    assert.deepEqual(
      await outcome(patches({ op: 'replace', path: '/kind', value: 'Bogus' })),
      refused(
        'Internal error occurred: no kind "Bogus" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
      ),
    );
    assert.deepEqual(await outcome(patches({ op: 'replace', path: '/metadata/namespace', value: 'kube-system' })), {
      status: 400,
      reason: 'BadRequest',
      message: 'the namespace of the provided object does not match the namespace sent on the request',
    });
    assert.equal((await outcome(patches({ op: 'add', path: '/data', value: { 'a b': 'x' } }))).status, 422);
    assert.deepEqual(
      (
        await outcome(
          patches({ op: 'add', path: '/metadata/managedFields', value: [{ manager: 'x', operation: 'bad' }] }),
        )
      ).warnings,
      [
        '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: operation must be `Apply` or `Update`',
      ],
    );
    const wrong = (text: string) => refused(`${failure}${text}`);
    assert.deepEqual(
      await outcome((body) => reviewedPatch(body, {})),
      wrong(
        'received undecodable patch in webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch',
      ),
    );
    assert.deepEqual(
      await outcome(says({ patchType: 'JSONPatch' })),
      wrong('received invalid webhook response: webhook returned response.patchType but not response.patch'),
    );
    assert.deepEqual(
      await outcome(says({ patch: 'W10=' })),
      wrong('received invalid webhook response: webhook returned response.patch but not response.patchType'),
    );
    assert.ok((await outcome(says({ patchType: 'MergePatch', patch: 'W10=' }))).name, 'a patch of nothing is nothing');
    assert.deepEqual(
      await outcome(
        says({
          patchType: 'MergePatch',
          patch: Buffer.from('[{"op":"add","path":"/x","value":1}]').toString('base64'),
        }),
      ),
      wrong('unsupported patch type "MergePatch"'),
    );
    assert.deepEqual(
      await outcome(says({ patchType: '', patch: 'W10=' })),
      wrong('received invalid webhook response: webhook returned invalid response.patchType of ""'),
    );
  });
});

test('a patch of a DELETE is refused; validating webhooks may not send one', async () => {
  const made = await api.create(configMaps, configMap());
  answers['x'] = patches({ op: 'add', path: '/data', value: {} });
  await configured('Mutating', [{ name: 'x' }], async () => {
    const { json } = await api.send('DELETE', `${configMaps}/${made.metadata.name}`);
    assert.equal(
      json.message,
      'Internal error occurred: admission webhook "x.example.com" attempted to modify the object, which is not supported for this operation',
    );
  });
  await configured('Validating', [{ name: 'x' }], async () => {
    assert.equal(
      (await post()).json.message,
      `${failure}received invalid webhook response: validating webhook may not return response.patch`,
    );
  });
});

test("calls are counted under upstream's names, and noted in the audit log", async () => {
  const events: Json[] = [];
  const audited = await startApiServer({
    clock: systemClock,
    outgoing: hooks.outgoing,
    audit: { profile: () => 'WriteRequestBodies', write: (event) => void events.push(event) },
  });
  const create = (type: 'Mutating' | 'Validating', ...list: Hook[]) =>
    audited.create(`${registration}/${type.toLowerCase()}webhookconfigurations`, configuration(type, 'test', list));
  await create('Mutating', { name: 'changes' }, { name: 'fails', more: { failurePolicy: 'Ignore' } });
  await create('Validating', { name: 'judges' }, { name: 'is-away', more: { failurePolicy: 'Ignore' } });
  answers['changes'] = patches({ op: 'add', path: '/data', value: { a: 'b' } });
  answers['fails'] = raw('not json');
  answers['judges'] = says({ auditAnnotations: { why: 'because' } });
  answers['is-away'] = raw('away', 503);
  events.length = 0;
  await audited.create(configMaps, configMap());
  const operations = [{ op: 'add', path: '/data', value: { a: 'b' } }];
  const of = (name: string, mutated: boolean) =>
    JSON.stringify({ configuration: 'test', webhook: `${name}.example.com`, mutated });
  const { annotations } = events.find((one) => one.objectRef?.resource === 'configmaps')!;
  assert.deepEqual(annotations, {
    'authorization.k8s.io/decision': 'allow',
    'authorization.k8s.io/reason': annotations['authorization.k8s.io/reason'],
    'mutation.webhook.admission.k8s.io/round_0_index_0': of('changes', true),
    'patch.webhook.admission.k8s.io/round_0_index_0': JSON.stringify({
      configuration: 'test',
      webhook: 'changes.example.com',
      patch: operations,
      patchType: 'JSONPatch',
    }),
    'mutation.webhook.admission.k8s.io/round_0_index_1': of('fails', false),
    'failed-open.mutation.webhook.admission.k8s.io/round_0_index_1': 'fails.example.com',
    'judges.example.com/why': 'because',
    'failed-open.validating.webhook.admission.k8s.io/round_0_index_1': 'is-away.example.com',
  });
  answers['judges'] = says({ allowed: false, status: { code: 403 } });
  await audited.send('POST', configMaps, { body: configMap() });
  const { text } = await audited.send('GET', '/metrics');
  const prefix = 'apiserver_admission_webhook_';
  for (const line of [
    'request_total{code="200",name="changes.example.com",operation="CREATE",rejected="false",type="admit"} 2',
    'request_total{code="403",name="judges.example.com",operation="CREATE",rejected="true",type="validating"} 1',
    'rejection_count{error_type="no_error",name="judges.example.com",operation="CREATE",rejection_code="403",type="validating"} 1',
    'fail_open_count{name="fails.example.com",type="admit"} 2',
    'admission_duration_seconds_bucket{name="judges.example.com",operation="CREATE",rejected="true",type="validating",le="+Inf"} 1',
  ])
    assert.ok(text.includes(`\n${prefix}${line}\n`), line);
  audited.close();
});

test('who goes away while a webhook judges gets nothing past it, whatever its failure policy', async () => {
  for (const failurePolicy of ['Ignore', 'Fail']) {
    const asked = Promise.withResolvers<void>();
    // Never answers.
    answers['x'] = () => asked.resolve();
    await configured('Validating', [{ name: 'x', more: { failurePolicy, timeoutSeconds: 30 } }], async () => {
      const body = configMap();
      const gone = new AbortController();
      const answer = api.send('POST', configMaps, { body, signal: gone.signal });
      await asked.promise;
      gone.abort();
      const { status } = await answer;
      assert.ok(status >= 500, `${failurePolicy}: ${status}`);
      assert.equal((await api.send('GET', `${configMaps}/${body.metadata.name}`)).status, 404, failurePolicy);
    });
  }
});

test('with its deadline a request leaves its webhooks: none is asked any more, and nothing is written', async () => {
  const asked = Promise.withResolvers<void>();
  answers['x'] = () => asked.resolve();
  const list = [
    { name: 'x', more: { failurePolicy: 'Ignore', timeoutSeconds: 30 } },
    { name: 'y', more: { failurePolicy: 'Ignore' } },
  ];
  await configured('Mutating', list, async () => {
    const object = configMap();
    const gone = new AbortController();
    const answer = await api.server.handle({
      method: 'POST',
      path: configMaps,
      query: new URLSearchParams('timeout=300ms'),
      headers: {},
      identity: administrator,
      remoteAddress: '127.0.0.1',
      body: { type: 'object', object },
      signal: gone.signal,
      abandon: () => gone.abort(),
    });
    await asked.promise;
    assert.equal(answer.status, 504);
    assert.ok(gone.signal.aborted);
    // Time for what would come behind it.
    answers['x'] = says({});
    await post();
    assert.deepEqual(
      hooks.asked.filter(({ body }) => body.request.name === object.metadata.name).map(({ path }) => path.slice(1, 2)),
      ['x'],
    );
    assert.equal((await api.send('GET', `${configMaps}/${object.metadata.name}`)).status, 404);
  });
});
