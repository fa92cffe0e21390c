import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultEviction } from '#node/eviction/settings.ts';
import { defaultVerification } from '#node/images/verification.ts';
import { checkConfiguration, type ConfigurationHost } from './check.ts';
import { configurationKeys } from './keys.ts';
import { ConfigurationError } from './problems.ts';
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
function read(given: Given) {
  const files = given.files ?? {};
  return readConfiguration({
    flags: given.flags ?? {},
    environment: given.environment ?? {},
    homeDirectory: '/home/u',
    readText: (file) => Promise.resolve(files[file]),
    listNames: (directory) =>
      Promise.resolve(
        Object.keys(files)
          .filter((file) => file.startsWith(`${directory}/`))
          .map((file) => file.slice(directory.length + 1)),
      ),
  });
}
async function check(given: Given = {}) {
  const { raw, incomplete, problems } = await read(given);
  if (incomplete) throw new ConfigurationError(problems);
  return checkConfiguration(raw, { ...host, ...given.host }, problems);
}
const load = async (given: Given = {}) => (await check(given)).configuration;
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
    podRanges: ['10.42.0.0/16'],
    serviceRanges: ['10.43.0.0/16'],
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

test("the original's variables say what its keys say", async () => {
  const { values } = await check({
    environment: {
      MICROSHIFT_DATADIR: '/data',
      MICROSHIFT_AUDITLOGDIR: '/audit',
      MICROSHIFT_LOGVLEVEL: '3',
      MICROSHIFT_ROLES: 'controlplane,node',
      MICROSHIFT_NODENAME: 'edge-9',
      MICROSHIFT_NODEIP: '192.168.1.9',
      MICROSHIFT_CLUSTER_URL: 'https://127.0.0.1:7443',
      MICROSHIFT_CLUSTER_CLUSTERCIDR: '10.50.0.0/16',
      MICROSHIFT_CLUSTER_SERVICECIDR: '10.51.0.0/16',
      MICROSHIFT_CLUSTER_DNS: '10.51.0.53',
      MICROSHIFT_CLUSTER_DOMAIN: 'edge.internal',
      MICROSHIFT_CLUSTER_SERVICENODEPORTRANGE: '31000-31100',
    },
  });
  assert.deepEqual(
    [
      'dataDir',
      'auditLogDir',
      'logVLevel',
      'roles',
      'nodeName',
      'nodeIP',
      'cluster.url',
      'cluster.clusterCIDR',
      'cluster.serviceCIDR',
      'cluster.dns',
      'cluster.domain',
      'cluster.serviceNodePortRange',
    ].map((key) => values.get(key)?.value),
    [
      '/data',
      '/audit',
      3,
      ['controlplane', 'node'],
      'edge-9',
      '192.168.1.9',
      'https://127.0.0.1:7443',
      '10.50.0.0/16',
      '10.51.0.0/16',
      '10.51.0.53',
      'edge.internal',
      '31000-31100',
    ],
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
  const url = async (text: string) =>
    (await load({ environment: { MICROSHIFT_CLUSTER_URL: text }, flags: { roles: 'controlplane' } })).cluster.port;
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
    /^nodeNme \(from \/etc\/microshift\/config\.yaml:1:1\), which is "x", is not known\.$/,
    /Did you mean nodeName/,
  ],
  ['an unknown nested key', etc('cluster: {cidr: 10.0.0.0/8}'), /^cluster\.cidr \(from .*:1:11\)/, /show-config/],
  [
    'a wrong type',
    etc('logVLevel: high'),
    /logVLevel \(from .*:1:1\) must be a whole number, and is "high"/,
    /verbosity/,
  ],
  ['a text where a section belongs', etc('cluster: x'), /cluster \(from .*\) must hold keys/, /show-config/],
  ['broken YAML', etc('a: [1,\nb: }'), /config\.yaml:2:\d is not valid YAML: /, /Correct that line/],
  ['a key given twice', etc('nodeName: a\nnodeName: b'), /not valid YAML: .*unique/, /Correct/],
  ['a list as the whole file', etc('- a'), /must hold keys with values/, /show-config/],
  ['a missing file', { flags: { config: '/none.yaml' } }, /\/none\.yaml does not exist/, /--config/],
  [
    'an unknown variable',
    { environment: { MICROSHIFT_DATA_DIR: '/x' } },
    /MICROSHIFT_DATA_DIR \(from the environment\)/,
    /Did you mean MICROSHIFT_DATADIR/,
  ],
  [
    'an unknown role',
    { flags: { roles: 'controlplane,worker' } },
    /roles \(from --roles\) must hold only controlplane, node, and is .*"worker"/,
    /controlplane, node/,
  ],
  [
    'another name for a node that has one',
    { flags: {}, host: { nodeNameBefore: 'edge-0' }, environment: { MICROSHIFT_NODENAME: 'edge-9' } },
    /differs from edge-0/,
    /empty data directory/,
  ],
  ['the node role without root', { host: { isRoot: false } }, /not root/, /--roles controlplane/],
  ['the node role alone without a kubeconfig', { flags: { roles: 'node' } }, /which control plane/, /add-node/],
  [
    'a kubeconfig where the control plane runs',
    { flags: { kubeconfig: '/etc/microshift/node.kubeconfig' } },
    /here runs a control plane/,
    /roles to node/,
  ],
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
    'a range around a network of the machine',
    { host: { networks: () => [{ interface: 'eth1', cidr: '10.43.200.7/20' }] } },
    /^cluster\.serviceCIDR \(default\) overlaps the network 10\.43\.192\.0\/20 .* \(interface eth1\)/,
    /not in use around this machine/,
  ],
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
    /Managed, Removed/,
  ],
  [
    'a port that two ask for',
    etc('node: {kubeletPort: 443}'),
    /^ingress\.ports\.https \(default\) and node\.kubeletPort \(from .*:1:8\) both ask for port 443/,
    /another port/,
  ],
  [
    'an origin that only has to contain the host',
    etc("apiServer: {corsAllowedOrigins: ['example.com$']}"),
    /which is not pinned to the start and the end/,
    /Begin the host with/,
  ],
  ['a port out of range', etc('ingress: {ports: {http: 70000}}'), /from 1 to 65535, and is 70000/, /range/],
];
for (const [name, given, message, remedy] of refused)
  test(`refused with the key and the remedy: ${name}`, async () => {
    await assert.rejects(load(given), (error) => {
      assert(error instanceof ConfigurationError, String(error));
      assert.match(error.message, message);
      assert.match(error.remedy, remedy);
      return true;
    });
  });

