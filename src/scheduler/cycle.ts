// One scheduling decision: which node for this Pod, or why none. Pure.
import type { Pod } from '#api/generated/types.ts';
import type { CycleMeasures } from './metrics.ts';
import type { NodeInfo } from './node-info.ts';
import type { ClusterSnapshot, NodeFilter, Rejection, Relief, SchedulerPlugin } from './plugin.ts';
import { histogram, preempt, priorityOf, type Preemption } from './preemption.ts';

export type Verdict =
  /** `looked`: at so many nodes; the next Pod's search begins behind them. */
  | { readonly type: 'node'; readonly node: NodeInfo; readonly looked: number }
  | {
      readonly type: 'unschedulable';
      readonly message: string;
      /** Names of the plugins that rejected a node: they say what may change it. */
      readonly rejectedBy: ReadonlySet<string>;
      /** What would have to go so that it fits. */
      readonly preemption?: Preemption | undefined;
      /** A claim that is to lose its devices, so that the Pod may get others. */
      readonly release?: Relief['release'];
    };

/** In large clusters the best of some is good enough, and much sooner found. Upstream's default (percentageOfNodesToScore unset). */
export function feasibleMax(nodes: number): number {
  if (nodes < 100) return nodes;
  const percent = Math.max(5, 50 - Math.trunc(nodes / 125));
  return Math.max(100, Math.trunc((nodes * percent) / 100));
}

/** `pick`: one of so many equally good nodes. `measures`: told as it goes on. `from`: where the search begins. */
/** Throws CycleError. */
export function decide(
  pod: Pod,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  pick: (count: number) => number,
  measures?: CycleMeasures,
  from = 0,
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
    const reliefs = reliefsOf(pod, cluster, plugins, new Map(), pick);
    return unschedulable(pod, cluster, text, new Map(), new Set([plugin.name]), reliefs, () => undefined);
  }
  measures?.ended('PreFilter', 'Success');
  const feasible: NodeInfo[] = [];
  const rejections = new Map<NodeInfo, Rejection>();
  const rejectedBy = new Set<string>();
  const filters = preparedFilters(pod, cluster, plugins);
  const most = feasibleMax(nodes.length);
  let looked = 0;
  while (looked < nodes.length && feasible.length < most) {
    const node = nodes[(from + looked++) % nodes.length]!;
    const rejection = rejectionOf(pod, node, cluster, plugins, (one) => firstOf(filters, one, measures));
    if (rejection === undefined) feasible.push(node);
    else {
      rejections.set(node, rejection);
      rejectedBy.add(rejection.plugin);
    }
  }
  measures?.ended('Filter', 'Success');
  // Room was made for it there.
  const nominatedName = pod.status?.nominatedNodeName ?? '';
  if (nominatedName !== '') {
    const nominated = nodes.find((one) => one.name === nominatedName);
    if (
      nominated !== undefined &&
      !rejections.has(nominated) &&
      rejectionOf(pod, nominated, cluster, plugins) === undefined
    )
      return { type: 'node', node: nominated, looked };
  }
  if (feasible.length > 0) {
    const node = best(pod, feasible, cluster, plugins, pick, measures);
    measures?.ended('Score', 'Success');
    return { type: 'node', node, looked };
  }
  const reasons = histogram([...rejections.values()].flatMap((one) => one.reasons));
  const reliefs = reliefsOf(pod, cluster, plugins, rejections, pick);
  return unschedulable(pod, cluster, reasons, rejections, rejectedBy, reliefs, (node, view) =>
    rejectionOf(pod, node, view, plugins),
  );
}

const reliefsOf = (
  pod: Pod,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  rejections: ReadonlyMap<NodeInfo, Rejection>,
  pick: (count: number) => number,
): readonly Relief[] => plugins.flatMap((one) => one.postFilter?.(pod, cluster, rejections, pick) ?? []);

function unschedulable(
  pod: Pod,
  cluster: ClusterSnapshot,
  reasons: string,
  rejections: ReadonlyMap<NodeInfo, Rejection>,
  rejectedBy: ReadonlySet<string>,
  reliefs: readonly Relief[],
  fits: (node: NodeInfo, view: ClusterSnapshot) => Rejection | undefined,
): Verdict {
  const message = `0/${cluster.nodes.length} nodes are available: ${reasons}.`;
  const verdict = preempt(pod, cluster, rejections, fits);
  const release = reliefs.find((one) => one.release !== undefined)?.release;
  if (verdict.type === 'found')
    return { type: 'unschedulable', message, rejectedBy, preemption: verdict.preemption, release };
  const tried = [...reliefs.map((one) => one.message), `preemption: ${verdict.message}`].join(', ');
  return { type: 'unschedulable', message: `${message} ${tried}`, rejectedBy, release };
}

type NamedRejection = Rejection & { readonly plugin: string };

/** Pods for which room was made on the node, and which are as important, count as if they were there. */
function rejectionOf(
  pod: Pod,
  node: NodeInfo,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
  quickly: (node: NodeInfo) => NamedRejection | undefined = (one) => firstRejection(pod, one, cluster, plugins),
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
  return quickly(node);
}

interface PreparedFilter {
  readonly plugin: SchedulerPlugin;
  readonly filter: NodeFilter;
}

function preparedFilters(
  pod: Pod,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
): readonly PreparedFilter[] {
  const prepared: PreparedFilter[] = [];
  for (const plugin of plugins) {
    const filter =
      plugin.prepare !== undefined
        ? plugin.prepare(pod, cluster)
        : plugin.filter && ((node: NodeInfo) => plugin.filter!(pod, node, cluster));
    if (filter !== undefined) prepared.push({ plugin, filter });
  }
  return prepared;
}

function firstOf(
  filters: readonly PreparedFilter[],
  node: NodeInfo,
  measures: CycleMeasures | undefined,
): NamedRejection | undefined {
  for (const { plugin, filter } of filters) {
    measures?.evaluated(plugin, 'Filter');
    const rejection = filter(node);
    if (rejection !== undefined) return { ...rejection, plugin: plugin.name };
  }
  return undefined;
}

function firstRejection(
  pod: Pod,
  node: NodeInfo,
  cluster: ClusterSnapshot,
  plugins: readonly SchedulerPlugin[],
): NamedRejection | undefined {
  for (const plugin of plugins) {
    if (plugin.filter === undefined) continue;
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
  const most = totals.reduce((one, other) => Math.max(one, other));
  const winners = feasible.filter((_, index) => totals[index] === most);
  return winners[pick(winners.length)]!;
}
