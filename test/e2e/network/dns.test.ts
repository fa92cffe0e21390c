// The cluster DNS on a real kernel: on its own address, for Pods and the node, over UDP and TCP, after kill -9.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { EndpointSlices, Namespaces, Services } from '#api/generated/kind-references.ts';
import { missing, Network, until } from './kit.ts';

const resolver = `
const { Resolver } = require('node:dns').promises;
const resolver = new Resolver({ timeout: 1000, tries: 1 });
resolver.setServers(['10.43.0.10']);
resolver.resolve4(process.argv[1]).then((found) => console.log(found.join()), (error) => console.log(error.code));
`;

test('DNS on a real kernel', { skip: missing ?? false }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'network-dns-'));
  await using network = new Network();
  const pod = network.pod('10.42.0.2');
  const options = {
    address: '10.43.0.10',
    domain: 'cluster.local',
    podRanges: ['10.42.0.0/16'],
    serviceRanges: ['10.43.0.0/16'],
    resolvConf: path.join(directory, 'resolv.conf'),
    changesFile: path.join(directory, 'host-changes.jsonl'),
  };
  const ask = (from: string, name: string) => network.in(from, [process.execPath, '-e', resolver, name]).trim();
  const start = async () => {
    const runner = await network.runner('dns', options);
    await runner.set(Namespaces, [{ metadata: { name: 'web' }, spec: {} }]);
    await runner.set(Services, [
      {
        metadata: { namespace: 'web', name: 'shop' },
        spec: { clusterIP: '10.43.0.5', clusterIPs: ['10.43.0.5'], ports: [{ port: 80 }] },
      },
      { metadata: { namespace: 'web', name: 'many' }, spec: { clusterIP: 'None', ports: [{ port: 80 }] } },
    ]);
    await runner.set(EndpointSlices, [
      {
        metadata: { namespace: 'web', name: 'many-1', labels: { 'kubernetes.io/service-name': 'many' } },
        addressType: 'IPv4',
        ports: [{ name: '', port: 80, protocol: 'TCP' }],
        endpoints: Array.from({ length: 200 }, (_, index) => ({
          addresses: [`10.42.1.${index}`],
          conditions: { ready: true },
        })),
      },
    ]);
    await runner.whenReady();
    return runner;
  };
  let dns = await start();

  await t.test('a Pod and the node get answers', () => {
    assert.equal(ask(pod, 'shop.web.svc.cluster.local'), '10.43.0.5');
    assert.equal(ask(network.node, 'shop.web.svc.cluster.local'), '10.43.0.5');
    assert.equal(ask(pod, 'nothing.web.svc.cluster.local'), 'ENOTFOUND');
  });
  await t.test('a big answer comes over TCP', () => {
    assert.equal(ask(pod, 'many.web.svc.cluster.local').split(',').length, 200);
  });
  await t.test(
    "a name outside fails soon without a resolver, and is asked of the host's resolver when there is one",
    async () => {
      assert.equal(ask(pod, 'www.example.org'), 'ESERVFAIL');
      const outside = network.outside();
      const upstream = network.start(outside, [process.execPath, path.join(import.meta.dirname, 'name-server.ts')]);
      await once(upstream.stdout!, 'data');
      writeFileSync(options.resolvConf, 'search example.com\nnameserver 10.43.0.10\nnameserver 192.0.2.2\n');
      await until('the new resolver', () => ask(pod, 'www.example.org') === '198.51.100.7');
      assert.equal(ask(pod, 'many.example.org').split(',').length, 100, 'cut over UDP, whole over TCP');
      upstream.kill('SIGKILL');
      await once(upstream, 'exit');
      assert.equal(ask(pod, 'www.example.org'), '198.51.100.7', 'from the cache');
    },
  );
  await t.test('after kill -9 it is back at the same address', async () => {
    await dns.kill();
    dns = await start();
    await until('it answers', () => ask(pod, 'shop.web.svc.cluster.local') === '10.43.0.5', 1_000);
  });
  await t.test('another server on the port: says so', async () => {
    const second = await network.runner('dns', options);
    await until('the failure', () => second.failure !== undefined);
    assert.match(second.failure!, /cluster DNS cannot listen on 10\.43\.0\.10 port 53: .*EADDRINUSE/);
    await second.kill();
  });
  await t.test('the address is in the journal', () => {
    assert.match(readFileSync(options.changesFile, 'utf8'), /"address","link":"lo","address":"10.43.0.10\/32"/);
  });
  await dns.stop();
  rmSync(directory, { recursive: true });
});