test('every key is shown with a value', async () => {
  const { values } = await check();
  assert.deepEqual(
    configurationKeys.map((key) => key.path).filter((path) => values.get(path) === undefined),
    [],
  );
});

test('all mistakes are reported at once, each with its source and remedy', async () => {
  const given: Given = {
    files: {
      '/etc/microshift/config.yaml': 'nodeNme: x\nlogVLevel: high\ncluster:\n  clusterCIDR: 10.43.0.0/16\n',
      '/etc/microshift/config.d/10-a.yaml': 'ingress: {ports: {http: 0}}\n',
    },
    environment: { MICROSHIFT_LOGFORMAT: 'xml' },
    flags: { roles: 'worker' },
  };
  await assert.rejects(load(given), (error) => {
    assert(error instanceof ConfigurationError);
    assert.deepEqual(
      error.problems.map((one) => [one.key, one.source]),
      [
        ['nodeNme', '/etc/microshift/config.yaml:1:1'],
        ['logVLevel', '/etc/microshift/config.yaml:2:1'],
        ['logFormat', 'MICROSHIFT_LOGFORMAT'],
        ['roles', '--roles'],
        ['cluster.clusterCIDR', '/etc/microshift/config.yaml:4:3'],
        ['ingress.ports.http', '/etc/microshift/config.d/10-a.yaml:1:19'],
      ],
    );
    assert.match(error.message, /^The configuration has 6 mistakes:\n {2}- nodeNme .*\n {4}Did you mean nodeName\?/);
    return true;
  });
});

test('drop-ins are merged in the order of their names: sections merge, lists are replaced, null forgets', async () => {
  const files = {
    '/etc/microshift/config.yaml':
      'nodeName: main\nnode: {pinnedImages: [a, b], kubeletPort: 9}\ningress: {ports: {http: 1}}\n',
    '/etc/microshift/config.d/20.yaml': 'node: {pinnedImages: [c]}\ningress: {ports: {https: 2}}\nnodeName: two\n',
    '/etc/microshift/config.d/10.yaml': 'node: {kubeletPort: null}\nnodeName: one\n',
    '/etc/microshift/config.d/30.yml': 'nodeName: not-read\n',
    '/etc/microshift/config.d/.40.yaml': 'nodeName: not-read\n',
  };
  const { nodeName, node, ingress } = await load({ files });
  assert.deepEqual(
    [nodeName, node.pinnedImages, node.kubeletPort, ingress.httpPort, ingress.httpsPort],
    ['two', ['c'], 10250, 1, 2],
  );
  assert.equal((await load({ files, flags: { config: '/etc/microshift/config.yaml' } })).nodeName, 'main');
});

