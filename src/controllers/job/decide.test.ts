import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job, JobSpec, JobStatus, Pod } from '#api/generated/types.ts';
import type { Action } from '../runtime/action.ts';
import { decide } from './decide.ts';
import { IndexSet } from './index-set.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const started = '2026-01-02T03:00:00Z';
const job = (spec: Partial<JobSpec> = {}, status?: JobStatus): Job => ({
  metadata: { name: 'j', namespace: 'default', uid: 'job' },
  spec: {
    completions: 1,
    parallelism: 1,
    backoffLimit: 6,
    selector: { matchLabels: { job: 'j' } },
    template: { metadata: { labels: { job: 'j' } }, spec: { containers: [{ name: 'app', image: 'i' }] } },
    ...spec,
  },
  ...(status === undefined ? {} : { status }),
});
let serial = 0;
const pod = (
  phase: string,
  more: { metadata?: object; status?: object; index?: number; failures?: number } = {},
): Pod => ({
  metadata: {
    name: `p${++serial}`,
    namespace: 'default',
    uid: `uid-${serial}`,
    labels: { job: 'j' },
    creationTimestamp: started,
    finalizers: ['batch.kubernetes.io/job-tracking'],
    annotations: {
      ...(more.index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(more.index) }),
      ...(more.failures === undefined ? {} : { 'batch.kubernetes.io/job-index-failure-count': String(more.failures) }),
    },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'job', controller: true }],
    ...more.metadata,
  },
  spec: { containers: [], nodeName: 'n' },
  status: { phase, ...more.status },
});
const exited = (exitCode: number, finishedAt = started) => ({
  containerStatuses: [{ name: 'app', state: { terminated: { exitCode, finishedAt } } }],
});
const run = (one: Job, ...pods: Pod[]) => decide({ job: one, pods, failure: undefined }, now);
const shown = (actions: readonly Action[]) =>
  actions.map((one) =>
    one.verb === 'effect' || one.verb === 'purge'
      ? one.verb
      : one.verb === 'create' || one.verb === 'update'
        ? `${one.verb} ${one.kind.resource}`
        : `${one.verb} ${one.key.name}`,
  );
const statusOf = (actions: readonly Action[]): JobStatus =>
  (actions.find((one) => one.verb === 'update')!.object as Job).status!;
const conditions = (actions: readonly Action[]) =>
  (statusOf(actions).conditions ?? []).map((one) => `${one.type} ${one.status} ${one.reason}`);

test('a new Job starts its Pods, no more than are needed', () => {
  const { actions } = run(job({ completions: 2, parallelism: 5 }));
  assert.deepEqual(shown(actions), ['create pods', 'create pods', 'update jobs']);
  assert.equal(statusOf(actions).startTime, '2026-01-02T03:04:05Z');
  assert.equal(statusOf(actions).active, 2);
});

test('an ended Pod is written down, then freed, then counted', () => {
  const first = pod('Succeeded');
  const noted = run(job({ completions: 3 }, { startTime: started }), first);
  assert.deepEqual(shown(noted.actions), ['create pods', 'update jobs', `patch ${first.metadata.name}`]);
  assert.deepEqual(statusOf(noted.actions).uncountedTerminatedPods, { succeeded: [first.metadata.uid] });
  assert.equal(statusOf(noted.actions).succeeded, undefined);
  const freed = { ...first, metadata: { ...first.metadata, finalizers: [] } };
  const counted = run(job({ completions: 3 }, statusOf(noted.actions)), freed, pod('Running'));
  assert.equal(statusOf(counted.actions).succeeded, 1);
  assert.deepEqual(statusOf(counted.actions).uncountedTerminatedPods, {});
  // Gone altogether counts just as well.
  assert.equal(statusOf(run(job({ completions: 3 }, statusOf(noted.actions)), pod('Running')).actions).succeeded, 1);
});

