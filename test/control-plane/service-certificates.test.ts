// Certificates of Services on the real control plane: who asks gets one, whom clients trust is published, and a new authority
// breaks neither side. Certificates are judged by real TLS handshakes.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import { connect, TLSSocket } from 'node:tls';
import {
  APIServices,
  ConfigMaps,
  CustomResourceDefinitions,
  MutatingWebhookConfigurations,
  Namespaces,
  ResourceQuotas,
  Secrets,
  Services,
  ValidatingWebhookConfigurations,
} from '#api/generated/kind-references.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';
import type { Json } from '#kit/start-api-server.ts';

const askFor = 'service.beta.openshift.io/serving-cert-secret-name';
const inject = 'service.beta.openshift.io/inject-cabundle';
const beta = (name: string) => `service.beta.openshift.io/${name}`;
const alpha = (name: string) => `service.alpha.openshift.io/${name}`;
const dayMs = 86_400_000;

let cluster: TestControlPlane;
before(async () => {
  cluster = await startControlPlane();
});
after(() => cluster[Symbol.asyncDispose]());

const service = (name: string, annotations: object, spec: object = {}) => ({
  metadata: { name, namespace: 'default', annotations },
  spec: { ports: [{ port: 443 }], ...spec },
});
const text = (secret: Json, key = 'tls.crt') => Buffer.from(secret.data[key], 'base64').toString();
const getService = (name: string) => cluster.find(Services, 'default', name);
const getSecret = (name: string) => cluster.find(Secrets, 'default', name);
const signing = () => cluster.find(Secrets, 'openshift-service-ca', 'signing-key');
const publishedBundle = async () =>
  (await cluster.find(ConfigMaps, 'openshift-service-ca', 'signing-cabundle')).data['ca-bundle.crt'] as string;
const secretOf = (name: string) =>
  cluster.eventually(async () => {
    const secret = await getSecret(name);
    assert.ok(secret, `Secret ${name} is there`);
    return secret;
  });

/** Undefined: the client trusts the server; else why not. */
async function handshake(secret: Json, bundle: string, servername: string): Promise<string | undefined> {
  const [serverSide, clientSide] = duplexPair();
  const server = new TLSSocket(serverSide as never, {
    isServer: true,
    cert: text(secret),
    key: text(secret, 'tls.key'),
  });
  server.on('error', () => {});
  const client = connect({ socket: clientSide, ca: bundle, servername });
  try {
    return await new Promise((resolve) => {
      client.once('secureConnect', () => resolve(undefined));
      client.once('error', (error) => resolve(error.message));
    });
  } finally {
    client.destroy();
    server.destroy();
  }
}

test('a Service that asks for a certificate gets one that clients with the published bundle trust', async () => {
  const created = await cluster.create(Services, service('web', { [askFor]: 'web-tls' }));
  const secret = await secretOf('web-tls');
  assert.equal(secret.type, 'kubernetes.io/tls');
  assert.deepEqual(Object.keys(secret.data).toSorted(), ['tls.crt', 'tls.key']);
  assert.deepEqual(secret.metadata.ownerReferences, [
    { apiVersion: 'v1', kind: 'Service', name: 'web', uid: created.metadata.uid },
  ]);
  const { annotations } = secret.metadata;
  assert.equal(annotations[beta('originating-service-uid')], created.metadata.uid);
  assert.equal(annotations[beta('originating-service-name')], 'web');
  assert.equal(annotations[alpha('originating-service-name')], undefined);
  assert.equal(annotations['openshift.io/owning-component'], 'service-ca');
  const leaf = new X509Certificate(text(secret));
  assert.equal(new Date(annotations[beta('expiry')]).getTime(), leaf.validToDate.getTime());
  assert.equal(annotations[alpha('expiry')], annotations[beta('expiry')]);
  assert.equal(leaf.subjectAltName, 'DNS:web.default.svc, DNS:web.default.svc.cluster.local');
  // OpenShift's extension with the Service's uid.
  assert.ok(leaf.raw.includes(Buffer.from(created.metadata.uid)));
  const bundle = await publishedBundle();
  assert.equal(await handshake(secret, bundle, 'web.default.svc'), undefined);
  assert.match((await handshake(secret, bundle, 'other.default.svc'))!, /altnames/);
  await cluster.eventually(async () => {
    const signedBy = (await getService('web')).metadata.annotations;
    assert.match(signedBy[beta('serving-cert-signed-by')], /^openshift-service-serving-signer@\d+$/);
    assert.equal(signedBy[alpha('serving-cert-signed-by')], signedBy[beta('serving-cert-signed-by')]);
  });
});

