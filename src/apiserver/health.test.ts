// /healthz, /livez and /readyz against what upstream 1.36.2 answered to the same questions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

/** Upstream's of all three endpoints, in its order. */
const observed = `start-apiserver-admission-initializer generic-apiserver-start-informers
  priority-and-fairness-config-consumer priority-and-fairness-filter storage-object-count-tracker-hook
  start-apiextensions-informers start-apiextensions-controllers crd-informer-synced start-system-namespaces-controller
  peer-endpoint-reconciler-controller start-cluster-authentication-info-controller
  start-kube-apiserver-identity-lease-controller start-kube-apiserver-identity-lease-garbage-collector storage-readiness
  start-legacy-token-tracking-controller start-service-ip-repair-controllers rbac/bootstrap-roles
  scheduling/bootstrap-system-priority-classes priority-and-fairness-config-producer bootstrap-controller
  start-kubernetes-service-cidr-controller aggregator-reload-proxy-client-cert start-kube-aggregator-informers
  apiservice-status-local-available-controller apiservice-status-remote-available-controller
  apiservice-registration-controller apiservice-wait-for-first-sync apiservice-discovery-controller
  kube-apiserver-autoregistration autoregister-completion apiservice-openapi-controller apiservice-openapiv3-controller`
  .split(/\s+/)
  .map((name) => (name === 'autoregister-completion' ? name : `poststarthook/${name}`));
const aroundThem = {
  readyz: [['ping', 'log', 'informer-sync'], ['shutdown']],
  livez: [['ping', 'log', 'loopback-serving-certificate', 'etcd'], []],
  healthz: [['ping', 'log', 'loopback-serving-certificate', 'etcd'], []],
} as const;
/** Nothing here is behind them: health-checks.ts says why. */
const absent = new Set([
  'loopback-serving-certificate',
  ...[
    'peer-endpoint-reconciler-controller',
    'start-kube-apiserver-identity-lease-controller',
    'start-kube-apiserver-identity-lease-garbage-collector',
  ].map((name) => `poststarthook/${name}`),
]);

test("the verbose text is upstream's, but for what is not here", async () => {
  const api = await startApiServer();
  for (const [endpoint, [first, last]] of Object.entries(aroundThem)) {
    const names = [...first, ...observed, ...last].filter((name) => !absent.has(name));
    const lines = [...names.map((name) => `[+]${name} ok`), `${endpoint} check passed`, ''];
    assert.equal((await api.send('GET', `/${endpoint}?verbose`)).text, lines.join('\n'));
  }
});

test("single checks, exclusion, methods and unknown names answer with upstream's texts", async () => {
  const api = await startApiServer();
  const unknown = '404 page not found\n';
  const warning = (names: string) => `warn: some health checks cannot be excluded: no matches for ${names}\n`;
  for (const [method, path, status, text] of [
    ['GET', '/readyz', 200, /^ok$/],
    ['POST', '/livez', 200, /^ok$/],
    ['GET', '/readyz/poststarthook/rbac/bootstrap-roles', 200, /^ok$/],
    ['GET', '/livez/etcd', 200, /^ok$/],
    ['GET', '/readyz/etcd', 404, unknown],
    ['GET', '/readyz/nope', 404, unknown],
    ['GET', '/readyz/etcd?verbose', 404, unknown],
    ['GET', '/healthz/', 404, unknown],
    ['GET', '/readyz/', 404, unknown],
    ['GET', '/readyz?exclude=nope', 200, /^ok$/],
    ['GET', '/readyz?exclude=nope&verbose&exclude=etcd', 200, `${warning('"etcd","nope"')}readyz check passed\n`],
    ['GET', '/readyz?exclude=a,b&verbose=', 200, `${warning('"a,b"')}readyz check passed\n`],
    ['GET', '/livez?exclude=etcd&verbose', 200, /\n\[\+\]etcd excluded: ok\n[^]*\nlivez check passed\n$/],
  ] as const) {
    const answer = await api.send(method, path);
    assert.equal(answer.status, status, path);
    if (typeof text === 'string') assert(answer.text.endsWith(text), `${path}: ${answer.text}`);
    else assert.match(answer.text, text, path);
  }
});

test('what fails is named to everybody, why only at its own path; excluded, it does not count', async () => {
  const disk: { problem?: string } = {};
  const api = await startApiServer({ readinessChecks: [{ name: 'disk', check: () => disk.problem }] });
  assert.equal((await api.send('GET', '/readyz', { as: null })).text, 'ok');
  disk.problem = 'it is full';
  const failed = await api.send('GET', '/readyz');
  assert.equal(failed.status, 500);
  assert.match(failed.text, /^\[\+\]ping ok\n[^]*\n\[-\]disk failed: reason withheld\n[^]*\nreadyz check failed\n$/);
  const single = await api.send('GET', '/readyz/disk');
  assert.deepEqual([single.status, single.text], [500, 'internal server error: it is full\n']);
  assert.equal((await api.send('GET', '/readyz/disk', { as: null })).status, 403);
  assert.equal((await api.send('GET', '/readyz?exclude=disk')).text, 'ok');
  assert.equal((await api.send('GET', '/livez')).text, 'ok');
  assert.match(
    (await api.send('GET', '/metrics/slis')).text,
    /kubernetes_healthcheck\{name="disk",type="readyz"\} 0\n/,
  );
});

test('each step of the start is what its checks wait for', async () => {
  const progress = { bootstrap: false, own: false };
  const api = await startApiServer({
    startProgress: { bootstrapObjects: () => progress.bootstrap, ownObjects: () => progress.own },
  });
  const failing = async (endpoint: string): Promise<readonly string[]> =>
    [...(await api.send('GET', `/${endpoint}?verbose`)).text.matchAll(/\[-\](\S+) failed/g)].map(([, name]) => name!);
  const own = [
    'poststarthook/start-service-ip-repair-controllers',
    'poststarthook/apiservice-status-local-available-controller',
    'poststarthook/kube-apiserver-autoregistration',
    'autoregister-completion',
  ];
  const before = await failing('readyz');
  assert.deepEqual(await failing('livez'), before);
  assert(before.includes('poststarthook/rbac/bootstrap-roles') && own.every((name) => before.includes(name)));
  progress.bootstrap = true;
  assert.deepEqual(await failing('readyz'), own);
  await api.server.keepOwnObjects();
  progress.own = true;
  assert.deepEqual(await failing('readyz'), []);
  const services = await api.get('/apis/apiregistration.k8s.io/v1/apiservices');
  assert(services.items.some((one: { metadata: { name: string } }) => one.metadata.name === 'v1.apps'));
  api.close();
  assert.deepEqual([await failing('readyz'), await failing('livez')], [['shutdown'], []]);
});

test('a process that is to end is not ready, but alive', async () => {
  const stopping = new AbortController();
  const api = await startApiServer({ stopping: stopping.signal });
  assert.equal((await api.send('GET', '/readyz')).status, 200);
  stopping.abort();
  assert.match(
    (await api.send('GET', '/readyz')).text,
    /\n\[-\]shutdown failed: reason withheld\nreadyz check failed\n$/,
  );
  assert.equal((await api.send('GET', '/readyz/shutdown')).text, 'internal server error: process is shutting down\n');
  assert.equal((await api.send('GET', '/livez')).text, 'ok');
});
