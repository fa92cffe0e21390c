// How nodes are, by zone, under upstream's names.
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { familyText } from '#base/metrics/families.ts';
import type { Lookup, Measures } from '../runtime/declaration.ts';
import type { NodeLifecycleSnapshot } from './decide.ts';
import { countsForZone, isDown, zoneOf } from './pace.ts';

const evicts = ({ spec }: Node): boolean => spec?.taints?.some((one) => one.effect === 'NoExecute') === true;

export const nodeMeasures: Measures<NodeLifecycleSnapshot> = (registry) => {
  let lookup: Lookup | undefined;
  const byZone = (name: string, help: string, value: (nodes: readonly Node[]) => number): void => {
    const text = (): string => {
      const zones = Map.groupBy((lookup?.list(Nodes) ?? []).filter(countsForZone), zoneOf);
      return familyText(
        name,
        'gauge',
        help,
        [...zones].map(([zone, nodes]) => ['', { zone }, value(nodes)]),
      );
    };
    registry.add({ name, text });
  };
  const healthy = (nodes: readonly Node[]): number => nodes.filter((one) => !isDown(one)).length;
  byZone('node_collector_zone_size', 'Nodes of a zone.', (nodes) => nodes.length);
  byZone(
    'node_collector_zone_health',
    'How many in a hundred are ready.',
    (nodes) => (healthy(nodes) / nodes.length) * 100,
  );
  byZone(
    'node_collector_unhealthy_nodes_in_zone',
    'Nodes that are not ready.',
    (nodes) => nodes.length - healthy(nodes),
  );
  const evictions = registry.counter('node_collector_evictions_total', 'Nodes whose Pods have to go.', ['zone']);
  return (run) => {
    lookup ??= run.lookup;
    if ('gone' in run.seen) return;
    const { node } = run.seen;
    const count = evictions.with({ zone: zoneOf(node) });
    if (run.error !== undefined || evicts(node)) return;
    const tainted = run.actions.some(
      (one) => one.verb === 'update' && one.subresource === undefined && evicts(one.object as Node),
    );
    if (tainted) count.add();
  };
};
