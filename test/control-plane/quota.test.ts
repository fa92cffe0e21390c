// Quotas as they are refused, and as they are counted: sequences, messages and figures as observed upstream.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Namespaces, ResourceQuotas } from '#api/generated/kind-references.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

let cluster: TestControlPlane;
before(async () => void (cluster = await startControlPlane()));
after(() => cluster[Symbol.asyncDispose]());

let namespace = '';
let count = 0;
beforeEach(async () => {
  namespace = `quota-${count++}`;
  await cluster.create(Namespaces, { metadata: { name: namespace } });
});

const limit = (name: string, hard: object, scope?: object) =>
  cluster.create(ResourceQuotas, {
    metadata: { name, namespace },
    spec: { hard, ...(scope === undefined ? {} : { scopeSelector: { matchExpressions: [scope] } }) },
  });
const used = (name: string, expected: Record<string, string>) =>
  cluster.eventually(async () =>
    assert.deepEqual((await cluster.find(ResourceQuotas, namespace, name)).status?.used, expected),
  );
/** '' when it was taken, the message otherwise. */
async function post(collection: string, body: object): Promise<string> {
  const { status, json } = await cluster.api.send('POST', collection.replace('NS', `namespaces/${namespace}`), {
    body,
  });
  return status === 201 ? '' : json.message;
}
const deviceClaim = (name: string, ...requests: object[]) =>
  post('/apis/resource.k8s.io/v1/NS/resourceclaims', {
    metadata: { name },
    spec: { devices: { requests: requests.map((one, index) => ({ name: `r${index}`, ...one })) } },
  });
const exactly = (deviceClassName: string, more: object = {}) => ({ exactly: { deviceClassName, ...more } });
const claim = (name: string, storage: string, spec: object = {}) =>
  post('/api/v1/NS/persistentvolumeclaims', {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...spec },
  });

test('devices are limited by their class', async () => {
  const byClass = 'gold.deviceclass.resource.k8s.io/devices';
  const implicit = 'requests.deviceclass.resource.kubernetes.io/gold';
  const claims = 'count/resourceclaims.resource.k8s.io';
  await limit('devices', { [byClass]: '4', [implicit]: '9', [claims]: '3' });
  assert.equal(await deviceClaim('a', exactly('gold', { count: 2 }), exactly('silver')), '');
  // Of alternatives the dearest counts.
  const firstAvailable = [
    { name: 'p', deviceClassName: 'gold', count: 1 },
    { name: 'q', deviceClassName: 'gold', count: 2 },
    { name: 's', deviceClassName: 'silver' },
  ];
  assert.equal(await deviceClaim('b', { firstAvailable }), '');
  const refused = 'is forbidden: exceeded quota: devices, requested:';
  assert.equal(
    await deviceClaim('c', exactly('gold')),
    `resourceclaims.resource.k8s.io "c" ${refused} ${byClass}=1, used: ${byClass}=4, limited: ${byClass}=4`,
  );
  assert.equal(
    await deviceClaim('d', exactly('gold', { allocationMode: 'All' })),
    `resourceclaims.resource.k8s.io "d" ${refused} ${byClass}=32,${implicit}=32, used: ${byClass}=4,${implicit}=4, limited: ${byClass}=4,${implicit}=9`,
  );
  assert.equal(await deviceClaim('e', exactly('silver')), '');
  assert.equal(
    await deviceClaim('f', exactly('silver')),
    `resourceclaims.resource.k8s.io "f" ${refused} ${claims}=1, used: ${claims}=3, limited: ${claims}=3`,
  );
  await used('devices', { [claims]: '3', [byClass]: '4', [implicit]: '4' });
  await cluster.api.delete(`/apis/resource.k8s.io/v1/namespaces/${namespace}/resourceclaims/a`);
  await used('devices', { [claims]: '2', [byClass]: '2', [implicit]: '2' });
});

