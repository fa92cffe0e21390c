// Spreads Pods over zones, nodes or other domains. As upstream's PodTopologySpread, its default constraints included.
import type { Pod } from '#api/generated/types.ts';
import type { NodeInfo } from '../../node-info.ts';
import { resolvable, unresolvable, type ClusterSnapshot, type NodeFilter, type SchedulerPlugin } from '../../plugin.ts';
import {
  defaultConstraints,
  hasKeysOf,
  hostnameKey,
  includesNode,
  matchingOn,
  ownConstraints,
  selectsLabels,
  type SpreadConstraint,
} from './spread-constraints.ts';

/** Counts once what is the same for all nodes. */
function prepare(pod: Pod, cluster: ClusterSnapshot): NodeFilter | undefined {
  const constraints = ownConstraints(pod, 'DoNotSchedule');
  if (constraints.length === 0) return undefined;
  // A node without one of the keys counts for none of them.
  const counted = cluster.nodes.filter((info) => hasKeysOf(constraints, info));
  const limits = constraints.map((constraint) => {
    const matching = new Map<string, number>();
    const countOn = matchingOn(constraint, pod, cluster);
    for (const info of counted) {
      if (!includesNode(constraint, pod, info)) continue;
      const domain = info.node.metadata.labels![constraint.topologyKey]!;
      matching.set(domain, (matching.get(domain) ?? 0) + countOn(info));
    }
    let least = matching.size < constraint.minDomains ? 0 : Number.POSITIVE_INFINITY;
    for (const count of matching.values()) least = Math.min(least, count);
    const selfCounts = selectsLabels(constraint, pod) ? 1 : 0;
    return { key: constraint.topologyKey, matching, most: constraint.maxSkew + least - selfCounts };
  });
  return ({ node }) => {
    for (const { key, matching, most } of limits) {
      const domain = node.metadata.labels?.[key];
      if (domain === undefined)
        return unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");
      if ((matching.get(domain) ?? 0) > most) return resolvable("node(s) didn't match pod topology spread constraints");
    }
    return undefined;
  };
}

export const podTopologySpread: SchedulerPlugin = {
  name: 'PodTopologySpread',
  wakesOn: ['node', 'node-removed', 'pod-removed', 'pod-added'],
  prepare,
  filter: (pod, info, cluster) => prepare(pod, cluster)?.(info),
  score: {
    weight: 2,
    of: (pod, nodes, cluster) => scores(pod, nodes, cluster),
  },
};

/** Fewer matching Pods in a node's domains score higher; small topologies are not drowned out by large ones. */
function scores(pod: Pod, nodes: readonly NodeInfo[], cluster: ClusterSnapshot): readonly number[] {
  const own = ownConstraints(pod, 'ScheduleAnyway');
  const constraints = own.length > 0 ? own : defaultConstraints(pod, cluster);
  if (constraints.length === 0) return nodes.map(() => 0);
  // The defaults spread over nodes where there are no zones.
  const counts = (info: NodeInfo) => own.length === 0 || hasKeysOf(constraints, info);
  const scored = nodes.filter(counts);
  const counted = own.length === 0 ? cluster.nodes : cluster.nodes.filter(counts);
  const parts = constraints.map((constraint) => scoreBy(constraint, pod, scored, counted, cluster));
  const raw = new Map(scored.map((info) => [info, Math.round(parts.reduce((sum, part) => sum + part(info), 0))]));
  let [most, least] = [0, Number.POSITIVE_INFINITY];
  for (const value of raw.values()) [most, least] = [Math.max(most, value), Math.min(least, value)];
  return nodes.map((info) => {
    const score = raw.get(info);
    if (score === undefined) return 0;
    return most === 0 ? 100 : Math.floor((100 * (most + least - score)) / most);
  });
}

/** What a node gets for one constraint, before all is set in relation: more is worse. */
function scoreBy(
  constraint: SpreadConstraint,
  pod: Pod,
  scored: readonly NodeInfo[],
  counted: readonly NodeInfo[],
  cluster: ClusterSnapshot,
): (info: NodeInfo) => number {
  const { topologyKey, maxSkew } = constraint;
  const countOn = matchingOn(constraint, pod, cluster);
  const valueOf = ({ node }: NodeInfo) => node.metadata.labels?.[topologyKey];
  if (topologyKey === hostnameKey) {
    const weight = Math.log(scored.length + 2);
    return (info) => (valueOf(info) === undefined ? 0 : countOn(info) * weight + maxSkew - 1);
  }
  // Nodes without the key are one domain as far as the number of domains goes.
  const weight = Math.log(new Set(scored.map(valueOf)).size + 2);
  const matching = new Map<string, number>();
  for (const info of scored) {
    const value = valueOf(info);
    if (value !== undefined) matching.set(value, 0);
  }
  if (matching.size === 0) return () => 0;
  for (const info of counted) {
    const value = valueOf(info);
    const count = value === undefined ? undefined : matching.get(value);
    if (count === undefined || !includesNode(constraint, pod, info)) continue;
    matching.set(value!, count + countOn(info));
  }
  return (info) => {
    const value = valueOf(info);
    return value === undefined ? 0 : matching.get(value)! * weight + maxSkew - 1;
  };
}
