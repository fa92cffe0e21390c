// The Pods that a Job makes and removes.
import { Pods } from '#api/generated/kind-references.ts';
import type { JobCondition, Pod } from '#api/generated/types.ts';
import { create, remove, type Action, type EventRequest } from '../runtime/action.ts';
import { backoffLeftMs, finishedAt, leftMs } from './backoff.ts';
import { jobCondition } from './conditions.ts';
import { IndexSet } from './index-set.ts';
import type { JobState } from './job-state.ts';
import {
  allIndexFailures,
  hasFailed,
  indexOf,
  isEnding,
  isIndexed,
  isTracked,
  podOf,
  podsToRemove,
  replacesOnlyFailed,
  untrack,
} from './pods.ts';

/** Pods made or removed in one decision. */
const podsPerDecisionMax = 500;

export interface PodWork {
  readonly removals: readonly Action[];
  readonly creations: readonly Action[];
  readonly removed: readonly Pod[];
  /** Reached with the Pods as they are. */
  readonly goal?: JobCondition | undefined;
  readonly wakeAfterMs?: number | undefined;
}
const idle: PodWork = { removals: [], creations: [], removed: [] };

export function stopPods(state: JobState, goal: JobCondition): PodWork {
  return {
    ...idle,
    goal,
    removed: state.active,
    removals: state.active.map((pod) => removal(state, pod)),
  };
}

export function manage(state: JobState): PodWork {
  const { spec, metadata } = state.job;
  const work = metadata.deletionTimestamp === undefined ? adjusted(state) : idle;
  const activeAfter = state.active.length - work.removed.length + work.creations.length;
  const complete =
    spec.completions === undefined
      ? state.succeeded > 0 && activeAfter === 0
      : state.succeeded >= spec.completions && activeAfter === 0;
  if (!complete) return work;
  return {
    ...work,
    goal: jobCondition(
      'SuccessCriteriaMet',
      'True',
      'CompletionsReached',
      'Reached expected number of succeeded pods',
      state.now,
    ),
  };
}

function adjusted(state: JobState): PodWork {
  const { spec } = state.job;
  const active = state.active.length;
  const parallelism = spec.parallelism ?? 1;
  if (state.isSuspended) return dropped(state, podsToRemove(state.job, state.active, active, state.now));
  const wanted =
    spec.completions === undefined
      ? state.succeeded > 0
        ? active
        : parallelism
      : Math.max(0, Math.min(parallelism, spec.completions - state.succeeded));
  const excess = podsToRemove(state.job, state.active, Math.max(0, active - wanted), state.now);
  // Either removing or making, never both in one decision.
  if (excess.length > 0) return dropped(state, excess.slice(0, podsPerDecisionMax));
  const missing = wanted - active - (replacesOnlyFailed(state.job) ? state.ending : 0);
  return missing <= 0 ? idle : newPods(state, Math.min(missing, podsPerDecisionMax));
}

function newPods(state: JobState, count: number): PodWork {
  const job = state.job;
  const perIndex = isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined;
  if (!perIndex) {
    const waitMs = backoffLeftMs(
      state.pods.filter((pod) => pod.status?.phase === 'Succeeded'),
      state.pods.filter((pod) => hasFailed(pod, job)),
      state.now,
    );
    if (waitMs > 0) return { ...idle, wakeAfterMs: waitMs };
  }
  if (!isIndexed(job))
    return {
      ...idle,
      creations: Array.from({ length: count }, () => creation(state, podOf(job, undefined, undefined))),
    };
  const delayed = state.delayedByIndex();
  const indexes = pendingIndexes(state, count).map((index) => {
    const last = delayed.get(index);
    return {
      index,
      waitMs: perIndex && last !== undefined ? leftMs(allIndexFailures(last) + 1, finishedAt(last), state.now) : 0,
    };
  });
  const waits = indexes.filter((one) => one.waitMs > 0).map((one) => one.waitMs);
  return {
    ...idle,
    creations: indexes
      .filter((one) => one.waitMs === 0)
      .map(({ index }) => creation(state, podOf(job, index, delayed.get(index)))),
    wakeAfterMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

function pendingIndexes(state: JobState, count: number): readonly number[] {
  const taken = [...state.active, ...(replacesOnlyFailed(state.job) ? state.pods.filter(isEnding) : [])];
  let settled = state.succeededIndexes.with(IndexSet.of(taken.flatMap((pod) => indexOf(pod, state.job) ?? [])));
  if (state.failedIndexes !== undefined) settled = settled.with(state.failedIndexes);
  return settled.missing(count, state.job.spec.completions!);
}

/** Failed Pods that stay until a replacement has taken over their count of failures. */

export function aboutJob(state: JobState, type: EventRequest['type'], reason: string, message: string): EventRequest {
  return { about: { ...state.job, kind: 'Job', apiVersion: 'batch/v1' }, type, reason, message };
}
function creation(state: JobState, pod: Pod): Action {
  return create(Pods, pod, {
    onSuccess: (made) => aboutJob(state, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name!}`),
    onFailure: (message) => aboutJob(state, 'Warning', 'FailedCreate', `Error creating: ${message}`),
  });
}
function removal(state: JobState, pod: Pod): Action {
  return remove(
    Pods,
    pod,
    {},
    {
      onSuccess: () => aboutJob(state, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name!}`),
      onFailure: (message) => aboutJob(state, 'Warning', 'FailedDelete', `Error deleting: ${message}`),
    },
  );
}
/** Without counting them. */
function dropped(state: JobState, pods: readonly Pod[]): PodWork {
  return {
    ...idle,
    removed: pods,
    removals: [...pods.filter(isTracked).map(untrack), ...pods.map((pod) => removal(state, pod))],
  };
}