test("MicroShift's newer names mean the same keys", async () => {
  const text = `
network: {clusterNetwork: [10.50.0.0/16], serviceNetwork: [10.51.0.0/16], serviceNodePortRange: 31000-31100}
node: {hostnameOverride: Edge-7, nodeIP: 192.168.7.7}
debugging: {logLevel: tRaCe}
`;
  const { cluster, nodeName, nodeIp, logVerbosity } = await load(etc(text));
  assert.deepEqual(
    [cluster.podRanges[0], cluster.serviceRanges[0], cluster.nodePorts.last, cluster.dnsAddress],
    ['10.50.0.0/16', '10.51.0.0/16', 31100, '10.51.0.10'],
  );
  assert.deepEqual([nodeName, nodeIp, logVerbosity], ['edge-7', '192.168.7.7', 6]);
  await assert.rejects(load(etc('nodeName: a\nnode: {hostnameOverride: b}')), /two names of one key/);
  await assert.rejects(
    load(etc('network: {clusterNetwork: [10.42.0.0/16, "fd01::/48"]}')),
    /cluster\.serviceCIDR .* has no IPv6 range, and the other one has/,
  );
});

test('both families: the ranges in their short form, an address of the node, the DNS in IPv4', async () => {
  const ranges =
    'network: {clusterNetwork: [10.50.0.0/16, "fd01:0::0/48"], serviceNetwork: [10.51.0.0/16, "fd02::/112"]}';
  const { cluster, nodeIpv6 } = await load(etc(`${ranges}\nnode: {nodeIPv6: "2001:db8::7"}`));
  assert.deepEqual(cluster.podRanges, ['10.50.0.0/16', 'fd01::/48']);
  assert.deepEqual(cluster.serviceRanges, ['10.51.0.0/16', 'fd02::/112']);
  assert.deepEqual([cluster.dnsAddress, nodeIpv6], ['10.51.0.10', '2001:db8::7']);
  const written = await load(
    etc('cluster: {clusterCIDR: "10.50.0.0/16, fd01::/48", serviceCIDR: "10.51.0.0/16,fd02::/112"}'),
  );
  assert.deepEqual(written.cluster.podRanges, cluster.podRanges);
  assert.equal(written.nodeIpv6, undefined);
});

test('what is wrong with ranges of both families is said with what to write', async () => {
  const both = (pods: string, services: string) => etc(`cluster: {clusterCIDR: "${pods}", serviceCIDR: "${services}"}`);
  const [pods, services] = ['10.42.0.0/16,fd01::/48', '10.43.0.0/16,fd02::/112'];
  const cases: readonly (readonly [ReturnType<typeof etc>, RegExp])[] = [
    [both('fd01::/48', services), /cluster\.clusterCIDR .* must be an IPv4 range/],
    [both('fd01::/48,10.42.0.0/16', services), /cluster\.clusterCIDR .* must be an IPv4 range/],
    [both('10.42.0.0/16,10.44.0.0/16', services), /and may have one of IPv6 behind it/],
    [both('10.42.0.0/16,fd01::1/48', services), /and may have one of IPv6 behind it/],
    [both(`${pods},fd05::/48`, services), /and may have one of IPv6 behind it/],
    [both('10.42.0.0/16', services), /cluster\.clusterCIDR .* has no IPv6 range, and the other one has/],
    [both(pods, '10.43.0.0/16,fd01::/64'), /fd01::\/48 and cluster\.serviceCIDR .* fd01::\/64 overlap/],
    [both('10.42.0.0/16,fd01::/72', services), /must be \/64 or larger in IPv6/],
    [both(pods, '10.43.0.0/16,fd02::/126'), /must be from \/64 to \/124 in IPv6/],
    [both(pods, '10.43.0.0/16,fd02::/60'), /must be from \/64 to \/124 in IPv6/],
    [etc('nodeIPv6: "2001:db8::7"'), /nodeIPv6 .* is given, and the cluster has no IPv6 ranges/],
    [etc('nodeIPv6: "fe80::7"'), /nodeIPv6 .* must be an IPv6 address at which other machines reach this one/],
  ];
  for (const [files, expected] of cases) await assert.rejects(load(files), expected);
  const inIt = { ...both(pods, services), host: { networks: () => [{ interface: 'eth1', cidr: 'fd01:0:0:9::7/64' }] } };
  await assert.rejects(load(inIt), /cluster\.clusterCIDR .* overlaps the network fd01:0:0:9::7\/64 .*eth1/);
});

