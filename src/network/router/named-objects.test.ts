// Through the real API server, in the name of the router's account: rights that come, objects that come, change and go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secrets } from '#api/generated/kind-references.ts';
import { seededRandom } from '#base/random.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { NamedObjects } from './named-objects.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, named: () => silent };
const name = { kind: Secrets, namespace: 'default', name: 'cert' };
const secrets = '/api/v1/namespaces/default/secrets';

function start(api: TestApiServer) {
  let changes = 0;
  const client = createInProcessClient({
    handler: api.server,
    identity: { name: 'system:serviceaccount:openshift-ingress:router', groups: ['system:authenticated'] },
    clock: api.virtualClock,
    random: seededRandom(1),
    logger: silent,
  });
  const named = new NamedObjects({ client, clock: api.virtualClock, logger: silent, onChange: () => void changes++ });
  return { named, changes: () => changes, state: () => named.get(name).state };
}
async function grant(api: TestApiServer) {
  const base = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const metadata = { name: 'router-reads' };
  await api.create(`${base}/roles`, {
    metadata,
    rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['cert'], verbs: ['get', 'list', 'watch'] }],
  });
  await api.create(`${base}/rolebindings`, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'router-reads' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'openshift-ingress', name: 'router' }],
  });
}
const create = (api: TestApiServer, text: string, secret = 'cert') =>
  api.create(secrets, { metadata: { name: secret }, stringData: { text } });
const settle = async (api: TestApiServer, done: () => boolean) => {
  for (let tries = 0; !done() && tries < 500; tries++) {
    api.virtualClock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(done());
};

test('a Secret by name: refused without the right, then followed as it comes, changes and goes', async () => {
  const api = await startApiServer();
  const { named, changes, state } = start(api);
  await named.follow([name]);
  assert.deepEqual(named.get(name), { state: 'forbidden', verb: 'list' });
  await grant(api);
  await settle(api, () => state() === 'absent');
  await create(api, 'one');
  await settle(api, () => state() === 'present');
  const before = changes();
  await create(api, 'else', 'other');
  await api.patch(`${secrets}/cert`, 'merge', { stringData: { text: 'two' } });
  await settle(api, () => changes() === before + 1);
  const found = named.get(name);
  assert.ok(found.state === 'present');
  assert.equal((found.object as unknown as { data: { text: string } }).data.text, 'dHdv');
  await api.delete(`${secrets}/cert`);
  await settle(api, () => state() === 'absent');
  named[Symbol.dispose]();
});

test('what nobody names any more is let go', async () => {
  const api = await startApiServer();
  await grant(api);
  await create(api, 'one');
  const { named, changes, state } = start(api);
  await named.follow([name]);
  assert.equal(state(), 'present');
  await named.follow([]);
  assert.equal(state(), 'absent');
  const before = changes();
  await api.delete(`${secrets}/cert`);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(changes(), before);
});
