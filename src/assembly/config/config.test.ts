import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/errors.ts';
import { checkConfiguration, type ConfigurationHost } from './check.ts';
import { configurationKeys } from './keys.ts';
import { configurationValues } from './load.ts';
import { readConfiguration, type ConfigurationFlags } from './read.ts';

const host: ConfigurationHost = {
  hostname: 'Edge-1',
  isRoot: true,
  homeDirectory: '/home/u',
  homeDataExists: false,
  nodeAddress: () => '192.168.1.10',
};
interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: ConfigurationFlags;
  readonly host?: Partial<ConfigurationHost>;
}
const load = async (given: Given = {}) =>
  checkConfiguration(
    await readConfiguration({
      flags: given.flags ?? {},
      environment: given.environment ?? {},
      homeDirectory: '/home/u',
      readText: (file) => Promise.resolve(given.files?.[file]),
    }),
    { ...host, ...given.host },
  );
const etc = (text: string): Given => ({ files: { '/etc/microshift/config.yaml': text } });

test('without any source the defaults of the original hold', async () => {
  const configuration = await load();
  assert.equal(configuration.dataDirectory, '/var/lib/microshift');
  assert.deepEqual(configuration.roles, ['controlplane', 'node']);
  assert.equal(configuration.nodeName, 'edge-1');
  assert.equal(configuration.nodeIp, '192.168.1.10');
  assert.deepEqual(configuration.cluster, {
    url: 'https://127.0.0.1:6443',
    host: '127.0.0.1',
    port: 6443,
    podRange: '10.42.0.0/16',
    serviceRange: '10.43.0.0/16',
    dnsAddress: '10.43.0.10',
    domain: 'cluster.local',
    nodePorts: { first: 30000, last: 32767 },
  });
  assert(Object.isFrozen(configuration) && Object.isFrozen(configuration.cluster.nodePorts));
});

test('a flag wins over the environment, that over the file, that over the default', async () => {
  const files = { '/etc/microshift/config.yaml': 'dataDir: /file\nnodeName: file\nlogVLevel: 1\n' };
  const environment = { MICROSHIFT_DATADIR: '/environment', MICROSHIFT_NODENAME: 'environment' };
  const configuration = await load({ files, environment, flags: { dataDir: '/flag' } });
  assert.deepEqual(
    [configuration.dataDirectory, configuration.nodeName, configuration.logVerbosity],
    ['/flag', 'environment', 1],
  );
});

test('one file is read: that of --config, else of the home directory, else of /etc', async () => {
  const files = {
    '/etc/microshift/config.yaml': 'nodeName: etc\ndns: {baseDomain: etc.example}\n',
    '/home/u/.microshift/config.yaml': 'nodeName: home\n',
    '/x.yaml': 'nodeName: x\n',
  };
  const home = await load({ files });
  assert.deepEqual([home.nodeName, home.dns.baseDomain], ['home', 'example.com']);
  assert.equal((await load({ files, flags: { config: '/x.yaml' } })).nodeName, 'x');
  assert.equal((await load({ files, environment: { MICROSHIFT_CONFIGFILE: '/x.yaml' } })).nodeName, 'x');
});

test('an unprivileged user gets the data directory in the home directory', async () => {
  const configuration = await load({ host: { isRoot: false }, flags: { roles: 'controlplane' } });
  assert.equal(configuration.dataDirectory, '/home/u/.microshift/data');
});

test('cluster.url without a port means 6443, and 443 is kept when it is written', async () => {
  const url = async (text: string) => (await load({ environment: { MICROSHIFT_CLUSTER_URL: text } })).cluster.port;
  assert.equal(await url('https://edge.example.com'), 6443);
  assert.equal(await url('https://edge.example.com:443'), 443);
  assert.equal(await url('https://[::1]:7443'), 7443);
});

test('the sections that the original reserves may be there, and null means the default', async () => {
  const configuration = await load(etc('controlPlane: {}\nnode: {}\ncluster:\n  dns:\nroles: null\n'));
  assert.equal(configuration.cluster.dnsAddress, '10.43.0.10');
});

test('cluster.dns follows cluster.serviceCIDR', async () => {
  assert.equal((await load(etc('cluster: {serviceCIDR: 10.99.0.0/20}'))).cluster.dnsAddress, '10.99.0.10');
});

