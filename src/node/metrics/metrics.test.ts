import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/types.ts';
import { VirtualClock } from '#base/clock.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { RuntimeContainer } from '../pod/runtime-status.ts';
import { AgentMetrics, imageSizeLabel } from './agent-metrics.ts';
import { CadvisorMetrics } from './cadvisor.ts';
import { measuredRuntime } from './measured-runtime.ts';
import { printAgentMetrics, printProbeMetrics } from './print.ts';

const readings = { nodeName: 'n1', cgroupVersion: 2, counts: undefined, claimedVolumes: [] } as const;

test('calls to the runtime are counted, with their time and whether they failed', async () => {
  const metrics = new AgentMetrics();
  const clock = new VirtualClock(0);
  const runtime = measuredRuntime(
    {
      secret: 'kept',
      async listImages() {
        clock.advance(30);
        assert.equal((this as unknown as { secret: string }).secret, 'kept', 'it is called on the runtime itself');
        return [];
      },
      async runPodSandbox() {
        clock.advance(700);
        throw new Error('no');
      },
      pullProgress: async () => ['a'],
    } as unknown as ContainerRuntime,
    metrics,
    clock,
  );
  await runtime.listImages();
  await assert.rejects(runtime.runPodSandbox({} as never, 'gvisor'), /no/);
  assert.deepEqual(await runtime.pullProgress(), ['a']);
  const text = await printAgentMetrics(metrics, readings);
  for (const line of [
    'kubelet_runtime_operations_total{operation_type="list_images"} 1',
    'kubelet_runtime_operations_duration_seconds_bucket{operation_type="list_images",le="0.03125"} 1',
    'kubelet_runtime_operations_duration_seconds_sum{operation_type="list_images"} 0.03',
    'kubelet_runtime_operations_errors_total{operation_type="run_podsandbox"} 1',
    'kubelet_run_podsandbox_duration_seconds_count{runtime_handler="gvisor"} 1',
    'kubelet_run_podsandbox_errors_total{runtime_handler="gvisor"} 1',
    'kubelet_started_pods_total 1',
    'kubelet_started_pods_errors_total 1',
    'kubelet_node_name{node="n1"} 1',
    'kubelet_cgroup_version 2',
  ])
    assert.ok(text.split('\n').includes(line), line);
  assert.doesNotMatch(text, /operations_errors_total\{operation_type="list_images"/);
  assert.doesNotMatch(text, /kubelet_running_pods/, 'unknown is not 0');
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
});

test('what is counted of Pods and of volumes that claims stand for', async () => {
  const metrics = new AgentMetrics();
  metrics.rejected('OutOfcpu');
  metrics.rejected('OutOfexample.com/gpu');
  metrics.rejected('NodeAffinity');
  metrics.evicted('memory.available');
  metrics.pulled(12_000, 300 * 1024 * 1024);
  metrics.relisted(0, 40, 1_000_000);
  metrics.relisted(30_000, 40, 1_030_000);
  const text = await printAgentMetrics(metrics, {
    ...readings,
    counts: { sandboxes: 2, containers: new Map([['running', 3]]), desired: 4, active: 3 },
    claimedVolumes: [
      {
        namespace: 'web',
        claim: 'data',
        totalBytes: 100,
        freeBytes: 60,
        usedBytes: 40,
        inodes: undefined,
        inodesFree: undefined,
        inodesUsed: undefined,
      },
    ],
  });
  for (const line of [
    'kubelet_admission_rejections_total{reason="OutOfcpu"} 1',
    'kubelet_admission_rejections_total{reason="OutOfExtendedResources"} 1',
    'kubelet_admission_rejections_total{reason="Other"} 1',
    'kubelet_evictions{eviction_signal="memory.available"} 1',
    'kubelet_image_pull_duration_seconds_bucket{image_size_in_bytes="100MB-500MB",le="20"} 1',
    'kubelet_pleg_relist_interval_seconds_sum 30',
    'kubelet_pleg_last_seen_seconds 1030',
    'kubelet_running_pods 2',
    'kubelet_running_containers{container_state="running"} 3',
    'kubelet_desired_pods{static=""} 4',
    'kubelet_active_pods{static=""} 3',
    'kubelet_volume_stats_available_bytes{namespace="web",persistentvolumeclaim="data"} 60',
    'kubelet_volume_stats_used_bytes{namespace="web",persistentvolumeclaim="data"} 40',
  ])
    assert.ok(text.split('\n').includes(line), line);
  assert.doesNotMatch(text, /kubelet_volume_stats_inodes/, 'a driver that does not tell of inodes has none');
  assert.deepEqual([0, 10 * 1024 ** 2, 2 * 1024 ** 3, 1024 ** 4].map(imageSizeLabel), [
    '0-10MB',
    '10MB-100MB',
    '1GB-5GB',
    'GT100GB',
  ]);
});

test('probes are counted until the container is probed no more', async () => {
  const metrics = new AgentMetrics();
  const labels = { probe_type: 'Liveness', container: 'c', pod: 'p', namespace: 'n', pod_uid: 'u' };
  metrics.probed(labels, 'successful', 20);
  metrics.probed(labels, 'failed', 20);
  const text = await printProbeMetrics(metrics);
  const own = 'container="c",namespace="n",pod="p"';
  assert.ok(text.includes(`prober_probe_total{${own},pod_uid="u",probe_type="Liveness",result="failed"} 1\n`));
  assert.ok(text.includes(`prober_probe_duration_seconds_count{${own},probe_type="Liveness"} 1\n`));
  assert.match(text, /^process_start_time_seconds /m);
  metrics.probesEnded(labels);
  assert.doesNotMatch(await printProbeMetrics(metrics), /prober_/);
});

const details = {
  cpuUserNanoseconds: 2e9,
  cpuSystemNanoseconds: 1e9,
  throttling: { periods: 9, throttled: 3, throttledNanoseconds: 5e8 },
  memoryCacheBytes: 1,
  memoryMappedBytes: 2,
  memoryActiveFileBytes: 3,
  memoryInactiveFileBytes: 4,
  memoryKernelBytes: undefined,
  memorySwapBytes: 6,
  memoryMaxUsageBytes: 7,
  memoryLimitHits: 8,
  oomKills: 0,
  pageFaults: { own: 1, all: 2 },
  majorPageFaults: { own: 3, all: 4 },
  cpuShares: 102,
  cpuPeriodMicroseconds: 100_000,
  cpuQuotaMicroseconds: 30_000,
  memoryLimitBytes: 1_000,
  memorySwapLimitBytes: 0,
  memoryReservationBytes: 0,
  processes: 2,
  threads: 5,
  threadsMax: 0,
  traffic: new Map([['8:0', { readBytes: 1, writtenBytes: 2, reads: 3, writes: 4 }]]),
  pressure: {},
};

test("a container's numbers have cAdvisor's names and labels; what the kernel does not tell is left out", async () => {
  const lookedAt: (string | undefined)[] = [];
  const space = { totalBytes: 1_000, freeBytes: 400, inodes: 50, inodesFree: 20, device: 1 };
  const pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } } as unknown as Pod;
  const container = { id: 'abc', name: 'c', image: 'quay.io/app:1', startedAtMs: 5_000 } as RuntimeContainer;
  const text = await new CadvisorMetrics({
    clock: new VirtualClock(9_000),
    nodeName: 'n1',
    rootDirectory: '/kubelet',
    podsCgroup: () => undefined,
    runningPods: () => [
      {
        pod,
        cgroup: '/kubepods/podu',
        containers: [{ container, cgroup: '/kubepods/podu/abc' }],
        logDirectory: '/logs',
        volumes: async () => new Map(),
      },
    ],
    machine: {
      facts: () => ({ cpuCount: 4, memoryBytes: 4096, bootId: 'b', machineId: 'm', systemUuid: 's' }),
      bootTimeMs: () => 1_000,
      swapSpace: () => ({ totalBytes: 77, freeBytes: 0 }),
      diskSpace: () => space,
      deviceOf: async () => '/dev/vda1',
      deviceName: async () => '/dev/vda',
      cgroupUse: async (cgroup: string) =>
        cgroup === '/kubepods/podu'
          ? undefined
          : { cpuNanoseconds: 3e9, memoryUsageBytes: 30, memoryWorkingSetBytes: 20, memoryRssBytes: 10, processes: 1 },
      cgroupDetails: async () => details,
      networkUse: async (cgroup?: string) => {
        lookedAt.push(cgroup);
        return cgroup === undefined
          ? []
          : [
              {
                name: 'eth0',
                receivedBytes: 1,
                receivedPackets: 2,
                receiveErrors: 3,
                receiveDrops: 4,
                sentBytes: 5,
                sentPackets: 6,
                sendErrors: 7,
                sendDrops: 8,
              },
            ];
      },
    } as unknown as NodeMachine,
  }).read({
    listContainerStats: async () => [{ attributes: { id: 'abc' }, writableLayer: { usedBytes: { value: 55 } } }],
    imageFilesystem: async () => ({ mountpoint: '/images', usedBytes: 1 }),
  } as unknown as ContainerRuntime);
  const own = 'container="c"';
  const rest = 'id="/kubepods/podu/abc",image="quay.io/app:1"';
  const end = 'name="abc",namespace="n",pod="p"';
  for (const line of [
    `container_cpu_usage_seconds_total{${own},cpu="total",${rest},${end}} 3`,
    `container_cpu_cfs_throttled_seconds_total{${own},${rest},${end}} 0.5`,
    `container_memory_working_set_bytes{${own},${rest},${end}} 20`,
    `container_memory_rss{${own},${rest},${end}} 10`,
    `container_memory_usage_bytes{${own},${rest},${end}} 30`,
    `container_memory_failures_total{${own},failure_type="pgfault",${rest},${end.slice(0, -'pod="p"'.length)}pod="p",scope="hierarchy"} 2`,
    `container_spec_cpu_quota{${own},${rest},${end}} 30000`,
    `container_spec_memory_limit_bytes{${own},${rest},${end}} 1000`,
    `container_start_time_seconds{${own},${rest},${end}} 5`,
    `container_last_seen{${own},${rest},${end}} 9`,
    `container_fs_usage_bytes{${own},device="/dev/vda1",${rest},${end}} 55`,
    `container_fs_limit_bytes{container="",device="/dev/vda1",id="/",image="",name="",namespace="",pod=""} 1000`,
    `container_fs_writes_bytes_total{${own},device="/dev/vda",${rest},${end}} 2`,
    'container_network_transmit_packets_dropped_total{container="",id="/kubepods/podu",image="",interface="eth0",name="",namespace="n",pod="p"} 8',
    'machine_cpu_cores{boot_id="b",machine_id="m",system_uuid="s"} 4',
    'machine_swap_bytes{boot_id="b",machine_id="m",system_uuid="s"} 77',
    'container_scrape_error 1',
  ])
    assert.ok(text.split('\n').includes(line), line);
  assert.deepEqual(lookedAt, [undefined, '/kubepods/podu/abc'], 'the network is one for the Pod');
  assert.doesNotMatch(text, /container_pressure|kernel_usage/);
  assert.match(text, /^# TYPE container_cpu_usage_seconds_total counter$/m);
});
