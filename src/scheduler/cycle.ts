// One scheduling decision: which node for this Pod, or why none. Pure.
import type { Pod } from '#api/generated/types.ts';
import type { NodeInfo } from './node-info.ts';
import type { ClusterSnapshot, Rejection, SchedulerPlugin } from './plugin.ts';

export type Verdict =
  | { readonly type: 'node'; readonly node: NodeInfo }
  | {
      readonly type: 'unschedulable';
      readonly message: string;
      /** Names of the plugins that rejected a node: they say what may change it. */
      readonly rejectedBy: ReadonlySet<string>;
    };

/** `pick`: one of so many equally good nodes. */
export function decide(
  pod: Pod,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  pick: (count: number) => number,
): Verdict {
  const { nodes } = cluster;
  if (nodes.length === 0)
    return {
      type: 'unschedulable',
      message: 'no nodes available to schedule pods',
      rejectedBy: new Set(plugins.map((one) => one.name)),
    };
  for (const plugin of plugins) {
    const text = plugin.preFilter?.(pod, cluster);
    if (text !== undefined)
      return {
        type: 'unschedulable',
        message: `${allRejected(nodes.length)} ${text}. ${preemption(pod, nodes, [])}`,
        rejectedBy: new Set([plugin.name]),
      };
  }
  const feasible: NodeInfo[] = [];
  const rejections: Rejection[] = [];
  const rejectedBy = new Set<string>();
  for (const node of nodes) {
    const rejection = firstRejection(pod, node, cluster, plugins);
    if (rejection === undefined) feasible.push(node);
    else {
      rejections.push(rejection);
      rejectedBy.add(rejection.plugin);
    }
  }
  if (feasible.length === 0)
    return {
      type: 'unschedulable',
      message: `${allRejected(nodes.length)} ${histogram(rejections.flatMap((one) => one.reasons))}. ${preemption(pod, nodes, rejections)}`,
      rejectedBy,
    };
  return { type: 'node', node: best(pod, feasible, cluster, plugins, pick) };
}

function firstRejection(
  pod: Pod,
  node: NodeInfo,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
): (Rejection & { readonly plugin: string }) | undefined {
  for (const plugin of plugins) {
    const rejection = plugin.filter?.(pod, node, cluster);
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
): NodeInfo {
  if (feasible.length === 1) return feasible[0]!;
  const totals = feasible.map(() => 0);
  for (const { score } of plugins) {
    if (score === undefined) continue;
    for (const [index, points] of score.of(pod, feasible, cluster).entries()) totals[index]! += points * score.weight;
  }
  const most = Math.max(...totals);
  const winners = feasible.filter((_, index) => totals[index] === most);
  return winners[pick(winners.length)]!;
}

const allRejected = (count: number) => `0/${count} nodes are available:`;

/** `2 Insufficient cpu, 1 node(s) were unschedulable`. */
function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(', ');
}

/** What evicting other Pods could do: upstream says it in the same message. */
function preemption(pod: Pod, nodes: readonly NodeInfo[], rejections: readonly Rejection[]): string {
  if (pod.spec.preemptionPolicy === 'Never') return 'preemption: not eligible due to preemptionPolicy=Never.';
  const resolvable = rejections.filter((one) => one.resolvable).length;
  const reasons = [
    ...Array.from({ length: resolvable }, () => 'No preemption victims found for incoming pod'),
    ...Array.from({ length: nodes.length - resolvable }, () => 'Preemption is not helpful for scheduling'),
  ];
  return `preemption: ${allRejected(nodes.length)} ${histogram(reasons)}.`;
}
