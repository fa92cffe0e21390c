import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabelSelector, NetworkPolicy, NetworkPolicySpec, Pod } from '#api/generated/types.ts';
import { compile } from './compile.ts';
import { policyPod, type PolicyPod } from './pods.ts';
import { parseBlock, portText, withoutContained } from './ranges.ts';
import { PolicyTable } from './table.ts';

const policy = (name: string, spec: NetworkPolicySpec, namespace = 'a'): NetworkPolicy => ({
  metadata: { namespace, name },
  spec,
});
const labels = (matchLabels: Record<string, string>): LabelSelector => ({ matchLabels });
const pod = (address: string, given: Partial<PolicyPod> = {}): PolicyPod => ({
  namespace: 'a',
  labels: {},
  addresses: [address],
  isHere: true,
  ports: [],
  ...given,
});
/** Names of sets are digests: what they are called in a test follows from the order in which they are first seen. */
function readable(text: string): string {
  const names = new Map<string, string>();
  return text.replaceAll(/\b(pods|ports|ingress|egress|pod-ingress|pod-egress)-[\da-f]{16}/g, (name, kind: string) => {
    if (!names.has(name)) names.set(name, `${kind}-${String.fromCharCode(65 + names.size)}`);
    return names.get(name)!;
  });
}
const rulesOf = (spec: NetworkPolicySpec, direction: 'ingress' | 'egress') =>
  compile(policy('p', spec), ['4']).directions[direction]?.rules.map(readable);

test('a policy isolates in the directions of its types; without types, as the API defaults them', () => {
  const directions = (spec: NetworkPolicySpec) => Object.keys(compile(policy('p', spec), ['4']).directions);
  assert.deepEqual(directions({ podSelector: {} }), ['ingress']);
  assert.deepEqual(directions({ podSelector: {}, egress: [{}] }), ['ingress', 'egress']);
  assert.deepEqual(directions({ podSelector: {}, policyTypes: ['Egress'] }), ['egress']);
  assert.deepEqual(rulesOf({ podSelector: {} }, 'ingress'), []);
  assert.deepEqual(rulesOf({ podSelector: {}, ingress: [{}] }, 'ingress'), ['meta nfproto ipv4 accept']);
});

test('rules: peers times ports, protocols together, ranges merged, names looked up where the connection leads', () => {
  const spec: NetworkPolicySpec = {
    podSelector: labels({ app: 'web' }),
    ingress: [
      {
        from: [{ podSelector: labels({ app: 'db' }) }, { ipBlock: { cidr: '10.1.2.3/8', except: ['10.1.0.0/16'] } }],
        ports: [
          { port: 80 },
          { port: 443, protocol: 'TCP' },
          { port: 8000, endPort: 8010 },
          { port: 8005 },
          { protocol: 'UDP' },
          { port: 'metrics' },
        ],
      },
    ],
  };
  assert.deepEqual(rulesOf(spec, 'ingress'), [
    'ip saddr @pods-A4 tcp dport { 80, 443, 8000-8010 } accept',
    'ip saddr @pods-A4 meta l4proto udp accept',
    'ip saddr @pods-A4 ip daddr . meta l4proto . th dport @ports-B4 accept',
    'ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } tcp dport { 80, 443, 8000-8010 } accept',
    'ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } meta l4proto udp accept',
    'ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } ip daddr . meta l4proto . th dport @ports-A4 accept',
  ]);
});

test('what cannot be read allows nothing', () => {
  const from = (cidr: string, except?: string[]) =>
    rulesOf({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr, except } }] }] }, 'ingress');
  assert.deepEqual(from('10.0.0.0/8; flush ruleset'), []);
  assert.deepEqual(from('10.0.0.0/40'), []);
  assert.deepEqual(from('0.0.0.0/0', ['nonsense']), []);
  assert.deepEqual(from('fd00::/8'), []);
  assert.deepEqual(from('0.0.0.0/0'), ['meta nfproto ipv4 accept']);
  assert.deepEqual(rulesOf({ podSelector: {}, ingress: [{ ports: [{ protocol: 'ICMP' }] }] }, 'ingress'), []);
});

test('blocks are canonical, of excepted ones only the outermost count; ports do not overlap', () => {
  assert.equal(parseBlock('010.1.2.3/8')?.text, '10.0.0.0/8');
  assert.equal(parseBlock('FD00:1::5/16')?.text, 'fd00::/16');
  const blocks = ['10.0.0.0/16', '10.0.1.0/24', '10.0.0.0/16', '10.1.0.0/16'].map((cidr) => parseBlock(cidr)!);
  assert.deepEqual(
    withoutContained(blocks).map((one) => one.text),
    ['10.0.0.0/16', '10.1.0.0/16'],
  );
  assert.equal(
    portText([
      { from: 9, to: 9 },
      { from: 1, to: 5 },
      { from: 4, to: 8 },
      { from: 11, to: 11 },
    ]),
    '1-9, 11',
  );
});

