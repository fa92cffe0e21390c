import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, EndpointSlice, Pod, Service, ServiceSpec } from '#api/generated/types.ts';
import { parseFlows } from '#host/linux/conntrack.ts';
import { readClients } from './affinity.ts';
import { decidePod, decideService, type ProxyElement } from './decide.ts';
import { pickRule } from './ruleset.ts';
import { ProxyTable } from './table.ts';

const context = { nodeName: 'here', zone: '' };
const ranges = { podRanges: ['10.42.0.0/16'], serviceRanges: ['10.43.0.0/16'], servedHere: ['10.43.0.10'] };

const service = (spec: Partial<ServiceSpec>, status?: Service['status']): Service => ({
  metadata: { namespace: 'web', name: 'shop' },
  spec: { clusterIP: '10.43.1.1', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  ...(status === undefined ? {} : { status }),
});
const endpoint = (ip: string, more: Partial<Endpoint> = {}): Endpoint => ({
  addresses: [ip],
  nodeName: 'here',
  conditions: { ready: true, serving: true, terminating: false },
  ...more,
});
const slice = (...endpoints: Endpoint[]): EndpointSlice => ({
  metadata: { namespace: 'web', name: 'shop-1' },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints,
});
const terminating = { conditions: { ready: false, serving: true, terminating: true } };
const text = (elements: readonly ProxyElement[]): string[] =>
  elements.map(({ set, key, value }) => `${set} ${key}${value === undefined ? '' : ` : ${value}`}`).toSorted();
const decided = (spec: Partial<ServiceSpec>, slices: EndpointSlice[], status?: Service['status']) =>
  text(decideService(service(spec, status), slices, context).elements);

test('a Service spreads over its ready endpoints', () => {
  assert.deepEqual(
    decided({}, [slice(endpoint('10.42.0.2'), endpoint('10.42.0.3'), endpoint('10.42.0.4', terminating))]),
    [
      'endpoints-tcp4 10.43.1.1 . 80 . 0 : 10.42.0.2 . 8080',
      'endpoints-tcp4 10.43.1.1 . 80 . 1 : 10.42.0.3 . 8080',
      'hairpin4 10.42.0.2 . 10.42.0.2',
      'hairpin4 10.42.0.3 . 10.42.0.3',
      'hairpin4 10.42.0.4 . 10.42.0.4',
      'services4 10.43.1.1 . tcp . 80 : goto pick-endpoints-tcp4-2',
    ],
  );
});

test('terminating endpoints serve when nothing else is left, not-ready ones never', () => {
  const only = decided({}, [
    slice(endpoint('10.42.0.4', terminating), endpoint('10.42.0.5', { conditions: { ready: false, serving: false } })),
  ]);
  assert.ok(only.includes('endpoints-tcp4 10.43.1.1 . 80 . 0 : 10.42.0.4 . 8080'));
  assert.ok(only.includes('services4 10.43.1.1 . tcp . 80 : goto pick-endpoints-tcp4-1'));
});

test('without endpoints it refuses; a Local policy with endpoints elsewhere drops', () => {
  assert.deepEqual(decided({}, []), ['refused4 10.43.1.1 . tcp . 80 : goto refuse']);
  assert.deepEqual(decided({ internalTrafficPolicy: 'Local' }, [slice(endpoint('10.42.1.2', { nodeName: 'there' }))]), [
    'refused4 10.43.1.1 . tcp . 80 : drop',
  ]);
});

test('node ports and external addresses are masqueraded under the Cluster policy', () => {
  const lines = decided({ type: 'NodePort', externalIPs: ['192.0.2.7'], ports: [{ port: 80, nodePort: 30080 }] }, [
    slice(endpoint('10.42.0.2')),
  ]);
  assert.ok(lines.includes('masquerade4 192.0.2.7 . tcp . 80'));
  assert.ok(lines.includes('nodeports-masquerade4 tcp . 30080'));
  assert.ok(lines.includes('nodeports4 tcp . 30080 : goto pick-nodeport-endpoints-tcp4-1'));
  assert.ok(lines.includes('nodeport-endpoints-tcp4 30080 . 0 : 10.42.0.2 . 8080'));
});

test('externalTrafficPolicy Local keeps the source and takes local endpoints only, for outside clients only', () => {
  const lines = decided(
    { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30080 }] },
    [slice(endpoint('10.42.0.2'), endpoint('10.42.1.2', { nodeName: 'there' }))],
    { loadBalancer: { ingress: [{ ip: '192.0.2.9' }, { ip: '192.0.2.10', ipMode: 'Proxy' }] } },
  );
  assert.ok(!lines.some((line) => line.includes('masquerade')));
  assert.ok(!lines.some((line) => line.includes('192.0.2.10')));
  assert.ok(lines.includes('services-local4 192.0.2.9 . tcp . 80 : goto pick-endpoints-local-tcp4-1'));
  assert.ok(lines.includes('services4 192.0.2.9 . tcp . 80 : goto pick-endpoints-tcp4-2'));
  assert.ok(lines.includes('nodeports-local4 tcp . 30080 : goto pick-nodeport-endpoints-local-tcp4-1'));
});