test('a headless Service has the names of its Pods in the certificate; the alpha annotation works', async () => {
  const asking = { [alpha('serving-cert-secret-name')]: 'db-tls' };
  await cluster.create(Services, service('db', asking, { clusterIP: 'None' }));
  const secret = await secretOf('db-tls');
  assert.equal(secret.metadata.annotations[alpha('originating-service-name')], 'db');
  assert.equal(secret.metadata.annotations[beta('originating-service-name')], undefined);
  const bundle = await publishedBundle();
  for (const name of ['db.default.svc', 'db-0.db.default.svc', 'db-1.db.default.svc.cluster.local'])
    assert.equal(await handshake(secret, bundle, name), undefined, name);
});

test('a Secret that was deleted, emptied or spoilt is made again; extra keys go', async () => {
  await cluster.create(Services, service('shop', { [askFor]: 'shop-tls' }));
  const first = await secretOf('shop-tls');
  const path = '/api/v1/namespaces/default/secrets/shop-tls';
  await cluster.api.delete(path);
  const second = await secretOf('shop-tls');
  assert.notEqual(text(second), text(first));
  for (const data of [
    { 'tls.crt': Buffer.from('no certificate').toString('base64') },
    { 'tls.crt': text(first) && (await signing()).data['tls.crt'] },
    { 'tls.key': '' },
  ]) {
    const before = await getSecret('shop-tls');
    await cluster.api.patch(path, 'merge', { data });
    await cluster.eventually(async () => {
      const now = await getSecret('shop-tls');
      assert.notEqual(text(now), text(before));
      assert.equal(await handshake(now, await publishedBundle(), 'shop.default.svc'), undefined);
    });
  }
  // Its end is near, its owner or what it says of its end is lost.
  const soon = new Date(cluster.api.virtualClock.now() + 60_000).toISOString().replace(/\.\d+/, '');
  for (const metadata of [
    { annotations: { [beta('expiry')]: soon } },
    { annotations: { [beta('expiry')]: 'someday' } },
    { ownerReferences: null },
  ]) {
    const before = await getSecret('shop-tls');
    await cluster.api.patch(path, 'merge', { metadata });
    await cluster.eventually(async () => {
      const now = await getSecret('shop-tls');
      assert.notEqual(text(now), text(before), JSON.stringify(metadata));
      assert.equal(now.metadata.ownerReferences.length, 1);
    });
  }
  const kept = await getSecret('shop-tls');
  await cluster.api.patch(path, 'merge', { data: { more: 'eA==' }, metadata: { annotations: { mine: 'stays' } } });
  await cluster.eventually(async () => {
    const now = await getSecret('shop-tls');
    assert.deepEqual(Object.keys(now.data).toSorted(), ['tls.crt', 'tls.key']);
    assert.equal(text(now), text(kept));
    assert.equal(now.metadata.annotations.mine, 'stays');
  });
});

test("somebody else's Secret is never overwritten: the Service says why, ten times and no more", async () => {
  const own = { metadata: { name: 'taken', namespace: 'default' }, data: { password: 'c2VjcmV0' } };
  await cluster.create(Secrets, own);
  const { metadata } = await cluster.create(Services, service('greedy', { [askFor]: 'taken' }));
  await cluster.eventually(async () => {
    const { annotations } = (await getService('greedy')).metadata;
    const message = `secret default/taken does not have corresponding service UID ${metadata.uid}`;
    assert.equal(annotations[beta('serving-cert-generation-error')], message);
    assert.equal(annotations[alpha('serving-cert-generation-error')], message);
    assert.equal(annotations[beta('serving-cert-generation-error-num')], '10');
  });
  const settled = (await getService('greedy')).metadata.resourceVersion;
  await cluster.pass(10_000);
  assert.equal((await getService('greedy')).metadata.resourceVersion, settled);
  assert.deepEqual((await getSecret('taken')).data, own.data);
  // Room made, count removed: the next try succeeds and clears the errors.
  await cluster.api.delete('/api/v1/namespaces/default/secrets/taken');
  const forget = {
    metadata: {
      annotations: Object.fromEntries([beta, alpha].map((of) => [of('serving-cert-generation-error-num'), null])),
    },
  };
  await cluster.api.patch('/api/v1/namespaces/default/services/greedy', 'merge', forget);
  await cluster.eventually(async () => {
    assert.equal((await getSecret('taken')).type, 'kubernetes.io/tls');
    const { annotations } = (await getService('greedy')).metadata;
    assert.equal(annotations[beta('serving-cert-generation-error')], undefined);
    assert.equal(annotations[alpha('serving-cert-generation-error')], undefined);
  });
});

