// The pod network on a real kernel, with the real CNI reference plugins: reachability, routes of last resort, and everything undone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Nodes } from '#api/generated/kind-references.ts';
import { missing, Network, until } from './kit.ts';

const plugins = '/usr/lib/cni';

test(
  'the pod network on a real kernel',
  { skip: missing ?? (existsSync(`${plugins}/bridge`) ? false : 'no CNI plugins') },
  async (t) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'network-pods-'));
    await using network = new Network(false);
    const state = () =>
      [
        ['ip', '-o', 'link'],
        ['ip', '-4', 'route', 'show', 'table', 'all'],
        ['ip', '-o', 'address'],
        ['sysctl', 'net.ipv4.ip_forward', 'net.bridge.bridge-nf-call-iptables'],
      ]
        .map((command) => network.in(network.node, command))
        .join('\n');
    network.in(network.node, ['sysctl', '-q', '-w', 'net.bridge.bridge-nf-call-iptables=0']);
    const before = state();
    const options = {
      nodeName: 'here',
      podRanges: ['10.42.0.0/16'],
      serviceRanges: ['10.43.0.0/16'],
      confDirectory: path.join(directory, 'net.d'),
      leaseDirectory: path.join(directory, 'leases'),
      changesFile: path.join(directory, 'host-changes.jsonl'),
    };
    const conflist = path.join(options.confDirectory, '00-microshift.conflist');
    const runner = await network.runner('pods', options);
    await runner.set(Nodes, [{ metadata: { name: 'here' }, spec: {} }]);
    await runner.whenReady();
    assert.ok(!existsSync(conflist), 'no configuration before the node has its range');
    await runner.set(Nodes, [
      { metadata: { name: 'here' }, spec: { podCIDR: '10.42.0.0/24', podCIDRs: ['10.42.0.0/24'] } },
    ]);
    await until('the configuration', () => existsSync(conflist));

    const attach = (command: string, pod: string): string => {
      const {
        cniVersion,
        name,
        plugins: list,
      } = JSON.parse(readFileSync(conflist, 'utf8')) as {
        cniVersion: string;
        name: string;
        plugins: object[];
      };
      const [program, ...args] = [...network.enter(network.node), `${plugins}/bridge`];
      return execFileSync(program!, args, {
        input: JSON.stringify({ cniVersion, name, ...list[0] }),
        encoding: 'utf8',
        env: {
          ...process.env,
          CNI_COMMAND: command,
          CNI_CONTAINERID: pod,
          CNI_NETNS: `/run/netns/${pod}`,
          CNI_IFNAME: 'eth0',
          CNI_PATH: plugins,
        },
      });
    };
    const [one, two] = [network.namespace('one'), network.namespace('two')];
    await t.test('the reference plugins give Pods addresses that reach each other and the node', async () => {
      const addresses = [one, two].map(
        (pod) => (JSON.parse(attach('ADD', pod)) as { ips: { address: string }[] }).ips[0]!.address,
      );
      assert.deepEqual(addresses, ['10.42.0.2/24', '10.42.0.3/24']);
      await network.server(two, 'two', 8080);
      assert.deepEqual(await network.load(one, 'http://10.42.0.3:8080/', 1), ['200 two 10.42.0.2']);
      assert.deepEqual(await network.load(network.node, 'http://10.42.0.3:8080/', 1), ['200 two 10.42.0.1']);
    });
    await t.test('an address of the cluster that nobody has is unreachable, whatever the default route', () => {
      const route = (to: string) => {
        try {
          return network.in(network.node, ['ip', 'route', 'get', to]);
        } catch (error) {
          return String((error as { stderr?: string }).stderr);
        }
      };
      assert.match(route('10.42.7.7'), /No route to host|unreachable/);
      assert.match(route('10.43.7.7'), /dev cni0 src 10.42.0.1/);
    });
    await t.test('everything is taken back', async () => {
      for (const pod of [one, two]) attach('DEL', pod);
      await runner.stop();
      const undo = await network.runner('undo', options);
      await undo.whenReady();
      await undo.stop();
      assert.equal(state().replace(/\d+: (?=lo)/g, ''), before.replace(/\d+: (?=lo)/g, ''));
      assert.ok(!existsSync(conflist) && !existsSync(options.leaseDirectory) && !existsSync(options.changesFile));
    });
    rmSync(directory, { recursive: true });
  },
);
