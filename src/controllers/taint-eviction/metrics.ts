// Pods that were deleted because of taints, under upstream's name.
import type { Measures } from '../runtime/declaration.ts';

export const taintEvictionMeasures: Measures = (registry) => {
  const deletions = registry
    .counter('taint_eviction_controller_pod_deletions_total', 'Pods that were deleted because of taints.')
    .with({});
  return ({ actions, error }) => {
    if (error === undefined) deletions.add(actions.filter((one) => one.verb === 'delete').length);
  };
};
