// The service proxy on a real kernel: namespaces, nft, conntrack.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { EndpointSlices, Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Pod, Service, ServiceSpec } from '#api/generated/types.ts';
import { missing, Network, tally, until, type Runner } from './kit.ts';

const service = (name: string, spec: ServiceSpec): Service => ({ metadata: { namespace: 'web', name }, spec });
const slice = (name: string, ips: readonly string[], protocol = 'TCP'): EndpointSlice => ({
  metadata: { namespace: 'web', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol }],
  endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: 'here', conditions: { ready: true } })),
});
const pods: Pod[] = [
  {
    metadata: { namespace: 'web', name: 'host-port' },
    spec: { nodeName: 'here', containers: [{ name: 'c', ports: [{ containerPort: 8080, hostPort: 8888 }] }] },
    status: { phase: 'Running', podIPs: [{ ip: '10.42.0.2' }] },
  },
];
const services = [
  service('shop', {
    clusterIP: '10.43.0.5',
    externalIPs: ['203.0.113.7'],
    type: 'NodePort',
    ports: [{ port: 80, nodePort: 30080 }],
  }),
  service('local', {
    clusterIP: '10.43.0.6',
    type: 'NodePort',
    externalTrafficPolicy: 'Local',
    ports: [{ port: 80, nodePort: 30081 }],
  }),
  service('empty', { clusterIP: '10.43.0.7', ports: [{ port: 80 }] }),
  service('sticky', { clusterIP: '10.43.0.8', sessionAffinity: 'ClientIP', ports: [{ port: 80 }] }),
  service('datagrams', { clusterIP: '10.43.0.9', ports: [{ port: 53, protocol: 'UDP' }] }),
];
const slices = (shop: readonly string[], datagrams: readonly string[] = ['10.42.0.2']) => [
  slice('shop', shop),
  slice('local', ['10.42.0.2']),
  slice('sticky', ['10.42.0.2', '10.42.0.3']),
  slice('datagrams', datagrams, 'UDP'),
];
const both = ['10.42.0.2', '10.42.0.3'];
const names = (answers: readonly string[]) => tally(answers.map((one) => one.split(' ').slice(0, 2).join(' ')));

