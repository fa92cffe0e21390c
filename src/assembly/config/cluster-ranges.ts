// The ranges of Pods and of Services: one of IPv4, and behind a comma one of IPv6 where the cluster has both families.
// Clusters of IPv6 alone, or with IPv6 first, are not there. Pure.
import { contains, covers, formatAddress, parseAddress, parseRange, type Range } from '#rules/addresses.ts';
import { isIPv6 } from '#pki/address.ts';
import { parseIpv4Range, type Ipv4Range } from './ranges.ts';
import type { ConfigurationValues } from './values.ts';

export interface ClusterRanges {
  readonly ipv4: Ipv4Range;
  readonly ipv6: Range | undefined;
}
export type RangePath = 'cluster.clusterCIDR' | 'cluster.serviceCIDR';

/** A node's part of the Pods' IPv6 range; upstream's default. */
export const nodePrefixLength6 = 64;

/** Undefined: no such range, or its address has bits behind the prefix. The text becomes the short form of RFC 5952. */
export function parseIpv6Range(text: string): Range | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  if (!isIPv6(address) || rest.length > 0 || !/^(\d|[1-9]\d|1[01]\d|12[0-8])$/.test(length)) return undefined;
  const range = parseRange(text);
  const short = `${formatAddress(range.first, 'IPv6')}/${length}`;
  return parseAddress(address) === range.first ? { ...range, text: short } : undefined;
}

export function parseRanges(text: string): ClusterRanges | undefined {
  const [first = '', second, ...rest] = text.split(',').map((one) => one.trim());
  const ipv4 = parseIpv4Range(first);
  const ipv6 = second === undefined ? undefined : parseIpv6Range(second);
  return ipv4 === undefined || rest.length > 0 || (second !== undefined && ipv6 === undefined)
    ? undefined
    : { ipv4, ipv6 };
}

export const rangeTexts = (ranges: ClusterRanges | undefined): readonly string[] =>
  ranges === undefined ? [] : [ranges.ipv4.text, ...(ranges.ipv6 === undefined ? [] : [ranges.ipv6.text])];

const length6 = (range: Range): number => 128 - (range.size.toString(2).length - 1);

export const overlap6 = (a: Range, b: Range): boolean => covers(a, b) || covers(b, a);

/** What is wrong with the IPv6 ranges, and with the two keys together; that of IPv4 alone is check-cluster.ts' business. */
export function checkFamilies(
  values: ConfigurationValues,
  byPath: Readonly<Record<RangePath, ClusterRanges | undefined>>,
  nodeIpv6: string | undefined,
  networks: readonly { readonly interface: string; readonly cidr: string }[],
): void {
  const [pods, services] = [byPath['cluster.clusterCIDR'], byPath['cluster.serviceCIDR']];
  if (pods === undefined || services === undefined) return;
  if ((pods.ipv6 === undefined) !== (services.ipv6 === undefined)) {
    const [without, example] =
      pods.ipv6 === undefined
        ? (['cluster.clusterCIDR', `${pods.ipv4.text},fd01::/48`] as const)
        : (['cluster.serviceCIDR', `${services.ipv4.text},fd02::/112`] as const);
    values.wrong(
      without,
      'has no IPv6 range, and the other one has: Pods and Services need the same families',
      `Write it such as ${example}, or leave IPv6 out of both.`,
      rangeTexts(byPath[without]).join(),
    );
    return;
  }
  for (const [path, range] of [
    ['cluster.clusterCIDR', pods.ipv6],
    ['cluster.serviceCIDR', services.ipv6],
  ] as const) {
    if (range === undefined) continue;
    if (nodeIpv6 !== undefined && contains(range, parseAddress(nodeIpv6) ?? -1n))
      values.wrong(path, `contains this node's own address ${nodeIpv6}`, 'Choose another IPv6 range.', range.text);
    for (const { interface: name, cidr } of networks)
      if (cidr.includes(':') && overlap6(range, parseRange(cidr)))
        values.wrong(
          path,
          `overlaps the network ${cidr} that this machine is in (interface ${name}), which could not be reached any more`,
          'Choose an IPv6 range that is not in use around this machine.',
          range.text,
        );
  }
  if (pods.ipv6 === undefined || services.ipv6 === undefined) return;
  if (overlap6(pods.ipv6, services.ipv6))
    values.add(
      'cluster.clusterCIDR',
      `${values.where('cluster.clusterCIDR')} ${pods.ipv6.text} and ${values.where('cluster.serviceCIDR')} ${services.ipv6.text} overlap.`,
      'Choose two ranges that share no address, such as fd01::/48 and fd02::/112.',
    );
  if (length6(pods.ipv6) > nodePrefixLength6)
    values.wrong(
      'cluster.clusterCIDR',
      `must be /${nodePrefixLength6} or larger in IPv6: a node gets a /${nodePrefixLength6} of it`,
      'Choose for example fd01::/48.',
      pods.ipv6.text,
    );
  if (length6(services.ipv6) < 64 || length6(services.ipv6) > 124)
    values.wrong(
      'cluster.serviceCIDR',
      'must be from /64 to /124 in IPv6',
      'Choose for example fd02::/112.',
      services.ipv6.text,
    );
}
