// Spreads Pods over zones, nodes or other domains.
import type { Pod, TopologySpreadConstraint } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podMatchesNode } from '#rules/matches-node-selector.ts';
import { untoleratedTaint } from '#rules/tolerates-taint.ts';
import type { NodeInfo } from '../../node-info.ts';
import { resolvable, unresolvable, type ClusterSnapshot, type NodeFilter, type SchedulerPlugin } from '../../plugin.ts';

const constraintsOf = (pod: Pod, whenUnsatisfiable: string): readonly TopologySpreadConstraint[] =>
  (pod.spec.topologySpreadConstraints ?? []).filter((one) => one.whenUnsatisfiable === whenUnsatisfiable);

function counts(constraint: TopologySpreadConstraint, pod: Pod, other: Pod): boolean {
  return (
    other.metadata.namespace === pod.metadata.namespace &&
    other.metadata.deletionTimestamp === undefined &&
    matcherFor(constraint.labelSelector).matches(other.metadata.labels) &&
    (constraint.matchLabelKeys ?? []).every(
      (key) => pod.metadata.labels?.[key] === undefined || other.metadata.labels?.[key] === pod.metadata.labels[key],
    )
  );
}

const isEligible = (constraint: TopologySpreadConstraint, pod: Pod, { node }: NodeInfo): boolean =>
  node.metadata.labels?.[constraint.topologyKey] !== undefined &&
  ((constraint.nodeAffinityPolicy ?? 'Honor') !== 'Honor' || podMatchesNode(pod, node)) &&
  (constraint.nodeTaintsPolicy !== 'Honor' ||
    untoleratedTaint(pod.spec.tolerations, node.spec?.taints, ['NoSchedule', 'NoExecute']) === undefined);

/** Domain -> matching Pods. */
function domains(constraint: TopologySpreadConstraint, pod: Pod, cluster: ClusterSnapshot): Map<string, number> {
  const matching = new Map<string, number>();
  for (const info of cluster.nodes) {
    if (!isEligible(constraint, pod, info)) continue;
    const domain = info.node.metadata.labels![constraint.topologyKey]!;
    let count = matching.get(domain) ?? 0;
    for (const other of info.pods.values()) if (counts(constraint, pod, other)) count++;
    matching.set(domain, count);
  }
  return matching;
}

/** Counts once what is the same for all nodes. */
function prepare(pod: Pod, cluster: ClusterSnapshot): NodeFilter | undefined {
  const constraints = constraintsOf(pod, 'DoNotSchedule');
  if (constraints.length === 0) return undefined;
  const counted = constraints.map((constraint) => {
    const matching = domains(constraint, pod, cluster);
    const fewDomains = constraint.minDomains !== undefined && matching.size < constraint.minDomains;
    let least = fewDomains || matching.size === 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const count of matching.values()) least = Math.min(least, count);
    const selfCounts = matcherFor(constraint.labelSelector).matches(pod.metadata.labels) ? 1 : 0;
    return { key: constraint.topologyKey, matching, most: constraint.maxSkew + least - selfCounts };
  });
  return ({ node }) => {
    for (const { key, matching, most } of counted) {
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
  wakesOn: ['node', 'pod-removed', 'pod-added'],
  prepare,
  filter: (pod, info, cluster) => prepare(pod, cluster)?.(info),
  score: {
    weight: 2,
    of: (pod, nodes, cluster) => scores(pod, nodes, cluster),
  },
};

const hostnameKey = 'kubernetes.io/hostname';

/** Fewer matching Pods in a node's domains score higher; small topologies are not drowned out by large ones. */
function scores(pod: Pod, nodes: readonly NodeInfo[], cluster: ClusterSnapshot): readonly number[] {
  const constraints = constraintsOf(pod, 'ScheduleAnyway');
  if (constraints.length === 0) return nodes.map(() => 0);
  const hasAll = ({ node }: NodeInfo) =>
    constraints.every((one) => node.metadata.labels?.[one.topologyKey] !== undefined);
  const scored = nodes.filter(hasAll);
  const valueOf = ({ node }: NodeInfo, { topologyKey }: TopologySpreadConstraint) =>
    node.metadata.labels![topologyKey]!;
  const parts = constraints.map((constraint) => {
    const matchingOn = (info: NodeInfo) =>
      [...info.pods.values()].filter((other) => counts(constraint, pod, other)).length;
    const extra = constraint.maxSkew - 1;
    if (constraint.topologyKey === hostnameKey) {
      const weight = Math.log(scored.length + 2);
      return (info: NodeInfo) => matchingOn(info) * weight + extra;
    }
    const byValue = new Map(scored.map((info) => [valueOf(info, constraint), 0]));
    const weight = Math.log(byValue.size + 2);
    for (const info of cluster.nodes) {
      if (!hasAll(info) || !isEligible(constraint, pod, info)) continue;
      const value = valueOf(info, constraint);
      const count = byValue.get(value);
      if (count !== undefined) byValue.set(value, count + matchingOn(info));
    }
    return (info: NodeInfo) => byValue.get(valueOf(info, constraint))! * weight + extra;
  });
  const raw = new Map(scored.map((info) => [info, Math.round(parts.reduce((sum, part) => sum + part(info), 0))]));
  let [most, least] = [0, Number.POSITIVE_INFINITY];
  for (const value of raw.values()) [most, least] = [Math.max(most, value), Math.min(least, value)];
  return nodes.map((info) => {
    const score = raw.get(info);
    if (score === undefined) return 0;
    return most === 0 ? 100 : Math.floor((100 * (most + least - score)) / most);
  });
}
