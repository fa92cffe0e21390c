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
        const part = (resource: 'cpu' | 'memory') => {
          const total = allocatable[resource] ?? 0;
          return total === 0 ? undefined : Math.min(1, ((requested[resource] ?? 0) + (wanted[resource] ?? 0)) / total);
        };
        const [cpu, memory] = [part('cpu'), part('memory')];
        const deviation = cpu === undefined || memory === undefined ? 0 : Math.abs((cpu - memory) / 2);
        return Math.floor((1 - deviation) * 100);
      });
    },
  },
};
