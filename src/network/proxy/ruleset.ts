// The constant part of the table `inet microshift`: which chains look into which maps. What Services add are elements of the
// maps (decide.ts), a chain for each number of endpoints (`pick-...`), and chains for Services with client affinity only.
//
// Packets of a new connection: `*-filter-before` (source ranges, Services without endpoints) -> `services` (destination NAT)
// -> `*-unserved` (a Service address nobody serves is refused, not routed) -> `postrouting` (masquerade).

export const table = 'inet microshift';

/** Bit of the packet mark between `services` and `postrouting`: replies must come back through this node. Upstream's bit. */
const masqueradeBit = '0x4000';
const masqueradeClear = '0xffffbfff';

export interface RulesetOptions {
  /** CIDRs of either family. */
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  /** Addresses in the Service range that this host itself serves, such as the cluster DNS. */
  readonly servedHere: readonly string[];
}

export type Family = '4' | '6';
export const families: readonly Family[] = ['4', '6'];
export const familyOf = (addressOrCidr: string): Family => (addressOrCidr.includes(':') ? '6' : '4');
const protocolOf = (family: Family) => (family === '4' ? 'ip' : 'ip6');

export type Protocol = 'tcp' | 'udp' | 'sctp';
const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/**
 * The endpoint maps hold `what the connection is addressed to . slot -> endpoint`. One a protocol, because nft 1.0.6 cannot read
 * back the type of a map that mixes them with a random number in its key.
 */
const endpointMaps = {
  endpoints: (ip: string, protocol: Protocol) => `${ip} daddr . ${protocol} dport`,
  'endpoints-local': (ip: string, protocol: Protocol) => `${ip} daddr . ${protocol} dport`,
  'nodeport-endpoints': (_: string, protocol: Protocol) => `${protocol} dport`,
  'nodeport-endpoints-local': (_: string, protocol: Protocol) => `${protocol} dport`,
} as const;
export type EndpointMap = keyof typeof endpointMaps;

export const endpointMapName = (map: EndpointMap, protocol: Protocol, family: Family): string =>
  `${map}-${protocol}${family}`;

/** Name of the chain that takes one of `count` slots of a map; the rule in it is pickRule. */
export const pickChain = (map: EndpointMap, protocol: Protocol, family: Family, count: number): string =>
  `pick-${endpointMapName(map, protocol, family)}-${count}`;

const pickPattern = /^pick-([a-z-]+)-(tcp|udp|sctp)([46])-(\d+)$/;

/** The rule of a pick chain, or undefined when `chain` is none. */
export function pickRule(chain: string): string | undefined {
  const [, map, protocol, family, count] = pickPattern.exec(chain) ?? [];
  if (map === undefined || protocol === undefined || family === undefined) return undefined;
  const ip = protocolOf(family as Family);
  const key = endpointMaps[map as EndpointMap](ip, protocol as Protocol);
  const name = endpointMapName(map as EndpointMap, protocol as Protocol, family as Family);
  return `dnat ${ip} to ${key} . numgen random mod ${count} map @${name}`;
}

const interval = (name: string, type: string, values: readonly string[]): string =>
  `  set ${name} { type ${type}; flags interval; ${values.length === 0 ? '' : `elements = { ${values.join(', ')} }; `}}`;

function familySets(family: Family, options: RulesetOptions): string[] {
  const ip = protocolOf(family);
  const address = family === '4' ? 'ipv4_addr' : 'ipv6_addr';
  const own = (values: readonly string[]) => values.filter((value) => familyOf(value) === family);
  const lines = [
    interval(`pod-ranges${family}`, address, own(options.podRanges)),
    interval(`service-ranges${family}`, address, own(options.serviceRanges)),
    interval(`served-here${family}`, address, own(options.servedHere)),
    `  map services${family} { type ${address} . inet_proto . inet_service : verdict; }`,
    `  map services-local${family} { type ${address} . inet_proto . inet_service : verdict; }`,
    `  map nodeports${family} { type inet_proto . inet_service : verdict; }`,
    `  map nodeports-local${family} { type inet_proto . inet_service : verdict; }`,
    `  map refused${family} { type ${address} . inet_proto . inet_service : verdict; }`,
    `  map nodeports-refused${family} { type inet_proto . inet_service : verdict; }`,
    `  set masquerade${family} { type ${address} . inet_proto . inet_service; }`,
    `  set nodeports-masquerade${family} { type inet_proto . inet_service; }`,
    `  set hairpin${family} { type ${address} . ${address}; }`,
    `  set firewalled${family} { type ${address} . inet_proto . inet_service; }`,
    `  set firewall-open${family} { type ${address} . inet_proto . inet_service . ${address}; flags interval; }`,
  ];
  for (const [map, keyOf] of Object.entries(endpointMaps))
    for (const protocol of protocols)
      lines.push(
        `  map ${endpointMapName(map as EndpointMap, protocol, family)} { typeof ${keyOf(ip, protocol)} . numgen random mod 65536 : ${ip} daddr . ${protocol} dport; }`,
      );
  return lines;
}