test('a Secret that the API refuses is counted and explained on the Service; neighbours get theirs', async () => {
  await cluster.create(Namespaces, { metadata: { name: 'full' } });
  const quota = { metadata: { name: 'none', namespace: 'full' }, spec: { hard: { secrets: '0' } } };
  await cluster.create(ResourceQuotas, quota);
  await cluster.eventually(async () =>
    assert.ok((await cluster.find(ResourceQuotas, 'full', 'none')).status?.hard !== undefined),
  );
  const refused = service('stuck', { [askFor]: 'stuck-tls' });
  await cluster.create(Services, { ...refused, metadata: { ...refused.metadata, namespace: 'full' } });
  await cluster.create(Services, service('fine', { [askFor]: 'fine-tls' }));
  await secretOf('fine-tls');
  await cluster.eventually(async () => {
    const { annotations } = (await cluster.find(Services, 'full', 'stuck')).metadata;
    assert.match(annotations[beta('serving-cert-generation-error')], /exceeded quota: none/);
    assert.ok(Number(annotations[beta('serving-cert-generation-error-num')]) >= 1);
  });
});

test('who asks for the bundle has it: ConfigMaps, APIServices, conversion and admission webhooks; others are left alone', async () => {
  const metadata = (name: string, namespace?: string) => ({
    name,
    ...(namespace === undefined ? {} : { namespace }),
    annotations: { [inject]: 'true' },
  });
  const clientConfig = { service: { name: 'web', namespace: 'default' } };
  const hook = (name: string) => ({
    name,
    clientConfig,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    rules: [{ apiGroups: ['nowhere.example'], apiVersions: ['v1'], resources: ['nothings'], operations: ['CREATE'] }],
  });
  await cluster.create(ConfigMaps, { metadata: metadata('trust', 'default'), data: { other: 'goes' } });
  await cluster.create(ConfigMaps, { metadata: { name: 'plain', namespace: 'default' }, data: { other: 'stays' } });
  await cluster.create(APIServices, {
    metadata: metadata('v1.example.com'),
    spec: {
      group: 'example.com',
      version: 'v1',
      groupPriorityMinimum: 10,
      versionPriority: 10,
      service: clientConfig.service,
    },
  });
  await cluster.create(MutatingWebhookConfigurations, {
    metadata: metadata('change'),
    webhooks: [hook('a.example.com'), hook('b.example.com')],
  });
  await cluster.create(ValidatingWebhookConfigurations, {
    metadata: metadata('check'),
    webhooks: [hook('c.example.com')],
  });
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
  const schema = { openAPIV3Schema: { type: 'object' } };
  await cluster.create(CustomResourceDefinitions, {
    metadata: metadata('things.example.com'),
    spec: {
      group: 'example.com',
      names,
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
      conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } },
    },
  });
  const bundle = await publishedBundle();
  const encoded = Buffer.from(bundle).toString('base64');
  await cluster.eventually(async () => {
    assert.deepEqual((await cluster.find(ConfigMaps, 'default', 'trust')).data, { 'service-ca.crt': bundle });
    assert.equal((await cluster.find(APIServices, undefined, 'v1.example.com')).spec.caBundle, encoded);
    const webhooks = [
      ...(await cluster.find(MutatingWebhookConfigurations, undefined, 'change')).webhooks,
      ...(await cluster.find(ValidatingWebhookConfigurations, undefined, 'check')).webhooks,
    ];
    assert.deepEqual(
      webhooks.map((one: Json) => one.clientConfig.caBundle),
      [encoded, encoded, encoded],
    );
    const { conversion } = (await cluster.find(CustomResourceDefinitions, undefined, 'things.example.com')).spec;
    assert.equal(conversion.webhook.clientConfig.caBundle, encoded);
  });
  assert.deepEqual((await cluster.find(ConfigMaps, 'default', 'plain')).data, { other: 'stays' });
});

test('every namespace has openshift-service-ca.crt, and it comes back', async () => {
  await cluster.create(Namespaces, { metadata: { name: 'team' } });
  const bundle = await publishedBundle();
  const look = () =>
    cluster.eventually(async () =>
      assert.deepEqual((await cluster.find(ConfigMaps, 'team', 'openshift-service-ca.crt'))?.data, {
        'service-ca.crt': bundle,
      }),
    );
  await look();
  const path = '/api/v1/namespaces/team/configmaps/openshift-service-ca.crt';
  await cluster.api.patch(path, 'merge', { data: { 'service-ca.crt': 'spoilt' } });
  await look();
  await cluster.api.delete(path);
  await look();
});

