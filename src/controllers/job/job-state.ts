// What the Pods of a Job say about it: what has ended, what counts, and whether that decides the Job.
import type { Job, JobCondition, Pod } from '#api/generated/types.ts';
import { podIsActive } from '#rules/pod-is-active.ts';
import { timestamp } from '../runtime/conditions.ts';
import { finishedAt } from './backoff.ts';
import { jobCondition, trueCondition } from './conditions.ts';
import { IndexSet } from './index-set.ts';
import { allIndexFailures, hasFailed, indexFailures, indexOf, isEnding, isIndexed, isTracked } from './pods.ts';
import { failureVerdict, successMessage } from './policies.ts';

export class JobState {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly now: number;
  readonly active: readonly Pod[];
  readonly uncounted: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> };
  readonly succeededIndexes: IndexSet;
  readonly failedIndexes: IndexSet | undefined;
  readonly succeeded: number;
  readonly failed: number;
  readonly startTime: string | undefined;

  constructor(job: Job, pods: readonly Pod[], now: number) {
    this.job = job;
    this.now = now;
    this.pods = isIndexed(job)
      ? pods.toSorted((one, other) => (indexOf(one, job) ?? -1) - (indexOf(other, job) ?? -1))
      : pods;
    this.active = pods.filter(podIsActive);
    const { status } = job;
    this.uncounted = {
      succeeded: new Set(status?.uncountedTerminatedPods?.succeeded),
      failed: new Set(status?.uncountedTerminatedPods?.failed),
    };
    this.startTime = status?.startTime ?? (this.isSuspended ? undefined : timestamp(now));
    const newSucceeded = this.valid((pod) => pod.status?.phase === 'Succeeded', this.uncounted.succeeded);
    const newFailed = this.valid((pod) => hasFailed(pod, job), this.uncounted.failed).filter(
      (pod) => failureVerdict(job, pod).counts,
    );
    this.failed = (status?.failed ?? 0) + newFailed.length + this.uncounted.failed.size;
    const completions = job.spec.completions ?? 0;
    this.succeededIndexes = IndexSet.parse(status?.completedIndexes, completions).with(
      IndexSet.of(
        isIndexed(job)
          ? this.pods
              .filter((pod) => pod.status?.phase === 'Succeeded' && isTracked(pod))
              .flatMap((pod) => indexOf(pod, job) ?? [])
          : [],
      ),
    );
    this.succeeded = isIndexed(job)
      ? this.succeededIndexes.size
      : (status?.succeeded ?? 0) + newSucceeded.length + this.uncounted.succeeded.size;
    this.failedIndexes =
      isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined
        ? IndexSet.parse(status?.failedIndexes, completions).with(
            IndexSet.of(
              this.pods
                .filter((pod) => isTracked(pod) && this.failsIndex(pod))
                .flatMap((pod) => indexOf(pod, job) ?? []),
            ),
          )
        : undefined;
  }

  get isSuspended(): boolean {
    return this.job.spec.suspend === true;
  }
  get ending(): number {
    return this.pods.filter(isEnding).length;
  }
  /** Not counted yet and, for indexed Jobs, with an index that counts. */
  valid(wanted: (pod: Pod) => boolean, uncounted: ReadonlySet<string> = new Set()): readonly Pod[] {
    return this.pods.filter(
      (pod) =>
        isTracked(pod) &&
        !uncounted.has(pod.metadata.uid!) &&
        (!isIndexed(this.job) || indexOf(pod, this.job) !== undefined) &&
        wanted(pod),
    );
  }
  failsIndex(pod: Pod): boolean {
    if (!hasFailed(pod, this.job)) return false;
    const { action, counts } = failureVerdict(this.job, pod);
    return action === 'FailIndex' || (counts && indexFailures(pod) >= this.job.spec.backoffLimitPerIndex!);
  }

  /** What ends the Job, whatever its Pods do. Order: what was decided before, failures, success. */
  goal(): JobCondition | undefined {
    const job = this.job;
    const { spec } = job;
    const met = trueCondition(job, 'SuccessCriteriaMet') ?? trueCondition(job, 'FailureTarget');
    if (met !== undefined) return met;
    const fail = (reason: string, message: string) => jobCondition('FailureTarget', 'True', reason, message, this.now);
    for (const pod of spec.podFailurePolicy === undefined ? [] : this.pods) {
      const message = hasFailed(pod, job) ? failureVerdict(job, pod).failsJob : undefined;
      if (message !== undefined) return fail('PodFailurePolicy', message);
    }
    if (this.failed > (spec.backoffLimit ?? 6) || this.restartedTooOften())
      return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    if (this.deadlineLeftMs() === 0) return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
    if (!isIndexed(job)) return undefined;
    const failedIndexes = this.failedIndexes?.size ?? 0;
    if (spec.maxFailedIndexes !== undefined && failedIndexes > spec.maxFailedIndexes)
      return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    if (failedIndexes > 0 && failedIndexes + this.succeeded >= spec.completions!)
      return fail('FailedIndexes', 'Job has failed indexes');
    const success = successMessage(spec.successPolicy, spec.completions!, this.succeededIndexes);
    return success === undefined
      ? undefined
      : jobCondition('SuccessCriteriaMet', 'True', 'SuccessPolicy', success, this.now);
  }

  restartedTooOften(): boolean {
    const { template, backoffLimit = 6 } = this.job.spec;
    if (template.spec.restartPolicy !== 'OnFailure') return false;
    const restarts = this.pods
      .filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending')
      .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])])
      .reduce((sum, one) => sum + one.restartCount, 0);
    return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
  }

  deadlineLeftMs(): number | undefined {
    const { activeDeadlineSeconds } = this.job.spec;
    if (activeDeadlineSeconds === undefined || this.isSuspended || this.startTime === undefined) return undefined;
    return Math.max(0, Date.parse(this.startTime) + activeDeadlineSeconds * 1000 - this.now);
  }
  wakeAfterMs(other: number | undefined): number | undefined {
    const deadline = this.deadlineLeftMs();
    if (deadline === undefined || deadline === 0) return other;
    return Math.min(deadline, other ?? Infinity);
  }

  /** Pods keep their finalizer: they are still to be counted. */

  delayedByIndex(): ReadonlyMap<number, Pod> {
    const delayed = new Map<number, Pod>();
    if (this.job.spec.backoffLimitPerIndex === undefined) return delayed;
    const active = new Set(this.active.map((pod) => indexOf(pod, this.job)));
    for (const pod of this.valid((one) => hasFailed(one, this.job))) {
      const index = indexOf(pod, this.job)!;
      if (active.has(index) || this.succeededIndexes.has(index) || this.failedIndexes!.has(index)) continue;
      const other = delayed.get(index);
      if (
        other === undefined ||
        (allIndexFailures(other) <= allIndexFailures(pod) && finishedAt(pod) >= finishedAt(other))
      )
        delayed.set(index, pod);
    }
    return delayed;
  }
}
