import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import type { EndpointSlice, Service, ServiceSpec } from '#api/generated/types.ts';
import { VirtualClock } from '#base/clock.ts';
import type { DnsTransport } from '#host/dns-sockets.ts';
import { emptyResponse, type DnsQuestion, type DnsRecordType, type DnsResponse } from '#wire/dns-message.ts';
import { rangeTest, addressAt } from '../address-range.ts';
import { cacheStep } from './cache.ts';
import { answerMessage } from './dns.ts';
import { forwardStep } from './forward.ts';
import { kubernetesStep } from './kubernetes.ts';
import { addressOfReverseName, answerFromCluster, type ClusterSnapshot, type ClusterZone } from './records.ts';

const zone: ClusterZone = {
  domain: 'cluster.local',
  address: '10.43.0.10',
  isClusterAddress: rangeTest(['10.42.0.0/16', '10.43.0.0/16']),
};
const service = (name: string, spec: ServiceSpec): Service => ({ metadata: { namespace: 'web', name }, spec });
const services = [
  service('shop', {
    clusterIP: '10.43.1.1',
    clusterIPs: ['10.43.1.1', 'fd02::1'],
    ports: [{ name: 'http', port: 80 }],
  }),
  service('db', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] }),
  service('none', { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] }),
  service('address', { type: 'ExternalName', externalName: '192.0.2.7' }),
  service('out', { type: 'ExternalName', externalName: 'www.example.org.' }),
];
const slices: EndpointSlice[] = [
  {
    metadata: { namespace: 'web', name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.42.0.2'], hostname: 'db-0', conditions: { ready: true } },
      { addresses: ['10.42.0.3'], conditions: {} },
      { addresses: ['10.42.0.4'], conditions: { ready: false } },
    ],
  },
  {
    metadata: { namespace: 'web', name: 'shop-1', labels: { 'kubernetes.io/service-name': 'shop' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.42.0.7'], hostname: 'till', conditions: { ready: true } }],
  },
];
const snapshot: ClusterSnapshot = {
  namespaceExists: (namespace) => namespace === 'web',
  service: (namespace, name) => (namespace === 'web' ? services.find((one) => one.metadata.name === name) : undefined),
  slices: (_, name) => slices.filter((one) => one.metadata.labels?.['kubernetes.io/service-name'] === name),
  serviceByAddress: (ip) => services.find((one) => one.spec.clusterIPs?.includes(ip)),
  slicesByAddress: (ip) => slices.filter((one) => one.endpoints?.some((endpoint) => endpoint.addresses.includes(ip))),
};
const data = (answer: DnsResponse | undefined) =>
  answer === undefined
    ? 'elsewhere'
    : answer.code === 3
      ? 'no such name'
      : answer.answers.map((one) => ('data' in one ? one.data : undefined));
const ask = (name: string, type: DnsRecordType = 'A') => data(answerFromCluster({ name, type }, zone, snapshot));

test('addresses, services and names of a Service', () => {
  assert.deepEqual(ask('shop.web.svc.cluster.local'), ['10.43.1.1']);
  assert.deepEqual(ask('SHOP.web.svc.Cluster.Local'), ['10.43.1.1']);
  assert.deepEqual(ask('shop.web.svc.cluster.local', 'AAAA'), ['fd02::1']);
  assert.deepEqual(ask('shop.web.svc.cluster.local', 'MX'), []);
  assert.deepEqual(ask('_http._tcp.shop.web.svc.cluster.local', 'SRV'), [
    { priority: 0, weight: 100, port: 80, target: 'shop.web.svc.cluster.local' },
  ]);
  assert.equal(ask('_http._udp.shop.web.svc.cluster.local', 'SRV'), 'no such name');
  assert.equal(ask('other.web.svc.cluster.local'), 'no such name');
  assert.equal(ask('shop.nowhere.svc.cluster.local'), 'no such name');
});

test('a headless Service answers with its ready endpoints, each with a name', () => {
  assert.deepEqual(ask('db.web.svc.cluster.local'), ['10.42.0.2', '10.42.0.3']);
  assert.deepEqual(ask('db-0.db.web.svc.cluster.local'), ['10.42.0.2']);
  assert.deepEqual(ask('10-42-0-3.db.web.svc.cluster.local'), ['10.42.0.3']);
  assert.equal(ask('10-42-0-4.db.web.svc.cluster.local'), 'no such name');
  const answer = answerFromCluster({ name: '_sql._tcp.db.web.svc.cluster.local', type: 'SRV' }, zone, snapshot)!;
  assert.deepEqual(data(answer), [
    { priority: 0, weight: 50, port: 5432, target: 'db-0.db.web.svc.cluster.local' },
    { priority: 0, weight: 50, port: 5432, target: '10-42-0-3.db.web.svc.cluster.local' },
  ]);
  assert.deepEqual(data({ ...answer, answers: answer.additionals }), ['10.42.0.2', '10.42.0.3']);
});

test('a headless Service without ready endpoints has no name', () => {
  assert.equal(ask('none.web.svc.cluster.local'), 'no such name');
  assert.equal(ask('_sql._tcp.none.web.svc.cluster.local', 'SRV'), 'no such name');
});

test('endpoints of a Service that has an address have names, too', () => {
  assert.deepEqual(ask('till.shop.web.svc.cluster.local'), ['10.42.0.7']);
  assert.deepEqual(ask('till.shop.web.svc.cluster.local', 'AAAA'), []);
  assert.equal(ask('10-42-0-7.shop.web.svc.cluster.local'), 'no such name');
  assert.deepEqual(ask('shop.web.svc.cluster.local'), ['10.43.1.1']);
});

test('an external name that is an address is no alias', () => {
  assert.deepEqual(ask('out.web.svc.cluster.local'), ['www.example.org']);
  assert.equal(ask('address.web.svc.cluster.local'), 'no such name');
});

test('names between the zone and a Service exist without records', () => {
  for (const name of ['svc.cluster.local', 'web.svc.cluster.local', 'web.pod.cluster.local', 'cluster.local'])
    assert.deepEqual(ask(name), [], name);
  assert.equal(ask('nowhere.svc.cluster.local'), 'no such name');
  assert.deepEqual(ask('dns-version.cluster.local', 'TXT'), ['1.1.0']);
  assert.equal(ask('example.org'), 'elsewhere');
  assert.equal(ask('notcluster.local'), 'elsewhere');
});

test('Pod names', () => {
  assert.deepEqual(ask('10-42-0-9.web.pod.cluster.local'), ['10.42.0.9']);
  assert.equal(ask('10-42-0-999.web.pod.cluster.local'), 'no such name');
  assert.equal(ask('10-42-0-9.nowhere.pod.cluster.local'), 'no such name');
});

test('reverse names; those of cluster ranges are never asked outside', () => {
  assert.deepEqual(ask('1.1.43.10.in-addr.arpa', 'PTR'), ['shop.web.svc.cluster.local']);
  assert.deepEqual(ask('2.0.42.10.in-addr.arpa', 'PTR'), ['db-0.db.web.svc.cluster.local']);
  assert.deepEqual(ask('7.0.42.10.in-addr.arpa', 'PTR'), ['till.shop.web.svc.cluster.local']);
  assert.equal(ask('4.0.42.10.in-addr.arpa', 'PTR'), 'no such name');
  assert.equal(ask('9.9.43.10.in-addr.arpa', 'PTR'), 'no such name');
  assert.equal(ask('1.2.0.192.in-addr.arpa', 'PTR'), 'elsewhere');
  const six = 'fd020000000000000000000000000001'.split('').toReversed().join('.');
  assert.equal(addressOfReverseName(`${six}.ip6.arpa`), 'fd02::1');
});

test('an external name brings the addresses behind it', async () => {
  const resolve = kubernetesStep({ zone, snapshot, isSynced: () => true })((question) =>
    Promise.resolve({
      ...emptyResponse(0),
      answers: [{ name: question.name, type: 'A', ttl: 60, data: '192.0.2.80' }],
    }),
  );
  assert.deepEqual(data(await resolve({ name: 'out.web.svc.cluster.local', type: 'A' })), [
    'www.example.org',
    '192.0.2.80',
  ]);
});

test('before the cluster is known its names fail, others are forwarded', async () => {
  const resolve = kubernetesStep({ zone, snapshot, isSynced: () => false })(() => Promise.resolve(emptyResponse(0)));
  assert.equal((await resolve({ name: 'shop.web.svc.cluster.local', type: 'A' })).code, 2);
  assert.equal((await resolve({ name: 'example.org', type: 'A' })).code, 0);
});

test('the cache counts down, asks once at a time and forgets', async () => {
  const clock = new VirtualClock(0);
  let asked = 0;
  const resolve = cacheStep({ clock })((question: DnsQuestion) => {
    asked++;
    return Promise.resolve({
      ...emptyResponse(0),
      answers: [{ name: question.name, type: 'A' as const, ttl: 10, data: '192.0.2.1' }],
    });
  });
  const question: DnsQuestion = { name: 'example.org', type: 'A' };
  await Promise.all([resolve(question), resolve({ ...question, name: 'EXAMPLE.org' })]);
  clock.advance(4_000);
  const later = await resolve(question);
  assert.equal(asked, 1);
  assert.equal((later.answers[0] as { ttl?: number }).ttl, 6);
  clock.advance(7_000);
  await resolve(question);
  assert.equal(asked, 2);
});

const transport = (servers: readonly string[], replies: Record<string, number>): DnsTransport => ({
  listen: () => Promise.reject(new Error('not here')),
  resolvers: () => servers,
  ask(resolver, message, _protocol, _timeoutMs, accept) {
    const code = replies[resolver];
    if (code === undefined) return Promise.resolve(undefined);
    const query = dnsPacket.decode(Buffer.from(message));
    const reply = dnsPacket.encode({ type: 'response', id: query.id!, flags: code, questions: query.questions! });
    const accepted = accept(reply);
    return Promise.resolve(accepted === false ? undefined : accepted.value);
  },
});

test('without a resolver outside names fail at once; a failing resolver is passed over; it never asks itself', async () => {
  const code = async (servers: string[], replies: Record<string, number>) =>
    (
      await forwardStep({ transport: transport(servers, replies), ownAddresses: ['10.43.0.10'], randomId: () => 7 })({
        name: 'example.org',
        type: 'A',
      })
    ).code;
  assert.equal(await code([], {}), 2);
  assert.equal(await code(['10.43.0.10'], { '10.43.0.10': 0 }), 2);
  assert.equal(await code(['192.0.2.1', '192.0.2.2'], { '192.0.2.2': 3 }), 3);
  assert.equal(await code(['192.0.2.1', '192.0.2.2'], { '192.0.2.1': 2, '192.0.2.2': 0 }), 0);
});

const wire = async (message: Uint8Array, overTcp = false, answer?: DnsResponse) => {
  const reply = await answerMessage(
    message,
    overTcp,
    (question) => Promise.resolve(answer ?? answerFromCluster(question, zone, snapshot) ?? emptyResponse(2)),
    (error) => assert.fail(String(error)),
  );
  return reply === undefined ? undefined : { bytes: reply, packet: dnsPacket.decode(Buffer.from(reply)) };
};
const query = (name: string, type: DnsRecordType, udpPayloadSize?: number) =>
  dnsPacket.encode({
    type: 'query',
    id: 4711,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    ...(udpPayloadSize === undefined
      ? {}
      : {
          additionals: [
            {
              type: 'OPT' as const,
              name: '.',
              udpPayloadSize,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
        }),
  });

test('messages: the question is repeated as asked, flags and extension are right', async () => {
  const { packet } = (await wire(query('Shop.web.svc.cluster.local', 'A', 4096)))!;
  assert.equal(packet.id, 4711);
  assert.equal(packet.questions![0]!.name, 'Shop.web.svc.cluster.local');
  assert.ok(packet.flag_aa && packet.flag_ra && packet.flag_rd && !packet.flag_tc);
  assert.equal(packet.additionals?.[0]?.type, 'OPT');
  assert.equal((await wire(query('Shop.web.svc.cluster.local', 'A')))!.packet.additionals?.length, 0);
});

test('messages: too big for a datagram is cut and flagged, whole over TCP', async () => {
  const big: DnsResponse = {
    ...emptyResponse(0),
    answers: Array.from({ length: 100 }, (_, index) => ({
      name: 'db.web.svc.cluster.local',
      type: 'A' as const,
      ttl: 5,
      data: `10.42.1.${index}`,
    })),
  };
  const datagram = (await wire(query('db.web.svc.cluster.local', 'A'), false, big))!;
  assert.ok(datagram.bytes.byteLength <= 512 && datagram.packet.flag_tc && datagram.packet.answers!.length > 5);
  const stream = (await wire(query('db.web.svc.cluster.local', 'A'), true, big))!;
  assert.equal(stream.packet.answers!.length, 100);
  assert.ok(!stream.packet.flag_tc);
});

test('messages: garbage, responses and other operations', async () => {
  assert.equal(await wire(new Uint8Array([1, 2, 3])), undefined);
  assert.equal(await wire(dnsPacket.encode({ type: 'response', id: 1, questions: [] })), undefined);
  const update = query('a', 'A');
  update[2] = 5 << 3;
  assert.equal((await wire(update))!.bytes[3]! & 0xf, 4);
  const broken = query('a', 'A').subarray(0, 14);
  assert.equal((await wire(broken))!.bytes[3]! & 0xf, 1);
});

test('address ranges', () => {
  assert.ok(
    zone.isClusterAddress('10.42.255.1') && !zone.isClusterAddress('10.44.0.1') && !zone.isClusterAddress('::1'),
  );
  assert.ok(rangeTest(['fd01::/48'])('fd01::7') && !rangeTest(['fd01::/48'])('fd02::7'));
  assert.equal(addressAt('10.42.0.0/24', 1), '10.42.0.1');
  assert.equal(addressAt('fd01::/64', 1), 'fd01::1');
});
