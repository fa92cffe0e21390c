// What the node's API tells to who collects metrics, of containers that really run.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestNode, type TestNode } from './cluster.ts';
import { onNode, shell } from './kit.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';
import { nodeRequest } from './node-door.ts';

let machine: TestMachine;
let node: TestNode;
const { running, ended, gone, remove } = onNode(() => node);
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine, { housekeepingMs: 700 });
});
after(async () => {
  await node?.close();
  await machine?.close();
});

async function nodeText(path: string): Promise<string> {
  const { status, body } = await node.agent.api.handle(nodeRequest(path));
  assert.ok(status === 200 && body.type === 'bytes', `${path}: ${status}`);
  return Buffer.concat(body.parts).toString();
}
/** Of the one series with these labels; undefined: there is none. */
function value(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const pairs = Object.entries(labels).map(([label, one]) => `${label}="${one}"`);
  const lines = text
    .split('\n')
    .filter((line) => /^[a-z_]+/.exec(line)?.[0] === name && pairs.every((pair) => line.includes(pair)));
  assert.ok(lines.length < 2, lines.join('\n'));
  return lines[0] === undefined ? undefined : Number(lines[0].slice(lines[0].lastIndexOf(' ')));
}
/** As Prometheus reads it: each family once, with its type, and every line a name, labels and a number. */
function checkFormat(text: string): void {
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => match[1]!);
  assert.deepEqual(families.length, new Set(families).size, 'a family is told once');
  for (const line of text.split('\n').slice(0, -1))
    assert.match(line, /^(# (HELP|TYPE) .*|[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? -?[\d.e+-]+)$/);
}

test('a container that works is in cAdvisor’s numbers with its names, and its limits', async () => {
  await node.createPod({
    name: 'works',
    spec: {
      containers: [
        shell('dd if=/dev/zero of=/tmp/file bs=1024 count=500 2>/dev/null; while :; do :; done', {
          resources: { requests: { cpu: '100m' }, limits: { cpu: '200m', memory: '64Mi' } },
          readinessProbe: { exec: { command: ['test', '-f', '/tmp/file'] }, periodSeconds: 1 },
        }),
      ],
    },
  });
  const pod = await running('works');
  const id = pod.status.containerStatuses[0].containerID.replace('containerd://', '');
  const labels = { container: 'main', namespace: 'default', pod: 'works', name: id };
  const of = (text: string, name: string, more = {}) => value(text, `container_${name}`, { ...labels, ...more });
  const first = await nodeText('/metrics/cadvisor');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const text = await nodeText('/metrics/cadvisor');
  checkFormat(text);
  const rate =
    of(text, 'cpu_usage_seconds_total', { cpu: 'total' })! - of(first, 'cpu_usage_seconds_total', { cpu: 'total' })!;
  assert.ok(rate > 0.08 && rate < 0.5, `${rate} of 0.2 processors`);
  assert.ok(of(text, 'cpu_cfs_throttled_periods_total')! > 0, 'it wants more than it may have');
  assert.ok(of(text, 'memory_working_set_bytes')! > 10_000 && of(text, 'memory_rss')! > 0);
  assert.equal(of(text, 'spec_memory_limit_bytes'), 64 * 1024 * 1024);
  assert.equal(of(text, 'spec_cpu_quota'), 20_000);
  assert.equal(of(text, 'spec_cpu_period'), 100_000);
  assert.equal(of(text, 'spec_cpu_shares'), 102);
  assert.match(text, new RegExp(`^container_fs_usage_bytes\\{container="main",[^}]*image="[^"]*busybox`, 'm'));
  assert.ok(Math.abs(of(text, 'start_time_seconds')! - Date.now() / 1000) < 60);
  assert.ok(of(text, 'processes')! >= 1 && of(text, 'threads')! >= 1);
  const network = { container: '', namespace: 'default', pod: 'works', interface: 'eth0' };
  assert.ok(value(text, 'container_network_transmit_bytes_total', network)! > 0);
  const whole = value(text, 'container_memory_usage_bytes', { id: '/' });
  assert.ok(whole !== undefined && whole > of(text, 'memory_usage_bytes')!);
  assert.ok(value(text, 'machine_memory_bytes')! > whole / 2 && value(text, 'machine_cpu_cores')! >= 1);
  assert.equal(value(text, 'container_scrape_error'), 0);
  // The runtime measures layers every ten seconds.
  await node.until(
    'the file in its own layer',
    async () => of(await nodeText('/metrics/cadvisor'), 'fs_usage_bytes')! >= 500_000,
    25_000,
  );
});

test('the kubelet’s numbers follow what Pods do', async () => {
  await node.createPod({
    name: 'short',
    spec: {
      restartPolicy: 'Never',
      initContainers: [{ ...shell('true'), name: 'first' }],
      containers: [shell('true')],
    },
  });
  await ended('short');
  await node.createPod({ name: 'wrong', spec: { containers: [{ ...shell('true'), image: 'no.registry/none:1' }] } });
  await node.until('the failed start is counted', async () => {
    const failed = await nodeText('/metrics');
    return value(failed, 'kubelet_started_containers_errors_total', { code: 'ErrImagePull' }) !== undefined;
  });
  const text = await nodeText('/metrics');
  checkFormat(text);
  const at = (name: string, labels = {}) => value(text, `kubelet_${name}`, labels);
  assert.equal(at('node_name', { node: 'n1' }), 1);
  assert.equal(at('started_containers_total', { container_type: 'init_container' }), 1);
  assert.ok(at('started_containers_total', { container_type: 'container' })! >= 2);
  assert.ok(at('started_pods_total')! >= 2);
  assert.equal(at('running_containers', { container_state: 'running' }), 1);
  assert.equal(at('running_containers', { container_state: 'exited' }), 2);
  assert.equal(at('desired_pods', { static: '' }), 3);
  assert.equal(at('active_pods', { static: '' }), 2);
  assert.ok(at('pod_start_duration_seconds_count')! >= 1);
  assert.ok(at('pod_start_total_duration_seconds_count')! >= 1);
  assert.equal(at('containers_per_pod_count_sum'), 3);
  assert.ok(at('pod_worker_duration_seconds_count', { operation_type: 'create' })! >= 2);
  assert.ok(at('runtime_operations_total', { operation_type: 'create_container' })! >= 3);
  assert.ok(at('runtime_operations_errors_total', { operation_type: 'pull_image' })! >= 1);
  assert.ok(at('run_podsandbox_duration_seconds_sum', { runtime_handler: '' })! > 0);
  assert.ok(at('pleg_relist_duration_seconds_count')! >= 1);
  assert.ok(at('pod_status_sync_duration_seconds_count')! >= 2);
  assert.ok(at('http_requests_total', { path: 'metrics/cadvisor', long_running: 'false' })! >= 2);
  assert.match(
    text,
    /^kubelet_http_inflight_requests\{long_running="false",method="GET",path="metrics",server_type="readwrite"\} 1$/m,
  );
  assert.ok(value(text, 'process_resident_memory_bytes')! > 1e6);
});

test('probes are counted by result, and no more when their container is gone', async () => {
  const labels = { probe_type: 'Readiness', container: 'main', pod: 'works', namespace: 'default' };
  const text = await nodeText('/metrics/probes');
  checkFormat(text);
  assert.ok(value(text, 'prober_probe_total', { ...labels, result: 'successful' })! >= 1);
  assert.ok(value(text, 'prober_probe_duration_seconds_sum', labels)! > 0);
  await remove('works');
  await gone('works');
  assert.doesNotMatch(await nodeText('/metrics/probes'), /prober_/);
});

test('who may not read metrics is told so, and other paths are none', async () => {
  const anonymous = { certificate: undefined };
  for (const path of ['/metrics', '/metrics/cadvisor', '/metrics/probes']) {
    const { status } = await node.agent.api.handle(nodeRequest(path, anonymous));
    assert.equal(status, 401, path);
  }
  const { status } = await node.agent.api.handle(nodeRequest('/metrics/other'));
  assert.equal(status, 404);
});