async function rotated(old: Json): Promise<Json> {
  return cluster.eventually(async () => {
    const now = await signing();
    assert.notEqual(text(now), text(old));
    return now;
  });
}

test('a forced rotation: old certificates hold with the new bundle, new certificates with the old bundle', async () => {
  const oldSigning = await signing();
  const oldBundle = await publishedBundle();
  const oldSecret = await secretOf('web-tls');
  const path = '/api/v1/namespaces/openshift-service-ca/secrets/signing-key';
  const reason = { metadata: { annotations: { 'microshift.io/force-rotation-reason': 'the key was on a lost disk' } } };
  await cluster.api.patch(path, 'merge', reason);
  const newSigning = await rotated(oldSigning);
  assert.equal(
    newSigning.metadata.annotations['service-ca.operators.openshift.io/forced-rotation-reason'],
    'the key was on a lost disk',
  );
  const newSecret = await cluster.eventually(async () => {
    const secret = await getSecret('web-tls');
    assert.notEqual(text(secret), text(oldSecret));
    return secret;
  });
  const newBundle = await publishedBundle();
  assert.notEqual(newBundle, oldBundle);
  for (const [secret, bundle] of [
    [oldSecret, oldBundle],
    [oldSecret, newBundle],
    [newSecret, oldBundle],
    [newSecret, newBundle],
  ])
    assert.equal(await handshake(secret, bundle, 'web.default.svc'), undefined);
  // Those who asked for the bundle have the new one.
  await cluster.eventually(async () => {
    assert.equal(
      (await cluster.find(ConfigMaps, 'team', 'openshift-service-ca.crt')).data['service-ca.crt'],
      newBundle,
    );
    const [webhook] = (await cluster.find(ValidatingWebhookConfigurations, undefined, 'check')).webhooks;
    assert.equal(Buffer.from(webhook.clientConfig.caBundle, 'base64').toString(), newBundle);
  });
  await cluster.eventually(async () => {
    const events = (await cluster.api.get('/api/v1/namespaces/openshift-service-ca/events')).items;
    const [rotation] = events.filter((one: Json) => one.reason === 'ServiceCARotated');
    assert.match(
      rotation.message,
      /^Forcing service CA rotation due to reason "the key was on a lost disk"\.\nThe previous CA will be trusted until 20\d\d-/,
    );
  });
  // The same reason rotates once.
  await cluster.pass(5_000);
  assert.equal(text(await signing()), text(newSigning));
});

test('time: certificates are renewed before they end, the authority at half of its life, and both sides keep trust', async () => {
  const oldSigning = await signing();
  const oldSecret = await getSecret('web-tls');
  const oldBundle = await publishedBundle();
  // As a machine that was off for long: the clock is elsewhere when it looks again. (No certificate is made as of a date
  // before the release, so the authority's half life is counted from there.)
  cluster.api.virtualClock.advance(650 * dayMs);
  await rotated(oldSigning);
  const newSecret = await cluster.eventually(async () => {
    const secret = await getSecret('web-tls');
    assert.notEqual(text(secret), text(oldSecret));
    return secret;
  });
  const newBundle = await publishedBundle();
  assert.equal(await handshake(oldSecret, newBundle, 'web.default.svc'), undefined);
  assert.equal(await handshake(newSecret, oldBundle, 'web.default.svc'), undefined);
  const expiry = new Date(newSecret.metadata.annotations[beta('expiry')]).getTime();
  assert.equal(Math.round((expiry - cluster.api.virtualClock.now()) / dayMs), 730);
});

test('a signing Secret that cannot be used is reported and not replaced; deleted, there is a new authority', async () => {
  const path = '/api/v1/namespaces/openshift-service-ca/secrets/signing-key';
  const { data } = await signing();
  await cluster.api.patch(path, 'merge', { data: { 'tls.key': Buffer.from('spoilt').toString('base64') } });
  await cluster.create(Services, service('late', { [askFor]: 'late-tls' }));
  await cluster.eventually(async () => {
    const events = (await cluster.api.get('/api/v1/namespaces/openshift-service-ca/events')).items;
    assert.ok(events.some((one: Json) => one.reason === 'SigningKeyInvalid' && /not its key/.test(one.message)));
  });
  assert.equal((await signing()).data['tls.crt'], data['tls.crt']);
  assert.equal(await getSecret('late-tls'), undefined);
  await cluster.api.delete(path);
  const late = await secretOf('late-tls');
  await cluster.eventually(async () =>
    assert.equal(await handshake(late, await publishedBundle(), 'late.default.svc'), undefined),
  );
  assert.notEqual((await signing()).data['tls.crt'], data['tls.crt']);
});
