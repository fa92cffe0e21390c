import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CronJob, CronJobSpec, Job } from '#api/generated/types.ts';
import { decide } from './decide.ts';
import { parseSchedule, timeInZone } from './schedule.ts';

const at = (text: string) => Date.parse(text);
const cronJob = (spec: Partial<CronJobSpec>, status: CronJob['status'] = {}): CronJob => ({
  metadata: { name: 'c', namespace: 'default', uid: 'cron', creationTimestamp: '2026-01-02T03:00:30Z' },
  spec: {
    schedule: '*/10 * * * *',
    timeZone: 'Etc/UTC',
    jobTemplate: { metadata: {}, spec: { template: { metadata: {}, spec: { containers: [] } } } },
    ...spec,
  },
  status,
});
const madeFor = (time: string, ended?: 'Complete' | 'Failed'): Job => ({
  metadata: {
    name: `c-${at(time) / 60_000}`,
    namespace: 'default',
    uid: `of-${time}`,
    annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': time },
  },
  spec: { template: { metadata: {}, spec: { containers: [] } } },
  status: {
    startTime: time,
    ...(ended === undefined ? {} : { conditions: [{ type: ended, status: 'True' }], completionTime: time }),
  },
});
const run = (one: CronJob, now: string, ...jobs: Job[]) => {
  const decision = decide(
    { cronJob: one, jobs, jobNamed: (name) => jobs.find((job) => job.metadata.name === name) },
    at(now),
  );
  const of = (verb: string) => decision.actions.filter((action) => action.verb === verb);
  return {
    made: of('create').map((action) => ('object' in action ? action.object.metadata.name : '')),
    removed: of('delete').map((action) => ('key' in action ? action.key.name : '')),
    status: of('update').map((action) => ('object' in action ? (action.object as CronJob).status : undefined))[0],
    events: (decision.events ?? []).map((event) => event.reason),
    messages: (decision.events ?? []).map((event) => event.message),
    wakeAfterMs: decision.wakeAfterMs,
  };
};

test('waits for its time, then makes the Job named for the minute', () => {
  const early = run(cronJob({}), '2026-01-02T03:05:00Z');
  assert.deepEqual([early.made, early.wakeAfterMs], [[], 300_100]);
  const due = run(cronJob({}), '2026-01-02T03:10:00.100Z');
  assert.deepEqual(due.made, [`c-${at('2026-01-02T03:10:00Z') / 60_000}`]);
  assert.equal(due.wakeAfterMs, 600_000);
});

test('a Job that is seen is noted, once; one that ended is taken out', () => {
  const job = madeFor('2026-01-02T03:10:00Z');
  const noted = run(cronJob({}), '2026-01-02T03:10:01Z', job);
  assert.deepEqual(noted.made, []);
  assert.equal(noted.status?.lastScheduleTime, '2026-01-02T03:10:00Z');
  assert.equal(noted.status?.active?.[0]?.uid, job.metadata.uid);
  const ended = run(cronJob({}, noted.status), '2026-01-02T03:11:00Z', madeFor('2026-01-02T03:10:00Z', 'Complete'));
  assert.deepEqual(ended.messages, [`Saw completed job: ${job.metadata.name}, condition: Complete`]);
  assert.equal(ended.status?.active, undefined);
  assert.equal(ended.status?.lastSuccessfulTime, '2026-01-02T03:10:00Z');
  assert.deepEqual(run(cronJob({}, noted.status), '2026-01-02T03:11:00Z').events, ['MissingJob']);
});

test('concurrency policies', () => {
  const running = madeFor('2026-01-02T03:10:00Z');
  const { status } = run(cronJob({}), '2026-01-02T03:10:01Z', running);
  const next = '2026-01-02T03:20:01Z';
  const shown = (concurrencyPolicy: string) => {
    const { made, removed, events } = run(cronJob({ concurrencyPolicy }, status), next, running);
    return [made.length, removed.length, ...events];
  };
  assert.deepEqual(shown('Allow'), [1, 0]);
  assert.deepEqual(shown('Forbid'), [0, 0, 'JobAlreadyActive']);
  assert.deepEqual(shown('Replace'), [1, 1]);
});

test('only the last missed run is made up for, within its deadline', () => {
  const late = '2026-01-02T04:15:00Z';
  assert.deepEqual(run(cronJob({}), late).made, [`c-${at('2026-01-02T04:10:00Z') / 60_000}`]);
  const deadline = run(cronJob({ startingDeadlineSeconds: 60 }), late);
  assert.deepEqual([deadline.made, deadline.events], [[], []], 'nothing was due in the last minute');
  const many = run(cronJob({ schedule: '* * * * *' }), '2026-01-02T09:15:00Z');
  assert.deepEqual([many.made.length, many.events], [1, ['TooManyMissedTimes']]);
});

test('suspended, never due, unknown zone', () => {
  const due = '2026-01-02T03:10:01Z';
  assert.deepEqual(run(cronJob({ suspend: true }), due).made, []);
  assert.deepEqual(run(cronJob({ schedule: '0 0 31 2 *' }), due).events, ['InvalidSchedule']);
  assert.deepEqual(run(cronJob({ timeZone: 'Nowhere/Land' }), due).events, ['UnknownTimeZone']);
});

test('history limits take the oldest', () => {
  const times = ['2026-01-02T03:00:00Z', '2026-01-02T03:01:00Z', '2026-01-02T03:02:00Z'];
  const jobs = times.map((time) => madeFor(time, 'Complete'));
  const { removed } = run(cronJob({ successfulJobsHistoryLimit: 1, suspend: true }), '2026-01-02T03:05:00Z', ...jobs);
  assert.deepEqual(removed, [jobs[0]!.metadata.name, jobs[1]!.metadata.name]);
});

test('schedules as users write them', () => {
  const next = (text: string, zone: string | undefined, after: string) =>
    new Date(parseSchedule(text, zone)(at(after))!).toISOString();
  assert.equal(next('0 9 * * *', 'Europe/Berlin', '2026-07-01T00:00:00Z'), '2026-07-01T07:00:00.000Z');
  assert.equal(next('TZ=Asia/Tokyo 0 9 * * *', undefined, '2026-07-01T01:00:00Z'), '2026-07-02T00:00:00.000Z');
  assert.equal(next('@hourly', 'UTC', '2026-07-01T00:00:00Z'), '2026-07-01T01:00:00.000Z');
  assert.equal(next('@every 1h30m', 'UTC', '2026-07-01T00:00:00.5Z'), '2026-07-01T01:30:00.000Z');
  assert.equal(next('5/15 ? * * ?', 'UTC', '2026-07-01T00:06:00Z'), '2026-07-01T00:20:00.000Z');
  assert.equal(next('0 0 13 * FRI', 'UTC', '2026-02-01T00:00:00Z'), '2026-02-06T00:00:00.000Z', 'day or weekday');
  assert.equal(timeInZone(at('2026-07-01T07:00:00Z'), 'Europe/Berlin'), '2026-07-01T09:00:00+02:00');
  assert.equal(timeInZone(at('2026-07-01T07:00:00Z'), 'UTC'), '2026-07-01T07:00:00Z');
});

test('a long text for a schedule is read at once', () => {
  const started = performance.now();
  parseSchedule(`@every ${'1'.repeat(200_000)}`, undefined);
  parseSchedule(`@every ${'1.'.repeat(100_000)}`, undefined);
  assert.ok(performance.now() - started < 1_000);
});
