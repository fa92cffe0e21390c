// A finished Job goes with its Pods once its time to live is over.
import { Jobs } from '#api/generated/kind-references.ts';
import type { Job } from '#api/generated/types.ts';
import { endOf } from '../job/conditions.ts';
import { nothing, remove, type Decision } from '../runtime/action.ts';

export interface FinishedJobSnapshot {
  readonly job: Job;
}

export function decide({ job }: FinishedJobSnapshot, now: number): Decision {
  const ttlSeconds = job.spec.ttlSecondsAfterFinished;
  const endedAt = endOf(job)?.lastTransitionTime;
  if (ttlSeconds === undefined || endedAt === undefined || job.metadata.deletionTimestamp !== undefined) return nothing;
  const leftMs = Date.parse(endedAt) + ttlSeconds * 1000 - now;
  if (leftMs > 0) return { actions: [], wakeAfterMs: leftMs };
  const { resourceVersion } = job.metadata;
  // On the very object that was looked at: its time to live may have been raised meanwhile.
  return {
    actions: [remove(Jobs, job, { propagationPolicy: 'Foreground', preconditions: { resourceVersion } })],
  };
}
