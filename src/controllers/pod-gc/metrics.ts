// Pods that were deleted by force and why, under upstream's names.
import type { Measures } from '../runtime/declaration.ts';
import { reasonOf, type PodGarbageSnapshot } from './decide.ts';

export const podGarbageMeasures: Measures<PodGarbageSnapshot> = (registry) => {
  const labels = ['namespace', 'reason'] as const;
  const deletions = registry.counter('pod_gc_collector_force_delete_pods_total', 'Pods deleted by force.', labels);
  const errors = registry.counter(
    'pod_gc_collector_force_delete_pod_errors_total',
    'Pods that could not be deleted by force.',
    labels,
  );
  return ({ seen, actions, error }) => {
    const reason = reasonOf(seen);
    if (reason === undefined) return;
    for (const one of actions)
      if (one.verb === 'delete') {
        const namespace = one.key.namespace ?? '';
        deletions.with({ namespace, reason }).add();
        if (error !== undefined) errors.with({ namespace, reason }).add();
      }
  };
};
