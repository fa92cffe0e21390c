// What is told of Jobs, under upstream's names.
import { Pods } from '#api/generated/kind-references.ts';
import type { Job, Pod } from '#api/generated/types.ts';
import { exponentialBounds } from '#base/metrics/families.ts';
import { kindId, type Measures, type Run } from '../runtime/declaration.ts';
import { endOf } from './conditions.ts';

/** Upstream's word for what a look at a Job came to. */
function actionOf({ actions }: Run): string {
  for (const one of actions)
    if ('kind' in one && kindId(one.kind) === kindId(Pods)) {
      if (one.verb === 'create') return 'pods_created';
      if (one.verb === 'delete') return 'pods_deleted';
    }
  return actions.length === 0 ? 'reconciling' : 'tracking';
}

const newStatus = ({ actions }: Run): Job | undefined => {
  const found = actions.find((one) => one.verb === 'update' && one.subresource === 'status');
  return found === undefined ? undefined : ((found as { readonly object: unknown }).object as Job);
};

export const jobMeasures: Measures<{ readonly job: Job } | { readonly stray: Pod }> = (registry) => {
  const about = ['completion_mode', 'result'] as const;
  const syncs = registry.counter('job_controller_job_syncs_total', 'Looks at Jobs.', ['action', ...about]);
  const durations = registry.histogram(
    'job_controller_job_sync_duration_seconds',
    'How long a look at a Job took.',
    exponentialBounds(0.004, 2, 15),
    ['action', ...about],
  );
  const finished = registry.counter('job_controller_jobs_finished_total', 'Jobs that have ended.', [
    'reason',
    ...about,
  ]);
  const pods = registry.counter('job_controller_job_pods_finished_total', 'Pods of Jobs that have ended.', about);
  return (run) => {
    const { seen, error } = run;
    if (!('job' in seen)) return;
    const { job } = seen;
    const mode = job.spec.completionMode ?? 'NonIndexed';
    const labels = { action: actionOf(run), completion_mode: mode, result: error === undefined ? 'success' : 'error' };
    syncs.with(labels).add();
    durations.with(labels).observe(run.seconds);
    const next = error === undefined ? newStatus(run) : undefined;
    if (next === undefined) return;
    for (const result of ['succeeded', 'failed'] as const) {
      const more = (next.status?.[result] ?? 0) - (job.status?.[result] ?? 0);
      if (more > 0) pods.with({ completion_mode: mode, result }).add(more);
    }
    const end = endOf(next);
    if (end === undefined || endOf(job) !== undefined) return;
    const result = end.type === 'Complete' ? 'succeeded' : 'failed';
    finished.with({ completion_mode: mode, reason: end.reason ?? '', result }).add();
  };
};
