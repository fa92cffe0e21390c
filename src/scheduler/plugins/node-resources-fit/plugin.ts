// A Pod fits when what it asks for is still free; emptier nodes score higher.
import type { Pod } from '#api/generated/types.ts';
import { effectiveRequests } from '#rules/effective-requests.ts';
import { scoredRequests } from '../../node-info.ts';
import type { NodeFilter, SchedulerPlugin } from '../../plugin.ts';

const standard = ['cpu', 'memory', 'ephemeral-storage'];

/** What the Pod asks for is found out once. */
function prepare(pod: Pod): NodeFilter {
  const requests = effectiveRequests(pod);
  const others = Object.keys(requests).filter((one) => !standard.includes(one));
  const asked = [...standard, ...others].filter((one) => (requests[one] ?? 0) !== 0);
  return (node) => {
    const isFull = node.pods.size + 1 > (node.allocatable['pods'] ?? 0);
    const reasons: string[] = isFull ? ['Too many pods'] : [];
    let resolvable = true;
    for (const resource of asked) {
      const wanted = requests[resource]!;
      const allocatable = node.allocatable[resource] ?? 0;
      if (wanted <= allocatable - (node.requested[resource] ?? 0)) continue;
      reasons.push(`Insufficient ${resource}`);
      if (wanted > allocatable) resolvable = false;
    }
    return reasons.length === 0 ? undefined : { reasons, resolvable };
  };
}

export const nodeResourcesFit: SchedulerPlugin = {
  name: 'NodeResourcesFit',
  wakesOn: ['node', 'pod-removed', 'pod-scaled-down'],
  prepare,
  filter: (pod, node) => prepare(pod)(node),
  score: {
    weight: 1,
    of(pod, nodes) {
      const wanted = scoredRequests(pod);
      return nodes.map(({ allocatable, scored }) => {
        let [sum, count] = [0, 0];
        for (const resource of ['cpu', 'memory'] as const) {
          const total = allocatable[resource] ?? 0;
          if (total === 0) continue;
          const left = total - scored[resource] - wanted[resource];
          sum += left < 0 ? 0 : Math.floor((left * 100) / total);
          count++;
        }
        return count === 0 ? 0 : Math.floor(sum / count);
      });
    },
  },
};
