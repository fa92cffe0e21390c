// A Job's Pods and status. Pods carry a finalizer until they are counted: first their uids are written into the status, then
// the finalizer goes, then the counters rise (upstream's job tracking, KEP-2307). One decision takes one of these steps.
import { Jobs, Pods } from '#api/generated/kind-references.ts';
import type { Job, Pod } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { claim } from '../ownership/ownership.ts';
import { nothing, updateStatus, type Decision } from '../runtime/action.ts';
import type { Failure } from '../runtime/declaration.ts';
import { endOf } from './conditions.ts';
import { JobState } from './job-state.ts';
import { manage, stopPods } from './pod-work.ts';
import { trackingFinalizer, untrack } from './pods.ts';
import { track } from './track.ts';

export interface JobSnapshot {
  readonly job: Job;
  /** Pods of the namespace that it controls, and those without a controller. */
  readonly pods: readonly Pod[];
  readonly failure: Failure | undefined;
}

const jobController = 'kubernetes.io/job-controller';

export const isManagedElsewhere = ({ spec }: Job): boolean => (spec.managedBy ?? jobController) !== jobController;

export function decide({ job, pods: candidates, failure }: JobSnapshot, now: number): Decision {
  if (isManagedElsewhere(job) || endOf(job) !== undefined) return nothing;
  const claims = claim({
    ownerKind: Jobs,
    owner: job,
    kind: Pods,
    candidates,
    finalizer: trackingFinalizer,
    matches: (pod) => matcherFor(job.spec.selector).matches(pod.metadata.labels),
  });
  const state = new JobState(job, claims.claimed, now);
  const goal = state.goal();
  const work = goal === undefined ? manage(state) : stopPods(state, goal);
  const { status, untracked, events } = track(state, goal ?? work.goal, work, failure);
  const statusActions = semanticallyEqual(status, job.status) ? [] : [updateStatus(Jobs, { ...job, status })];
  return {
    // Creations that failed before must not keep the status from being written.
    actions: [
      ...claims.actions,
      ...work.removals,
      ...(failure === undefined ? work.creations : []),
      ...statusActions,
      ...untracked.map(untrack),
      ...(failure === undefined ? [] : work.creations),
    ],
    wakeAfterMs: state.wakeAfterMs(goal === undefined ? work.wakeAfterMs : undefined),
    events,
  };
}
