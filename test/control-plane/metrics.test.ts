// What controllers and scheduler tell of themselves on the API server's /metrics, under upstream's names and labels.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CronJobs, Deployments, Jobs, Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image: 'example.org/app:1' }], tolerations: [{ operator: 'Exists' }] },
};

const scrape = async ({ api }: TestControlPlane): Promise<string> => (await api.send('GET', '/metrics')).text;
const tells = (text: string, ...lines: readonly (string | RegExp)[]): void => {
  for (const line of lines) {
    const isThere = typeof line === 'string' ? text.includes(`\n${line}\n`) : line.test(text);
    const near = String(line)
      .split(/[{ \\]/)[0]!
      .replace(/^\/\^/, '');
    assert.ok(
      isThere,
      `${String(line)} is not in\n${text
        .split('\n')
        .filter((one) => one.startsWith(near))
        .join('\n')}`,
    );
  }
};

test('the scheduler tells of attempts, waiting Pods, plugins and how long it took', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('one'));
  const pod = (name: string, spec: object = {}) => ({
    metadata: { name, namespace: 'default' },
    spec: { ...template.spec, ...spec },
  });
  await plane.create(Pods, pod('fits'));
  await plane.create(Pods, pod('wants-another', { nodeSelector: { there: 'none' } }));
  await plane.create(Pods, pod('held', { schedulingGates: [{ name: 'example.com/gate' }] }));
  await plane.eventually(async () =>
    tells(
      await scrape(plane),
      'scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} 1',
      'scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"} 1',
    ),
  );
  tells(
    await scrape(plane),
    'scheduler_pending_pods{queue="active"} 0',
    'scheduler_pending_pods{queue="unschedulable"} 1',
    'scheduler_pending_pods{queue="gated"} 1',
    'scheduler_unschedulable_pods{plugin="NodeAffinity",profile="default-scheduler"} 1',
    'scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="active"} 2',
    'scheduler_queue_incoming_pods_total{event="ScheduleAttemptFailure",queue="unschedulable"} 1',
    'scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="scheduled"} 1',
    'scheduler_scheduling_algorithm_duration_seconds_count 1',
    'scheduler_pod_scheduling_attempts_bucket{le="1"} 1',
    'scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"} 1',
    'scheduler_framework_extension_point_duration_seconds_count{extension_point="Filter",profile="default-scheduler",status="Success"} 2',
    'scheduler_framework_extension_point_duration_seconds_count{extension_point="Bind",profile="default-scheduler",status="Success"} 1',
    'scheduler_plugin_evaluation_total{extension_point="Filter",plugin="NodeAffinity",profile="default-scheduler"} 2',
    'scheduler_preemption_attempts_total 1',
    'scheduler_preemption_victims_count 0',
    'scheduler_cache_size{type="nodes"} 1',
    'scheduler_cache_size{type="pods"} 1',
  );
});

test('controllers tell of their queues and of what they did', async () => {
  await using plane = await startControlPlane();
  await plane.create(Nodes, readyNode('one'));
  await plane.create(Deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, template },
  });
  await plane.create(Services, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], trafficDistribution: 'PreferClose' },
  });
  const jobTemplate = { spec: { ...template.spec, restartPolicy: 'Never' } };
  await plane.create(Jobs, {
    metadata: { name: 'one', namespace: 'default' },
    spec: { template: jobTemplate, ttlSecondsAfterFinished: 10 },
  });
  await plane.create(CronJobs, {
    metadata: { name: 'often', namespace: 'default' },
    spec: { schedule: '* * * * *', suspend: false, jobTemplate: { spec: { template: jobTemplate } } },
  });
  await plane.eventually(async () => {
    const pods = await plane.list(Pods, 'default');
    const ofJob = pods.find((one) => one.metadata.labels?.['job-name'] === 'one');
    assert.ok(ofJob?.spec.nodeName !== undefined);
    const path = `/api/v1/namespaces/default/pods/${ofJob.metadata.name}/status`;
    await plane.api.patch(path, 'strategic', { status: { phase: 'Succeeded' } });
  });
  await plane.eventually(async () => assert.equal(await plane.find(Jobs, 'default', 'one'), undefined), 60_000);
  await plane.pass(15_000);
  // While none is ready nobody is evicted: this one still is when the other has been silent for too long.
  await plane.create(Nodes, readyNode('two'));
  await plane.pass(45_000);
  tells(
    await scrape(plane),
    /^workqueue_adds_total\{name="deployment"\} [1-9]/m,
    /^workqueue_adds_total\{name="endpoint_slice"\} [1-9]/m,
    /^workqueue_adds_total\{name="replicationmanager"\} 0$/m,
    /^workqueue_work_duration_seconds_count\{name="replicaset"\} [1-9]/m,
    /^workqueue_queue_duration_seconds_bucket\{name="replicaset",le="1e-08"\} \d/m,
    'workqueue_depth{name="job"} 0',
    'workqueue_unfinished_work_seconds{name="job"} 0',
    /^job_controller_job_syncs_total\{action="pods_created",completion_mode="NonIndexed",result="success"\} [1-9]/m,
    'job_controller_jobs_finished_total{completion_mode="NonIndexed",reason="CompletionsReached",result="succeeded"} 1',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"} 1',
    /^cronjob_controller_job_creation_skew_duration_seconds_count [1-9]/m,
    'ttl_after_finished_controller_job_deletion_duration_seconds_count 1',
    'endpoint_slice_controller_num_endpoint_slices 1',
    'endpoint_slice_controller_changes{operation="create"} 1',
    'endpoint_slice_controller_services_count_by_traffic_distribution{traffic_distribution="PreferClose"} 1',
    /^root_ca_cert_publisher_sync_total\{code="200"\} [1-9]/m,
    'node_collector_zone_size{zone=""} 2',
    'node_collector_evictions_total{zone=""} 1',
    'node_collector_unhealthy_nodes_in_zone{zone=""} 1',
  );
});
