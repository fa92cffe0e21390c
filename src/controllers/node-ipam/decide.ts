// Gives each node its part of the cluster network.
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { nothing, patch, type Decision, type EventRequest } from '../runtime/action.ts';
import { subnets } from './subnets.ts';

export interface ClusterNetwork {
  readonly cidr: string;
  /** Prefix length of a node's part. */
  readonly nodePrefixLength: number;
}
export interface NodeIpamSnapshot {
  readonly nodes: readonly Node[];
  readonly networks: readonly ClusterNetwork[];
}

/** One decision over all nodes: so that no part is given twice. */
export function decide({ nodes, networks }: NodeIpamSnapshot): Decision {
  const waiting = nodes.filter(
    (one) => (one.spec?.podCIDR ?? '') === '' && one.metadata.deletionTimestamp === undefined,
  );
  if (waiting.length === 0 || networks.length === 0) return nothing;
  const taken = new Set(nodes.flatMap((one) => one.spec?.podCIDRs ?? (one.spec?.podCIDR ? [one.spec.podCIDR] : [])));
  const free = networks.map((network) => freeSubnets(network, taken));
  const events: EventRequest[] = [];
  const actions = waiting
    .toSorted((one, other) => (one.metadata.name! < other.metadata.name! ? -1 : 1))
    .flatMap((node) => {
      const parts = free.map((one) => one.next().value);
      if (!parts.every((one): one is string => one !== undefined)) {
        events.push({
          about: { ...node, kind: 'Node', apiVersion: 'v1' },
          type: 'Normal',
          reason: 'CIDRNotAvailable',
          message: `Node ${node.metadata.name!} status is now: CIDRNotAvailable`,
        });
        return [];
      }
      return [
        patch(Nodes, node, {
          type: 'strategic',
          value: { metadata: { uid: node.metadata.uid }, spec: { podCIDR: parts[0], podCIDRs: parts } },
        }),
      ];
    });
  return { actions, events };
}

function* freeSubnets(
  { cidr, nodePrefixLength }: ClusterNetwork,
  taken: ReadonlySet<string>,
): Generator<string, undefined> {
  for (const subnet of subnets(cidr, nodePrefixLength)) if (!taken.has(subnet)) yield subnet;
  return undefined;
}
