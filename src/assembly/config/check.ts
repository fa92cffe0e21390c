// Raw values to a Configuration: defaults, meanings, contradictions. The first mistake ends it with an OperatorError
// that names the key, where its value came from, and the remedy.
import { OperatorError } from '#base/errors.ts';
import { isIPv6 } from '#pki/address.ts';
import type { Configuration, Role } from './configuration.ts';
import { configurationKeys, type RawConfiguration, type RawValue } from './keys.ts';
import {
  addressAt,
  parseIpv4,
  parseIpv4Range,
  rangeContains,
  rangeSize,
  rangesOverlap,
  type Ipv4Range,
} from './ranges.ts';

/** What defaults depend on. */
export interface ConfigurationHost {
  readonly hostname: string;
  readonly isRoot: boolean;
  readonly homeDirectory: string;
  /** ~/.microshift/data exists. */
  readonly homeDataExists: boolean;
  readonly nodeAddress: () => string;
}

const dnsLabel = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const dnsSubdomain = new RegExp(`^(?=.{1,253}$)${dnsLabel}(\\.${dnsLabel})*$`);

export function checkConfiguration(raw: RawConfiguration, host: ConfigurationHost): Configuration {
  const where = (path: string): string => {
    const found = raw.get(path);
    return found === undefined ? `${path} (default)` : `${path} (from ${found.source})`;
  };
  const wrong = (path: string, says: string, remedy: string, value?: RawValue) => {
    const given = value ?? raw.get(path)?.value;
    return new OperatorError(
      `${where(path)} ${says}${given === undefined ? '' : `, and is ${JSON.stringify(given)}`}.`,
      remedy,
    );
  };
  // The casts repeat the key table's types, which read.ts has checked.
  const text = (path: string, fallback: string): string => {
    const value = (raw.get(path)?.value as string | undefined) ?? fallback;
    const allowed = configurationKeys.find((key) => key.path === path)?.oneOf;
    if (allowed !== undefined && !allowed.includes(value))
      throw wrong(path, `must be one of ${allowed.join(', ')}`, 'Choose one of these.', value);
    return value;
  };
  const list = (path: string, fallback: readonly string[]): readonly string[] =>
    (raw.get(path)?.value as readonly string[] | undefined) ?? fallback;
  const integer = (path: string, fallback: number, least: number, most: number): number => {
    const value = (raw.get(path)?.value as number | undefined) ?? fallback;
    if (value < least || value > most)
      throw wrong(path, `must be from ${least} to ${most}`, 'Choose a number in that range.', value);
    return value;
  };
  const directory = (path: string, fallback: string): string => {
    const value = text(path, fallback);
    if (value !== '' && !value.startsWith('/'))
      throw wrong(path, 'must be an absolute path', 'Write it from the root, beginning with "/".', value);
    return value === '/' ? value : value.replace(/\/+$/, '');
  };
  const range = (path: string, fallback: string): Ipv4Range => {
    const value = text(path, fallback);
    const parsed = parseIpv4Range(value);
    if (parsed === undefined)
      throw wrong(
        path,
        'must be an IPv4 range whose address is its first',
        'Write it such as 10.42.0.0/16. IPv6 and dual-stack ranges are not supported yet.',
        value,
      );
    return parsed;
  };

  const dataDirectory = directory(
    'dataDir',
    host.homeDataExists || !host.isRoot ? `${host.homeDirectory}/.microshift/data` : '/var/lib/microshift',
  );
  if (dataDirectory === '' || dataDirectory === '/')
    throw wrong('dataDir', 'must be a directory of its own', 'Choose for example /var/lib/microshift.', dataDirectory);

  const roles = [...new Set(list('roles', ['controlplane', 'node']))];
  for (const role of roles)
    if (role !== 'controlplane' && role !== 'node')
      throw wrong('roles', `holds the unknown role ${JSON.stringify(role)}`, 'Roles are controlplane and node.');
  if (roles.length === 0)
    throw wrong('roles', 'must hold at least one role', 'Roles are controlplane and node.', roles);
  if (roles.includes('node') && !host.isRoot)
    throw new OperatorError(
      `${where('roles')} holds node, and this user is not root: a node starts containers, mounts and changes the network.`,
      'Run it as root (sudo microshift run), or only the control plane: --roles controlplane.',
    );
  if (!roles.includes('controlplane'))
    throw wrong(
      'roles',
      'without controlplane is not supported yet: this version cannot join another machine',
      'Use controlplane or controlplane,node.',
      roles,
    );

  const nodeName = text('nodeName', host.hostname.toLowerCase());
  if (!dnsSubdomain.test(nodeName))
    throw wrong(
      'nodeName',
      'must be a DNS name in lower case: letters, digits, "-" and "."',
      'Set nodeName (or MICROSHIFT_NODENAME) to such a name; the host name may stay as it is.',
      nodeName,
    );
  const nodeIp = text('nodeIP', '') || host.nodeAddress();
  if (parseIpv4(nodeIp) === undefined)
    throw wrong(
      'nodeIP',
      'must be an IPv4 address',
      'Write the address of this machine, such as 192.168.1.10.',
      nodeIp,
    );

  const podRange = range('cluster.clusterCIDR', '10.42.0.0/16');
  const serviceRange = range('cluster.serviceCIDR', '10.43.0.0/16');
  if (rangesOverlap(podRange, serviceRange))
    throw new OperatorError(
      `${where('cluster.clusterCIDR')} ${podRange.text} and ${where('cluster.serviceCIDR')} ${serviceRange.text} overlap.`,
      'Choose two ranges that share no address, such as 10.42.0.0/16 and 10.43.0.0/16.',
    );
  for (const [path, one] of [
    ['cluster.clusterCIDR', podRange],
    ['cluster.serviceCIDR', serviceRange],
  ] as const)
    if (rangeContains(one, parseIpv4(nodeIp)!))
      throw wrong(
        path,
        `contains this node's own address ${nodeIp}`,
        `Choose a range that is not in use around this machine, or set nodeIP.`,
        one.text,
      );
  if (podRange.prefixLength > 24)
    throw wrong(
      'cluster.clusterCIDR',
      'must be /24 or larger: a node gets a /24 of it',
      'Choose for example 10.42.0.0/16.',
      podRange.text,
    );
  if (rangeSize(serviceRange) < 16)
    throw wrong(
      'cluster.serviceCIDR',
      'must have at least 16 addresses',
      'Choose for example 10.43.0.0/16.',
      serviceRange.text,
    );

  const dnsAddress = text('cluster.dns', addressAt(serviceRange, 10));
  const dnsValue = parseIpv4(dnsAddress);
  if (dnsValue === undefined || !rangeContains(serviceRange, dnsValue) || dnsValue <= serviceRange.base + 1)
    throw wrong(
      'cluster.dns',
      `must be an address in cluster.serviceCIDR (${serviceRange.text}) behind its first`,
      `Leave it out to get ${addressAt(serviceRange, 10)}.`,
      dnsAddress,
    );
  const domain = text('cluster.domain', 'cluster.local');
  if (!dnsSubdomain.test(domain))
    throw wrong('cluster.domain', 'must be a DNS name', 'Choose for example cluster.local.', domain);
  const baseDomain = text('dns.baseDomain', 'example.com');
  if (!dnsSubdomain.test(baseDomain))
    throw wrong('dns.baseDomain', 'must be a DNS name', 'Choose for example example.com.', baseDomain);

  const portsText = text('cluster.serviceNodePortRange', '30000-32767');
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(portsText) ?? [];
  if (
    first === undefined ||
    last === undefined ||
    Number(first) < 1 ||
    Number(last) > 65535 ||
    Number(first) > Number(last)
  )
    throw wrong('cluster.serviceNodePortRange', 'must be FIRST-LAST', 'Choose for example 30000-32767.', portsText);

  const listenAddresses = list('ingress.listenAddress', []);
  for (const address of listenAddresses)
    if (parseIpv4(address) === undefined && !isIPv6(address))
      throw wrong(
        'ingress.listenAddress',
        `holds ${JSON.stringify(address)}, which is no IP address`,
        'Write addresses of this machine.',
      );
  const httpPort = integer('ingress.ports.http', 80, 1, 65535);
  const httpsPort = integer('ingress.ports.https', 443, 1, 65535);
  if (httpPort === httpsPort)
    throw wrong('ingress.ports.https', 'must differ from ingress.ports.http', 'Choose two ports.', httpsPort);

  const runtimeEndpoint = text('node.runtimeEndpoint', '');
  if (runtimeEndpoint !== '' && !runtimeEndpoint.startsWith('unix:///'))
    throw wrong(
      'node.runtimeEndpoint',
      'must be unix:///PATH',
      'For example unix:///run/crio/crio.sock.',
      runtimeEndpoint,
    );
  const kubeletDirectory = directory('node.kubeletDir', '/var/lib/kubelet');

  return deepFreeze({
    dataDirectory,
    auditLogDirectory: directory('auditLogDir', ''),
    logVerbosity: integer('logVLevel', 0, 0, 10),
    logFormat: text('logFormat', 'text') as 'text' | 'json',
    roles: roles as Role[],
    nodeName,
    nodeIp,
    nodeIpDetected: text('nodeIP', '') === '',
    cluster: {
      ...parseUrl(),
      podRange: podRange.text,
      serviceRange: serviceRange.text,
      dnsAddress,
      domain,
      nodePorts: { first: Number(first), last: Number(last) },
    },
    dns: { baseDomain },
    ingress: {
      status: text('ingress.status', 'Managed') as 'Managed' | 'Removed',
      httpPort,
      httpsPort,
      listenAddresses,
    },
    node: {
      runtimeEndpoint,
      cniConfigDirectory: directory('node.cniConfigDir', '/etc/cni/net.d'),
      cniPluginDirectories: list('node.cniPluginDirs', ['/opt/cni/bin', '/usr/libexec/cni', '/usr/lib/cni']),
      kubeletDirectory,
      podLogDirectory: directory('node.podLogDir', '/var/log/pods'),
      volumeDirectory: directory('node.volumeDir', '/var/hpvolumes'),
      imageDirectory: directory('node.imageDir', '/usr/local/share/microshift/images'),
      pauseImage: text('node.pauseImage', 'localhost/microshift/pause:1'),
      pinnedImages: list('node.pinnedImages', []),
      kubeletPort: integer('node.kubeletPort', 10250, 1, 65535),
    },
  });

  function parseUrl(): { url: string; host: string; port: number } {
    const given = text('cluster.url', 'https://127.0.0.1:6443');
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (
      url === undefined ||
      url.protocol !== 'https:' ||
      url.pathname !== '/' ||
      url.search !== '' ||
      url.username !== ''
    )
      throw wrong('cluster.url', 'must be https://HOST:PORT', 'For example https://127.0.0.1:6443.', given);
    // Without a port it is 6443, as the original's; URL drops an explicit 443, which is looked up in the text.
    const port = url.port === '' ? (/:443\/?$/.test(given) ? 443 : 6443) : Number(url.port);
    return { url: `https://${url.hostname}:${port}`, host: url.hostname.replace(/^\[|\]$/g, ''), port };
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
