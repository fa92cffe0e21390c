// Jobs and CronJobs through the whole control plane.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CronJobs, Events, Jobs, Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const job = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    template: {
      spec: {
        restartPolicy: 'Never',
        containers: [{ name: 'app', image: 'example.org/app:1' }],
        // Nobody renews the node's lease.
        tolerations: [{ operator: 'Exists' }],
      },
    },
    ...spec,
  },
});

/** Stands in for the node agent: Pods with a node end as `outcome` says, Pods being deleted go. */
async function actAsNode(plane: TestControlPlane, outcome: (pod: Json) => number | undefined): Promise<void> {
  const { api } = plane;
  for (const pod of await plane.list(Pods)) {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    const isOver = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
    if (pod.metadata.deletionTimestamp !== undefined && !isOver && pod.spec.nodeName !== undefined) {
      await api.patch(`${path}/status`, 'strategic', { status: { phase: 'Failed' } });
      await api.send('DELETE', path, { body: { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } } });
    } else if (pod.spec.nodeName !== undefined && !isOver) {
      const exitCode = outcome(pod);
      if (exitCode === undefined) continue;
      await api.patch(`${path}/status`, 'strategic', {
        status: {
          phase: exitCode === 0 ? 'Succeeded' : 'Failed',
          containerStatuses: [
            {
              name: 'app',
              image: 'example.org/app:1',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: { terminated: { exitCode, finishedAt: new Date(api.virtualClock.now()).toISOString() } },
            },
          ],
        },
      });
    }
  }
}
const conditionsOf = (one: Json): string[] =>
  (one.status.conditions ?? [])
    .filter((condition: Json) => condition.status === 'True')
    .map((condition: Json) => `${condition.type} ${condition.reason}`);
const finalizersLeft = async (plane: TestControlPlane): Promise<unknown[]> =>
  (await plane.list(Pods)).flatMap((pod: Json) => pod.metadata.finalizers ?? []);

test('a Job runs its completions, never more than its parallelism at once, and frees its Pods', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Jobs, job('batch', { completions: 5, parallelism: 2 }));
  let most = 0;
  const done = await plane.eventually(async () => {
    const running = (await plane.list(Pods)).filter((pod: Json) => pod.status.phase === 'Pending');
    most = Math.max(most, running.length);
    await actAsNode(plane, () => 0);
    const found = await plane.find(Jobs, 'default', 'batch');
    assert.deepEqual(conditionsOf(found), ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached']);
    return found;
  });
  assert.equal(most, 2);
  assert.equal(done.status.succeeded, 5);
  assert.equal(done.status.active, undefined);
  assert.deepEqual(done.status.uncountedTerminatedPods, {});
  assert.ok(done.status.completionTime >= done.status.startTime);
  assert.equal((await plane.list(Pods)).length, 5);
  assert.deepEqual(await finalizersLeft(plane), []);
  await plane.eventually(async () => {
    const events = (await plane.list(Events, 'default')).filter((one: Json) => one.involvedObject.kind === 'Job');
    assert.ok(events.some((one: Json) => one.reason === 'Completed' && one.message === 'Job completed'));
    assert.ok(events.every((one: Json) => one.source.component === 'job-controller'));
  });
  assert.deepEqual(plane.complaints, []);
});

test('failed Pods are replaced with growing delay until the back-off limit', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Jobs, job('flaky', { backoffLimit: 1 }));
  await plane.eventually(async () => {
    await actAsNode(plane, () => 1);
    assert.equal((await plane.find(Jobs, 'default', 'flaky')).status.failed, 1);
  });
  await plane.pass(8000);
  assert.equal((await plane.list(Pods)).length, 1, 'it waits 10 s');
  await plane.eventually(async () => {
    await actAsNode(plane, () => 1);
    const found = await plane.find(Jobs, 'default', 'flaky');
    assert.deepEqual(conditionsOf(found), ['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded']);
    assert.equal(found.status.failed, 2);
  });
  assert.equal((await plane.list(Pods)).length, 2);
  assert.deepEqual(await finalizersLeft(plane), []);
  assert.deepEqual(plane.complaints, []);
});

test('an indexed Job runs every index once; a failed one again', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Jobs, job('indexed', { completions: 4, parallelism: 4, completionMode: 'Indexed' }));
  const failed = new Set<string>();
  await plane.eventually(async () => {
    await actAsNode(plane, (pod) => {
      const index = pod.metadata.labels['batch.kubernetes.io/job-completion-index'];
      assert.equal(pod.spec.hostname, `indexed-${index}`);
      assert.equal(pod.spec.containers[0].env[0].name, 'JOB_COMPLETION_INDEX');
      if (index !== '2' || failed.has(index)) return 0;
      failed.add(index);
      return 1;
    });
    const found = await plane.find(Jobs, 'default', 'indexed');
    assert.equal(found.status.completedIndexes, '0-3');
    assert.equal(found.status.failed, 1);
    assert.ok(conditionsOf(found).includes('Complete CompletionsReached'));
  }, 20_000);
  assert.equal((await plane.list(Pods)).length, 5);
  assert.deepEqual(plane.complaints, []);
});

