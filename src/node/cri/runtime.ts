// The container runtime as the agent sees it: CRI v1 over gRPC. One instance a socket.
import type { Clock } from '#base/clock.ts';
import { sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { connectGrpc, type GrpcConnection, grpcCode, grpcCodeNames, GrpcError, type GrpcTable } from '#wire/grpc.ts';
import * as cri from './messages.ts';

export interface RuntimeVersion {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
}

export interface ContainerRuntime {
  version(): Promise<RuntimeVersion>;
  state(): Promise<cri.RuntimeState>;
  /** What the runtime uses: 'systemd' or 'cgroupfs'; undefined: it does not tell. */
  cgroupDriver(): Promise<'systemd' | 'cgroupfs' | undefined>;
  /** The image of which the runtime makes sandboxes, as its own configuration names it; undefined: it does not tell. */
  sandboxImage(): Promise<string | undefined>;
  runPodSandbox(config: cri.PodSandboxConfig, runtimeHandler: string): Promise<string>;
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
  podSandboxStatus(id: string): Promise<cri.PodSandboxStatus>;
  listPodSandboxes(labels?: Readonly<Record<string, string>>): Promise<readonly cri.PodSandbox[]>;
  createContainer(sandboxId: string, config: cri.ContainerConfig, sandbox: cri.PodSandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Ends when the container has. The runtime no longer waits for that, and kills nothing, when `signal` says so. */
  stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void>;
  removeContainer(id: string): Promise<void>;
  listContainers(labels?: Readonly<Record<string, string>>): Promise<readonly cri.Container[]>;
  containerStatus(id: string): Promise<cri.ContainerStatus>;
  reopenContainerLog(id: string): Promise<void>;
  updateContainerResources(id: string, linux: cri.LinuxContainerResources): Promise<void>;
  execSync(
    id: string,
    command: readonly string[],
    timeoutSeconds: number,
  ): Promise<{ readonly stdout: Uint8Array; readonly stderr: Uint8Array; readonly exitCode: number }>;
  /** URLs of the runtime's streaming server. */
  execUrl(request: StreamRequest & { readonly cmd: readonly string[] }): Promise<string>;
  attachUrl(request: StreamRequest): Promise<string>;
  portForwardUrl(sandboxId: string, ports: readonly number[]): Promise<string>;
  listContainerStats(): Promise<readonly cri.ContainerStats[]>;
  listImages(): Promise<readonly cri.Image[]>;
  imageStatus(image: string): Promise<cri.Image | undefined>;
  /** Gives the image's reference. The runtime gives up when `signal` says so. */
  pullImage(
    image: string,
    auth: cri.AuthConfig | undefined,
    sandbox: cri.PodSandboxConfig,
    signal?: AbortSignal,
  ): Promise<string>;
  /** A text for each part of any image that is on its way, another whenever more of it has arrived; undefined: it does not tell. */
  pullProgress(): Promise<readonly string[] | undefined>;
  removeImage(image: string): Promise<void>;
  imageFilesystem(): Promise<{ readonly mountpoint: string; readonly usedBytes: number } | undefined>;
  /**
   * Calls `onChange` whenever some container or sandbox ended or went by itself, until `signal`; `onGap` whenever events may
   * have been missed. Resolves when events cannot be had.
   */
  watchEvents(onChange: (sandboxOrContainerId: string) => void, signal: AbortSignal, onGap?: () => void): Promise<void>;
  close(): void;
}

/** The parts of containerd's CRI configuration that matter here. */
interface RuntimeSettings {
  readonly sandboxImage?: string;
  readonly containerd?: {
    readonly runtimes?: Readonly<Record<string, { readonly options?: { readonly SystemdCgroup?: boolean } }>>;
  };
}

export interface StreamRequest {
  readonly containerId: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** containerd's own event service, for versions whose CRI has none (before 1.7). From its public api/services/events/v1. */
const containerdEvents: GrpcTable = {
  package: 'containerd.services.events.v1',
  services: { Events: [['Subscribe', 'SubscribeRequest', 'Envelope', '', 'server-stream']] },
  enums: {},
  messages: {
    SubscribeRequest: [['filters', 'string', 1, 'repeated']],
    Envelope: [
      ['namespace', 'string', 2],
      ['topic', 'string', 3],
      ['event', 'Any', 4],
    ],
    Any: [
      ['type_url', 'string', 1],
      ['value', 'bytes', 2],
    ],
    // TaskExit, TaskStart, TaskDelete and TaskOOM all begin with the container's id in field 1.
    TaskEvent: [['container_id', 'string', 1]],
  },
};

/** containerd's own content service, for what is on its way. From its public api/services/content/v1. */
const containerdContent: GrpcTable = {
  package: 'containerd.services.content.v1',
  services: { Content: [['ListStatuses', 'ListStatusesRequest', 'ListStatusesResponse']] },
  enums: {},
  messages: {
    ListStatusesRequest: [['filters', 'string', 1, 'repeated']],
    ListStatusesResponse: [['statuses', 'Status', 1, 'repeated']],
    Status: [
      ['ref', 'string', 3],
      ['offset', 'int64', 4],
    ],
  },
};
const ofKubernetes = { 'containerd-namespace': 'k8s.io' };

/** When to look again after an event of containerd's own service. */
const settleMs = [40, 400];
const callTimeoutMs = 2 * 60_000;
const pullTimeoutMs = 60 * 60_000;

async function loadTable(): Promise<GrpcTable> {
  const facts = await import('#api/facts/grpc-apis.json', { with: { type: 'json' } });
  return facts.default.cri as unknown as GrpcTable;
}

export async function connectRuntime(socketPath: string, clock: Clock): Promise<ContainerRuntime> {
  const [connection, table] = await Promise.all([connectGrpc(`unix://${socketPath}`), loadTable()]);
  return new CriRuntime(connection, table, clock);
}

class CriRuntime implements ContainerRuntime {
  readonly #connection: GrpcConnection;
  readonly #table: GrpcTable;
  readonly #clock: Clock;
  #tellsProgress = true;

  constructor(connection: GrpcConnection, table: GrpcTable, clock: Clock) {
    this.#connection = connection;
    this.#table = table;
    this.#clock = clock;
  }
  /** The answer's shape is the CRI's; the cast is the typed boundary of this file. */
  async #call<R>(method: string, request: object, timeoutMs = callTimeoutMs, signal?: AbortSignal): Promise<R> {
    return (await this.#connection.unary(this.#table, method, request, { timeoutMs, signal })) as R;
  }
  version(): Promise<RuntimeVersion> {
    return this.#call('Version', {}, 5_000);
  }
  async state(): Promise<cri.RuntimeState> {
    const { status, runtimeHandlers, features } = await this.#call<{
      status: { conditions: cri.RuntimeCondition[] } | null;
      runtimeHandlers: {
        name: string;
        features: { recursiveReadOnlyMounts: boolean; userNamespaces: boolean } | null;
      }[];
      features: { supplementalGroupsPolicy: boolean } | null;
    }>('Status', {}, 10_000);
    return {
      conditions: status?.conditions ?? [],
      handlers: runtimeHandlers.map((one) => ({
        name: one.name,
        recursiveReadOnlyMounts: one.features?.recursiveReadOnlyMounts ?? false,
        userNamespaces: one.features?.userNamespaces ?? false,
      })),
      features: features ?? undefined,
    };
  }
  async cgroupDriver(): Promise<'systemd' | 'cgroupfs' | undefined> {
    try {
      const answer = await this.#call<{ linux: { cgroupDriver: number } | null }>('RuntimeConfig', {}, 10_000);
      return answer.linux === null ? undefined : answer.linux.cgroupDriver === 0 ? 'systemd' : 'cgroupfs';
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      const runtimes = (await this.#settings()).containerd?.runtimes;
      const systemd = runtimes?.['runc']?.options?.SystemdCgroup;
      return systemd === undefined ? undefined : systemd ? 'systemd' : 'cgroupfs';
    }
  }
  async sandboxImage(): Promise<string | undefined> {
    return (await this.#settings()).sandboxImage;
  }
  /** What containerd tells of its configuration in a verbose status; empty for runtimes that tell nothing. */
  async #settings(): Promise<RuntimeSettings> {
    const { info } = await this.#call<{ info: Readonly<Record<string, string>> }>('Status', { verbose: true }, 10_000);
    try {
      return JSON.parse(info['config'] ?? '{}') as RuntimeSettings;
    } catch {
      // CRI-O's is not JSON.
      return {};
    }
  }
  async runPodSandbox(config: cri.PodSandboxConfig, runtimeHandler: string): Promise<string> {
    const answer = await this.#call<{ podSandboxId: string }>(
      'RunPodSandbox',
      { config, runtimeHandler },
      callTimeoutMs * 2,
    );
    return answer.podSandboxId;
  }
  async stopPodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('StopPodSandbox', { podSandboxId });
  }
  async removePodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('RemovePodSandbox', { podSandboxId });
  }
  async podSandboxStatus(podSandboxId: string): Promise<cri.PodSandboxStatus> {
    return (await this.#call<{ status: cri.PodSandboxStatus }>('PodSandboxStatus', { podSandboxId })).status;
  }
  async listPodSandboxes(labelSelector?: Readonly<Record<string, string>>): Promise<readonly cri.PodSandbox[]> {
    const request = labelSelector === undefined ? {} : { filter: { labelSelector } };
    return (await this.#call<{ items: cri.PodSandbox[] }>('ListPodSandbox', request)).items;
  }
  async createContainer(
    podSandboxId: string,
    config: cri.ContainerConfig,
    sandboxConfig: cri.PodSandboxConfig,
  ): Promise<string> {
    const request = { podSandboxId, config, sandboxConfig };
    return (await this.#call<{ containerId: string }>('CreateContainer', request)).containerId;
  }
  async startContainer(containerId: string): Promise<void> {
    await this.#call('StartContainer', { containerId });
  }
  async stopContainer(containerId: string, timeout: number, signal?: AbortSignal): Promise<void> {
    await this.#call('StopContainer', { containerId, timeout }, timeout * 1000 + callTimeoutMs, signal);
  }
  async removeContainer(containerId: string): Promise<void> {
    await this.#call('RemoveContainer', { containerId });
  }
  async listContainers(labelSelector?: Readonly<Record<string, string>>): Promise<readonly cri.Container[]> {
    const request = labelSelector === undefined ? {} : { filter: { labelSelector } };
    return (await this.#call<{ containers: cri.Container[] }>('ListContainers', request)).containers;
  }
  async containerStatus(containerId: string): Promise<cri.ContainerStatus> {
    return (await this.#call<{ status: cri.ContainerStatus }>('ContainerStatus', { containerId })).status;
  }
  async reopenContainerLog(containerId: string): Promise<void> {
    await this.#call('ReopenContainerLog', { containerId });
  }
  async updateContainerResources(containerId: string, linux: cri.LinuxContainerResources): Promise<void> {
    await this.#call('UpdateContainerResources', { containerId, linux });
  }
  execSync(
    containerId: string,
    cmd: readonly string[],
    timeout: number,
  ): Promise<{ stdout: Uint8Array; stderr: Uint8Array; exitCode: number }> {
    return this.#call(
      'ExecSync',
      { containerId, cmd, timeout },
      timeout === 0 ? callTimeoutMs : timeout * 1000 + callTimeoutMs,
    );
  }
  async execUrl(request: StreamRequest & { readonly cmd: readonly string[] }): Promise<string> {
    return (await this.#call<{ url: string }>('Exec', request)).url;
  }
  async attachUrl(request: StreamRequest): Promise<string> {
    return (await this.#call<{ url: string }>('Attach', request)).url;
  }
  async portForwardUrl(podSandboxId: string, port: readonly number[]): Promise<string> {
    return (await this.#call<{ url: string }>('PortForward', { podSandboxId, port })).url;
  }
  async listContainerStats(): Promise<readonly cri.ContainerStats[]> {
    return (await this.#call<{ stats: cri.ContainerStats[] }>('ListContainerStats', {})).stats;
  }
  async listImages(): Promise<readonly cri.Image[]> {
    return (await this.#call<{ images: cri.Image[] }>('ListImages', {})).images;
  }
  async imageStatus(image: string): Promise<cri.Image | undefined> {
    const answer = await this.#call<{ image: cri.Image | null }>('ImageStatus', { image: { image } });
    return answer.image === null || answer.image.id === '' ? undefined : answer.image;
  }
  async pullImage(
    image: string,
    auth: cri.AuthConfig | undefined,
    sandboxConfig: cri.PodSandboxConfig,
    signal?: AbortSignal,
  ): Promise<string> {
    const request = { image: { image }, ...(auth === undefined ? {} : { auth }), sandboxConfig };
    const options = { timeoutMs: pullTimeoutMs, signal };
    const answer = (await this.#connection.unary(this.#table, 'PullImage', request, options)) as { imageRef: string };
    return answer.imageRef;
  }
  async pullProgress(): Promise<readonly string[] | undefined> {
    if (!this.#tellsProgress) return undefined;
    try {
      const answer = (await this.#connection.unary(
        containerdContent,
        'ListStatuses',
        {},
        { timeoutMs: callTimeoutMs, metadata: ofKubernetes },
      )) as { statuses: readonly { ref: string; offset: number }[] };
      return answer.statuses.map(({ ref, offset }) => `${ref} ${offset}`).toSorted();
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      this.#tellsProgress = false;
      return undefined;
    }
  }
  async removeImage(image: string): Promise<void> {
    await this.#call('RemoveImage', { image: { image } });
  }
  async imageFilesystem(): Promise<{ mountpoint: string; usedBytes: number } | undefined> {
    const answer = await this.#call<{
      imageFilesystems: { fsId: { mountpoint: string } | null; usedBytes: cri.Int64Value | null }[];
    }>('ImageFsInfo', {});
    const first = answer.imageFilesystems[0];
    return first === undefined
      ? undefined
      : { mountpoint: first.fsId?.mountpoint ?? '', usedBytes: first.usedBytes?.value ?? 0 };
  }
  async watchEvents(
    onChange: (id: string) => void,
    signal: AbortSignal,
    onGap: () => void = () => undefined,
  ): Promise<void> {
    let source: 'cri' | 'containerd' = 'cri';
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (source === 'cri') {
          for await (const event of this.#connection.serverStream(this.#table, 'GetContainerEvents', {}, { signal })) {
            failures = 0;
            const { containerId, containerEventType } = event as { containerId: string; containerEventType: number };
            // Created and started are our own doing.
            if (containerEventType >= cri.containerEvent.stopped) onChange(containerId);
          }
        } else {
          const { loadCodecs } = await import('#wire/grpc.ts');
          const ofTask = (await loadCodecs()).message(containerdEvents, 'TaskEvent');
          const request = { filters: ['topic~="^/tasks/(exit|oom)"', 'topic=="/tasks/delete"'] };
          for await (const message of this.#connection.serverStream(containerdEvents, 'Subscribe', request, {
            signal,
          })) {
            failures = 0;
            const { event, namespace } = message as { event: { value: Uint8Array } | null; namespace: string };
            if (event === null || namespace !== 'k8s.io') continue;
            const { containerId } = ofTask.decode(event.value) as { containerId: string };
            onChange(containerId);
            // The CRI part of containerd learns of it by the same event, perhaps after us.
            for (const delayMs of settleMs)
              this.#clock.schedule(delayMs, () => void (signal.aborted || onChange(containerId)));
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isUnimplemented(error)) {
          if (source === 'containerd') return;
          source = 'containerd';
          continue;
        }
        failures++;
      }
      await sleep(this.#clock, Math.min(5_000, 100 * 2 ** Math.min(failures, 10)), signal).catch(() => undefined);
      if (!signal.aborted) onGap();
    }
  }
  close(): void {
    this.#connection.close();
  }
}

const isUnimplemented = (error: unknown): boolean =>
  error instanceof GrpcError && error.code === grpcCode.unimplemented;
export const isRuntimeNotFound = (error: unknown): boolean =>
  error instanceof GrpcError && error.code === grpcCode.notFound;

/** As kubelet shows a failed pull: with the code where it says something. */
export const pullErrorText = (error: unknown): string =>
  error instanceof GrpcError && error.code !== grpcCode.unknown
    ? `rpc error: code = ${grpcCodeNames[error.code] ?? String(error.code)} desc = ${error.message}`
    : messageOf(error);