test('claims are limited by their class of volume attributes', async () => {
  const scope = (operator: string, values?: readonly string[]) => ({
    scopeName: 'VolumeAttributesClass',
    operator,
    ...(values === undefined ? {} : { values }),
  });
  await limit('fast', { persistentvolumeclaims: '2', 'requests.storage': '10Gi' }, scope('In', ['fast', 'faster']));
  await limit('any', { persistentvolumeclaims: '5' }, scope('Exists'));
  await limit('none', { persistentvolumeclaims: '1' }, scope('DoesNotExist'));
  await limit('not-slow', { persistentvolumeclaims: '9' }, scope('NotIn', ['slow']));
  const of = (volumeAttributesClassName: string) => ({ volumeAttributesClassName });
  assert.equal(await claim('p1', '6Gi', of('fast')), '');
  assert.equal(
    await claim('p2', '6Gi', of('faster')),
    'persistentvolumeclaims "p2" is forbidden: exceeded quota: fast, requested: requests.storage=6Gi, used: requests.storage=6Gi, limited: requests.storage=10Gi',
  );
  assert.equal(await claim('p3', '100Gi', of('slow')), '');
  assert.equal(await claim('p4', '1Gi'), '');
  assert.equal(
    await claim('p5', '1Gi'),
    'persistentvolumeclaims "p5" is forbidden: exceeded quota: none, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=1, limited: persistentvolumeclaims=1',
  );
  await used('fast', { persistentvolumeclaims: '1', 'requests.storage': '6Gi' });
  await used('any', { persistentvolumeclaims: '2' });
  await used('none', { persistentvolumeclaims: '1' });
  await used('not-slow', { persistentvolumeclaims: '2' });
  // What an expansion under way has taken counts, and the class that a claim has beside the one that it asks for.
  const statusOf = (name: string) => `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}/status`;
  await cluster.api.patch(statusOf('p1'), 'merge', { status: { allocatedResources: { storage: '20Gi' } } });
  await cluster.api.patch(statusOf('p4'), 'merge', { status: { currentVolumeAttributesClassName: 'slow' } });
  await used('fast', { persistentvolumeclaims: '1', 'requests.storage': '20Gi' });
  await used('any', { persistentvolumeclaims: '3' });
  await used('none', { persistentvolumeclaims: '0' });
});

test('claims are limited by their storage class, objects of any kind by their number', async () => {
  const ofClass = 'gold.storageclass.storage.k8s.io';
  await limit('storage', { [`${ofClass}/requests.storage`]: '5Gi', [`${ofClass}/persistentvolumeclaims`]: '2' });
  const gold = { storageClassName: 'gold' };
  assert.equal(await claim('a', '3Gi', gold), '');
  assert.match(await claim('b', '3Gi', gold), /exceeded quota: storage, requested: gold\.storageclass/);
  assert.equal(await claim('c', '300Gi', { storageClassName: 'silver' }), '');
  await used('storage', { [`${ofClass}/requests.storage`]: '3Gi', [`${ofClass}/persistentvolumeclaims`]: '1' });

  await limit('counts', { 'count/leases.coordination.k8s.io': '1', 'count/configmaps': '9', secrets: '1' });
  const leases = '/apis/coordination.k8s.io/v1/NS/leases';
  assert.equal(await post(leases, { metadata: { name: 'a' } }), '');
  assert.equal(
    await post(leases, { metadata: { name: 'b' } }),
    'leases.coordination.k8s.io "b" is forbidden: exceeded quota: counts, requested: count/leases.coordination.k8s.io=1, used: count/leases.coordination.k8s.io=1, limited: count/leases.coordination.k8s.io=1',
  );
  assert.equal(await post('/api/v1/NS/secrets', { metadata: { name: 'a' } }), '');
  assert.match(
    await post('/api/v1/NS/secrets', { metadata: { name: 'b' } }),
    /exceeded quota: counts, requested: secrets=1/,
  );
});

test('a resize stays within the quota', async () => {
  await limit('cpu', { 'requests.cpu': '2' });
  const resources = (cpu: string) => ({ resources: { requests: { cpu } } });
  const container = { name: 'a', image: 'example.org/a' };
  assert.equal(
    await post('/api/v1/NS/pods', {
      metadata: { name: 'p' },
      spec: { containers: [{ ...container, ...resources('1') }] },
    }),
    '',
  );
  const resize = (cpu: string) =>
    cluster.api.send('PATCH', `/api/v1/namespaces/${namespace}/pods/p/resize`, {
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { containers: [{ name: 'a', ...resources(cpu) }] } },
    });
  const refused = await resize('3');
  assert.equal(refused.status, 403);
  assert.equal(
    refused.json.message,
    'pods "p" is forbidden: exceeded quota: cpu, requested: requests.cpu=2, used: requests.cpu=1, limited: requests.cpu=2',
  );
  assert.equal((await resize('2')).status, 200);
  await used('cpu', { 'requests.cpu': '2' });
});
