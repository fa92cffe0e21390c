// A CronJob's Jobs: the one that is due, and none beyond the history limits. A Job is noted in the status once it is seen, by
// the time for which it was made, so that nothing is lost between making it and noting it.
import { CronJobs, Jobs } from '#api/generated/kind-references.ts';
import type { CronJob, CronJobStatus, Job, ObjectReference } from '#api/generated/types.ts';
import { controllerReference } from '#api/meta/owner.ts';
import { messageOf } from '#base/errors.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { endOf, trueCondition } from '../job/conditions.ts';
import { create, remove, updateStatus, type Action, type Decision, type EventRequest } from '../runtime/action.ts';
import { timestamp } from '../runtime/conditions.ts';
import { lastDue, parseSchedule, timeInZone, type Due, type Schedule } from './schedule.ts';

export interface CronJobSnapshot {
  readonly cronJob: CronJob;
  /** Those that it controls. */
  readonly jobs: readonly Job[];
  jobNamed(name: string): Job | undefined;
}

/** Later than the schedule says, against clocks that differ a little: upstream's nextScheduleDelta. */
const lateByMs = 100;
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

const refersTo =
  (job: Job) =>
  ({ uid }: ObjectReference): boolean =>
    uid === job.metadata.uid;
export const scheduledFor = (job: Pick<Job, 'metadata'>): number =>
  Date.parse(job.metadata.annotations?.[scheduledAnnotation] ?? '');

export function decide(snapshot: CronJobSnapshot, now: number): Decision {
  const { cronJob, jobs } = snapshot;
  const events: EventRequest[] = [];
  const about = (type: EventRequest['type'], reason: string, message: string): EventRequest => ({
    about: { ...cronJob, kind: 'CronJob', apiVersion: 'batch/v1' },
    type,
    reason,
    message,
  });
  const status = observed(snapshot, (...event) => events.push(about(...event)));
  const removals: Action[] = [];
  const drop = (job: Job): void => {
    removals.push(
      remove(
        Jobs,
        job,
        { propagationPolicy: 'Background' },
        {
          onSuccess: () => about('Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name!}`),
          onFailure: (message) => about('Warning', 'FailedDelete', `Deleted job: ${message}`),
        },
      ),
    );
  };
  const plan = whatIsDue({ ...cronJob, status }, now, (...event) => events.push(about(...event)));
  let active = status.active ?? [];
  const creations: Action[] = [];
  if (plan.at !== undefined) {
    const job = jobFor(cronJob, plan.at);
    if (snapshot.jobNamed(job.metadata.name!) === undefined) {
      if (cronJob.spec.concurrencyPolicy === 'Replace') {
        for (const one of jobs.filter((candidate) => active.some(refersTo(candidate)))) drop(one);
        active = [];
      }
      creations.push(
        create(Jobs, job, {
          onSuccess: (made) => about('Normal', 'SuccessfulCreate', `Created job ${made.metadata.name!}`),
          onFailure: (message) => about('Warning', 'FailedCreate', `Error creating job: ${message}`),
        }),
      );
    }
  }
  for (const job of beyondHistory(cronJob, jobs)) drop(job);
  const { active: _, ...rest } = status;
  const next: CronJobStatus = { ...(active.length === 0 ? {} : { active }), ...rest };
  return {
    actions: [
      ...removals,
      ...creations,
      ...(semanticallyEqual(next, cronJob.status ?? {}) ? [] : [updateStatus(CronJobs, { ...cronJob, status: next })]),
    ],
    wakeAfterMs: plan.wakeAfterMs,
    events,
  };
}

type Say = (type: EventRequest['type'], reason: string, message: string) => void;

/** The status as the Jobs say it. */
function observed({ cronJob, jobs }: CronJobSnapshot, say: Say): CronJobStatus {
  let active = cronJob.status?.active ?? [];
  let lastSchedule = cronJob.status?.lastScheduleTime;
  let lastSuccess = cronJob.status?.lastSuccessfulTime;
  for (const job of jobs) {
    const { name, namespace, uid, resourceVersion } = job.metadata;
    const isListed = active.some(refersTo(job));
    const end = endOf(job);
    const at = scheduledFor(job);
    const isNew = at > (lastSchedule === undefined ? 0 : Date.parse(lastSchedule));
    if (isNew) lastSchedule = timestamp(at);
    if (end === undefined) {
      if (isListed || job.metadata.deletionTimestamp !== undefined) continue;
      if (isNew) active = [...active, { kind: 'Job', namespace, name, uid, apiVersion: 'batch/v1', resourceVersion }];
      else say('Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name!}`);
      continue;
    }
    if (isListed) {
      active = active.filter((one) => one.uid !== uid);
      say('Normal', 'SawCompletedJob', `Saw completed job: ${name!}, condition: ${end.type}`);
    }
    const completed = job.status?.completionTime;
    if (
      end.type === 'Complete' &&
      completed !== undefined &&
      (lastSuccess === undefined || Date.parse(completed) > Date.parse(lastSuccess))
    )
      lastSuccess = completed;
  }
  for (const one of active)
    if (!jobs.some((job) => refersTo(job)(one))) {
      active = active.filter((other) => other !== one);
      say('Normal', 'MissingJob', `Active job went missing: ${one.name ?? ''}`);
    }
  return {
    ...(active.length === 0 ? {} : { active }),
    ...(lastSchedule === undefined ? {} : { lastScheduleTime: lastSchedule }),
    ...(lastSuccess === undefined ? {} : { lastSuccessfulTime: lastSuccess }),
  };
}

interface Plan {
  /** A Job is to be made for this time. */
  readonly at?: number | undefined;
  readonly wakeAfterMs?: number | undefined;
}

function whatIsDue(cronJob: CronJob, now: number, say: Say): Plan {
  const { spec, metadata, status } = cronJob;
  if (metadata.deletionTimestamp !== undefined) return {};
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
    say(
      'Warning',
      'UnknownTimeZone',
      `invalid timeZone: ${JSON.stringify(spec.timeZone)}: unknown time zone ${spec.timeZone}`,
    );
    return {};
  }
  if (spec.suspend === true) return {};
  if (spec.schedule.includes('TZ'))
    say(
      'Warning',
      'UnsupportedSchedule',
      `CRON_TZ or TZ used in schedule ${JSON.stringify(spec.schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`,
    );
  let schedule: Schedule;
  try {
    schedule = parseSchedule(spec.schedule, spec.timeZone);
  } catch (error) {
    say(
      'Warning',
      'UnparseableSchedule',
      `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${messageOf(error)}`,
    );
    return {};
  }
  const last = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp ?? timestamp(now));
  const deadlineMs = spec.startingDeadlineSeconds === undefined ? undefined : spec.startingDeadlineSeconds * 1000;
  let due: Due;
  try {
    due = lastDue(schedule, deadlineMs === undefined ? last : Math.max(last, now - deadlineMs), now);
  } catch (error) {
    say('Warning', 'InvalidSchedule', `invalid schedule: ${spec.schedule} : ${messageOf(error)}`);
    return {};
  }
  const wait: Plan = { wakeAfterMs: untilNext(schedule, last, now) };
  if (due.at === undefined) return wait;
  if (due.missed === 'many')
    say(
      'Warning',
      'TooManyMissedTimes',
      'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    );
  if (deadlineMs !== undefined && due.at + deadlineMs < now) {
    const time = new Date(due.at).toUTCString().replace('GMT', '+0000');
    say('Warning', 'MissSchedule', `Missed scheduled time to start a job: ${time}`);
    return wait;
  }
  const active = status?.active ?? [];
  if (active.some((one) => one.name === nameFor(cronJob, due.at!)) || last === due.at) return wait;
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    say(
      'Normal',
      'JobAlreadyActive',
      'Not starting job because prior execution is running and concurrency policy is Forbid',
    );
    return wait;
  }
  return { ...wait, at: due.at };
}

