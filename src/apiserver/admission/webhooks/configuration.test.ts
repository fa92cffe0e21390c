// Rules and defaults of webhook configurations against the answers of a 1.36 API server to the same objects, and what may stay
// as it was stored.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type Json } from '#kit/start-api-server.ts';
import answers from './configuration-answers.json' with { type: 'json' };

const base = {
  name: 'a.b.c',
  clientConfig: { url: 'https://127.0.0.1:9443/ok' },
  rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  namespaceSelector: { matchLabels: { own: 'nobody' } },
};
const path = (kind: string) => `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`;
/** Null: without this field. */
const configuration = (kind: string, webhooks: readonly object[]): Json => ({
  kind,
  apiVersion: 'admissionregistration.k8s.io/v1',
  metadata: { name: 'case' },
  webhooks: webhooks.map((changes) =>
    Object.fromEntries(Object.entries({ ...base, ...changes }).filter(([, value]) => value !== null)),
  ),
});

test("every wrong webhook is refused for upstream's reasons, and defaults are upstream's", async () => {
  const api = await startApiServer();
  for (const { label, kind, webhooks, code, ...expected } of answers as Json[]) {
    const { status, json } = await api.send('POST', `${path(kind)}?dryRun=All`, {
      body: configuration(kind, webhooks),
    });
    const causes = json.details?.causes?.map((one: Json) => [one.reason, one.field, one.message]);
    assert.deepEqual([status, causes], [code, expected.causes], `${kind}: ${label}`);
    if (expected.message !== undefined) assert.equal(json.message, expected.message);
    if (expected.result !== undefined) assert.deepEqual(json.webhooks, expected.result, label);
  }
  assert.ok(answers.length >= 70);
  api.close();
});

test('what was stored under older rules may stay, and counts as a new generation only when webhooks change', async () => {
  const api = await startApiServer();
  const kind = 'ValidatingWebhookConfiguration';
  await api.create(path(kind), configuration(kind, [{}]));
  const [stored] = api.store.list('/registry/validatingwebhookconfigurations/').items;
  const object: Json = structuredClone(stored!.object());
  object.webhooks = [
    { ...object.webhooks[0], sideEffects: 'Some', admissionReviewVersions: ['v0'] },
    object.webhooks[0],
  ];
  delete object.metadata.resourceVersion;
  await api.store.write({ key: stored!.key, expectedRevision: stored!.revision, object, durability: 'durable' });
  const labelled = await api.patch(`${path(kind)}/case`, 'merge', { metadata: { labels: { a: 'b' } } });
  assert.equal(labelled.metadata.generation, 1);
  const changed = await api.patch(`${path(kind)}/case`, 'json', [
    { op: 'replace', path: '/webhooks/0/timeoutSeconds', value: 3 },
  ]);
  assert.deepEqual([changed.metadata.generation, changed.webhooks[0].sideEffects], [2, 'Some']);
  const tidy = await api.patch(`${path(kind)}/case`, 'json', [{ op: 'remove', path: '/webhooks/0' }]);
  assert.equal(tidy.webhooks.length, 1);
  const again = await api.send('PATCH', `${path(kind)}/case`, {
    contentType: 'application/json-patch+json',
    body: [{ op: 'replace', path: '/webhooks/0/sideEffects', value: 'Some' }],
  });
  assert.equal(again.status, 422);
  api.close();
});
