// Which Pods of lower priority would have to go so that a Pod fits, and on which node they are missed least: upstream's
// DefaultPreemption. Pure: nothing is removed here.
import type { Pod, PodDisruptionBudget } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podCondition } from '#rules/pod-is-ready.ts';
import type { NodeInfo } from './node-info.ts';
import type { ClusterSnapshot, Rejection } from './plugin.ts';

export interface Preemption {
  readonly node: NodeInfo;
  /** The most important first. */
  readonly victims: readonly Pod[];
}

export type PreemptionVerdict =
  | { readonly type: 'found'; readonly preemption: Preemption }
  /** What the message of the Pod says of it, behind `preemption: `. */
  | { readonly type: 'none'; readonly message: string };

/** Tells why the Pod does not fit; undefined: it fits. */
export type Fits = (node: NodeInfo, cluster: ClusterSnapshot) => Rejection | undefined;

export const priorityOf = (pod: Pod): number => pod.spec.priority ?? 0;
const startOf = (pod: Pod): number =>
  pod.status?.startTime === undefined ? Infinity : Date.parse(pod.status.startTime);
const byImportance = (one: Pod, other: Pod): number =>
  priorityOf(other) - priorityOf(one) || (startOf(one) === startOf(other) ? 0 : startOf(one) < startOf(other) ? -1 : 1);

/** `rejections`: of each node, what speaks against it. */
export function preempt(
  pod: Pod,
  cluster: ClusterSnapshot,
  rejections: ReadonlyMap<NodeInfo, Rejection>,
  fits: Fits,
): PreemptionVerdict {
  const none = (message: string): PreemptionVerdict => ({ type: 'none', message });
  if (pod.spec.preemptionPolicy === 'Never') return none('not eligible due to preemptionPolicy=Never.');
  const nominated = cluster.nodes.find((one) => one.name === pod.status?.nominatedNodeName);
  if (nominated !== undefined && rejections.get(nominated)?.resolvable === true && isMakingRoom(nominated, pod))
    return none('not eligible due to a terminating pod on the nominated node.');
  const reasons: string[] = [];
  const candidates: Candidate[] = [];
  for (const node of cluster.nodes) {
    if (rejections.get(node)?.resolvable !== true) {
      reasons.push('Preemption is not helpful for scheduling');
      continue;
    }
    const result = candidateOn(pod, node, cluster, fits);
    if ('victims' in result) candidates.push(result);
    else reasons.push(...result.reasons);
  }
  if (candidates.length > 0) return { type: 'found', preemption: best(candidates) };
  return none(`0/${cluster.nodes.length} nodes are available: ${histogram(reasons)}.`);
}

/** `2 Insufficient cpu, 1 node(s) were unschedulable`. */
export function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(', ');
}

/** Pods that were preempted there are still ending. */
const isMakingRoom = (node: NodeInfo, pod: Pod): boolean =>
  [...node.pods.values()].some(
    (one) =>
      one.metadata.deletionTimestamp !== undefined &&
      priorityOf(one) < priorityOf(pod) &&
      podCondition(one, 'DisruptionTarget')?.reason === 'PreemptionByScheduler',
  );

interface Candidate extends Preemption {
  readonly violations: number;
}

function candidateOn(pod: Pod, node: NodeInfo, cluster: ClusterSnapshot, fits: Fits): Candidate | Rejection {
  const lower = [...node.pods.values()].filter((one) => priorityOf(one) < priorityOf(pod));
  if (lower.length === 0) return { reasons: ['No preemption victims found for incoming pod'], resolvable: false };
  const trial = node.clone();
  const view: ClusterSnapshot = { ...viewOf(cluster), nodes: cluster.nodes.map((one) => (one === node ? trial : one)) };
  for (const one of lower) trial.remove(one.metadata.uid!);
  const rejection = fits(trial, view);
  if (rejection !== undefined) return rejection;
  // As many as possible stay: first those whose budgets would be violated, then the others, important ones first.
  const { violating, others } = byBudgets(lower.toSorted(byImportance), cluster);
  const victims: Pod[] = [];
  let violations = 0;
  for (const one of [...violating, ...others]) {
    trial.add(one);
    if (fits(trial, view) === undefined) continue;
    trial.remove(one.metadata.uid!);
    victims.push(one);
    if (violating.includes(one)) violations++;
  }
  return { node, victims: victims.toSorted(byImportance), violations };
}

/** A class instance loses its methods when it is spread. */
const viewOf = (cluster: ClusterSnapshot): ClusterSnapshot => ({
  nodes: cluster.nodes,
  devices: cluster.devices,
  claim: (namespace, name) => cluster.claim(namespace, name),
  volume: (name) => cluster.volume(name),
  volumes: () => cluster.volumes(),
  storageClass: (name) => cluster.storageClass(name),
  csiNode: (node) => cluster.csiNode(node),
  csiDriver: (name) => cluster.csiDriver(name),
  storageCapacities: () => cluster.storageCapacities(),
  attachments: (node) => cluster.attachments(node),
  namespaceLabels: (namespace) => cluster.namespaceLabels(namespace),
  budgets: (namespace) => cluster.budgets(namespace),
  matching: (key, matches) => cluster.matching(key, matches),
  services: (namespace) => cluster.services(namespace),
  controllerSelector: (namespace, owner) => cluster.controllerSelector(namespace, owner),
  nominated: (node) => cluster.nominated(node),
});

function byBudgets(pods: readonly Pod[], cluster: ClusterSnapshot): { violating: Pod[]; others: Pod[] } {
  const left = new Map<PodDisruptionBudget, number>();
  const violating: Pod[] = [];
  const others: Pod[] = [];
  for (const pod of pods) {
    let isViolating = false;
    for (const budget of cluster.budgets(pod.metadata.namespace!)) {
      const { selector } = budget.spec ?? {};
      const isEmpty = Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length === 0;
      if (isEmpty || pod.metadata.labels === undefined || !matcherFor(selector).matches(pod.metadata.labels)) continue;
      // Its eviction was allowed already.
      if (budget.status?.disruptedPods?.[pod.metadata.name!] !== undefined) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) isViolating = true;
    }
    (isViolating ? violating : others).push(pod);
  }
  return { violating, others };
}

/** Keeps those with the lowest value, criterion by criterion, until one is left. */
function best(candidates: readonly Candidate[]): Preemption {
  const criteria: readonly ((one: Candidate) => number)[] = [
    (one) => one.violations,
    ({ victims }) => (victims.length === 0 ? -Infinity : priorityOf(victims[0]!)),
    // Moved so that more victims always weigh more, whatever their signs.
    ({ victims }) => victims.reduce((sum, one) => sum + priorityOf(one) + 2 ** 31, 0),
    ({ victims }) => victims.length,
    // Of the most important ones, the one that ran longest: the later it started the better.
    ({ victims }) =>
      -Math.min(...victims.filter((one) => priorityOf(one) === priorityOf(victims[0]!)).map((one) => startOf(one))),
  ];
  let left = candidates;
  for (const value of criteria) {
    if (left.length === 1) break;
    const least = Math.min(...left.map(value));
    left = left.filter((one) => value(one) === least);
  }
  return left[0]!;
}
