// A Job's Pods and status. Pods carry a finalizer until they are counted: first their uids are written into the status, then
// the finalizer goes, then the counters rise (upstream's job tracking, KEP-2307). One decision takes one of these steps.
import { Jobs, Pods } from '#api/generated/kind-references.ts';
import type { Job, JobCondition, JobStatus, Pod } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podIsActive } from '#rules/pod-is-active.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { claim } from '../ownership/ownership.ts';
import {
  create,
  nothing,
  remove,
  updateStatus,
  type Action,
  type Decision,
  type EventRequest,
} from '../runtime/action.ts';
import { timestamp } from '../runtime/conditions.ts';
import type { Failure } from '../runtime/declaration.ts';
import { backoffLeftMs, finishedAt, leftMs } from './backoff.ts';
import { changedConditions, endOf, jobCondition, trueCondition } from './conditions.ts';
import { IndexSet } from './index-set.ts';
import {
  allIndexFailures,
  hasFailed,
  indexFailures,
  indexOf,
  isEnding,
  isIndexed,
  isTracked,
  podOf,
  podsToRemove,
  replacesOnlyFailed,
  trackingFinalizer,
  untrack,
} from './pods.ts';
import { failureVerdict, successMessage } from './policies.ts';

export interface JobSnapshot {
  readonly job: Job;
  /** Pods of the namespace that it controls, and those without a controller. */
  readonly pods: readonly Pod[];
  readonly failure: Failure | undefined;
}

/** Pods made or removed in one decision. */
const podsPerDecisionMax = 500;
/** Uids in the status at a time. */
const uncountedMax = 500;
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
  const work = goal === undefined ? state.manage() : state.stopPods(goal);
  const { status, untracked, events } = state.track(goal ?? work.goal, work, failure);
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

interface PodWork {
  readonly removals: readonly Action[];
  readonly creations: readonly Action[];
  readonly removed: readonly Pod[];
  /** Reached with the Pods as they are. */
  readonly goal?: JobCondition | undefined;
  readonly wakeAfterMs?: number | undefined;
}
const idle: PodWork = { removals: [], creations: [], removed: [] };

class JobState {
  readonly #job: Job;
  readonly #pods: readonly Pod[];
  readonly #now: number;
  readonly #active: readonly Pod[];
  readonly #uncounted: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> };
  readonly #succeededIndexes: IndexSet;
  readonly #failedIndexes: IndexSet | undefined;
  readonly #succeeded: number;
  readonly #failed: number;
  readonly #startTime: string | undefined;