const refused: readonly (readonly [name: string, given: Given, message: RegExp, remedy: RegExp])[] = [
  [
    'an unknown key',
    etc('nodeNme: x'),
    /^nodeNme in \/etc\/microshift\/config\.yaml is not known\.$/,
    /Did you mean nodeName/,
  ],
  ['an unknown nested key', etc('cluster: {cidr: 10.0.0.0/8}'), /^cluster\.cidr in /, /show-config/],
  ['a wrong type', etc('logVLevel: high'), /logVLevel in .* must be a whole number, and is "high"/, /verbosity/],
  ['a text where a section belongs', etc('cluster: x'), /cluster in .* must hold keys/, /show-config/],
  ['broken YAML', etc('a: [1,\nb: }'), /is not valid YAML: .*line 2/, /Correct that line/],
  ['a key given twice', etc('nodeName: a\nnodeName: b'), /not valid YAML: .*unique/, /Correct/],
  ['a list as the whole file', etc('- a'), /must hold keys with values/, /show-config/],
  ['a missing file', { flags: { config: '/none.yaml' } }, /\/none\.yaml does not exist/, /--config/],
  [
    'an unknown variable',
    { environment: { MICROSHIFT_DATA_DIR: '/x' } },
    /MICROSHIFT_DATA_DIR in the environment/,
    /Did you mean MICROSHIFT_DATADIR/,
  ],
  [
    'an unknown role',
    { flags: { roles: 'controlplane,worker' } },
    /roles \(from --roles\) holds the unknown role "worker"/,
    /controlplane and node/,
  ],
  ['the node role without root', { host: { isRoot: false } }, /not root/, /--roles controlplane/],
  ['the node role alone', { flags: { roles: 'node' } }, /not supported yet/, /controlplane/],
  [
    'a bad range',
    etc('cluster: {clusterCIDR: 10.42.0.0}'),
    /cluster\.clusterCIDR \(from .*must be an IPv4 range.*"10\.42\.0\.0"/,
    /10\.42\.0\.0\/16/,
  ],
  ['a range with host bits', etc('cluster: {serviceCIDR: 10.43.0.1/16}'), /whose address is its first/, /such as/],
  ['overlapping ranges', etc('cluster: {clusterCIDR: 10.0.0.0/8}'), /overlap/, /share no address/],
  ['a range around the node', { host: { nodeAddress: () => '10.42.7.7' } }, /own address 10\.42\.7\.7/, /nodeIP/],
  [
    'a DNS address outside',
    etc('cluster: {dns: 10.44.0.10}'),
    /cluster\.dns .* must be an address in cluster\.serviceCIDR/,
    /10\.43\.0\.10/,
  ],
  ['a node name with capitals', etc('nodeName: Edge_1'), /nodeName .* must be a DNS name/, /nodeName/],
  [
    'a relative directory',
    { flags: { dataDir: 'data' } },
    /dataDir \(from --data-dir\) must be an absolute path/,
    /root/,
  ],
  [
    'a plain HTTP address',
    { environment: { MICROSHIFT_CLUSTER_URL: 'http://x' } },
    /must be https/,
    /127\.0\.0\.1:6443/,
  ],
  ['ports in the wrong order', etc('cluster: {serviceNodePortRange: 300-200}'), /FIRST-LAST/, /30000-32767/],
  [
    'a value that is not one of few',
    etc('ingress: {status: Off}'),
    /must be one of Managed, Removed, and is "Off"/,
    /one of these/,
  ],
  ['a port out of range', etc('ingress: {ports: {http: 70000}}'), /from 1 to 65535, and is 70000/, /range/],
];
for (const [name, given, message, remedy] of refused)
  test(`refused with the key and the remedy: ${name}`, async () => {
    await assert.rejects(load(given), (error) => {
      assert(error instanceof OperatorError, String(error));
      assert.match(error.message, message);
      assert.match(error.remedy, remedy);
      return true;
    });
  });

test('every key is shown with a value', async () => {
  const values = configurationValues(await load());
  assert.deepEqual(
    configurationKeys.map((key) => key.path).filter((path) => values.get(path) === undefined),
    [],
  );
});
