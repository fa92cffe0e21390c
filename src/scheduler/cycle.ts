// One scheduling decision: which node for this Pod, or why none. Pure.
import type { Pod } from '#api/generated/types.ts';
import type { CycleMeasures } from './metrics.ts';
import type { NodeInfo } from './node-info.ts';
import type { ClusterSnapshot, Rejection, SchedulerPlugin } from './plugin.ts';
import { histogram, preempt, priorityOf, type Preemption } from './preemption.ts';

export type Verdict =
  | { readonly type: 'node'; readonly node: NodeInfo }
  | {
      readonly type: 'unschedulable';
      readonly message: string;
      /** Names of the plugins that rejected a node: they say what may change it. */
      readonly rejectedBy: ReadonlySet<string>;
      /** What would have to go so that it fits. */
      readonly preemption?: Preemption | undefined;
    };

/** `pick`: one of so many equally good nodes. `measures`: told as it goes on. */
export function decide(
  pod: Pod,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  pick: (count: number) => number,
  measures?: CycleMeasures,
): Verdict {
  const { nodes } = cluster;
  if (nodes.length === 0)
    return {
      type: 'unschedulable',
      message: 'no nodes available to schedule pods',
      rejectedBy: new Set(plugins.map((one) => one.name)),
    };
  for (const plugin of plugins) {
    if (plugin.preFilter === undefined) continue;
    measures?.evaluated(plugin, 'PreFilter');
    const text = plugin.preFilter(pod, cluster);
    if (text === undefined) continue;
    measures?.ended('PreFilter', 'Unschedulable');
    return unschedulable(pod, cluster, text, new Map(), new Set([plugin.name]), () => undefined);
  }
  measures?.ended('PreFilter', 'Success');
  const feasible: NodeInfo[] = [];
  const rejections = new Map<NodeInfo, Rejection>();
  const rejectedBy = new Set<string>();
  for (const node of nodes) {
    const rejection = rejectionOf(pod, node, cluster, plugins, measures);
    if (rejection === undefined) feasible.push(node);
    else {
      rejections.set(node, rejection);
      rejectedBy.add(rejection.plugin);
    }
  }
  measures?.ended('Filter', 'Success');
  // Room was made for it there.
  const nominated = feasible.find((one) => one.name === pod.status?.nominatedNodeName);
  if (nominated !== undefined) return { type: 'node', node: nominated };
  if (feasible.length > 0) {
    const node = best(pod, feasible, cluster, plugins, pick, measures);
    measures?.ended('Score', 'Success');
    return { type: 'node', node };
  }
  const reasons = histogram([...rejections.values()].flatMap((one) => one.reasons));
  return unschedulable(pod, cluster, reasons, rejections, rejectedBy, (node, view) =>
    rejectionOf(pod, node, view, plugins),
  );
}

function unschedulable(
  pod: Pod,
  cluster: ClusterSnapshot,
  reasons: string,
  rejections: ReadonlyMap<NodeInfo, Rejection>,
  rejectedBy: ReadonlySet<string>,
  fits: (node: NodeInfo, view: ClusterSnapshot) => Rejection | undefined,
): Verdict {
  const message = `0/${cluster.nodes.length} nodes are available: ${reasons}.`;
  const verdict = preempt(pod, cluster, rejections, fits);
  return verdict.type === 'found'
    ? { type: 'unschedulable', message, rejectedBy, preemption: verdict.preemption }
    : { type: 'unschedulable', message: `${message} preemption: ${verdict.message}`, rejectedBy };
}

type NamedRejection = Rejection & { readonly plugin: string };

/** Pods for which room was made on the node, and which are as important, count as if they were there. */
function rejectionOf(
  pod: Pod,
  node: NodeInfo,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  measures?: CycleMeasures,
): NamedRejection | undefined {
  const expected = cluster
    .nominated(node.name)
    .filter((one) => one.metadata.uid !== pod.metadata.uid && priorityOf(one) >= priorityOf(pod));
  if (expected.length > 0) {
    const crowded = node.clone();
    for (const one of expected) crowded.add(one);
    const rejection = firstRejection(pod, crowded, cluster, plugins);
    if (rejection !== undefined) return rejection;
  }
  return firstRejection(pod, node, cluster, plugins, measures);
}

function firstRejection(
  pod: Pod,
  node: NodeInfo,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  measures?: CycleMeasures,
): NamedRejection | undefined {
  for (const plugin of plugins) {
    if (plugin.filter === undefined) continue;
    measures?.evaluated(plugin, 'Filter');
    const rejection = plugin.filter(pod, node, cluster);
    if (rejection !== undefined) return { ...rejection, plugin: plugin.name };
  }
  return undefined;
}

function best(
  pod: Pod,
  feasible: readonly NodeInfo[],
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  pick: (count: number) => number,
  measures: CycleMeasures | undefined,
): NodeInfo {
  if (feasible.length === 1) return feasible[0]!;
  const totals = feasible.map(() => 0);
  for (const plugin of plugins) {
    const { score } = plugin;
    if (score === undefined) continue;
    measures?.evaluated(plugin, 'Score');
    for (const [index, points] of score.of(pod, feasible, cluster).entries()) totals[index]! += points * score.weight;
  }
  const most = Math.max(...totals);
  const winners = feasible.filter((_, index) => totals[index] === most);
  return winners[pick(winners.length)]!;
}