function familyChains(family: Family): string[] {
  const ip = protocolOf(family);
  const loopback = family === '4' ? '127.0.0.0/8' : '::1';
  const here = `${ip} daddr != ${loopback} fib daddr type local`;
  const service = `${ip} daddr . meta l4proto . th dport`;
  const outside = `${ip} saddr != @pod-ranges${family}`;
  return [
    `  chain before${family} {`,
    `    ${ip} daddr @served-here${family} return`,
    `    ${service} @firewalled${family} ${service} . ${ip} saddr != @firewall-open${family} drop`,
    `    ${service} vmap @refused${family}`,
    `    ${here} meta l4proto . th dport vmap @nodeports-refused${family}`,
    '  }',
    `  chain services${family} {`,
    `    ${ip} daddr @served-here${family} return`,
    `    ${ip} daddr @service-ranges${family} ${outside} meta mark set meta mark or ${masqueradeBit}`,
    `    ${service} @masquerade${family} meta mark set meta mark or ${masqueradeBit}`,
    `    ${outside} fib saddr type != local ${service} vmap @services-local${family}`,
    `    ${service} vmap @services${family}`,
    `    ${here} goto nodeports${family}`,
    '  }',
    `  chain nodeports${family} {`,
    `    meta l4proto . th dport @nodeports-masquerade${family} meta mark set meta mark or ${masqueradeBit}`,
    `    ${outside} fib saddr type != local meta l4proto . th dport vmap @nodeports-local${family}`,
    `    meta l4proto . th dport vmap @nodeports${family}`,
    '  }',
  ];
}

/** The table without Services. In a transaction behind `delete table` it replaces the table of an earlier run without a gap. */
export function constantTable(options: RulesetOptions): string {
  const each = (line: (family: Family, ip: string) => string) =>
    families.map((family) => line(family, protocolOf(family))).join('\n');
  const multicast = { '4': '224.0.0.0/4', '6': 'ff00::/8' };
  return [
    `table ${table} {`,
    ...families.flatMap((family) => familySets(family, options)),
    '  chain refuse {',
    '    meta l4proto tcp reject with tcp reset',
    '    reject',
    '  }',
    ...families.flatMap(familyChains),
    '  chain prerouting-before {',
    '    type filter hook prerouting priority dstnat - 10; policy accept;',
    each((family, ip) => `    ct state new meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} jump before${family}`),
    '  }',
    '  chain output-before {',
    '    type filter hook output priority -110; policy accept;',
    each((family, ip) => `    ct state new meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} jump before${family}`),
    '  }',
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    each((family, ip) => `    meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} jump services${family}`),
    '  }',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    each((family, ip) => `    meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} jump services${family}`),
    '  }',
    '  chain forward-unserved {',
    '    type filter hook forward priority filter; policy accept;',
    each((family, ip) => `    ct state new ${ip} daddr @service-ranges${family} goto refuse`),
    '  }',
    '  chain output-unserved {',
    '    type filter hook output priority filter; policy accept;',
    each(
      (family, ip) =>
        `    ct state new ${ip} daddr @service-ranges${family} ${ip} daddr != @served-here${family} goto refuse`,
    ),
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    meta mark & ${masqueradeBit} != 0 meta mark set meta mark & ${masqueradeClear} masquerade fully-random`,
    each((family, ip) => `    ${ip} saddr . ${ip} daddr @hairpin${family} masquerade fully-random`),
    each(
      (family, ip) =>
        `    ${ip} saddr @pod-ranges${family} ${ip} daddr != @pod-ranges${family} ${ip} daddr != ${multicast[family]} oifname != "lo" masquerade fully-random`,
    ),
    '  }',
    '}',
  ].join('\n');
}