test('source ranges close a load balancer address to others', () => {
  const lines = decided(
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['198.51.100.0/24'] },
    [slice(endpoint('10.42.0.2'))],
    { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } },
  );
  assert.ok(lines.includes('firewalled4 192.0.2.9 . tcp . 80'));
  assert.ok(lines.includes('firewall-open4 192.0.2.9 . tcp . 80 . 198.51.100.0/24'));
});

test('headless, external-name and foreign Services are left alone', () => {
  assert.deepEqual(decided({ clusterIP: 'None' }, [slice(endpoint('10.42.0.2'))]), []);
  assert.deepEqual(decided({ type: 'ExternalName', externalName: 'x.example' }, []), []);
});

test('host ports of a running Pod on this node', () => {
  const pod: Pod = {
    metadata: { namespace: 'web', name: 'p' },
    spec: {
      nodeName: 'here',
      containers: [
        {
          name: 'c',
          ports: [
            { containerPort: 53, hostPort: 5353, protocol: 'UDP' },
            { containerPort: 80, hostPort: 8081, hostIP: '192.0.2.1' },
          ],
        },
      ],
    },
    status: { phase: 'Running', podIPs: [{ ip: '10.42.0.9' }] },
  };
  assert.deepEqual(text(decidePod(pod, context).elements), [
    'endpoints-tcp4 192.0.2.1 . 8081 . 0 : 10.42.0.9 . 80',
    'hairpin4 10.42.0.9 . 10.42.0.9',
    'hairpin4 10.42.0.9 . 10.42.0.9',
    'nodeport-endpoints-udp4 5353 . 0 : 10.42.0.9 . 53',
    'nodeports4 udp . 5353 : goto pick-nodeport-endpoints-udp4-1',
    'services4 192.0.2.1 . tcp . 8081 : goto pick-endpoints-tcp4-1',
  ]);
  assert.deepEqual(decidePod({ ...pod, status: { ...pod.status, phase: 'Succeeded' } }, context).elements, []);
});