test('a suspended Job has no Pods; a deadline ends a resumed one; it goes after its time to live', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(
    Jobs,
    job('slow', { suspend: true, activeDeadlineSeconds: 30, ttlSecondsAfterFinished: 60, parallelism: 2 }),
  );
  await plane.eventually(async () =>
    assert.deepEqual(conditionsOf(await plane.find(Jobs, 'default', 'slow')), ['Suspended JobSuspended']),
  );
  assert.deepEqual(await plane.list(Pods), []);
  const resume = (suspend: boolean) =>
    plane.api.patch('/apis/batch/v1/namespaces/default/jobs/slow', 'merge', { spec: { suspend } });
  await resume(false);
  await plane.eventually(async () => {
    assert.equal((await plane.find(Jobs, 'default', 'slow')).status.active, 2);
    assert.deepEqual(conditionsOf(await plane.find(Jobs, 'default', 'slow')), []);
  });
  await resume(true);
  await plane.eventually(async () => {
    await actAsNode(plane, () => undefined);
    assert.deepEqual(await plane.list(Pods), []);
    assert.equal((await plane.find(Jobs, 'default', 'slow')).status.failed, undefined);
  });
  await resume(false);
  await plane.eventually(async () => assert.equal((await plane.list(Pods)).length, 2));
  await plane.pass(30_000);
  await plane.eventually(async () => {
    await actAsNode(plane, () => undefined);
    assert.ok(conditionsOf(await plane.find(Jobs, 'default', 'slow')).includes('Failed DeadlineExceeded'));
  });
  await plane.pass(58_000);
  assert.notEqual(await plane.find(Jobs, 'default', 'slow'), undefined);
  await plane.pass(4_000);
  await plane.eventually(async () => {
    assert.equal(await plane.find(Jobs, 'default', 'slow'), undefined);
    assert.deepEqual(await plane.list(Pods), []);
  });
  assert.deepEqual(plane.complaints, []);
});

test('deleting a running Job leaves no Pod behind its finalizer', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(Jobs, job('gone', { parallelism: 3 }));
  await plane.eventually(async () => assert.equal((await plane.list(Pods)).length, 3));
  await plane.api.delete('/apis/batch/v1/namespaces/default/jobs/gone', { body: { propagationPolicy: 'Background' } });
  await plane.eventually(async () => {
    await actAsNode(plane, () => undefined);
    assert.deepEqual(await plane.list(Pods), []);
  });
  assert.deepEqual(plane.complaints, []);
});

test('a CronJob makes a Job a minute, keeps its history short, and forbids overlap', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('node1'));
  await plane.create(CronJobs, {
    metadata: { name: 'tick', namespace: 'default' },
    spec: {
      schedule: '* * * * *',
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 2,
      jobTemplate: { metadata: { labels: { app: 'tick' } }, spec: job('x').spec },
    },
  });
  for (let minute = 0; minute < 4; minute++) {
    await plane.pass(60_000);
    await plane.eventually(async () => {
      await actAsNode(plane, () => 0);
      const found = await plane.find(CronJobs, 'default', 'tick');
      assert.notEqual(found.status.lastSuccessfulTime, undefined);
      assert.deepEqual(found.status.active ?? [], []);
    });
  }
  const jobs = await plane.list(Jobs);
  assert.equal(jobs.length, 2);
  for (const one of jobs) {
    const at = Date.parse(one.metadata.annotations['batch.kubernetes.io/cronjob-scheduled-timestamp']);
    assert.equal(one.metadata.name, `tick-${at / 60_000}`);
    assert.equal(at % 60_000, 0);
    assert.equal(one.metadata.labels.app, 'tick');
  }
  // Now one that does not end.
  await plane.pass(60_000);
  await plane.eventually(async () =>
    assert.equal((await plane.find(CronJobs, 'default', 'tick')).status.active?.length, 1),
  );
  await plane.pass(120_000);
  assert.equal((await plane.list(Jobs)).length, 3);
  const reasons = (await plane.list(Events, 'default')).map((one: Json) => one.reason);
  assert.ok(reasons.includes('JobAlreadyActive'), reasons.join(', '));
  assert.ok(!reasons.includes('UnexpectedJob'), reasons.join(', '));
  assert.deepEqual(plane.complaints, []);
});