  constructor(job: Job, pods: readonly Pod[], now: number) {
    this.#job = job;
    this.#now = now;
    this.#pods = isIndexed(job)
      ? pods.toSorted((one, other) => (indexOf(one, job) ?? -1) - (indexOf(other, job) ?? -1))
      : pods;
    this.#active = pods.filter(podIsActive);
    const { status } = job;
    this.#uncounted = {
      succeeded: new Set(status?.uncountedTerminatedPods?.succeeded),
      failed: new Set(status?.uncountedTerminatedPods?.failed),
    };
    this.#startTime = status?.startTime ?? (this.#isSuspended ? undefined : timestamp(now));
    const newSucceeded = this.#valid((pod) => pod.status?.phase === 'Succeeded', this.#uncounted.succeeded);
    const newFailed = this.#valid((pod) => hasFailed(pod, job), this.#uncounted.failed).filter(
      (pod) => failureVerdict(job, pod).counts,
    );
    this.#failed = (status?.failed ?? 0) + newFailed.length + this.#uncounted.failed.size;
    const completions = job.spec.completions ?? 0;
    this.#succeededIndexes = IndexSet.parse(status?.completedIndexes, completions).with(
      IndexSet.of(
        isIndexed(job)
          ? this.#pods
              .filter((pod) => pod.status?.phase === 'Succeeded' && isTracked(pod))
              .flatMap((pod) => indexOf(pod, job) ?? [])
          : [],
      ),
    );
    this.#succeeded = isIndexed(job)
      ? this.#succeededIndexes.size
      : (status?.succeeded ?? 0) + newSucceeded.length + this.#uncounted.succeeded.size;
    this.#failedIndexes =
      isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined
        ? IndexSet.parse(status?.failedIndexes, completions).with(
            IndexSet.of(
              this.#pods
                .filter((pod) => isTracked(pod) && this.#failsIndex(pod))
                .flatMap((pod) => indexOf(pod, job) ?? []),
            ),
          )
        : undefined;
  }

  get #isSuspended(): boolean {
    return this.#job.spec.suspend === true;
  }
  get #ending(): number {
    return this.#pods.filter(isEnding).length;
  }
  /** Not counted yet and, for indexed Jobs, with an index that counts. */
  #valid(wanted: (pod: Pod) => boolean, uncounted: ReadonlySet<string> = new Set()): readonly Pod[] {
    return this.#pods.filter(
      (pod) =>
        isTracked(pod) &&
        !uncounted.has(pod.metadata.uid!) &&
        (!isIndexed(this.#job) || indexOf(pod, this.#job) !== undefined) &&
        wanted(pod),
    );
  }
  #failsIndex(pod: Pod): boolean {
    if (!hasFailed(pod, this.#job)) return false;
    const { action, counts } = failureVerdict(this.#job, pod);
    return action === 'FailIndex' || (counts && indexFailures(pod) >= this.#job.spec.backoffLimitPerIndex!);
  }

  /** What ends the Job, whatever its Pods do. Order: what was decided before, failures, success. */
  goal(): JobCondition | undefined {
    const job = this.#job;
    const { spec } = job;
    const met = trueCondition(job, 'SuccessCriteriaMet') ?? trueCondition(job, 'FailureTarget');
    if (met !== undefined) return met;
    const fail = (reason: string, message: string) => jobCondition('FailureTarget', 'True', reason, message, this.#now);
    for (const pod of spec.podFailurePolicy === undefined ? [] : this.#pods) {
      const message = hasFailed(pod, job) ? failureVerdict(job, pod).failsJob : undefined;
      if (message !== undefined) return fail('PodFailurePolicy', message);
    }
    if (this.#failed > (spec.backoffLimit ?? 6) || this.#restartedTooOften())
      return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    if (this.#deadlineLeftMs() === 0) return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
    if (!isIndexed(job)) return undefined;
    const failedIndexes = this.#failedIndexes?.size ?? 0;
    if (spec.maxFailedIndexes !== undefined && failedIndexes > spec.maxFailedIndexes)
      return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    if (failedIndexes > 0 && failedIndexes + this.#succeeded >= spec.completions!)
      return fail('FailedIndexes', 'Job has failed indexes');
    const success = successMessage(spec.successPolicy, spec.completions!, this.#succeededIndexes);
    return success === undefined
      ? undefined
      : jobCondition('SuccessCriteriaMet', 'True', 'SuccessPolicy', success, this.#now);
  }

  #restartedTooOften(): boolean {
    const { template, backoffLimit = 6 } = this.#job.spec;
    if (template.spec.restartPolicy !== 'OnFailure') return false;
    const restarts = this.#pods
      .filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending')
      .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])])
      .reduce((sum, one) => sum + one.restartCount, 0);
    return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
  }

  #deadlineLeftMs(): number | undefined {
    const { activeDeadlineSeconds } = this.#job.spec;
    if (activeDeadlineSeconds === undefined || this.#isSuspended || this.#startTime === undefined) return undefined;
    return Math.max(0, Date.parse(this.#startTime) + activeDeadlineSeconds * 1000 - this.#now);
  }
  wakeAfterMs(other: number | undefined): number | undefined {
    const deadline = this.#deadlineLeftMs();
    if (deadline === undefined || deadline === 0) return other;
    return Math.min(deadline, other ?? Infinity);
  }

  /** Pods keep their finalizer: they are still to be counted. */
  stopPods(goal: JobCondition): PodWork {
    return {
      ...idle,
      goal,
      removed: this.#active,
      removals: this.#active.map((pod) => this.#remove(pod)),
    };
  }

  manage(): PodWork {
    const { spec, metadata } = this.#job;
    const work = metadata.deletionTimestamp === undefined ? this.#adjust() : idle;
    const activeAfter = this.#active.length - work.removed.length + work.creations.length;
    const complete =
      spec.completions === undefined
        ? this.#succeeded > 0 && activeAfter === 0
        : this.#succeeded >= spec.completions && activeAfter === 0;
    if (!complete) return work;
    return {
      ...work,
      goal: jobCondition(
        'SuccessCriteriaMet',
        'True',
        'CompletionsReached',
        'Reached expected number of succeeded pods',
        this.#now,
      ),
    };
  }

  #adjust(): PodWork {
    const { spec } = this.#job;
    const active = this.#active.length;
    const parallelism = spec.parallelism ?? 1;
    if (this.#isSuspended) return this.#drop(podsToRemove(this.#job, this.#active, active, this.#now));
    const wanted =
      spec.completions === undefined
        ? this.#succeeded > 0
          ? active
          : parallelism
        : Math.max(0, Math.min(parallelism, spec.completions - this.#succeeded));
    const excess = podsToRemove(this.#job, this.#active, Math.max(0, active - wanted), this.#now);
    // Either removing or making, never both in one decision.
    if (excess.length > 0) return this.#drop(excess.slice(0, podsPerDecisionMax));
    const missing = wanted - active - (replacesOnlyFailed(this.#job) ? this.#ending : 0);
    return missing <= 0 ? idle : this.#make(Math.min(missing, podsPerDecisionMax));
  }

  #make(count: number): PodWork {
    const job = this.#job;
    const perIndex = isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined;
    if (!perIndex) {
      const waitMs = backoffLeftMs(
        this.#pods.filter((pod) => pod.status?.phase === 'Succeeded'),
        this.#pods.filter((pod) => hasFailed(pod, job)),
        this.#now,
      );
      if (waitMs > 0) return { ...idle, wakeAfterMs: waitMs };
    }
    if (!isIndexed(job))
      return {
        ...idle,
        creations: Array.from({ length: count }, () => this.#create(podOf(job, undefined, undefined))),
      };
    const delayed = this.#delayedByIndex();
    const indexes = this.#pendingIndexes(count).map((index) => {
      const last = delayed.get(index);
      return {
        index,
        waitMs: perIndex && last !== undefined ? leftMs(allIndexFailures(last) + 1, finishedAt(last), this.#now) : 0,
      };
    });
    const waits = indexes.filter((one) => one.waitMs > 0).map((one) => one.waitMs);
    return {
      ...idle,
      creations: indexes
        .filter((one) => one.waitMs === 0)
        .map(({ index }) => this.#create(podOf(job, index, delayed.get(index)))),
      wakeAfterMs: waits.length === 0 ? undefined : Math.min(...waits),
    };
  }

  #pendingIndexes(count: number): readonly number[] {
    const taken = [...this.#active, ...(replacesOnlyFailed(this.#job) ? this.#pods.filter(isEnding) : [])];
    let settled = this.#succeededIndexes.with(IndexSet.of(taken.flatMap((pod) => indexOf(pod, this.#job) ?? [])));
    if (this.#failedIndexes !== undefined) settled = settled.with(this.#failedIndexes);
    return settled.missing(count, this.#job.spec.completions!);
  }

  /** Failed Pods that stay until a replacement has taken over their count of failures. */
  #delayedByIndex(): ReadonlyMap<number, Pod> {
    const delayed = new Map<number, Pod>();
    if (this.#job.spec.backoffLimitPerIndex === undefined) return delayed;
    const active = new Set(this.#active.map((pod) => indexOf(pod, this.#job)));
    for (const pod of this.#valid((one) => hasFailed(one, this.#job))) {
      const index = indexOf(pod, this.#job)!;
      if (active.has(index) || this.#succeededIndexes.has(index) || this.#failedIndexes!.has(index)) continue;
      const other = delayed.get(index);
      if (
        other === undefined ||
        (allIndexFailures(other) <= allIndexFailures(pod) && finishedAt(pod) >= finishedAt(other))
      )
        delayed.set(index, pod);
    }
    return delayed;
  }

  /** Writes down what has ended. */
  track(goal: JobCondition | undefined, work: PodWork, failure: Failure | undefined) {
    const job = this.#job;
    const old = job.status;
    const tracked = new Set(this.#pods.filter(isTracked).map((pod) => pod.metadata.uid!));
    const stillThere = (uid: string) => tracked.has(uid);
    const uncounted = {
      succeeded: [...this.#uncounted.succeeded].filter(stillThere),
      failed: [...this.#uncounted.failed].filter(stillThere),
    };
    let succeeded = (old?.succeeded ?? 0) + this.#uncounted.succeeded.size - uncounted.succeeded.length;
    const failed = (old?.failed ?? 0) + this.#uncounted.failed.size - uncounted.failed.length;
    const untracked: Pod[] = [];
    const newIndexes: number[] = [];
    const delayed = new Set(this.#delayedByIndex().values());
    const counted = IndexSet.parse(old?.completedIndexes, job.spec.completions ?? 0);
    let reachedMax = false;
    for (const pod of this.#pods) {
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
      if (pod.status?.phase === 'Succeeded' && !this.#uncounted.failed.has(uid)) {
        if (!isIndexed(job)) {
          if (!this.#uncounted.succeeded.has(uid)) uncounted.succeeded.push(uid);
        } else if (index !== undefined && !counted.has(index)) newIndexes.push(index);
      } else if (isFailed || (goal !== undefined && goal.type !== 'SuccessCriteriaMet')) {
        const isValid = !isIndexed(job) || index !== undefined;
        if (isValid && !this.#uncounted.failed.has(uid) && failureVerdict(job, pod).counts) uncounted.failed.push(uid);
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
    let startTime = this.#startTime;
    if (goal === undefined && job.metadata.deletionTimestamp === undefined) {
      const suspended = this.#isSuspended
        ? jobCondition('Suspended', 'True', 'JobSuspended', 'Job suspended', this.#now)
        : jobCondition('Suspended', 'False', 'JobResumed', 'Job resumed', this.#now);
      const changed = changedConditions(conditions, suspended);
      if (changed !== undefined) {
        conditions = changed;
        startTime = this.#isSuspended ? undefined : timestamp(this.#now);
        events.push(this.#about('Normal', this.#isSuspended ? 'Suspended' : 'Resumed', suspended.message!));
      }
    }
    const removed = new Set(work.removed);
    const left = this.#active.filter((pod) => !removed.has(pod));
    const terminating = this.#ending + work.removed.length;
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
        conditions = [...conditions, jobCondition(type, 'True', goal.reason!, goal.message!, this.#now)];
        if (type === 'Complete') {
          completionTime = timestamp(this.#now);
          if (job.spec.completions !== undefined && succeeded > job.spec.completions)
            events.push(
              this.#about(
                'Warning',
                'TooManySucceededPods',
                'Too many succeeded pods running after completion count reached',
              ),
            );
          events.push(this.#about('Normal', 'Completed', 'Job completed'));
        } else events.push(this.#about('Warning', goal.reason!, goal.message!));
      }
    }
    const active = left.length + (failure === undefined ? work.creations.length : 0);
    const completedText = completed.toString();
    const failedText = this.#failedIndexes?.toString();
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

  #about(type: EventRequest['type'], reason: string, message: string): EventRequest {
    return { about: { ...this.#job, kind: 'Job', apiVersion: 'batch/v1' }, type, reason, message };
  }
  #create(pod: Pod): Action {
    return create(Pods, pod, {
      onSuccess: (made) => this.#about('Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name!}`),
      onFailure: (message) => this.#about('Warning', 'FailedCreate', `Error creating: ${message}`),
    });
  }
  #remove(pod: Pod): Action {
    return remove(
      Pods,
      pod,
      {},
      {
        onSuccess: () => this.#about('Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name!}`),
        onFailure: (message) => this.#about('Warning', 'FailedDelete', `Error deleting: ${message}`),
      },
    );
  }
  /** Without counting them. */
  #drop(pods: readonly Pod[]): PodWork {
    return {
      ...idle,
      removed: pods,
      removals: [...pods.filter(isTracked).map(untrack), ...pods.map((pod) => this.#remove(pod))],
    };
  }
}
