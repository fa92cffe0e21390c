// The constant part of the table `inet microshift-policy`, which is there while there are NetworkPolicies. Two chains look at what the
// node forwards, one behind the other, because `accept` ends one of them only: what a Pod may send, then what a Pod may get. Traffic of
// the node itself passes neither (it is not forwarded), so probes, and Pods that ask their node, are never refused, as the API demands.
import { families as allFamilies, type Family, familyOf } from '../proxy/ruleset.ts';

export { type Family, familyOf };
export const policyTable = 'inet microshift-policy';

export const directions = ['ingress', 'egress'] as const;
export type Direction = (typeof directions)[number];

export const protocolOf = (family: Family): 'ip' | 'ip6' => (family === '4' ? 'ip' : 'ip6');
export const addressType = (family: Family): string => (family === '4' ? 'ipv4_addr' : 'ipv6_addr');

/** Map of the addresses of this node's isolated Pods to what holds for them. */
export const isolatedMap = (direction: Direction, family: Family): string => `${direction}${family}`;
/** A Pod always reaches itself, also through a Service. */
export const selfSet = (family: Family): string => `self${family}`;

export const familiesOf = (ranges: readonly string[]): readonly Family[] =>
  allFamilies.filter((family) => ranges.some((range) => familyOf(range) === family));

export function constantTable(families: readonly Family[]): string {
  const chain = (direction: Direction, priority: string, own: 'saddr' | 'daddr') => [
    `  chain ${direction} {`,
    `    type filter hook forward priority ${priority}; policy accept;`,
    // Replies, and what connections that were allowed bring about.
    '    ct state established,related accept',
    // Neighbour discovery is IPv6's ARP: without it even a reply has no way. Policies are about connections, not about it.
    ...(families.includes('6')
      ? ['    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept']
      : []),
    ...families.flatMap((family) => {
      const ip = protocolOf(family);
      return [
        `    ${ip} saddr . ${ip} daddr @${selfSet(family)} accept`,
        `    ${ip} ${own} vmap @${isolatedMap(direction, family)}`,
      ];
    }),
    '  }',
  ];
  return [
    `table ${policyTable} {`,
    ...families.flatMap((family) => [
      `  set ${selfSet(family)} { type ${addressType(family)} . ${addressType(family)}; }`,
      ...directions.map(
        (direction) => `  map ${isolatedMap(direction, family)} { type ${addressType(family)} : verdict; }`,
      ),
    ]),
    ...chain('egress', 'filter + 5', 'saddr'),
    ...chain('ingress', 'filter + 6', 'daddr'),
    '}',
  ].join('\n');
}
