// What a Pod asks to be spread by: its own constraints or, where it has none, upstream's defaults for Pods of Services and of controllers.
import type { Pod, TopologySpreadConstraint } from '#api/generated/types.ts';
import { matcherFor, type LabelMatcher } from '#api/meta/label-selector.ts';
import { podMatchesNode } from '#rules/matches-node-selector.ts';
import { untoleratedTaint } from '#rules/tolerates-taint.ts';
import type { NodeInfo } from '../../node-info.ts';
import type { ClusterSnapshot } from '../../plugin.ts';

export const hostnameKey = 'kubernetes.io/hostname';

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** All must match. */
  readonly selectors: readonly LabelMatcher[];
  readonly honoursAffinity: boolean;
  readonly honoursTaints: boolean;
}

export type WhenUnsatisfiable = 'DoNotSchedule' | 'ScheduleAnyway';

const compiled = (constraint: TopologySpreadConstraint, pod: Pod): SpreadConstraint => {
  const labels = pod.metadata.labels ?? {};
  const own = (constraint.matchLabelKeys ?? []).filter((key) => labels[key] !== undefined);
  const matchLabels = Object.fromEntries(own.map((key) => [key, labels[key]!]));
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    // No selector selects nothing, whatever keys it is to have.
    selectors: [matcherFor(constraint.labelSelector), ...(own.length === 0 ? [] : [matcherFor({ matchLabels })])],
    honoursAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
    honoursTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
};

export const ownConstraints = (pod: Pod, whenUnsatisfiable: WhenUnsatisfiable): readonly SpreadConstraint[] =>
  (pod.spec.topologySpreadConstraints ?? [])
    .filter((one) => one.whenUnsatisfiable === whenUnsatisfiable)
    .map((one) => compiled(one, pod));

/** Upstream's (`defaultingType: System`): all are wishes, so they count in scores only. */
const systemDefaults = [
  { topologyKey: hostnameKey, maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

/** None for a Pod that has constraints of its own, or that no Service and no controller of these kinds selects. */
export function defaultConstraints(pod: Pod, cluster: ClusterSnapshot): readonly SpreadConstraint[] {
  if ((pod.spec.topologySpreadConstraints?.length ?? 0) > 0) return [];
  const selectors = selectorsOver(pod, cluster).filter((one) => !one.empty);
  if (selectors.length === 0) return [];
  return systemDefaults.map((one) => ({
    ...one,
    minDomains: 1,
    selectors,
    honoursAffinity: true,
    honoursTaints: false,
  }));
}

/** Of the Services that select the Pod, and of the controller that owns it. */
function selectorsOver(pod: Pod, cluster: ClusterSnapshot): readonly LabelMatcher[] {
  const namespace = pod.metadata.namespace!;
  const found: LabelMatcher[] = [];
  for (const { spec } of cluster.services(namespace)) {
    if (spec?.selector === undefined) continue;
    const selector = matcherFor({ matchLabels: spec.selector });
    if (selector.matches(pod.metadata.labels)) found.push(selector);
  }
  const owner = pod.metadata.ownerReferences?.find((one) => one.controller === true);
  const ofOwner = owner === undefined ? undefined : cluster.controllerSelector(namespace, owner);
  if (ofOwner !== undefined) found.push(matcherFor(ofOwner));
  return found;
}

export const selectsLabels = ({ selectors }: SpreadConstraint, { metadata }: Pod): boolean =>
  selectors.every((one) => one.matches(metadata.labels));

/** How many Pods of a node count for the constraint. */
export function matchingOn(
  { selectors }: SpreadConstraint,
  pod: Pod,
  cluster: ClusterSnapshot,
): (info: NodeInfo) => number {
  const { namespace } = pod.metadata;
  // All and nothing have the same text.
  const key = [namespace, ...selectors.map((one) => `${one.empty} ${one.toString()}`)].join(' ');
  return cluster.matching(
    key,
    ({ metadata }) =>
      metadata.namespace === namespace &&
      metadata.deletionTimestamp === undefined &&
      selectors.every((one) => one.matches(metadata.labels)),
  );
}

/** Whether what runs on the node counts: by the constraint's policies for nodes. */
export const includesNode = ({ honoursAffinity, honoursTaints }: SpreadConstraint, pod: Pod, { node }: NodeInfo) =>
  (!honoursAffinity || podMatchesNode(pod, node)) &&
  (!honoursTaints ||
    untoleratedTaint(pod.spec.tolerations, node.spec?.taints, ['NoSchedule', 'NoExecute']) === undefined);

export const hasKeysOf = (constraints: readonly SpreadConstraint[], { node }: NodeInfo): boolean =>
  constraints.every(({ topologyKey }) => node.metadata.labels?.[topologyKey] !== undefined);