test('complete only when every Pod is counted and gone', () => {
  const met = run(job({}, { startTime: started }), pod('Succeeded'));
  assert.deepEqual(conditions(met.actions), ['SuccessCriteriaMet True CompletionsReached']);
  const ended = run(job({}, statusOf(met.actions)));
  assert.deepEqual(conditions(ended.actions), [
    'SuccessCriteriaMet True CompletionsReached',
    'Complete True CompletionsReached',
  ]);
  assert.equal(statusOf(ended.actions).completionTime, '2026-01-02T03:04:05Z');
  const ending = pod('Running', { metadata: { deletionTimestamp: started, finalizers: [] } });
  assert.deepEqual(conditions(run(job({}, statusOf(met.actions)), ending).actions), [
    'SuccessCriteriaMet True CompletionsReached',
  ]);
  assert.deepEqual(run(job({}, statusOf(ended.actions))).actions, []);
});

test('a work queue is complete when one succeeded and the others ended', () => {
  const queue = job({ completions: undefined, parallelism: 3 }, { startTime: started });
  const busy = run(queue, pod('Succeeded'), pod('Running'));
  assert.deepEqual(conditions(busy.actions), []);
  assert.ok(!shown(busy.actions).includes('create pods'), 'nothing new after the first success');
  assert.deepEqual(conditions(run(queue, pod('Succeeded')).actions), ['SuccessCriteriaMet True CompletionsReached']);
});

test('failures: back-off, limit, running Pods end and count', () => {
  const failed = () => pod('Failed', { status: exited(1, '2026-01-02T03:04:00Z') });
  const once = run(job({}, { startTime: started }), failed());
  assert.ok(!shown(once.actions).includes('create pods'));
  assert.equal(once.wakeAfterMs, 5_000);
  assert.equal(run(job({}, { startTime: started }), failed(), failed()).wakeAfterMs, 15_000);
  const running = pod('Running');
  const over = run(job({ backoffLimit: 0, parallelism: 2, completions: 2 }, { startTime: started }), failed(), running);
  assert.deepEqual(conditions(over.actions), ['FailureTarget True BackoffLimitExceeded']);
  assert.equal(shown(over.actions)[0], `delete ${running.metadata.name}`);
  assert.equal(statusOf(over.actions).uncountedTerminatedPods?.failed?.length, 2);
});

test('restarts in place count when the policy is OnFailure', () => {
  const template = { metadata: { labels: { job: 'j' } }, spec: { containers: [], restartPolicy: 'OnFailure' } };
  const restarting = pod('Running', { status: { containerStatuses: [{ name: 'app', restartCount: 2 }] } });
  assert.deepEqual(conditions(run(job({ template, backoffLimit: 2 }, { startTime: started }), restarting).actions), [
    'FailureTarget True BackoffLimitExceeded',
  ]);
  assert.deepEqual(conditions(run(job({ template, backoffLimit: 3 }, { startTime: started }), restarting).actions), []);
});

