// What the node agent counts while it works, under the kubelet's names (upstream: pkg/kubelet/metrics, pkg/kubelet/prober). What can be
// read when somebody asks is in print.ts. Nothing here reads a clock: who measures says how long it took.
import { exponentialBounds, type LabelsOf, type Observer, type Value } from '#base/metrics/families.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';

/** Of Prometheus' clients, in seconds. */
export const defaultBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** Upstream's for Pods that start, in seconds. */
const podStartBounds = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const pullBounds = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const statusBounds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];

const mebibyte = 1024 * 1024;
/** Upstream's classes of images, by the size from which each begins. */
const imageSizes: readonly (readonly [fromBytes: number, label: string])[] = [
  [100 * 1024 * mebibyte, 'GT100GB'],
  [60 * 1024 * mebibyte, '60GB-100GB'],
  [40 * 1024 * mebibyte, '40GB-60GB'],
  [30 * 1024 * mebibyte, '30GB-40GB'],
  [20 * 1024 * mebibyte, '20GB-30GB'],
  [10 * 1024 * mebibyte, '10GB-20GB'],
  [5 * 1024 * mebibyte, '5GB-10GB'],
  [1024 * mebibyte, '1GB-5GB'],
  [500 * mebibyte, '500MB-1GB'],
  [100 * mebibyte, '100MB-500MB'],
  [10 * mebibyte, '10MB-100MB'],
];
export const imageSizeLabel = (bytes: number): string => imageSizes.find(([from]) => bytes >= from)?.[1] ?? '0-10MB';

/** Reasons that upstream tells by their names; the others are many. */
const rejections = new Set([
  'AppArmor',
  'PodOSSelectorNodeLabelDoesNotMatch',
  'PodOSNotSupported',
  'InvalidNodeInfo',
  'InitContainerRestartPolicyForbidden',
  'SupplementalGroupsPolicyNotSupported',
  'UnexpectedAdmissionError',
  'UnknownReason',
  'UnexpectedPredicateFailureType',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfephemeral-storage',
  'OutOfpods',
  'PodLevelResourcesNotSupported',
  'PodFeatureUnsupported',
  'Evicted',
  'SysctlForbidden',
  'TopologyAffinityError',
  'NodeShutdown',
  'VolumeAttachmentLimitExceeded',
]);
const rejectionLabel = (reason: string): string =>
  rejections.has(reason) ? reason : reason.startsWith('OutOf') ? 'OutOfExtendedResources' : 'Other';

export type ContainerType = 'container' | 'init_container' | 'ephemeral_container';
export type PodWork = 'create' | 'update' | 'sync' | 'kill';
export type ProbeResult = 'successful' | 'failed' | 'unknown';

/** A request to the node's API, folded as upstream folds it. */
export type NodeRequestLabels = LabelsOf<'method' | 'path' | 'server_type' | 'long_running'>;

export interface ProbeLabels {
  readonly probe_type: string;
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
  readonly pod_uid: string;
}

