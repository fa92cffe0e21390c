import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IPAddresses, ServiceCIDRs, Services } from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const service = (name: string, clusterIP?: string) => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
});
const readiness = async (cluster: TestControlPlane, name: string): Promise<Json> =>
  (await cluster.find(ServiceCIDRs, undefined, name))?.status?.conditions?.find((one: Json) => one.type === 'Ready');
const services = '/api/v1/namespaces/default/services';
const ranges = '/apis/networking.k8s.io/v1/servicecidrs';

test('every cluster IP has its IPAddress, which follows the Service', async () => {
  await using cluster = await startControlPlane();
  const { clusterIP } = (await cluster.create(Services, service('web'))).spec as { clusterIP: string };
  const made = await cluster.eventually(async () => {
    const found = await cluster.find(IPAddresses, undefined, clusterIP);
    assert.notEqual(found, undefined);
    return found as Json;
  });
  assert.deepEqual(made.metadata.labels, {
    'ipaddress.kubernetes.io/ip-family': 'IPv4',
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
  });
  const { resource, namespace, name } = made.spec.parentRef;
  assert.deepEqual([resource, namespace, name], ['services', 'default', 'web']);
  await cluster.api.delete(`/apis/networking.k8s.io/v1/ipaddresses/${clusterIP}`);
  await cluster.eventually(async () => {
    const again = await cluster.find(IPAddresses, undefined, clusterIP);
    assert.ok(again !== undefined && again.metadata.uid !== made.metadata.uid);
  });
  await cluster.api.delete(`${services}/web`);
  await cluster.eventually(async () => assert.equal(await cluster.find(IPAddresses, undefined, clusterIP), undefined));
});

test('a new range serves at once; it goes when no address of it is left, and not before', async () => {
  await using cluster = await startControlPlane();
  const refuse = async (name: string, address: string): Promise<string> =>
    (
      await cluster.api.send('POST', services, {
        body: { kind: 'Service', apiVersion: 'v1', ...service(name, address) },
      })
    ).json.message as string;
  const none = (name: string, address: string, why: string) =>
    `Service "${name}" is invalid: spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP ${address}: ${why}`;
  const noRange = 'the provided network does not match the current range';
  assert.equal(await refuse('early', '198.51.100.3'), none('early', '198.51.100.3', noRange));

  await cluster.create(ServiceCIDRs, { metadata: { name: 'more' }, spec: { cidrs: ['198.51.100.0/28'] } });
  await cluster.create(IPAddresses, {
    metadata: { name: '198.51.100.5' },
    spec: { parentRef: { resource: 'things', name: 'x' } },
  });
  await cluster.eventually(async () => {
    const { status, message } = await readiness(cluster, 'more');
    assert.deepEqual([status, message], ['True', 'Kubernetes Service CIDR is ready']);
  });
  assert.equal((await cluster.create(Services, service('b', '198.51.100.3'))).spec.clusterIP, '198.51.100.3');
  assert.equal(await refuse('c', '198.51.100.5'), none('c', '198.51.100.5', 'provided IP is already allocated'));
  await cluster.eventually(async () =>
    assert.notEqual(await cluster.find(IPAddresses, undefined, '198.51.100.3'), undefined),
  );

  await cluster.api.delete(`${ranges}/more`);
  await cluster.eventually(async () => {
    const { status, reason, message } = await readiness(cluster, 'more');
    assert.deepEqual(
      [status, reason, message],
      [
        'False',
        'Terminating',
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
      ],
    );
  });
  assert.equal(await refuse('d', '198.51.100.6'), none('d', '198.51.100.6', noRange));
  await cluster.pass(30_000);
  assert.notEqual(await cluster.find(ServiceCIDRs, undefined, 'more'), undefined);
  await cluster.api.delete(`${services}/b`);
  await cluster.eventually(async () => assert.equal(await cluster.find(ServiceCIDRs, undefined, 'more'), undefined));
});

test('a range within another one goes although its addresses are in use, ten seconds later', async () => {
  await using cluster = await startControlPlane();
  for (const [name, cidr] of [
    ['outer', '198.51.100.0/24'],
    ['inner', '198.51.100.0/28'],
  ] as const)
    await cluster.create(ServiceCIDRs, { metadata: { name }, spec: { cidrs: [cidr] } });
  await cluster.eventually(async () => assert.equal((await readiness(cluster, 'inner'))?.status, 'True'));
  await cluster.create(Services, service('kept', '198.51.100.3'));
  await cluster.api.delete(`${ranges}/inner`);
  await cluster.pass(9_000);
  assert.notEqual(await cluster.find(ServiceCIDRs, undefined, 'inner'), undefined);
  await cluster.pass(2_000);
  assert.equal(await cluster.find(ServiceCIDRs, undefined, 'inner'), undefined);
});