test('one change is one transaction of element edits; slots that go, go after the verdict', () => {
  const proxied = new ProxyTable(ranges);
  proxied.set('a', decideService(service({}), [slice(endpoint('10.42.0.2'), endpoint('10.42.0.3'))], context));
  assert.match(proxied.full(), /^add table inet microshift\ndelete table inet microshift\ntable inet microshift \{/);
  assert.deepEqual(proxied.change().transactions, []);
  proxied.set('a', decideService(service({}), [slice(endpoint('10.42.0.3'))], context));
  assert.deepEqual(proxied.change().transactions, [
    'add chain inet microshift pick-endpoints-tcp4-1; ' +
      'add rule inet microshift pick-endpoints-tcp4-1 dnat ip to ip daddr . tcp dport . numgen random mod 1 map @endpoints-tcp4; ' +
      'delete element inet microshift hairpin4 { 10.42.0.2 . 10.42.0.2 }; ' +
      'delete element inet microshift endpoints-tcp4 { 10.43.1.1 . 80 . 0 }; ' +
      'delete element inet microshift services4 { 10.43.1.1 . tcp . 80 }; ' +
      'add element inet microshift endpoints-tcp4 { 10.43.1.1 . 80 . 0 : 10.42.0.3 . 8080 }; ' +
      'add element inet microshift services4 { 10.43.1.1 . tcp . 80 : goto pick-endpoints-tcp4-1 }',
    'delete element inet microshift endpoints-tcp4 { 10.43.1.1 . 80 . 1 }',
  ]);
});

test('two Services that claim one address: the first by name has it, then the other', () => {
  const proxied = new ProxyTable(ranges);
  const claim = (value: string) => ({
    elements: [{ set: 'services4', key: '192.0.2.1 . tcp . 80', value }],
    objects: [],
  });
  proxied.set('service/b/b', claim('goto refuse'));
  proxied.full();
  proxied.set('service/a/a', claim('drop'));
  assert.match(proxied.change().transactions.join(), /: drop/);
  proxied.set('service/a/a', undefined);
  assert.match(proxied.change().transactions.join(), /: goto refuse/);
  proxied.set('service/b/b', undefined);
  assert.deepEqual(proxied.change().transactions, [
    'delete element inet microshift services4 { 192.0.2.1 . tcp . 80 }',
  ]);
});

test('datagram flows to an endpoint that is gone are stale, moved ones are not', () => {
  const udp = (...ips: string[]) =>
    decideService(
      service({ ports: [{ port: 53, protocol: 'UDP' }] }),
      [{ ...slice(...ips.map((ip) => endpoint(ip))), ports: [{ name: '', port: 5353, protocol: 'UDP' }] }],
      context,
    );
  const proxied = new ProxyTable(ranges);
  proxied.set('a', udp('10.42.0.2', '10.42.0.3'));
  proxied.full();
  proxied.set('a', udp('10.42.0.3'));
  assert.deepEqual(proxied.change().staleFlows, [
    { family: 'ipv4', protocol: 'udp', address: '10.43.1.1', port: '53', endpoint: '10.42.0.2' },
  ]);
});

test('clients that the table of an earlier run remembers keep their endpoint, for as long as they had left', () => {
  const proxied = new ProxyTable(ranges);
  assert.deepEqual(proxied.affinitySets, []);
  proxied.set('a', decideService(service({ sessionAffinity: 'ClientIP' }), [slice(endpoint('10.42.0.2'))], context));
  const [, set = ''] = /add set inet microshift (affinity-\S+)/.exec(proxied.full()) ?? [];
  assert.deepEqual(proxied.affinitySets, [set]);
  const listing = [
    { metainfo: { version: '1.0.6' } },
    { set: { name: 'hairpin4', elem: [{ concat: ['10.42.0.2', '10.42.0.2'] }] } },
    {
      set: {
        name: set,
        elem: [{ elem: { val: '10.42.0.9', expires: 49 } }, { elem: { val: '10.42.0.8', expires: 0 } }],
      },
    },
    { set: { name: 'affinity-of-one-that-is-gone', elem: [{ elem: { val: '10.42.0.7', expires: 7 } }] } },
    { set: { name: `${set}0`, elem: 'unexpected' } },
  ];
  const script = proxied.full(readClients(listing));
  const lines = script.split('\n');
  assert.ok(lines.indexOf(`add element inet microshift ${set} { 10.42.0.9 expires 49s }`) > 0, script);
  assert.ok(!/10\.42\.0\.[87]/.test(script));
  // Those who learned of the endpoint meanwhile are the table's own business again.
  assert.equal(proxied.change().transactions.length, 0);
});

test('an object of the API cannot add a command', () => {
  const proxied = new ProxyTable(ranges);
  proxied.set('a', {
    elements: [{ set: 'services4', key: '1.2.3.4 }; flush ruleset; {', value: 'drop' }],
    objects: [],
  });
  assert.throws(() => proxied.full(), /not an element for nft/);
});

test('pick chains of every map have a rule', () => {
  assert.equal(
    pickRule('pick-nodeport-endpoints-local-udp6-7'),
    'dnat ip6 to udp dport . numgen random mod 7 map @nodeport-endpoints-local-udp6',
  );
  assert.equal(pickRule('refuse'), undefined);
});

test('flows as the conntrack tool prints them', () => {
  const text =
    'udp      17 29 src=10.42.0.4 dst=10.43.0.9 sport=4444 dport=53 src=10.42.0.2 dst=10.42.0.4 sport=8080 dport=4444 mark=0 use=1\n' +
    'conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.\n';
  assert.deepEqual(parseFlows(text), [{ address: '10.43.0.9', port: '53', endpoint: '10.42.0.2' }]);
});