export class AgentMetrics {
  /** Of /metrics. */
  readonly registry = new MetricRegistry();
  /** Of /metrics/probes. */
  readonly probes = new MetricRegistry();
  readonly #operations = this.registry.counter('kubelet_runtime_operations_total', 'Calls to the runtime.', [
    'operation_type',
  ]);
  readonly #operationSeconds = this.registry.histogram(
    'kubelet_runtime_operations_duration_seconds',
    'How long calls to the runtime took.',
    exponentialBounds(0.005, 2.5, 14).map((bound) => Number(bound.toPrecision(12))),
    ['operation_type'],
  );
  readonly #operationErrors = this.registry.counter(
    'kubelet_runtime_operations_errors_total',
    'Calls to the runtime that failed.',
    ['operation_type'],
  );
  readonly #sandboxSeconds = this.registry.histogram(
    'kubelet_run_podsandbox_duration_seconds',
    'How long it took to begin sandboxes.',
    defaultBounds,
    ['runtime_handler'],
  );
  readonly #sandboxErrors = this.registry.counter(
    'kubelet_run_podsandbox_errors_total',
    'Sandboxes that could not begin.',
    ['runtime_handler'],
  );
  readonly #pods = this.registry.counter('kubelet_started_pods_total', 'Sandboxes that were to begin.').with({});
  readonly #podErrors = this.registry
    .counter('kubelet_started_pods_errors_total', 'Sandboxes that could not begin.')
    .with({});
  readonly #containers = this.registry.counter('kubelet_started_containers_total', 'Containers that were to begin.', [
    'container_type',
  ]);
  readonly #containerErrors = this.registry.counter(
    'kubelet_started_containers_errors_total',
    'Containers that could not begin.',
    ['container_type', 'code'],
  );
  readonly #workSeconds = this.registry.histogram(
    'kubelet_pod_worker_duration_seconds',
    'How long one look at one Pod took.',
    defaultBounds,
    ['operation_type'],
  );
  readonly #workerStartSeconds = this.registry
    .histogram(
      'kubelet_pod_worker_start_duration_seconds',
      'From the first sight of a Pod to the begin of its first look.',
      defaultBounds,
    )
    .with({});
  readonly #podStartSeconds = this.registry
    .histogram('kubelet_pod_start_duration_seconds', 'From the first sight of a Pod to its running.', podStartBounds)
    .with({});
  readonly #podStartTotalSeconds = this.registry
    .histogram(
      'kubelet_pod_start_total_duration_seconds',
      'From the creation of a Pod to the start of all its containers.',
      podStartBounds,
    )
    .with({});
  readonly #statusSeconds = this.registry
    .histogram('kubelet_pod_status_sync_duration_seconds', 'How long it took to tell the API a status.', statusBounds)
    .with({});
  readonly #containersPerPod = this.registry
    .histogram('kubelet_containers_per_pod_count', 'Containers of each Pod.', exponentialBounds(1, 2, 5))
    .with({});
  readonly #relistSeconds = this.registry
    .histogram('kubelet_pleg_relist_duration_seconds', 'How long looks at the whole runtime took.', defaultBounds)
    .with({});
  readonly #relistIntervalSeconds = this.registry
    .histogram('kubelet_pleg_relist_interval_seconds', 'Time between two looks at the whole runtime.', defaultBounds)
    .with({});
  readonly #lastRelist = this.registry.gauge(
    'kubelet_pleg_last_seen_seconds',
    'The last look at the whole runtime, in seconds since 1970.',
  );
  readonly #rejections = this.registry.counter(
    'kubelet_admission_rejections_total',
    'Pods that the node did not let in.',
    ['reason'],
  );
  readonly #evictions = this.registry.counter('kubelet_evictions', 'Pods that went because the node ran short.', [
    'eviction_signal',
  ]);
  readonly #pullSeconds = this.registry.histogram(
    'kubelet_image_pull_duration_seconds',
    'How long pulls took, with the wait for their turn.',
    pullBounds,
    ['image_size_in_bytes'],
  );
  readonly #imagesRemoved = this.registry.counter(
    'kubelet_image_garbage_collected_total',
    'Unused images that were removed.',
    ['reason'],
  );
  readonly #requests = this.registry.counter('kubelet_http_requests_total', "Requests to the node's API.", [
    'method',
    'path',
    'server_type',
    'long_running',
  ]);
  readonly #requestSeconds = this.registry.histogram(
    'kubelet_http_requests_duration_seconds',
    "How long requests to the node's API took.",
    defaultBounds,
    ['method', 'path', 'server_type', 'long_running'],
  );
  readonly #requestsNow = this.registry.gauge(
    'kubelet_http_inflight_requests',
    "Requests to the node's API that are being answered.",
    ['method', 'path', 'server_type', 'long_running'],
  );
  readonly #probeResults = this.probes.counter('prober_probe_total', 'Probes of a container by result.', [
    'probe_type',
    'result',
    'container',
    'pod',
    'namespace',
    'pod_uid',
  ]);
  readonly #probeSeconds = this.probes.histogram(
    'prober_probe_duration_seconds',
    'How long probes took.',
    defaultBounds,
    ['probe_type', 'container', 'pod', 'namespace'],
  );
  #relistedAtMs: number | undefined;

  /** A call to the runtime ended after so many milliseconds. */
  runtimeCalled(operation: string, tookMs: number, failed: boolean): void {
    const labels = { operation_type: operation };
    this.#operations.with(labels).add();
    this.#operationSeconds.with(labels).observe(tookMs / 1000);
    if (failed) this.#operationErrors.with(labels).add();
  }
  sandboxBegan(handler: string, tookMs: number, failed: boolean): void {
    const labels = { runtime_handler: handler };
    this.#pods.add();
    this.#sandboxSeconds.with(labels).observe(tookMs / 1000);
    if (!failed) return;
    this.#podErrors.add();
    this.#sandboxErrors.with(labels).add();
  }
  /** `failure`: the reason for which it waits instead. */
  containerBegan(type: ContainerType, failure?: string): void {
    this.#containers.with({ container_type: type }).add();
    if (failure !== undefined) this.#containerErrors.with({ container_type: type, code: failure }).add();
  }
  podSeen(containers: number, waitedMs: number): void {
    this.#containersPerPod.observe(containers);
    this.#workerStartSeconds.observe(waitedMs / 1000);
  }
  podWorked(work: PodWork, tookMs: number): void {
    this.#workSeconds.with({ operation_type: work }).observe(tookMs / 1000);
  }
  podRuns(sinceSeenMs: number): void {
    this.#podStartSeconds.observe(sinceSeenMs / 1000);
  }
  podStarted(sinceCreatedMs: number): void {
    this.#podStartTotalSeconds.observe(sinceCreatedMs / 1000);
  }
  statusTold(tookMs: number): void {
    this.#statusSeconds.observe(tookMs / 1000);
  }
  /** `atMs`: monotonic, of its begin. */
  relisted(atMs: number, tookMs: number, now: number): void {
    if (this.#relistedAtMs !== undefined) this.#relistIntervalSeconds.observe((atMs - this.#relistedAtMs) / 1000);
    this.#relistedAtMs = atMs;
    this.#relistSeconds.observe(tookMs / 1000);
    this.#lastRelist.with({}).set(now / 1000);
  }
  rejected(reason: string): void {
    this.#rejections.with({ reason: rejectionLabel(reason) }).add();
  }
  evicted(signal: string): void {
    this.#evictions.with({ eviction_signal: signal }).add();
  }
  pulled(tookMs: number, imageBytes: number): void {
    this.#pullSeconds.with({ image_size_in_bytes: imageSizeLabel(imageBytes) }).observe(tookMs / 1000);
  }
  imageRemoved(reason: 'age' | 'space'): void {
    this.#imagesRemoved.with({ reason }).add();
  }
  requestCame(labels: NodeRequestLabels): { readonly total: Value; readonly now: Value; readonly seconds: Observer } {
    const series = {
      total: this.#requests.with(labels),
      now: this.#requestsNow.with(labels),
      seconds: this.#requestSeconds.with(labels),
    };
    series.total.add();
    series.now.add();
    return series;
  }
  /** Upstream measures the time of answers that failed with neither. */
  probed(labels: ProbeLabels, result: ProbeResult, tookMs: number): void {
    this.#probeResults.with({ ...labels, result }).add();
    const { pod_uid: _, ...ofPod } = labels;
    if (result !== 'failed') this.#probeSeconds.with(ofPod).observe(tookMs / 1000);
  }
  /** Nobody probes this container any more. */
  probesEnded(labels: ProbeLabels): void {
    for (const result of ['successful', 'failed', 'unknown']) this.#probeResults.without({ ...labels, result });
    const { pod_uid: _, ...ofPod } = labels;
    this.#probeSeconds.without(ofPod);
  }
}
