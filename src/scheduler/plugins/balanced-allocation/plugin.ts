// Nodes whose CPU and memory would be used to a similar part score higher.
import { effectiveRequests } from '#rules/effective-requests.ts';
import type { SchedulerPlugin } from '../../plugin.ts';

export const balancedAllocation: SchedulerPlugin = {
  name: 'NodeResourcesBalancedAllocation',
  wakesOn: [],
  score: {
    weight: 1,
    of(pod, nodes) {
      const wanted = effectiveRequests(pod);
      return nodes.map(({ allocatable, requested }) => {
        const parts = ['cpu', 'memory'].flatMap((resource) => {
          const total = allocatable[resource] ?? 0;
          return total === 0 ? [] : [Math.min(1, ((requested[resource] ?? 0) + (wanted[resource] ?? 0)) / total)];
        });
        const deviation = parts.length === 2 ? Math.abs((parts[0]! - parts[1]!) / 2) : 0;
        return Math.floor((1 - deviation) * 100);
      });
    },
  },
};
