import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Secrets, ServiceAccounts } from '#api/generated/kind-references.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

let cluster: TestControlPlane;
before(async () => void (cluster = await startControlPlane()));
after(() => cluster[Symbol.asyncDispose]());

const text = (value: string | undefined): string => Buffer.from(value ?? '', 'base64').toString('utf8');
const tokenSecret = (name: string, account: string) => ({
  metadata: { name, namespace: 'default', annotations: { 'kubernetes.io/service-account.name': account } },
  type: 'kubernetes.io/service-account-token',
});

test('a Secret that asks for a token of an account gets it, and goes with the account', async () => {
  const accounts = cluster.admin.resource(ServiceAccounts);
  await accounts.create({ metadata: { name: 'robot', namespace: 'default' } });
  const { uid } = (await accounts.get({ namespace: 'default', name: 'robot' })).metadata;
  await cluster.admin.resource(Secrets).create(tokenSecret('robot-token', 'robot'));
  const filled = await cluster.eventually(async () => {
    const secret = await cluster.find(Secrets, 'default', 'robot-token');
    assert.ok(secret.data?.token);
    return secret;
  });
  assert.equal(text(filled.data['ca.crt']), 'PEM');
  assert.equal(text(filled.data.namespace), 'default');
  assert.equal(filled.metadata.annotations['kubernetes.io/service-account.uid'], uid);
  assert.deepEqual(JSON.parse(text(filled.data.token).replace('signed ', '')), {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': 'default',
    'kubernetes.io/serviceaccount/secret.name': 'robot-token',
    'kubernetes.io/serviceaccount/service-account.name': 'robot',
    'kubernetes.io/serviceaccount/service-account.uid': uid,
    sub: 'system:serviceaccount:default:robot',
  });
  await accounts.delete({ namespace: 'default', name: 'robot' });
  await cluster.eventually(async () => assert.equal(await cluster.find(Secrets, 'default', 'robot-token'), undefined));
});

test('a Secret for an account that never comes is removed, after a while', async () => {
  await cluster.admin.resource(Secrets).create(tokenSecret('lost', 'nobody'));
  await cluster.pass(5_000);
  assert.ok(await cluster.find(Secrets, 'default', 'lost'));
  await cluster.eventually(async () => assert.equal(await cluster.find(Secrets, 'default', 'lost'), undefined), 20_000);
});

test('an expired bootstrap token is removed, another stays', async () => {
  const token = (id: string, expiration?: number) => ({
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': '0123456789abcdef',
      ...(expiration === undefined ? {} : { expiration: new Date(expiration).toISOString() }),
    },
  });
  const secrets = cluster.admin.resource(Secrets);
  await secrets.create(token('abcdef', cluster.api.virtualClock.now() + 5_000));
  await secrets.create(token('ghijkl'));
  await cluster.pass(1_000);
  assert.ok(await cluster.find(Secrets, 'kube-system', 'bootstrap-token-abcdef'));
  await cluster.eventually(async () =>
    assert.equal(await cluster.find(Secrets, 'kube-system', 'bootstrap-token-abcdef'), undefined),
  );
  assert.ok(await cluster.find(Secrets, 'kube-system', 'bootstrap-token-ghijkl'));
  assert.deepEqual(cluster.complaints, []);
});