test('the failure policy ignores, counts or fails the Job at once', () => {
  const policy = (action: string): Partial<JobSpec> => ({
    podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In', values: [42] } }] },
  });
  const failed = pod('Failed', { status: exited(42) });
  const fails = run(job(policy('FailJob'), { startTime: started }), failed);
  assert.deepEqual(conditions(fails.actions), ['FailureTarget True PodFailurePolicy']);
  assert.equal(
    statusOf(fails.actions).conditions![0]!.message,
    `Container app for pod default/${failed.metadata.name} failed with exit code 42 matching FailJob rule at index 0`,
  );
  const ignored = run(job({ ...policy('Ignore'), backoffLimit: 0 }, { startTime: started }), failed);
  assert.deepEqual(conditions(ignored.actions), []);
  assert.deepEqual(statusOf(ignored.actions).uncountedTerminatedPods, {});
  assert.ok(shown(ignored.actions).includes('create pods'));
  const disrupted = pod('Failed', { status: { conditions: [{ type: 'DisruptionTarget', status: 'True' }] } });
  const byCondition = {
    podFailurePolicy: {
      rules: [{ action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
    },
  };
  assert.equal(
    statusOf(run(job(byCondition, { startTime: started }), disrupted).actions).conditions![0]!.message,
    `Pod default/${disrupted.metadata.name} has condition DisruptionTarget matching FailJob rule at index 0`,
  );
});

test('indexes: missing ones first, repeated ones go, limits and successes of single indexes', () => {
  const indexed = (more: Partial<JobSpec> = {}, status: JobStatus = {}) =>
    job({ completionMode: 'Indexed', completions: 5, parallelism: 3, ...more }, { startTime: started, ...status });
  const made = run(indexed({}, { completedIndexes: '0,3' }), pod('Running', { index: 1 }));
  const names = made.actions.flatMap((one) => (one.verb === 'create' ? [one.object.metadata.generateName] : []));
  assert.deepEqual(names, ['j-2-', 'j-4-']);
  const [kept, twin] = [
    pod('Running', { index: 1, metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } }),
    pod('Pending', { index: 1 }),
  ];
  assert.deepEqual(shown(run(indexed(), kept, twin).actions).slice(0, 2), [
    `patch ${twin.metadata.name}`,
    `delete ${twin.metadata.name}`,
  ]);
  // The failed Pod stays until its replacement carries its count.
  const failed = pod('Failed', { index: 0, failures: 0, status: exited(1) });
  const again = run(indexed({ backoffLimitPerIndex: 1, completions: 1 }), failed);
  const replacement = again.actions.find((one) => one.verb === 'create')!.object;
  assert.equal(replacement.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  assert.ok(!shown(again.actions).includes(`patch ${failed.metadata.name}`));
  const lost = run(
    indexed({ backoffLimitPerIndex: 1, completions: 1 }),
    pod('Failed', { index: 0, failures: 1, status: exited(1) }),
  );
  assert.equal(statusOf(lost.actions).failedIndexes, '0');
  assert.deepEqual(conditions(lost.actions), ['FailureTarget True FailedIndexes']);
  const enough = run(
    indexed({ successPolicy: { rules: [{ succeededIndexes: '0-2', succeededCount: 2 }] } }),
    pod('Succeeded', { index: 0 }),
    pod('Succeeded', { index: 2 }),
    pod('Running', { index: 1 }),
  );
  assert.deepEqual(conditions(enough.actions), ['SuccessCriteriaMet True SuccessPolicy']);
  assert.equal(statusOf(enough.actions).conditions![0]!.message, 'Matched rules at index 0');
  assert.deepEqual(statusOf(enough.actions).uncountedTerminatedPods, {}, 'stopped Pods of a success have not failed');
});

test('a replacement waits for the end when only failed Pods are replaced', () => {
  const ending = pod('Running', { metadata: { deletionTimestamp: started } });
  const wanting = (podReplacementPolicy: string) =>
    shown(run(job({ podReplacementPolicy }, { startTime: started }), ending).actions).includes('create pods');
  assert.deepEqual([wanting('Failed'), wanting('TerminatingOrFailed')], [false, true]);
});

test('failed creations: the status is written first and claims no more than there is', () => {
  const { actions } = decide({ job: job(), pods: [], failure: { message: 'exceeded quota', messages: [] } }, now);
  assert.deepEqual(shown(actions), ['update jobs', 'create pods']);
  assert.equal(statusOf(actions).active, undefined);
});

test('a Job that another controller manages is left alone', () =>
  assert.deepEqual(run(job({ managedBy: 'example.org/other' }), pod('Succeeded')).actions, []));

test('sets of indexes', () => {
  for (const text of ['', '0', '0,1', '1,3-5,7', '0-99']) assert.equal(IndexSet.parse(text, 100).toString(), text);
  assert.equal(IndexSet.parse('0-9', 5).toString(), '0-4');
  assert.equal(
    IndexSet.of([5, 1, 2, 3])
      .with(IndexSet.of([4]))
      .toString(),
    '1-5',
  );
  assert.deepEqual(IndexSet.parse('1,3-5', 8).missing(3, 8), [0, 2, 6]);
  assert.equal(IndexSet.parse('0-5', 9).overlap(IndexSet.parse('4-8', 9)), 2);
});
