// NetworkPolicies on a real kernel: who reaches whom, through addresses and Services, from Pods, the node and outside.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { EndpointSlices, Namespaces, NetworkPolicies, Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import type { LabelSelector, Namespace, NetworkPolicy, NetworkPolicySpec, Pod } from '#api/generated/types.ts';
import { missing, Network, until, type Runner } from './kit.ts';

const labels = (matchLabels: Record<string, string>): LabelSelector => ({ matchLabels });
const pod = (namespace: string, app: string, address: string | undefined): Pod => ({
  metadata: { namespace, name: app, uid: `uid-${namespace}-${app}`, labels: { app } },
  spec: {
    nodeName: 'here',
    containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }],
  },
  status: { phase: 'Running', ...(address === undefined ? {} : { podIPs: [{ ip: address }] }) },
});
const namespaces: Namespace[] = ['x', 'y'].map((name) => ({ metadata: { name, labels: { ns: name } }, spec: {} }));
const policy = (name: string, spec: NetworkPolicySpec): NetworkPolicy => ({ metadata: { namespace: 'x', name }, spec });
const web = labels({ app: 'web' });
const denyAll = policy('deny', { podSelector: web, policyTypes: ['Ingress', 'Egress'] });

test('NetworkPolicies on a real kernel', { skip: missing ?? false }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'network-policy-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  await using network = new Network();
  const places: Readonly<Record<string, string>> = {
    web: network.pod('10.42.0.2'),
    db: network.pod('10.42.0.3'),
    other: network.pod('10.42.0.4'),
    outside: network.outside(),
    node: network.node,
  };
  network.ip(network.node, 'route add 10.43.0.0/16 dev cni0 src 10.42.0.1');
  await Promise.all([
    network.server(places['web']!, 'web', 8080),
    network.server(places['web']!, 'web', 9090),
    network.server(places['db']!, 'db', 8080),
    network.server(places['node']!, 'node', 7070),
    network.server(places['outside']!, 'outside', 6060),
  ]);
  const urls: Readonly<Record<string, string>> = {
    web: 'http://10.42.0.2:8080/',
    'web-9090': 'http://10.42.0.2:9090/',
    'web-service': 'http://10.43.0.5/',
    db: 'http://10.42.0.3:8080/',
    node: 'http://10.42.0.1:7070/',
    outside: 'http://192.0.2.2:6060/',
  };
  const common = {
    nodeName: 'here',
    podRanges: ['10.42.0.0/16'],
    serviceRanges: ['10.43.0.0/16'],
    servedHere: [],
    lookMs: 300,
    changesFile: path.join(directory, 'host-changes.jsonl'),
  };
  const proxy = await network.runner('proxy', common);
  await proxy.set(Services, [
    { metadata: { namespace: 'x', name: 'web' }, spec: { clusterIP: '10.43.0.5', ports: [{ port: 80 }] } },
  ]);
  await proxy.set(EndpointSlices, [
    {
      metadata: { namespace: 'x', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.42.0.2'], nodeName: 'here', conditions: { ready: true } }],
    },
  ]);
  await proxy.set(Nodes, []);
  await proxy.set(Pods, []);
  await proxy.whenReady();

  const pods = [pod('x', 'web', '10.42.0.2'), pod('x', 'db', '10.42.0.3'), pod('y', 'other', '10.42.0.4')];
  const start = async (policies: readonly NetworkPolicy[]): Promise<Runner> => {
    const runner = await network.runner('policy', common);
    await runner.set(Namespaces, namespaces);
    await runner.set(Pods, pods);
    await runner.set(NetworkPolicies, policies);
    await runner.whenReady();
    return runner;
  };
  const table = (): string => {
    try {
      return network.in(network.node, ['nft', 'list', 'table', 'inet', 'microshift-policy']);
    } catch {
      return '';
    }
  };
  /** Who reaches what, as `from>to`. */
  const reaches = async (pairs: readonly string[]): Promise<readonly string[]> => {
    const answers = await Promise.all(
      pairs.map(async (pair) => {
        const [from = '', to = ''] = pair.split('>');
        const [answer] = await network.load(places[from]!, urls[to]!, 1, { timeoutMs: 400 });
        return answer?.startsWith('200') === true ? pair : '';
      }),
    );
    return answers.filter((pair) => pair !== '');
  };
  const all = [
    'db>web',
    'db>web-9090',
    'db>web-service',
    'other>web',
    'other>web-service',
    'outside>web',
    'node>web',
    'web>web-service',
    'web>db',
    'web>outside',
    'web>node',
  ];
  /** What no policy takes away: the node itself, and a Pod itself. */
  const always = ['node>web', 'web>web-service', 'web>node'];
  let runner = await start([]);
  const become = async (policies: readonly NetworkPolicy[], expected: readonly string[]) => {
    await runner.set(NetworkPolicies, policies);
    let last: readonly string[] = [];
    const wanted = all.filter((pair) => expected.includes(pair) || always.includes(pair));
    await until(
      'what is reached is what the policies allow',
      async () => {
        last = await reaches(all);
        return last.join() === wanted.join();
      },
      10_000,
    ).catch(() => assert.deepEqual(last, wanted, table()));
  };

  await t.test('without policies there is no table, and all reach all', async () => {
    await until('the table is gone', () => table() === '');
    assert.deepEqual(await reaches(all), all);
  });
  await t.test('a Pod that is denied all reaches itself and its node, which reaches it', () => become([denyAll], []));
  await t.test('peers by Pod, by namespace, both, and by block; ports by number, range and name', async () => {
    const allow = (spec: Omit<NetworkPolicySpec, 'podSelector'>) => policy('allow', { podSelector: web, ...spec });
    const [db, y] = [labels({ app: 'db' }), labels({ ns: 'y' })];
    const from = (peer: object, ports?: readonly object[]) =>
      allow({ policyTypes: ['Ingress'], ingress: [{ from: [peer], ports: ports as never }] });
    const toWeb = ['db>web', 'db>web-9090', 'db>web-service'];
    await become([denyAll, from({ podSelector: db })], toWeb);
    await become([denyAll, from({ namespaceSelector: y })], ['other>web', 'other>web-service']);
    await become([denyAll, from({ namespaceSelector: y, podSelector: db })], []);
    await become([denyAll, from({ podSelector: db }, [{ port: 'http' }])], ['db>web', 'db>web-service']);
    await become([denyAll, from({ podSelector: db }, [{ port: 9000, endPort: 9100 }])], ['db>web-9090']);
    await become([denyAll, from({ ipBlock: { cidr: '0.0.0.0/0', except: ['10.42.0.0/24'] } })], ['outside>web']);
    // They add up.
    await become(
      [
        denyAll,
        from({ podSelector: db }, [{ port: 9090 }]),
        policy('more', { podSelector: {}, ingress: [{ from: [{ namespaceSelector: y }] }] }),
      ],
      ['db>web-9090', 'other>web', 'other>web-service'],
    );
    const to = (peer: object, ports?: readonly object[]) =>
      allow({ policyTypes: ['Egress'], egress: [{ to: [peer], ports: ports as never }] });
    await become([denyAll, to({ podSelector: db }, [{ port: 'http' }])], ['web>db']);
    await become([denyAll, to({ ipBlock: { cidr: '192.0.2.0/24' } }, [{ port: 6060 }])], ['web>outside']);
    await become([denyAll, to({ ipBlock: { cidr: '192.0.2.0/24' } }, [{ port: 6061 }])], []);
  });
  await t.test(
    'killed, it leaves what held; started again, it takes over; firewalls that flush are noticed',
    async () => {
      await runner.kill();
      assert.deepEqual(await reaches(all), always);
      runner = await start([denyAll]);
      await become([denyAll], []);
      network.in(network.node, ['nft', 'delete', 'table', 'inet', 'microshift-policy']);
      await until('the table is back', () => table() !== '');
      await become([denyAll], []);
    },
  );
  await t.test('containers of a new Pod wait until the kernel knows what holds for it', async () => {
    const fresh = pod('x', 'web', undefined);
    await runner.set(Pods, [...pods.slice(1), fresh]);
    assert.doesNotMatch(table(), /10\.42\.0\.2 :/);
    await runner.order({ type: 'enforce', pod: fresh, names: ['10.42.0.2'] });
    assert.match(table(), /10\.42\.0\.2 : goto pod-ingress/);
    // The address stays where it is when the API tells it.
    await runner.set(Pods, pods);
    await become([denyAll], []);
  });
  await t.test('with the last policy the table goes', async () => {
    await become([], all);
    await until('the table is gone', () => table() === '');
    assert.deepEqual(await runner.problems(), []);
  });
  await runner.stop();
  await proxy.stop();
});
