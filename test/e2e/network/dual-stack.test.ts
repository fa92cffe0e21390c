// IPv6 beside IPv4 on a real kernel: Services of all sorts, NetworkPolicies and neighbour discovery.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { EndpointSlices, Namespaces, NetworkPolicies, Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Namespace, NetworkPolicy, Pod, Service, ServiceSpec } from '#api/generated/types.ts';
import { missing, Network, tally, until } from './kit.ts';

const service = (name: string, last: number, spec: Partial<ServiceSpec> = {}): Service => ({
  metadata: { namespace: 'web', name },
  spec: {
    clusterIP: `10.43.0.${last}`,
    clusterIPs: [`10.43.0.${last}`, `fd02::${last}`],
    ports: [{ port: 80 }],
    ...spec,
  },
});
const slice = (name: string, ips: readonly string[]): EndpointSlice => ({
  metadata: { namespace: 'web', name: `${name}-${ips[0]}`, labels: { 'kubernetes.io/service-name': name } },
  addressType: ips[0]!.includes(':') ? 'IPv6' : 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: 'here', conditions: { ready: true } })),
});
const both = (name: string) => [slice(name, ['10.42.0.2', '10.42.0.3']), slice(name, ['fd01::2', 'fd01::3'])];
const services = [
  service('shop', 5, { type: 'NodePort', externalIPs: ['2001:db8:7::7'], ports: [{ port: 80, nodePort: 30_080 }] }),
  service('local', 6, { type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30_081 }] }),
  service('empty', 7),
  service('sticky', 8, { sessionAffinity: 'ClientIP' }),
  ...['open', 'closed'].map((name, index): Service => ({
    ...service(name, 11 + index, {
      type: 'LoadBalancer',
      loadBalancerSourceRanges: [name === 'open' ? '2001:db8::/64' : '2001:db8:9::/64'],
    }),
    status: { loadBalancer: { ingress: [{ ip: `2001:db8:7::1${index + 1}` }] } },
  })),
];
const pod = (app: string, last: number): Pod => ({
  metadata: { namespace: 'web', name: app, uid: app, labels: { app } },
  spec: { nodeName: 'here', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
  status: { phase: 'Running', podIPs: [{ ip: `10.42.0.${last}` }, { ip: `fd01::${last}` }] },
});
const names = (answers: readonly string[]) => tally(answers.map((one) => one.split(' ').slice(0, 2).join(' ')));

test('both families on a real kernel', { skip: missing ?? false }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'network-dual-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  await using network = new Network();
  const [first, second, third] = [2, 3, 4].map((last) => network.pod(`10.42.0.${last}`)) as [string, string, string];
  const outside = network.outside();
  network.addSixth([first, second, third], outside);
  await Promise.all([network.server(first, 'a', 8080), network.server(second, 'b', 8080)]);
  const options = {
    nodeName: 'here',
    podRanges: ['10.42.0.0/16', 'fd01::/48'],
    serviceRanges: ['10.43.0.0/16', 'fd02::/112'],
    servedHere: ['10.43.0.10'],
    changesFile: path.join(directory, 'host-changes.jsonl'),
  };
  const startProxy = async () => {
    const runner = await network.runner('proxy', options);
    await runner.set(Nodes, []);
    await runner.set(Services, services);
    await runner.set(
      EndpointSlices,
      ['shop', 'local', 'sticky', 'open', 'closed'].flatMap((name) => both(name)),
    );
    await runner.set(Pods, []);
    await runner.whenReady();
    return runner;
  };
  let proxy = await startProxy();

  await t.test('IPv6 connections spread over IPv6 endpoints, from a Pod, the node and outside', async () => {
    for (const [from, url] of [
      [third, 'http://[fd02::5]/'],
      [network.node, 'http://[fd02::5]/'],
      [outside, 'http://[2001:db8::1]:30080/'],
      [outside, 'http://[2001:db8:7::7]/'],
    ] as const) {
      const counts = names(await network.load(from, url, 40));
      assert.ok(counts['200 a']! > 5 && counts['200 b']! > 5, `${url}: ${JSON.stringify(counts)}`);
    }
  });
  await t.test(
    'sources: the Pod itself, the gateway for outside clients, the client under the Local policy',
    async () => {
      const from = async (place: string, url: string) => (await network.load(place, url, 1))[0]!.split(' ')[2];
      assert.equal(await from(third, 'http://[fd02::5]/'), 'fd01::4');
      assert.equal(await from(outside, 'http://[2001:db8::1]:30080/'), 'fd01::1');
      assert.equal(await from(outside, 'http://[2001:db8::1]:30081/'), '2001:db8::2');
      const hairpin = names(await network.load(first, 'http://[fd02::5]/', 20));
      assert.equal((hairpin['200 a'] ?? 0) + (hairpin['200 b'] ?? 0), 20, JSON.stringify(hairpin));
    },
  );
  await t.test('what nobody serves is refused at once; source ranges hold', async () => {
    for (const place of [third, network.node, outside])
      for (const url of ['http://[fd02::7]/', 'http://[fd02::5]:81/', 'http://[fd02::99]/'])
        assert.deepEqual(await network.load(place, url, 1), ['ECONNREFUSED'], `${place} ${url}`);
    assert.match((await network.load(outside, 'http://[2001:db8:7::11]/', 1))[0]!, /^200/);
    assert.deepEqual(await network.load(outside, 'http://[2001:db8:7::12]/', 1), ['ETIMEDOUT']);
  });
  await t.test('client affinity, also over a restart', async () => {
    const answering = async (place: string) => Object.keys(names(await network.load(place, 'http://[fd02::8]/', 5)));
    const before = await Promise.all([third, outside].map(answering));
    assert.deepEqual(
      before.map((one) => one.length),
      [1, 1],
    );
    for (let round = 0; round < 5; round++) {
      await proxy.kill();
      proxy = await startProxy();
      assert.deepEqual(await Promise.all([third, outside].map(answering)), before);
    }
  });
  await t.test('policies hold for both families, and leave neighbour discovery alone', async () => {
    const policy = await network.runner('policy', options);
    const labels = (app: string) => ({ matchLabels: { app } });
    const namespaces: Namespace[] = [{ metadata: { name: 'web', labels: {} }, spec: {} }];
    const onlyFromClient: NetworkPolicy = {
      metadata: { namespace: 'web', name: 'only' },
      spec: {
        podSelector: labels('a'),
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [{ podSelector: labels('client') }], ports: [{ port: 'http' }] }],
      },
    };
    await policy.set(Namespaces, namespaces);
    await policy.set(Pods, [pod('a', 2), pod('b', 3), pod('client', 4)]);
    await policy.set(NetworkPolicies, [onlyFromClient]);
    await policy.whenReady();
    for (const url of ['http://10.42.0.2:8080/', 'http://[fd01::2]:8080/']) {
      const reach = async (place: string) => (await network.load(place, url, 1))[0]!.split(' ')[0];
      await until('b is kept out', async () => (await reach(second)) === 'ETIMEDOUT', 20_000);
      // Nobody knows the other's link address any more.
      for (const place of [first, third]) network.ip(place, 'neigh flush all');
      assert.equal(await reach(third), '200', url);
      assert.equal(await reach(network.node), '200', url);
      assert.equal(await reach(outside), 'ETIMEDOUT', url);
    }
    for (const url of ['http://10.42.0.3:8080/', 'http://[fd01::3]:8080/'])
      assert.deepEqual(await network.load(first, url, 1), ['ETIMEDOUT'], url);
    await policy.stop();
  });
  await proxy.stop();
});