test('which Pods count: with an address, not ended, not on the network of the host', () => {
  const given = (change: Partial<Pod>): Pod => ({
    metadata: { namespace: 'a', name: 'p' },
    spec: { nodeName: 'here', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 80 }] }] },
    status: { phase: 'Running', podIPs: [{ ip: '10.42.0.2' }] },
    ...change,
  });
  assert.deepEqual(policyPod(given({}), 'here', undefined), {
    namespace: 'a',
    labels: {},
    addresses: ['10.42.0.2'],
    isHere: true,
    ports: [{ name: 'web', protocol: 'tcp', number: 80 }],
  });
  assert.equal(policyPod(given({ status: {} }), 'here', undefined), undefined);
  assert.deepEqual(policyPod(given({ status: {} }), 'there', ['10.42.0.9'])?.addresses, ['10.42.0.9']);
  assert.equal(policyPod(given({ spec: { hostNetwork: true, containers: [] } }), 'here', undefined), undefined);
  assert.equal(
    policyPod(given({ status: { phase: 'Failed', podIPs: [{ ip: '10.42.0.2' }] } }), 'here', undefined),
    undefined,
  );
  const going = { metadata: { namespace: 'a', name: 'p', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  assert.notEqual(policyPod(given(going), 'here', undefined), undefined);
  const containerStatuses = [{ name: 'c', state: { terminated: { exitCode: 0 } } }] as never;
  const ended = { ...going, status: { phase: 'Running', podIPs: [{ ip: '10.42.0.2' }], containerStatuses } };
  assert.equal(policyPod(given(ended), 'here', undefined), undefined);
});

const web: NetworkPolicySpec = {
  podSelector: labels({ app: 'web' }),
  ingress: [
    {
      from: [{ podSelector: labels({ app: 'db' }), namespaceSelector: labels({ team: 'x' }) }],
      ports: [{ port: 'http' }],
    },
  ],
};

test('a Pod that comes or goes is a few elements in one transaction', () => {
  const table = new PolicyTable(['4']);
  table.setNamespace('a', {});
  table.setNamespace('b', { team: 'x' });
  table.setPolicies([policy('web', web)]);
  table.full();
  table.setPod(
    'a/w1',
    pod('10.42.0.2', { labels: { app: 'web' }, ports: [{ name: 'http', protocol: 'tcp', number: 8080 }] }),
  );
  const t = 'inet microshift-policy';
  const [first, ...more] = table.change();
  assert.deepEqual(more, []);
  assert.deepEqual(readable(first!).split('; '), [
    `add chain ${t} pod-ingress-A`,
    `add rule ${t} pod-ingress-A jump ingress-B`,
    `add rule ${t} pod-ingress-A drop`,
    `add element ${t} ports-C4 { 10.42.0.2 . tcp . 8080 }`,
    `add element ${t} ingress4 { 10.42.0.2 : goto pod-ingress-A }`,
    `add element ${t} self4 { 10.42.0.2 . 10.42.0.2 }`,
  ]);
  table.setPod('b/d', pod('10.42.1.7', { namespace: 'b', labels: { app: 'db' }, isHere: false }));
  table.setPod('a/d', pod('10.42.1.8', { labels: { app: 'db' }, isHere: false }));
  assert.deepEqual(table.change().map(readable), [`add element ${t} pods-A4 { 10.42.1.7 }`]);
  assert.deepEqual(table.change(), []);
  // Labels of a namespace count as they are now.
  table.setNamespace('b', {});
  table.setNamespace('a', { team: 'x' });
  assert.deepEqual(table.change().map(readable), [
    `delete element ${t} pods-A4 { 10.42.1.7 }; add element ${t} pods-A4 { 10.42.1.8 }`,
  ]);
  table.setPod('a/w1', undefined);
  assert.deepEqual(table.change().map(readable), [
    [
      `delete element ${t} ports-A4 { 10.42.0.2 . tcp . 8080 }`,
      `delete element ${t} ingress4 { 10.42.0.2 }`,
      `delete element ${t} self4 { 10.42.0.2 . 10.42.0.2 }`,
    ].join('; '),
    `flush chain ${t} pod-ingress-B; delete chain ${t} pod-ingress-B`.replaceAll('-B', '-A'),
  ]);
});

test('an address that another Pod has taken over is the newer one: the older may be told late', () => {
  const table = new PolicyTable(['4']);
  table.setNamespace('a', {});
  table.setPolicies([policy('all', { podSelector: labels({ app: 'web' }) })]);
  table.setPod('a/old', pod('10.42.0.2', { labels: { app: 'web' } }));
  table.full();
  table.setPod('a/new', pod('10.42.0.2', { labels: { app: 'web' } }));
  table.setPod('a/old', undefined);
  assert.deepEqual(table.change(), []);
  table.setPod('a/new', undefined);
  assert.match(table.change()[0]!, /delete element \S+ \S+ ingress4 \{ 10\.42\.0\.2 \}/);
});

test('policies add up, change and go: their chains and sets with them', () => {
  const table = new PolicyTable(['4', '6']);
  table.setNamespace('a', {});
  table.setPod('a/w', pod('10.42.0.2', { addresses: ['10.42.0.2', 'fd01::2'], labels: { app: 'web' } }));
  const one = policy('one', web);
  table.setPolicies([one]);
  const full = readable(table.full());
  assert.match(
    full,
    /^add table inet microshift-policy\ndelete table inet microshift-policy\ntable inet microshift-policy \{/,
  );
  assert.match(full, /ingress6 \{ fd01::2 : goto pod-ingress-[A-Z] \}/);
  const two = policy('two', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  table.setPolicies([one, two]);
  const [both, cleared] = table.change();
  assert.equal(both!.match(/ jump ingress-/g)?.length, 2);
  assert.match(both!, /add element inet microshift-policy egress4 \{ 10\.42\.0\.2 : goto pod-egress-/);
  assert.match(cleared!, /^flush chain inet microshift-policy pod-ingress-\w+; delete chain/);
  table.setPolicies([two]);
  const [, gone] = table.change();
  assert.match(gone!, /delete chain inet microshift-policy ingress-\w+/);
  assert.equal(gone!.match(/delete set/g)?.length, 4);
  table.setPolicies([]);
  const [last] = table.change();
  assert.match(last!, /^delete element inet microshift-policy /);
});
