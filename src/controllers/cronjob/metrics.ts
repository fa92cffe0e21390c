// How late CronJobs make their Jobs, under upstream's name.
import { Jobs } from '#api/generated/kind-references.ts';
import { exponentialBounds } from '#base/metrics/families.ts';
import { kindId, type Measures } from '../runtime/declaration.ts';
import { scheduledFor } from './decide.ts';

export const cronJobMeasures: Measures = (registry) => {
  const skew = registry
    .histogram(
      'cronjob_controller_job_creation_skew_duration_seconds',
      'How late Jobs were made.',
      exponentialBounds(1, 2, 10),
    )
    .with({});
  return ({ actions, error, now }) => {
    if (error !== undefined) return;
    for (const one of actions)
      if (one.verb === 'create' && kindId(one.kind) === kindId(Jobs)) {
        const at = scheduledFor(one.object);
        if (!Number.isNaN(at)) skew.observe(Math.max(0, now - at) / 1000);
      }
  };
};