function untilNext(schedule: Schedule, last: number, now: number): number | undefined {
  const { at, missed, since } = lastDue(schedule, last, now);
  const next = schedule(at ?? (missed === 'none' ? since : now));
  return next === undefined ? undefined : Math.max(0, next + lateByMs - now);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const nameFor = (cronJob: CronJob, at: number): string => `${cronJob.metadata.name!}-${Math.floor(at / 60_000)}`;

function jobFor(cronJob: CronJob, at: number): Job {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  return {
    kind: 'Job',
    apiVersion: 'batch/v1',
    metadata: {
      name: nameFor(cronJob, at),
      namespace: cronJob.metadata.namespace,
      ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: timeInZone(at, cronJob.spec.timeZone) },
      ownerReferences: [controllerReference(CronJobs, cronJob)],
    },
    spec,
  };
}

function beyondHistory({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const startOf = (job: Job) => (job.status?.startTime === undefined ? Infinity : Date.parse(job.status.startTime));
  const oldest = (type: string, limit: number | undefined): readonly Job[] => {
    if (limit === undefined) return [];
    const ended = jobs.filter((one) => trueCondition(one, type) !== undefined);
    return ended
      .toSorted((one, other) => {
        if (startOf(one) === startOf(other)) return one.metadata.name! < other.metadata.name! ? -1 : 1;
        return startOf(one) < startOf(other) ? -1 : 1;
      })
      .slice(0, Math.max(0, ended.length - limit));
  };
  return [...oldest('Complete', spec.successfulJobsHistoryLimit), ...oldest('Failed', spec.failedJobsHistoryLimit)];
}
