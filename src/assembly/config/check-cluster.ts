// Keys of the cluster's addresses and names, its storage and manifests, to their slices of the configuration.
import { checkFamilies, parseRanges, rangeTexts, type ClusterRanges } from './cluster-ranges.ts';
import type { ClusterConfiguration, Configuration, DnsConfiguration } from './configuration.ts';
import { isDnsName } from './names.ts';
import { addressAt, parseIpv4, networkOf, rangeContains, rangeSize, rangesOverlap, type Ipv4Range } from './ranges.ts';
import type { ConfigurationValues } from './values.ts';

interface MachineNetwork {
  readonly interface: string;
  readonly cidr: string;
}

export function checkCluster(
  values: ConfigurationValues,
  { nodeIp, nodeIpv6 }: Pick<Configuration, 'nodeIp' | 'nodeIpv6'>,
  networks: readonly MachineNetwork[],
): Pick<Configuration, 'cluster' | 'dns' | 'manifests' | 'storage'> {
  const ranges = checkRanges(values, nodeIp, nodeIpv6, networks);
  return {
    cluster: {
      ...checkUrl(values),
      ...ranges,
      domain: dnsName(values, 'cluster.domain'),
      nodePorts: checkPorts(values),
    },
    dns: checkDns(values),
    manifests: { kustomizePaths: checkKustomizePaths(values) },
    storage: { driver: values.text('storage.driver') === 'none' ? 'none' : 'hostpath' },
  };
}

function checkRanges(
  values: ConfigurationValues,
  nodeIp: string,
  nodeIpv6: string | undefined,
  networks: readonly MachineNetwork[],
): Pick<ClusterConfiguration, 'podRanges' | 'serviceRanges' | 'dnsAddress'> {
  const range = (path: string): ClusterRanges | undefined => {
    const text = values.text(path);
    const parsed = parseRanges(text);
    if (parsed === undefined)
      values.wrong(
        path,
        'must be an IPv4 range whose address is its first, and may have one of IPv6 behind it',
        'Write it such as 10.42.0.0/16, or 10.42.0.0/16,fd01::/48 for both families. Clusters of IPv6 alone, or with IPv6 first, are not supported yet.',
        text,
      );
    return parsed;
  };
  const both = {
    'cluster.clusterCIDR': range('cluster.clusterCIDR'),
    'cluster.serviceCIDR': range('cluster.serviceCIDR'),
  };
  const pods = both['cluster.clusterCIDR']?.ipv4;
  const services = both['cluster.serviceCIDR']?.ipv4;
  if (pods !== undefined && services !== undefined && rangesOverlap(pods, services))
    values.add(
      values.isGiven('cluster.clusterCIDR') ? 'cluster.clusterCIDR' : 'cluster.serviceCIDR',
      `${values.where('cluster.clusterCIDR')} ${pods.text} and ${values.where('cluster.serviceCIDR')} ${services.text} overlap.`,
      'Choose two ranges that share no address, such as 10.42.0.0/16 and 10.43.0.0/16.',
    );
  const node = parseIpv4(nodeIp);
  for (const [path, one] of [
    ['cluster.clusterCIDR', pods],
    ['cluster.serviceCIDR', services],
  ] as const)
    if (one !== undefined && node !== undefined && rangeContains(one, node))
      values.wrong(
        path,
        `contains this node's own address ${nodeIp}`,
        `Choose a range that is not in use around this machine, or set nodeIP.`,
        one.text,
      );
  for (const [path, one] of [
    ['cluster.clusterCIDR', pods],
    ['cluster.serviceCIDR', services],
  ] as const)
    for (const { interface: name, cidr } of one === undefined ? [] : networks) {
      const network = networkOf(cidr);
      if (network !== undefined && rangesOverlap(one!, network))
        values.wrong(
          path,
          `overlaps the network ${network.text} that this machine is in (interface ${name}), which could not be reached any more`,
          'Choose a range that is not in use around this machine, such as 10.142.0.0/16 or 172.30.0.0/16.',
          one!.text,
        );
    }
  if (pods !== undefined && pods.prefixLength > 24)
    values.wrong(
      'cluster.clusterCIDR',
      'must be /24 or larger: a node gets a /24 of it',
      'Choose for example 10.42.0.0/16.',
      pods.text,
    );
  if (services !== undefined && rangeSize(services) < 16)
    values.wrong(
      'cluster.serviceCIDR',
      'must have at least 16 addresses',
      'Choose for example 10.43.0.0/16.',
      services.text,
    );
  checkFamilies(values, both, nodeIpv6, networks);
  if (
    nodeIpv6 !== undefined &&
    values.list('roles').includes('controlplane') &&
    both['cluster.clusterCIDR']?.ipv6 === undefined
  )
    values.wrong(
      'nodeIPv6',
      'is given, and the cluster has no IPv6 ranges',
      'Leave it out, or give cluster.clusterCIDR and cluster.serviceCIDR an IPv6 range.',
      nodeIpv6,
    );
  return {
    podRanges: rangeTexts(both['cluster.clusterCIDR']),
    serviceRanges: rangeTexts(both['cluster.serviceCIDR']),
    dnsAddress: checkDnsAddress(values, services),
  };
}

