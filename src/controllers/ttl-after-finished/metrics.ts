// How late finished Jobs are deleted, under upstream's name.
import type { Job } from '#api/generated/types.ts';
import { exponentialBounds } from '#base/metrics/families.ts';
import { endOf } from '../job/conditions.ts';
import type { Measures } from '../runtime/declaration.ts';

export const finishedJobMeasures: Measures<{ readonly job: Job }> = (registry) => {
  const late = registry
    .histogram(
      'ttl_after_finished_controller_job_deletion_duration_seconds',
      'How late finished Jobs were deleted.',
      exponentialBounds(0.1, 2, 14),
    )
    .with({});
  return ({ actions, error, now, seen: { job } }) => {
    if (error !== undefined || actions.length === 0) return;
    const dueMs = Date.parse(endOf(job)?.lastTransitionTime ?? '') + (job.spec.ttlSecondsAfterFinished ?? 0) * 1000;
    if (!Number.isNaN(dueMs)) late.observe(Math.max(0, now - dueMs) / 1000);
  };
};
