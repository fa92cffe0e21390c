// The node's API on port 10250: logs, exec, attach, port-forward, health, Pods, statistics. A RequestHandler, so that the
// same listener as the API server's can carry it; who may call is decided by authorize.ts before anything else.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/generated/types.ts';
import type { ApiRequest, ApiResponse, RequestHandler } from '#api/request.ts';
import { ApiError } from '#api/status.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import * as cri from '../cri/messages.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import { parseContainer, podUidLabel, type RuntimeContainer } from '../pod/runtime-status.ts';
import type { AgentMetrics, NodeRequestLabels } from '../metrics/agent-metrics.ts';
import type { NodeAuthorizer } from './authorize.ts';
import { readLogs } from './container-logs.ts';
import type { StatsSummary } from './stats.ts';
import { serveStreams } from './streams.ts';

export interface NodeApiOptions {
  readonly clock: Clock;
  readonly machine: NodeMachine;
  readonly logger: Logger;
  /** A streaming connection over which nothing goes for so long is closed; 0: never. */
  readonly streamIdleMs: number;
  readonly nodeName: string;
  readonly authorize: NodeAuthorizer;
  readonly stats: StatsSummary;
  /** The texts of /metrics, and of the parts that have paths of their own. */
  readonly metrics: Readonly<Record<MetricsPath, (runtime: ContainerRuntime) => Promise<string>>>;
  /** Counts requests. */
  readonly requests: Pick<AgentMetrics, 'requestCame'>;
  readonly pods: () => readonly Pod[];
  /** Undefined until it is connected. */
  readonly runtime: () => ContainerRuntime | undefined;
  /** Calls back when the container's state may have changed. */
  readonly onRuntimeChange: (containerId: string, listener: () => void) => Disposable;
}

export type NodeApi = RequestHandler;

const metricsPaths = ['', 'resource', 'cadvisor', 'probes'] as const;
/** Below /metrics. */
export type MetricsPath = (typeof metricsPaths)[number];
const isMetricsPath = (text: string): text is MetricsPath => (metricsPaths as readonly string[]).includes(text);
const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

