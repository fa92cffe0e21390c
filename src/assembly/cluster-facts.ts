// What a node must know of the cluster that it joins, as the control plane publishes it. Pure.
import type { ConfigMap } from '#api/generated/types.ts';
import type { Configuration } from './config/configuration.ts';
import { parseRanges, rangeTexts } from './config/cluster-ranges.ts';

export const clusterFactsName = { namespace: 'kube-public', name: 'microshift-cluster' } as const;

export interface ClusterFacts {
  /** The uid of the namespace kube-system. */
  readonly id: string;
  /** As in the configuration. */
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  readonly dnsAddress: string;
  readonly domain: string;
  /** PEM: who may call the API of a node. */
  readonly nodeClientAuthorities: string;
}

const fields = {
  id: 'clusterID',
  podRanges: 'clusterCIDR',
  serviceRanges: 'serviceCIDR',
  dnsAddress: 'clusterDNS',
  domain: 'clusterDomain',
  nodeClientAuthorities: 'kubelet-client-ca.crt',
} as const satisfies Record<keyof ClusterFacts, string>;

export const clusterFacts = ({ cluster }: Configuration, id: string, nodeClientAuthorities: string): ClusterFacts => ({
  id,
  podRanges: cluster.podRanges,
  serviceRanges: cluster.serviceRanges,
  dnsAddress: cluster.dnsAddress,
  domain: cluster.domain,
  nodeClientAuthorities,
});

export const clusterFactsConfigMap = (facts: ClusterFacts): ConfigMap => ({
  metadata: { ...clusterFactsName },
  data: Object.fromEntries(
    Object.entries(fields).map(([key, name]) => [name, String(facts[key as keyof ClusterFacts])]),
  ),
});

/** Undefined: something is missing. */
export function readClusterFacts(data: Readonly<Record<string, string>> | undefined): ClusterFacts | undefined {
  const read = (key: keyof ClusterFacts): string => data?.[fields[key]] ?? '';
  const facts: ClusterFacts = {
    id: read('id'),
    podRanges: rangeTexts(parseRanges(read('podRanges'))),
    serviceRanges: rangeTexts(parseRanges(read('serviceRanges'))),
    dnsAddress: read('dnsAddress'),
    domain: read('domain'),
    nodeClientAuthorities: read('nodeClientAuthorities'),
  };
  return Object.values(facts).every((one) => one.length > 0) ? facts : undefined;
}
