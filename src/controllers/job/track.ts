// A Job's status: what has ended is written down before it is freed, and counted after.
import type { JobCondition, JobStatus, Pod } from '#api/generated/types.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import type { EventRequest } from '../runtime/action.ts';
import { timestamp } from '../runtime/conditions.ts';
import type { Failure } from '../runtime/declaration.ts';
import { changedConditions, jobCondition, trueCondition } from './conditions.ts';
import { IndexSet } from './index-set.ts';
import type { JobState } from './job-state.ts';
import { aboutJob, type PodWork } from './pod-work.ts';
import { hasFailed, indexOf, isIndexed, isTracked } from './pods.ts';
import { failureVerdict } from './policies.ts';

/** Uids in the status at a time. */
const uncountedMax = 500;

/** Writes down what has ended. */
export function track(state: JobState, goal: JobCondition | undefined, work: PodWork, failure: Failure | undefined) {
  const job = state.job;
  const old = job.status;
  const tracked = new Set(state.pods.filter(isTracked).map((pod) => pod.metadata.uid!));
  const stillThere = (uid: string) => tracked.has(uid);
  const uncounted = {
    succeeded: [...state.uncounted.succeeded].filter(stillThere),
    failed: [...state.uncounted.failed].filter(stillThere),
  };
  let succeeded = (old?.succeeded ?? 0) + state.uncounted.succeeded.size - uncounted.succeeded.length;
  const failed = (old?.failed ?? 0) + state.uncounted.failed.size - uncounted.failed.length;
  const untracked: Pod[] = [];
  const newIndexes: number[] = [];
  const delayed = new Set(state.delayedByIndex().values());
  const counted = IndexSet.parse(old?.completedIndexes, job.spec.completions ?? 0);
  let reachedMax = false;
  for (const pod of state.pods) {
    if (!isTracked(pod)) continue;
    const isFailed = hasFailed(pod, job);
    const isOver =
      job.metadata.deletionTimestamp !== undefined ||
      goal !== undefined ||
      pod.status?.phase === 'Succeeded' ||
      (isFailed && !delayed.has(pod));
    if (!isOver) continue;
    untracked.push(pod);
    const uid = pod.metadata.uid!;
    const index = indexOf(pod, job);
    if (pod.status?.phase === 'Succeeded' && !state.uncounted.failed.has(uid)) {
      if (!isIndexed(job)) {
        if (!state.uncounted.succeeded.has(uid)) uncounted.succeeded.push(uid);
      } else if (index !== undefined && !counted.has(index)) newIndexes.push(index);
    } else if (isFailed || (goal !== undefined && goal.type !== 'SuccessCriteriaMet')) {
      const isValid = !isIndexed(job) || index !== undefined;
      if (isValid && !state.uncounted.failed.has(uid) && failureVerdict(job, pod).counts) uncounted.failed.push(uid);
    }
    if (newIndexes.length + uncounted.succeeded.length + uncounted.failed.length >= uncountedMax) {
      reachedMax = true;
      break;
    }
  }
  const completed = counted.with(IndexSet.of(newIndexes));
  if (isIndexed(job)) succeeded = completed.size;

  const events: EventRequest[] = [];
  let conditions = old?.conditions ?? [];
  let startTime = state.startTime;
  if (goal === undefined && job.metadata.deletionTimestamp === undefined) {
    const suspended = state.isSuspended
      ? jobCondition('Suspended', 'True', 'JobSuspended', 'Job suspended', state.now)
      : jobCondition('Suspended', 'False', 'JobResumed', 'Job resumed', state.now);
    const changed = changedConditions(conditions, suspended);
    if (changed !== undefined) {
      conditions = changed;
      startTime = state.isSuspended ? undefined : timestamp(state.now);
      events.push(aboutJob(state, 'Normal', state.isSuspended ? 'Suspended' : 'Resumed', suspended.message!));
    }
  }
  const removed = new Set(work.removed);
  const left = state.active.filter((pod) => !removed.has(pod));
  const terminating = state.ending + work.removed.length;
  let completionTime = old?.completionTime;
  if (goal !== undefined) {
    if (trueCondition(job, goal.type) === undefined) conditions = [...conditions, goal];
    else if (
      untracked.length === 0 &&
      !reachedMax &&
      terminating === 0 &&
      uncounted.succeeded.length + uncounted.failed.length === 0
    ) {
      const type = goal.type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed';
      conditions = [...conditions, jobCondition(type, 'True', goal.reason!, goal.message!, state.now)];
      if (type === 'Complete') {
        completionTime = timestamp(state.now);
        if (job.spec.completions !== undefined && succeeded > job.spec.completions)
          events.push(
            aboutJob(
              state,
              'Warning',
              'TooManySucceededPods',
              'Too many succeeded pods running after completion count reached',
            ),
          );
        events.push(aboutJob(state, 'Normal', 'Completed', 'Job completed'));
      } else events.push(aboutJob(state, 'Warning', goal.reason!, goal.message!));
    }
  }
  const active = left.length + (failure === undefined ? work.creations.length : 0);
  const completedText = completed.toString();
  const failedText = state.failedIndexes?.toString();
  const status: JobStatus = {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(active === 0 ? {} : { active }),
    ...(succeeded === 0 ? {} : { succeeded }),
    ...(failed === 0 ? {} : { failed }),
    terminating,
    ...(completedText === '' ? {} : { completedIndexes: completedText }),
    ...(failedText === undefined ? {} : { failedIndexes: failedText }),
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length === 0 ? {} : { succeeded: uncounted.succeeded }),
      ...(uncounted.failed.length === 0 ? {} : { failed: uncounted.failed }),
    },
    ready: left.filter(podIsReady).length,
  };
  return { status, untracked, events };
}