const methods = new Set(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']);
const firstSegments = new Set([
  'healthz',
  'pods',
  'stats',
  'metrics',
  'containerLogs',
  'exec',
  'attach',
  'portForward',
]);
const longRunning = new Set(['exec', 'attach', 'portForward']);

/** What callers write is no label: it folds into what is served. */
function requestLabels({ method, path }: ApiRequest): NodeRequestLabels {
  const [first = '', second = ''] = path.slice(1).split('/');
  const ofMetrics = first === 'metrics' && second !== '' && isMetricsPath(second);
  return {
    method: methods.has(method) ? method : 'other',
    path: ofMetrics ? `${first}/${second}` : firstSegments.has(first) ? first : 'other',
    server_type: 'readwrite',
    long_running: String(longRunning.has(first)),
  };
}

/** Text answers, as the kubelet gives them. */
const textAnswer = (status: number, text: string, contentType = 'text/plain; charset=utf-8'): ApiResponse => ({
  status,
  headers: {},
  warnings: [],
  body: { type: 'bytes', contentType, parts: [Buffer.from(text)] },
});
const jsonAnswer = (value: unknown): ApiResponse => ({
  status: 200,
  headers: {},
  warnings: [],
  body: { type: 'bytes', contentType: 'application/json', parts: [Buffer.from(JSON.stringify(value))] },
});

class NodeApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function createNodeApi(options: NodeApiOptions): NodeApi {
  const findPod = (namespace: string, name: string, uid: string | undefined): Pod => {
    const pod = options
      .pods()
      .find(
        (one) =>
          one.metadata.namespace === namespace &&
          one.metadata.name === name &&
          (uid === undefined || uid === one.metadata.uid),
      );
    if (pod === undefined) throw new NodeApiError(404, 'pod does not exist');
    return pod;
  };
  const connected = (): ContainerRuntime => {
    const runtime = options.runtime();
    if (runtime === undefined) throw new NodeApiError(503, 'the container runtime is not connected yet');
    return runtime;
  };
  /** Newest first. */
  const containersOf = async (pod: Pod, name: string): Promise<RuntimeContainer[]> => {
    const runtime = connected();
    const all = await runtime.listContainers({
      [podUidLabel]: pod.metadata.uid ?? '',
      'io.kubernetes.container.name': name,
    });
    const statuses = await Promise.all(
      all.map(async (one) => parseContainer(await runtime.containerStatus(one.id), one.podSandboxId)),
    );
    return statuses.toSorted((a, b) => b.createdAtMs - a.createdAtMs || b.restartCount - a.restartCount);
  };
  const runningContainer = async (pod: Pod, name: string): Promise<RuntimeContainer> => {
    const newest = (await containersOf(pod, name))[0];
    if (newest?.state !== 'running') throw new NodeApiError(404, `container not found (${JSON.stringify(name)})`);
    return newest;
  };

  async function logs(request: ApiRequest, segments: readonly string[]): Promise<ApiResponse> {
    const [namespace, podName, container] = segments as [string, string, string];
    const pod = findPod(namespace, podName, undefined);
    const specs = [...pod.spec.containers, ...(pod.spec.initContainers ?? []), ...(pod.spec.ephemeralContainers ?? [])];
    if (!specs.some((one) => one.name === container))
      throw new NodeApiError(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(podName)}`);
    const found = await containersOf(pod, container);
    const { query } = request;
    const previous = query.get('previous') === 'true';
    const chosen = previous
      ? found.filter((one) => one.state === 'exited' && one !== found.find((other) => other.state === 'running'))[
          found[0]?.state === 'exited' ? 1 : 0
        ]
      : found[0];
    const place = `container ${JSON.stringify(container)} in pod ${JSON.stringify(podName)}`;
    if (chosen === undefined) {
      if (previous) throw new NodeApiError(400, `previous terminated ${place} not found`);
      const status = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
        (one) => one.name === container,
      );
      const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
      const text =
        reason === 'ErrImagePull'
          ? "image can't be pulled"
          : reason === 'ImagePullBackOff'
            ? 'trying and failing to pull image'
            : reason;
      throw new NodeApiError(400, `${place} is waiting to start: ${text}`);
    }
    const whole = (name: string, minimum: number): number | undefined => {
      const text = query.get(name);
      if (text === null || text === '') return undefined;
      const value = Number(text);
      if (!Number.isInteger(value) || value < minimum)
        throw new NodeApiError(422, `${name}: Invalid value: ${JSON.stringify(text)}`);
      return value;
    };
    const sinceSeconds = whole('sinceSeconds', 1);
    const sinceTime = query.get('sinceTime');
    const stream = query.get('stream');
    const runtime = connected();
    const source = {
      machine: options.machine,
      clock: options.clock,
      path: chosen.logPath,
      async isRunning() {
        try {
          return (await runtime.containerStatus(chosen.id)).state === cri.containerState.running;
        } catch {
          return false;
        }
      },
      onChange: (listener: () => void) => options.onRuntimeChange(chosen.id, listener),
      signal: request.signal,
    };
    return {
      status: 200,
      headers: {},
      warnings: [],
      body: {
        type: 'stream',
        contentType: 'text/plain',
        stream: readLogs(source, {
          follow: query.get('follow') === 'true',
          timestamps: query.get('timestamps') === 'true',
          tailLines: whole('tailLines', 0),
          limitBytes: whole('limitBytes', 1),
          sinceMs:
            sinceSeconds !== undefined
              ? options.clock.now() - sinceSeconds * 1000
              : sinceTime === null
                ? undefined
                : Date.parse(sinceTime),
          stream: stream === 'Stdout' ? 'stdout' : stream === 'Stderr' ? 'stderr' : undefined,
        }),
      },
    };
  }

  const flag = (query: URLSearchParams, ...names: readonly string[]) =>
    names.some((name) => query.get(name) === '1' || query.get(name) === 'true');

  async function streams(request: ApiRequest, kind: string, segments: readonly string[]): Promise<ApiResponse> {
    const runtime = connected();
    const [namespace, podName] = segments as [string, string];
    const { query } = request;
    if (kind === 'portForward') {
      const pod = findPod(namespace, podName, segments[2]);
      const sandboxes = await runtime.listPodSandboxes({ [podUidLabel]: pod.metadata.uid ?? '' });
      const sandbox = sandboxes.find((one) => one.state === cri.sandboxState.ready);
      if (sandbox === undefined)
        throw new NodeApiError(404, `pod not found (${JSON.stringify(`${podName}_${namespace}`)})`);
      const ports = query.getAll('port').flatMap((one) => one.split(',').map(Number));
      return serveStreams(options, request, {
        kind: 'port-forward',
        url: await runtime.portForwardUrl(sandbox.id, ports),
        ports,
      });
    }
    const pod = findPod(namespace, podName, segments.length === 4 ? segments[2] : undefined);
    const container = await runningContainer(pod, segments.at(-1)!);
    const stream = {
      containerId: container.id,
      tty: flag(query, 'tty'),
      stdin: flag(query, 'input', 'stdin'),
      stdout: flag(query, 'output', 'stdout'),
      stderr: flag(query, 'error', 'stderr') && !flag(query, 'tty'),
    };
    if (!stream.stdin && !stream.stdout && !stream.stderr)
      throw new NodeApiError(400, 'you must specify at least 1 of stdin, stdout, stderr');
    const url =
      kind === 'exec'
        ? await runtime.execUrl({ ...stream, cmd: query.getAll('command') })
        : await runtime.attachUrl(stream);
    return serveStreams(options, request, { kind: 'remote-command', url, ...stream });
  }

  async function route(request: ApiRequest): Promise<ApiResponse> {
    const segments = request.path
      .split('/')
      .filter((one) => one !== '')
      .map(decodeURIComponent);
    const [first, ...rest] = segments;
    switch (first) {
      case 'healthz':
        return textAnswer(200, 'ok');
      case 'pods':
        return jsonAnswer({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: options.pods() });
      case 'stats':
        if (rest[0] !== 'summary') break;
        return jsonAnswer(await options.stats.read(connected()));
      case 'metrics':
        if (rest.length > 1 || !isMetricsPath(rest[0] ?? '')) break;
        // Before it is connected there is nothing to tell.
        return textAnswer(200, await options.metrics[(rest[0] ?? '') as MetricsPath](connected()), metricsContentType);
      case 'containerLogs':
        if (rest.length === 3) return logs(request, rest);
        break;
      case 'exec':
      case 'attach':
        if (rest.length === 3 || rest.length === 4) return streams(request, first, rest);
        break;
      case 'portForward':
        if (rest.length === 2 || rest.length === 3) return streams(request, first, rest);
        break;
      default:
    }
    return textAnswer(404, '404 page not found\n');
  }

  return {
    async handle(request) {
      const counted = options.requests.requestCame(requestLabels(request));
      const startedMs = options.clock.monotonicMs();
      try {
        const refused = await options.authorize(request);
        if (refused !== undefined) return textAnswer(refused.status, refused.message);
        return await route(request);
      } catch (error) {
        if (error instanceof NodeApiError) return textAnswer(error.status, error.message);
        if (error instanceof ApiError) return textAnswer(error.code, error.message);
        options.logger.warn('node API request failed', { path: request.path, error: messageOf(error) });
        return textAnswer(500, messageOf(error));
      } finally {
        counted.now.add(-1);
        counted.seconds.observe((options.clock.monotonicMs() - startedMs) / 1000);
      }
    },
  };
}