function checkDnsAddress(values: ConfigurationValues, services: Ipv4Range | undefined): string {
  const address = values.text('cluster.dns', services === undefined ? '' : addressAt(services, 10));
  const value = parseIpv4(address);
  if (services === undefined || values.hasProblem('cluster.serviceCIDR')) return address;
  if (value === undefined || !rangeContains(services, value) || value <= services.base + 1)
    values.wrong(
      'cluster.dns',
      `must be an address in cluster.serviceCIDR (${services.text}) behind its first`,
      `Leave it out to get ${addressAt(services, 10)}.`,
      address,
    );
  return address;
}

function checkUrl(values: ConfigurationValues): Pick<ClusterConfiguration, 'url' | 'host' | 'port'> {
  const given = values.text('cluster.url');
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (
    url === undefined ||
    url.protocol !== 'https:' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.username !== ''
  ) {
    values.wrong('cluster.url', 'must be https://HOST:PORT', 'For example https://127.0.0.1:6443.', given);
    return { url: given, host: '', port: 0 };
  }
  // Without a port it is 6443, as the original's; URL drops an explicit 443, which is looked up in the text.
  const port = url.port === '' ? (/:443\/?$/.test(given) ? 443 : 6443) : Number(url.port);
  if (port === 0) values.wrong('cluster.url', 'must have a port from 1 to 65535', 'For example 6443.', given);
  const text = `https://${url.hostname}:${port}`;
  values.show('cluster.url', text);
  return { url: text, host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

function checkPorts(values: ConfigurationValues): ClusterConfiguration['nodePorts'] {
  const text = values.text('cluster.serviceNodePortRange');
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const ports = { first: Number(first), last: Number(last) };
  if (!(ports.first >= 1 && ports.last <= 65535 && ports.first <= ports.last))
    values.wrong('cluster.serviceNodePortRange', 'must be FIRST-LAST', 'Choose for example 30000-32767.', text);
  return ports;
}

function checkDns(values: ConfigurationValues): DnsConfiguration {
  const file = values.directory('dns.hosts.file');
  const enabled = values.text('dns.hosts.status') === 'Enabled';
  return { baseDomain: dnsName(values, 'dns.baseDomain'), hostsFile: enabled ? file : '' };
}

function dnsName(values: ConfigurationValues, path: 'cluster.domain' | 'dns.baseDomain'): string {
  const name = values.text(path);
  if (!isDnsName(name))
    values.wrong(
      path,
      'must be a DNS name',
      `Choose for example ${path === 'cluster.domain' ? 'cluster.local' : 'example.com'}.`,
      name,
    );
  return name;
}

function checkKustomizePaths(values: ConfigurationValues): readonly string[] {
  const paths = values.list('manifests.kustomizePaths');
  for (const one of paths)
    if (!one.startsWith('/'))
      values.wrong(
        'manifests.kustomizePaths',
        `holds ${JSON.stringify(one)}, which is no absolute path`,
        'Write directories from the root, such as /etc/microshift/manifests or /etc/microshift/manifests.d/*.',
      );
  return paths;
}