test('keys of MicroShift without a feature here are refused by name, unless they ask for nothing', async () => {
  await assert.rejects(load(etc('etcd: {memoryLimitMB: 128}')), /feature is not in this version/);
  const { warnings } = await read(etc('telemetry: {status: Enabled}'));
  assert.match(warnings.join(), /^telemetry\.status \(from .*:1:13\) has no effect: Nothing is ever sent/);
  await assert.rejects(load(etc('datastore: {quotaMB: 1}')), /datastore\.quotaMB .*16/);
  await assert.rejects(load(etc('storage: {driver: lvms}')), /storage\.driver .* must be one of hostpath, none/);
  await load(
    etc(`
etcd: {memoryLimitMB: 0}
genericDevicePlugin: {status: Disabled, domain: device.microshift.io, devices: [{name: serial}]}
network: {cniPlugin: "", multus: {status: Disabled}}
node: {nodeIPv6: ""}
telemetry: {status: Disabled, endpoint: "https://example.com"}
clusterToCluster: {probeInterval: 10s, remoteClusters: [{clusterNetwork: [], nextHop: []}]}
apiServer: {featureGates: {featureSet: "", customNoUpgrade: {enabled: []}}, namedCertificates: [{certPath: "", names: []}]}
ingress: {tlsSecurityProfile: {type: "", old: {}}, tuningOptions: {threadCount: 0, tunnelTimeout: 1h}}
`),
  );
});

test('members of an etcd cluster, with TLS unless they are on this machine', async () => {
  const datastore = async (text: string) => (await load(etc(`datastore: {${text}}`))).datastore.etcd;
  assert.equal(await datastore(''), undefined);
  assert.deepEqual(await datastore('endpoint: "etcd://127.0.0.1:2379,localhost:2380,[::1]:2381,unix:///run/etcd:0"'), {
    members: ['127.0.0.1:2379', 'localhost:2380', '[::1]:2381', 'unix:/run/etcd:0'],
    tls: undefined,
  });
  const files = { authorityFile: '/pki/ca.crt', certificateFile: '/pki/c.crt', keyFile: '/pki/c.key' };
  assert.deepEqual(
    await datastore(
      'endpoint: "etcd://a.example.com:2379", authorityFile: /pki/ca.crt, certificateFile: /pki/c.crt, keyFile: /pki/c.key',
    ),
    { members: ['a.example.com:2379'], tls: files },
  );
  // A whole file of defaults may be used.
  await datastore('endpoint: "etcd://127.0.0.1:2379", quotaMB: 2048, diskReserveMB: 64, onDamage: restore');
  const fromFlag = await load({ flags: { datastore: 'etcd://127.0.0.1:2379' } });
  assert.deepEqual(fromFlag.datastore.etcd?.members, ['127.0.0.1:2379']);
  for (const [text, says] of [
    ['endpoint: "etcd://10.0.0.7:2379"', /names 10\.0\.0\.7:2379.*no TLS: everybody/],
    ['endpoint: "etcd://127.0.0.1"', /names a member that is none \("etcd:\/\/127\.0\.0\.1"\)/],
    ['endpoint: "https://127.0.0.1:2379"', /names a member that is none/],
    ['endpoint: "etcd://127.0.0.1:2379,"', /names a member that is none \(""\)/],
    ['endpoint: "etcd://127.0.0.1:99999"', /names a member that is none/],
    ['authorityFile: /pki/ca.crt', /datastore\.authorityFile .* means nothing without datastore\.endpoint/],
    ['endpoint: "etcd://a:1", authorityFile: /ca, keyFile: /key', /datastore\.certificateFile .* is missing/],
    ['endpoint: "etcd://127.0.0.1:1", certificateFile: /c, keyFile: /key', /datastore\.authorityFile .* is missing/],
    ['endpoint: "etcd://127.0.0.1:1", quotaMB: 500', /datastore\.quotaMB .* means nothing with datastore\.endpoint/],
    ['endpoint: "etcd://a:1", authorityFile: ca.crt', /datastore\.authorityFile .* must be an absolute path/],
  ] as const)
    await assert.rejects(datastore(text), says, text);
});

