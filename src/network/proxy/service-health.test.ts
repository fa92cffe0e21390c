import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { EndpointSlice, Service, ServiceSpec } from '#api/generated/types.ts';
import type { Logger } from '#base/log.ts';
import { answerHealth, decideHealth, ServiceHealth } from './service-health.ts';

const balancer = (name: string, port: number, more: Partial<ServiceSpec> = {}): Service => ({
  metadata: { namespace: 'web', name },
  spec: {
    type: 'LoadBalancer',
    clusterIP: '10.43.0.5',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: port,
    ...more,
  },
});
const slice = (labels: Record<string, string>, ...endpoints: EndpointSlice['endpoints'] & {}): EndpointSlice => ({
  metadata: { namespace: 'web', name: 'shop-1', labels },
  addressType: 'IPv4',
  ports: [
    { name: 'http', port: 8080 },
    { name: 'https', port: 8443 },
  ],
  endpoints,
});
const endpoint = (ip: string, nodeName: string, ready?: boolean) => ({
  addresses: [ip],
  nodeName,
  conditions: ready === undefined ? {} : { ready, serving: true, terminating: !ready },
});

test('counted are addresses of ready endpoints on this node, whatever number of ports they have', () => {
  const slices = [
    slice({}, endpoint('10.42.0.2', 'here', true), endpoint('10.42.0.3', 'here'), endpoint('10.42.0.4', 'here', false)),
    slice({}, endpoint('10.42.0.2', 'here', true), endpoint('10.42.1.2', 'there', true)),
    slice({ 'service.kubernetes.io/headless': '' }, endpoint('10.42.0.9', 'here', true)),
  ];
  assert.equal(decideHealth(balancer('shop', 30_000), slices, 'here')?.localEndpoints, 2);
});

test('only load balancers with the Local policy have a port, and only those that this proxy serves', () => {
  for (const more of [
    { type: 'NodePort' },
    { externalTrafficPolicy: 'Cluster' },
    { healthCheckNodePort: 0 },
    { clusterIP: 'None' },
  ] satisfies Partial<ServiceSpec>[])
    assert.equal(decideHealth(balancer('shop', 30_000, more), [], 'here'), undefined, JSON.stringify(more));
});

test('the answer is that of kube-proxy, to the byte', () => {
  const health = { service: balancer('shop', 30_000), port: 30_000, localEndpoints: 2 };
  assert.deepEqual(answerHealth(health, true), {
    status: 200,
    contentType: 'application/json',
    headers: { 'x-load-balancing-endpoint-weight': '2' },
    body: '{\n\t"service": {\n\t\t"namespace": "web",\n\t\t"name": "shop"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
  });
  assert.equal(answerHealth({ ...health, localEndpoints: 0 }, true).status, 503);
  assert.equal(answerHealth(health, false).status, 503);
});

const logger: Logger = { debug() {}, info() {}, warn() {}, error() {}, named: () => logger };

test('a port follows its Service; one that is taken is told once and had as soon as it is free', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '0.0.0.0', resolve));
  const { port } = holder.address() as AddressInfo;
  const events: string[] = [];
  const health = new ServiceHealth({
    nodeName: 'here',
    logger,
    events: { event: (_about, type, reason, message) => void events.push(`${type} ${reason} ${message}`) },
    proxyHealthy: () => true,
  });
  const ask = () =>
    fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } }).then(
      async (answer) => `${answer.status} ${((await answer.json()) as { service: { name: string } }).service.name}`,
      () => 'nobody',
    );
  try {
    const shop = { service: balancer('shop', port), port, localEndpoints: 1 };
    health.set('shop', shop);
    await health.settle();
    await health.settle();
    assert.equal(health.hasFailed, true);
    assert.equal(events.length, 1);
    assert.match(
      events[0]!,
      /^Warning FailedToStartServiceHealthcheck node here failed to start healthcheck "web\/shop" on port \d+: /,
    );
    await new Promise((resolve) => holder.close(resolve));
    await health.settle();
    assert.equal(health.hasFailed, false);
    assert.equal(await ask(), '200 shop');
    health.set('shop', { ...shop, localEndpoints: 0 });
    assert.equal(await ask(), '503 shop');
    health.set('shop', undefined);
    health.set('bank', { ...shop, service: balancer('bank', port) });
    await health.settle();
    assert.equal(await ask(), '200 bank');
    health.set('bank', undefined);
    await health.settle();
    assert.equal(await ask(), 'nobody');
  } finally {
    holder.close();
    await health.close();
  }
});