test('Services on a real kernel', { skip: missing ?? false }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'network-proxy-'));
  await using network = new Network();
  const first = network.pod('10.42.0.2');
  network.pod('10.42.0.3');
  const second = network.pod('10.42.0.4');
  const outside = network.outside();
  network.ip(network.node, 'route add 10.43.0.0/16 dev cni0 src 10.42.0.1');
  const third = first.replace(/p2$/, 'p3');
  await Promise.all([network.server(first, 'a', 8080), network.server(third, 'b', 8080)]);
  const options = {
    nodeName: 'here',
    podRanges: ['10.42.0.0/16'],
    serviceRanges: ['10.43.0.0/16'],
    servedHere: ['10.43.0.10'],
    lookMs: 300,
    changesFile: path.join(directory, 'host-changes.jsonl'),
  };
  const startProxy = async (shop: readonly string[], datagrams?: readonly string[]): Promise<Runner> => {
    const runner = await network.runner('proxy', options);
    await runner.set(Nodes, []);
    await runner.set(Services, services);
    await runner.set(EndpointSlices, slices(shop, datagrams));
    await runner.set(Pods, pods);
    await runner.whenReady();
    return runner;
  };
  let proxy = await startProxy(both);

  await t.test('new connections spread over the endpoints, from a Pod, the node and outside', async () => {
    for (const [from, url] of [
      [second, 'http://10.43.0.5/'],
      [network.node, 'http://10.43.0.5/'],
      [outside, 'http://192.0.2.1:30080/'],
      [outside, 'http://203.0.113.7/'],
      [second, 'http://192.0.2.1:30080/'],
    ] as const) {
      const counts = names(await network.load(from, url, 40));
      assert.equal((counts['200 a'] ?? 0) + (counts['200 b'] ?? 0), 40, `${url}: ${JSON.stringify(counts)}`);
      assert.ok(counts['200 a']! > 5 && counts['200 b']! > 5, `${url}: ${JSON.stringify(counts)}`);
    }
  });
  await t.test(
    'Pods see the client Pod, reach themselves through a Service, and outside clients are masqueraded',
    async () => {
      const seen = await network.load(second, 'http://10.43.0.5/', 4);
      assert.ok(
        seen.every((one) => one.endsWith('10.42.0.4')),
        seen.join(),
      );
      const hairpin = names(await network.load(first, 'http://10.43.0.5/', 30));
      assert.equal((hairpin['200 a'] ?? 0) + (hairpin['200 b'] ?? 0), 30);
      const cluster = await network.load(outside, 'http://192.0.2.1:30080/', 4);
      assert.ok(
        cluster.every((one) => one.endsWith('10.42.0.1')),
        cluster.join(),
      );
    },
  );
  await t.test('externalTrafficPolicy Local and host ports keep the client address', async () => {
    assert.deepEqual(await network.load(outside, 'http://192.0.2.1:30081/', 2), ['200 a 192.0.2.2', '200 a 192.0.2.2']);
    assert.deepEqual(await network.load(outside, 'http://192.0.2.1:8888/', 2), ['200 a 192.0.2.2', '200 a 192.0.2.2']);
  });
  await t.test('a Service without endpoints, an unknown port and an unknown address are refused at once', async () => {
    for (const from of [second, network.node, outside])
      for (const url of ['http://10.43.0.7/', 'http://10.43.0.5:81/', 'http://10.43.9.9/'])
        assert.deepEqual(await network.load(from, url, 1), ['ECONNREFUSED'], `${from} ${url}`);
  });
  await t.test('an endpoint on the host itself, as the API has, from a Pod and from the host', async () => {
    await network.server(network.node, 'host', 8080);
    await proxy.set(EndpointSlices, [...slices(both), slice('empty', ['192.0.2.1'])]);
    for (const from of [second, network.node, first])
      assert.match((await network.load(from, 'http://10.43.0.7/', 1))[0]!, /^200 host/, from);
    await proxy.set(EndpointSlices, slices(both));
  });
  await t.test('an address that the host itself serves passes, though a Service without endpoints has it', async () => {
    network.ip(network.node, 'address add 10.43.0.10/32 dev lo');
    const dns = service('dns', { clusterIP: '10.43.0.10', ports: [{ port: 8080 }] });
    await proxy.set(Services, [...services, dns]);
    for (const from of [second, network.node])
      assert.match((await network.load(from, 'http://10.43.0.10:8080/', 1))[0]!, /^200 host/, from);
    await proxy.set(Services, services);
  });
  await t.test('client affinity stays with one endpoint', async () => {
    assert.equal(Object.keys(names(await network.load(second, 'http://10.43.0.8/', 20))).length, 1);
  });
  await t.test('it stays so when the proxy is killed and started again', async () => {
    const answering = async (from: string) => Object.keys(names(await network.load(from, 'http://10.43.0.8/', 1)))[0];
    const clients = [second, outside, third, network.node];
    const before = await Promise.all(clients.map(answering));
    // By chance alone eight rounds of four clients would have to be as before: one in four thousand million.
    for (let round = 0; round < 8; round++) {
      await proxy.kill();
      proxy = await startProxy(both);
      assert.deepEqual(await Promise.all(clients.map(answering)), before);
    }
    const listing = network.in(network.node, ['nft', 'list', 'sets', 'table', 'inet', 'microshift']);
    assert.match(listing, /10\.42\.0\.4 expires 2h59m/);
  });
  await t.test(
    'no failed connection while endpoints change and while the proxy is killed and started again',
    async () => {
      const load = network.load(second, 'http://10.43.0.5/', 400, { everyMs: 5 });
      for (let round = 0; round < 20; round++) {
        await proxy.set(EndpointSlices, slices(round % 2 === 0 ? ['10.42.0.2'] : both));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      await proxy.kill();
      proxy = await startProxy(both);
      await proxy.kill();
      proxy = await startProxy(both);
      const counts = names(await load);
      assert.equal((counts['200 a'] ?? 0) + (counts['200 b'] ?? 0), 400, JSON.stringify(counts));
    },
  );
  const ask = () =>
    network
      .in(second, ['sh', '-c', 'echo hello | socat -t0.5 -T0.5 - UDP:10.43.0.9:53,sourceport=4444,reuseaddr'])
      .split(' ')[0];
  await t.test('a datagram client moves when its endpoint goes', async () => {
    assert.equal(ask(), 'a');
    await proxy.set(EndpointSlices, slices(both, ['10.42.0.3']));
    await until('the flow moves', () => ask() === 'b');
  });
  await t.test('a table that someone else removed is loaded anew at the next change', async () => {
    network.in(network.node, ['nft', 'delete', 'table', 'inet', 'microshift']);
    await proxy.set(EndpointSlices, slices(['10.42.0.3']));
    await until(
      'it answers',
      async () => (await network.load(second, 'http://10.43.0.5/', 1))[0] === '200 b 10.42.0.4',
    );
  });
  await t.test('a table that someone else removed comes back by itself', async () => {
    network.in(network.node, ['nft', 'flush', 'ruleset']);
    await until(
      'it answers',
      async () => (await network.load(second, 'http://10.43.0.5/', 1))[0] === '200 b 10.42.0.4',
    );
  });
  await t.test('a datagram client moves when its endpoint went while the proxy was down', async () => {
    assert.equal(ask(), 'a');
    await proxy.kill();
    proxy = await startProxy(['10.42.0.3'], ['10.42.0.3']);
    await until('the flow moves', () => ask() === 'b');
  });
  await t.test('load balancer addresses: source ranges, both families, affinity in both', async () => {
    const balancer = (name: string, last: number, more: Partial<ServiceSpec>): Service => ({
      ...service(name, {
        type: 'LoadBalancer',
        clusterIP: `10.43.1.${last}`,
        clusterIPs: [`10.43.1.${last}`, `fd02::${last}`],
        ports: [{ port: 80 }],
        ...more,
      }),
      status: { loadBalancer: { ingress: [{ ip: `203.0.113.${last}` }, { ip: `fd03::${last}` }] } },
    });
    const six = (name: string): EndpointSlice => ({
      ...slice(name, []),
      metadata: { namespace: 'web', name: `${name}-6`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv6',
      endpoints: [{ addresses: ['fd01::2'], nodeName: 'here', conditions: { ready: true } }],
    });
    await proxy.set(EndpointSlices, [
      ...slices(both),
      ...['open', 'closed', 'both'].flatMap((name) => [slice(name, both), six(name)]),
    ]);
    await proxy.set(Services, [
      ...services,
      balancer('open', 11, { loadBalancerSourceRanges: ['192.0.2.0/24', 'fd09::/64'] }),
      balancer('closed', 12, { loadBalancerSourceRanges: ['198.51.100.0/24'] }),
      balancer('both', 13, { sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local' }),
    ]);
    await until('open', async () => (await network.load(outside, 'http://203.0.113.11/', 1))[0]!.startsWith('200'));
    assert.deepEqual(await network.load(outside, 'http://203.0.113.12/', 1), ['ETIMEDOUT']);
    const sticky = await network.load(outside, 'http://203.0.113.13/', 10);
    assert.equal(new Set(sticky).size, 1);
    assert.match(sticky[0]!, /^200 [ab] 192\.0\.2\.2$/);
    const table = network.in(network.node, ['nft', 'list', 'table', 'inet', 'microshift']);
    assert.match(table, /fd02::11 \. 80 \. 0 : fd01::2 \. 8080/);
    assert.match(table, /dnat ip6 to \[fd01::2\]:8080/);
    await proxy.set(Services, services);
    await until(
      'affinity chains go',
      () => !network.in(network.node, ['nft', 'list', 'table', 'inet', 'microshift']).includes('fd01::2'),
    );
  });
  await t.test('a load balancer outside asks at the health check port whether this node has endpoints', async () => {
    const balancer = service('asked', {
      type: 'LoadBalancer',
      clusterIP: '10.43.1.20',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 31_555,
      ports: [{ port: 80 }],
    });
    const ask = async () => (await network.load(outside, 'http://192.0.2.1:31555/', 1))[0]!.replaceAll(/\s/g, '');
    await proxy.set(Services, [...services, balancer]);
    await until('none here', async () => (await ask()).startsWith('503'));
    await proxy.set(EndpointSlices, [...slices(both), slice('asked', both)]);
    await until('two here', async () => /^200.*"localEndpoints":2,"serviceProxyHealthy":true/.test(await ask()));
    await proxy.set(Services, services);
    await until('no port', async () => (await ask()) === 'ECONNREFUSED');
    await proxy.set(EndpointSlices, slices(both));
  });
  await t.test("endpoints of this node's zone take the traffic as soon as the Node tells its zone", async () => {
    const hinted = slice('shop', both);
    const zones = ['east', 'west'].map((name) => ({ forZones: [{ name }] }));
    await proxy.set(EndpointSlices, [
      { ...hinted, endpoints: hinted.endpoints!.map((one, index) => ({ ...one, hints: zones[index] })) },
    ]);
    const answering = async () => Object.keys(names(await network.load(second, 'http://10.43.0.5/', 20))).toSorted();
    await until('both without a zone', async () => (await answering()).join() === '200 a,200 b');
    await proxy.set(Nodes, [
      { metadata: { name: 'here', labels: { 'topology.kubernetes.io/zone': 'west' } }, spec: {} },
    ]);
    await until('one in its zone', async () => (await answering()).join() === '200 b');
    await proxy.set(Nodes, []);
    await proxy.set(EndpointSlices, slices(both));
  });
  await t.test('the table is in the journal of host changes and stays after an orderly stop', async () => {
    await proxy.stop();
    assert.match(readFileSync(options.changesFile, 'utf8'), /"nft-table","table":"inet microshift"/);
    assert.match((await network.load(second, 'http://10.43.0.5/', 1))[0]!, /^200 [ab] 10\.42\.0\.4$/);
  });
  rmSync(directory, { recursive: true });
});