test('backups by schedule', async () => {
  const backup = async (text: string, more = '') => (await load(etc(`backup: {${text}}\n${more}`))).backup;
  assert.deepEqual(await backup(''), { folder: '', schedule: '@daily', retention: 7 });
  assert.deepEqual(await backup('folder: /mnt/b/, schedule: "30 2 * * 1-5", retention: 1'), {
    folder: '/mnt/b',
    schedule: '30 2 * * 1-5',
    retention: 1,
  });
  for (const [text, says] of [
    ['folder: backups', /backup\.folder .* must be an absolute path/],
    ['schedule: "0 3 * *"', /backup\.schedule .* is no schedule \(expected exactly 5 fields, found 4/],
    ['schedule: "61 3 * * *"', /backup\.schedule .* above maximum \(59\)/],
    ['schedule: "@fortnightly"', /backup\.schedule .*unrecognized descriptor/],
    ['retention: 0', /backup\.retention .* must be from 1 to 1000/],
  ] as const)
    await assert.rejects(backup(text), says, text);
  await assert.rejects(
    backup('folder: /mnt/b', 'datastore: {endpoint: "etcd://127.0.0.1:2379"}'),
    /backup\.folder .* means nothing with datastore\.endpoint/,
  );
});

test("feature gates are taken by MicroShift's keys, and all that is wrong with them is told at once", async () => {
  const gates = (text: string) => etc(`apiServer: {featureGates: {${text}}}`);
  const { apiServer } = await load(
    gates(
      'featureSet: CustomNoUpgrade, customNoUpgrade: {enabled: [GenericWorkload]}, specialHandlingSupportExceptionRequired: {disabled: [SchedulerAsyncPreemption]}',
    ),
  );
  assert.deepEqual(apiServer.featureGates, {
    changed: { GenericWorkload: true, SchedulerAsyncPreemption: false },
    withoutEffect: ['SchedulerAsyncPreemption'],
  });
  const refused = (text: string, ...patterns: RegExp[]) =>
    assert.rejects(load(gates(text)), (error) => {
      assert(error instanceof ConfigurationError);
      for (const one of patterns) assert.match(error.message, one);
      return true;
    });
  await refused('featureSet: TechPreviewNoUpgrade', /single machine/);
  await assert.rejects(load(etc('apiServer: {runtimeConfig: [api/all=false]}')), /turns everything off/);
  await refused('featureSet: Other', /must be CustomNoUpgrade or empty/);
  await refused('customNoUpgrade: {enabled: [GenericWorkload]}', /no effect without a feature set/);
  await refused(
    'featureSet: CustomNoUpgrade, customNoUpgrade: {enabled: [GangSchedulin, GangScheduling], disabled: [APIServerTracing, UserNamespacesSupport, GangScheduling]}',
    /enabled \(.*unrecognized feature gate: GangSchedulin, did you mean GangScheduling\?/,
    /disabled \(.*UserNamespacesSupport is always on; GangScheduling is both enabled and disabled/,
    /cannot set feature gate APIServerTracing to false, feature is locked to true/,
  );
  await refused(
    'featureSet: CustomNoUpgrade, customNoUpgrade: {disabled: [DRADeviceTaints], enabled: [DRADeviceTaintRules]}',
    /enabled \(.*DRADeviceTaintRules is enabled, but depends on features that are disabled: \[DRADeviceTaints\]/,
  );
});

test("the kubelet's settings that the node has are taken by their names, the others refused by theirs", async () => {
  const given = etc(`
kubelet:
  maxPods: 500
  podPidsLimit: 4096
  serializeImagePulls: true
  containerLogMaxSize: 50Mi
  shutdownGracePeriod: 30s
  shutdownGracePeriodCriticalPods: 10s
  systemReserved: {cpu: 500m, memory: 512Mi}
  kubeReserved: {cpu: "1", memory: 1Gi}
  failSwapOn: false
`);
  const { kubelet, node } = await load(given);
  assert.deepEqual(kubelet, {
    podsMax: 500,
    podProcessesMax: 4096,
    streamIdleMs: 4 * 3_600_000,
    shutdown: { totalSeconds: 30, criticalSeconds: 10 },
    logBytesMax: 50 * 2 ** 20,
    logFilesMax: 5,
    imageHighFraction: 0.85,
    imageLowFraction: 0.8,
    imageVerification: defaultVerification,
    imageYoungMs: 120_000,
    imageUnusedMs: 0,
    eviction: defaultEviction,
    reserved: { cpu: 1.5, memory: 1.5 * 2 ** 30 },
  });
  assert.equal(node.imagePullsMax, 1);
  for (const text of ['{cpuManagerPolicy: static}', '{enableServer: false}', '{systemReserved: {pid: "100"}}'])
    await assert.rejects(load(etc(`kubelet: ${text}`)), (error) => {
      assert(error instanceof ConfigurationError);
      assert.match(error.message, /^kubelet\.\S+ \(from .*feature is not in this version/);
      assert.match(error.remedy, /Settings of the kubelet that are there: maxPods/);
      return true;
    });
  await assert.rejects(load(etc('kubelet: {containerLogMaxSize: 10MiB}')), /must be a quantity/);
  await assert.rejects(load(etc('kubelet: {imageGCLowThresholdPercent: 90}')), /must be less than/);
});

test("the kubelet's thresholds of eviction: hard ones replace all defaults or join them, soft ones need their grace", async () => {
  const thresholds = async (text: string) => {
    const { thresholds: found, transitionMs } = (await load(etc(`kubelet: {${text}}`))).kubelet.eviction;
    return [transitionMs, ...found.map(({ signal, graceMs }) => `${signal} ${graceMs}`)];
  };
  const hard = 'evictionHard: {memory.available: 1Gi}';
  const [memory, ofPods] = ['memory.available 0', 'allocatableMemory.available 0'];
  assert.deepEqual(await thresholds(hard), [300_000, memory, ofPods]);
  assert.equal((await thresholds(`${hard}, mergeDefaultEvictionSettings: true`)).length, 7);
  const soft = 'evictionSoft: {memory.available: 20%}';
  const graceful = `${hard}, ${soft}, evictionSoftGracePeriod: {memory.available: 1m30s}`;
  assert.deepEqual(await thresholds(`${graceful}, evictionPressureTransitionPeriod: 1m`), [
    60_000,
    memory,
    'memory.available 90000',
    ofPods,
  ]);
  for (const [text, message] of [
    [soft, /evictionSoft\.memory\.available .* needs kubelet\.evictionSoftGracePeriod\.memory\.available/],
    ['evictionHard: {memory.available: 120%}', /evictionHard\.memory\.available .* from 0% to 100%/],
    ['evictionHard: {nodefs.available: -1Gi}', /evictionHard\.nodefs\.available .* positive/],
    ['evictionHard: {containerfs.available: 10%}', /containerfs/],
    ['imagePullCredentialsVerificationPolicy: Sometimes', /must be one of NeverVerifyPreloadedImages, NeverVerify,/],
    ['preloadedImagesVerificationAllowlist: [r.io/*]', /is for the policy NeverVerifyAllowlistedImages/],
    [
      'imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages, preloadedImagesVerificationAllowlist: ["r.io/a:1"]',
      /must not name a tag or digest/,
    ],
    ['imageMaximumGCAge: 1m', /must be longer than kubelet\.imageMinimumGCAge/],
  ] as const)
    await assert.rejects(load(etc(`kubelet: {${text}}`)), message);
});

test('without the role node the networks of the machine do not matter', async () => {
  const networks = () => [{ interface: 'eth1', cidr: '10.43.200.7/20' }];
  await load({ host: { networks }, flags: { roles: 'controlplane' } });
});

test('variables of others are not ours', async () => {
  await load({ environment: { MICROSHIFT_URL: 'x', MICROSHIFT_SERVICE_HOST: 'x', MICROSHIFT_PORT_80_TCP: 'x' } });
});

test('a file that cannot be read is named, and nothing that would follow from it', async () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const { problems, incomplete } = await readConfiguration({
    flags: {},
    environment: {},
    homeDirectory: '/home/u',
    readText: (file) => (file.startsWith('/etc/') ? Promise.reject(denied) : Promise.resolve(undefined)),
    listNames: () => Promise.resolve([]),
  });
  assert.equal(incomplete, true);
  assert.deepEqual(
    problems.map((one) => one.message),
    ['The configuration file /etc/microshift/config.yaml cannot be read: EACCES: permission denied.'],
  );
});
