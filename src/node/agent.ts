// The node agent: joins the runtime, the Node object, the Pods and the node's API. THE order of its start is in `start`.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import { Nodes, Pods as PodsKind, Services } from '#api/generated/kind-references.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { Image, RuntimeState } from './cri/messages.ts';
import type { ContainerRuntime, RuntimeVersion } from './cri/runtime.ts';
import type { AuthFile } from './images/auth-files.ts';
import { collectImages, type ImageThresholds } from './images/collection.ts';
import { Images } from './images/images.ts';
import { Puller } from './images/puller.ts';
import { PullRecords } from './images/pull-records.ts';
import { rotateLogs } from './log-rotation.ts';
import { NodeRegistration } from './node-registration.ts';
import { allocatableAmounts, nodeStatus } from './node-status.ts';
import { createPodSources } from './pod-sources.ts';
import { ContainerStarter } from './pod/containers.ts';
import { Pods } from './pod/pods.ts';
import { UserNamespaces } from './pod/user-namespaces.ts';
import type { NodeRuntimeSettings } from './pod/runtime-config.ts';
import { Probes } from './probes/probes.ts';
import { createNodeAuthorizer } from './server/authorize.ts';
import { createNodeApi, type NodeApi } from './server/node-api.ts';
import { StatsSummary } from './server/stats.ts';
import { PodVolumes } from './volumes/volumes.ts';

export interface NodeAgentOptions {
  /** In the node's own name (system:node:NAME, group system:nodes). */
  readonly client: Client;
  readonly events: EventRecorder;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeName: string;
  /** Asked whenever needed: addresses may change. The first is the main one. */
  readonly nodeIps: () => readonly string[];
  /** Names this cluster: containers of another are leftovers. Such as the uid of kube-system, or a digest of the CA. */
  readonly clusterId: string;
  /** Connects to the runtime; the agent closes it. */
  readonly connectRuntime: () => Promise<ContainerRuntime>;
  /** What else is wrong with the runtime, as its supervisor sees it. */
  readonly runtimeProblem?: (() => string | undefined) | undefined;
  readonly kubeletVersion: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Default /var/lib/kubelet. */
  readonly rootDirectory?: string | undefined;
  /** Default /var/log/pods. */
  readonly podLogDirectory?: string | undefined;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** Where the runtime does not tell. */
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly cgroupRoot?: string | undefined;
  readonly podsMax?: number | undefined;
  readonly reserved?: Readonly<Record<string, number>> | undefined;
  /** Asked whenever logs and images are looked at; absent: upstream's. */
  readonly housekeepingLimits?: (() => HousekeepingLimits) | undefined;
  /** Never collected: the pause image and what was brought along. */
  readonly pinnedImages: () => readonly string[];
  /** The node's own logins at registries, read at each pull. */
  readonly authFiles: readonly AuthFile[];
  /** At once, default 10; 1: one after the other. */
  readonly imagePullsMax?: number | undefined;
  /** After so long without a byte a pull is given up. Default 5 minutes, as containerd 2. */
  readonly imagePullProgressDeadlineMs?: number | undefined;
  /** After so long without a byte exec, attach and port-forward are ended. Default 4 hours, as upstream; 0: never. */
  readonly streamIdleMs?: number | undefined;
  /** Where the runtime is our own: what it knows of mirrors, brought up to date before each pull. */
  readonly registries?: NodeRegistries | undefined;
  /** Common names of the certificate with which the API server calls the node's API. */
  readonly apiServerNames: readonly string[];
  /** Where the node's API listens, for the Node's status. */
  readonly serverPort?: number | undefined;
  /** How often the whole runtime, logs and disk use are looked at. Default 30 s. */
  readonly housekeepingMs?: number | undefined;
  /** Services that must run before. */
  readonly dependsOn?: readonly string[] | undefined;
}

export interface HousekeepingLimits {
  /** Of a container's log at which another file is begun. */
  readonly logBytesMax: number;
  /** The current one included. */
  readonly logFilesMax: number;
  readonly images: ImageThresholds;
}

export interface NodeRegistries {
  refresh(): Promise<void>;
  mirrorsOf(repository: string): readonly string[];
  /** Why the repository may not be pulled. */
  blocked(repository: string): string | undefined;
  /** True: what a pull failed with is now known, and it is tried once more. */
  learn(failure: string): boolean;
}

export interface NodeAgent extends Service {
  /** The node's API, to be put behind TLS and authentication (host). Usable from the start on. */
  readonly api: NodeApi;
  /** The machine has another address: the Node and its Pods say so now. */
  addressChanged(): void;
}

const imageCollectionMs = 5 * 60_000;
const imagePullProgressMs = 5 * 60_000;
const streamIdleMs = 4 * 3_600_000;

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { client, clock, logger, machine, nodeName, nodeIps, registries } = options;
  const rootDirectory = options.rootDirectory ?? '/var/lib/kubelet';
  const podsMax = options.podsMax ?? 250;
  const housekeepingMs = options.housekeepingMs ?? 30_000;
  const reserved = options.reserved ?? {};
  const facts = machine.facts();
  const current: {
    pods?: Pods;
    runtime?: ContainerRuntime;
    problem?: string | undefined;
    addressChanged?: () => void;
  } = {};
  const amounts = () =>
    allocatableAmounts({ facts, reserved, podsMax, diskTotalBytes: machine.diskSpace(rootDirectory).totalBytes });
  const settings: NodeRuntimeSettings = {
    clusterId: options.clusterId,
    cgroupDriver: options.cgroupDriver,
    cgroupRoot: options.cgroupRoot ?? 'kubepods',
    memoryBytes: facts.memoryBytes,
    podsMemoryBytes: Math.max(0, facts.memoryBytes - (reserved['memory'] ?? 0)),
    podLogDirectory: options.podLogDirectory ?? '/var/log/pods',
    clusterDns: options.clusterDns,
    clusterDomain: options.clusterDomain,
    seccompDirectory: `${rootDirectory}/seccomp`,
  };

  const listeners = new Map<string, Set<() => void>>();
  const statsOptions = {
    clock,
    machine,
    nodeName,
    rootDirectory,
    runningPods: () => current.pods?.running() ?? [],
  };
  const api = createNodeApi({
    clock,
    machine,
    logger,
    streamIdleMs: options.streamIdleMs ?? streamIdleMs,
    nodeName,
    pods: () => current.pods?.list() ?? [],
    runtime: () => current.runtime,
    onRuntimeChange(id, listener) {
      let ofId = listeners.get(id);
      if (ofId === undefined) listeners.set(id, (ofId = new Set()));
      ofId.add(listener);
      return {
        [Symbol.dispose]: () => {
          ofId.delete(listener);
          if (ofId.size === 0) listeners.delete(id);
        },
      };
    },
    stats: new StatsSummary(statsOptions),
    resourceMetrics: async () => (await import('./server/resource-metrics.ts')).readResourceMetrics(statsOptions),
    authorize: createNodeAuthorizer({ client, clock, nodeName, apiServerNames: options.apiServerNames }),
  });

  async function start(scope: Scope): Promise<void> {
    const runtime = await options.connectRuntime();
    current.runtime = runtime;
    scope.onClose(() => runtime.close());
    const { version, driver } = await waitForRuntime(runtime, scope, clock, logger);
    const effective = driver === undefined ? settings : { ...settings, cgroupDriver: driver };

    let runtimeState: RuntimeState = { conditions: [], handlers: [], features: undefined };
    const registration = new NodeRegistration({
      client,
      clock,
      logger: logger.named('node-status'),
      scope,
      nodeName,
      facts,
      labels: options.labels ?? {},
      lookMs: Math.min(10_000, housekeepingMs),
      async currentStatus(previous) {
        let [images, problem]: [readonly Image[], string | undefined] = [[], options.runtimeProblem?.()];
        try {
          [images, runtimeState] = await Promise.all([runtime.listImages(), runtime.state()]);
        } catch (error) {
          problem ??= messageOf(error);
        }
        const disk = machine.diskSpace(rootDirectory);
        const status = nodeStatus({
          previous,
          nowMs: clock.now(),
          nodeName,
          addresses: nodeIps(),
          facts,
          runtimeVersion: `${version.runtimeName}://${version.runtimeVersion}`,
          kubeletVersion: options.kubeletVersion,
          podsMax,
          reserved,
          diskTotalBytes: disk.totalBytes,
          diskFreeBytes: disk.freeBytes,
          memoryAvailableBytes: machine.memoryAvailableBytes(),
          images,
          runtimeConditions: problem === undefined ? runtimeState.conditions : [],
          runtimeHandlers: runtimeState.handlers,
          runtimeFeatures: runtimeState.features,
          runtimeProblem: problem,
          serverPort: options.serverPort ?? 10_250,
        });
        const ready = status.conditions?.find((one) => one.type === 'Ready');
        current.problem = ready?.status === 'True' ? undefined : ready?.message;
        return status;
      },
    });

    // Events need kind and version, which objects out of lists do not carry.
    const events: EventRecorder = {
      event: (about, type, reason, message, fieldPath) =>
        options.events.event({ ...about, apiVersion: 'v1', kind: 'Pod' }, type, reason, message, fieldPath),
    };
    const volumes = new PodVolumes({ machine, clock, random: options.random, rootDirectory });
    const imageLogger = logger.named('images');
    const records = new PullRecords({ machine, clock, logger: imageLogger, rootDirectory });
    await records.load(() => runtime.listImages());
    scope.onClose(() => records.settled());
    const puller = new Puller({
      runtime,
      clock,
      pullsMax: options.imagePullsMax ?? 10,
      progressDeadlineMs: options.imagePullProgressDeadlineMs ?? imagePullProgressMs,
      prepare: async (repository) => {
        await registries?.refresh();
        const reason = registries?.blocked(repository);
        if (reason !== undefined) throw new Error(reason);
      },
      learn: (failure) => registries?.learn(failure) ?? false,
    });
    const images = new Images({ runtime, clock, logger: imageLogger, records, puller });
    const probes = new Probes({
      handlers: { runtime, machine, clock },
      clock,
      random: options.random,
      scope,
      onChange: (uid) => current.pods?.enqueue(uid),
      emit: (pod, container, reason, message) =>
        events.event(pod, 'Warning', reason, message, `spec.containers{${container.name}}`),
    });
    const userNamespaces = new UserNamespaces(machine, podsMax);
    await userNamespaces.load(`${rootDirectory}/pods`);
    const pods = new Pods({
      client,
      informer: client.informer(PodsKind, { fieldSelector: `spec.nodeName=${nodeName}` }),
      events,
      runtime,
      runtimeName: version.runtimeName,
      machine,
      clock,
      logger: logger.named('pods'),
      scope,
      settings: effective,
      volumes,
      images,
      probes,
      starter: new ContainerStarter({ runtime, machine, clock, images, volumes, settings: effective }),
      sources: createPodSources({
        client,
        clock,
        scope,
        nodeIps,
        allocatable: amounts,
        machine,
        authFiles: options.authFiles,
        async mirrorsOf(repository) {
          await registries?.refresh();
          return registries?.mirrorsOf(repository) ?? [];
        },
        onChange: (uids) => {
          for (const uid of uids) pods.enqueue(uid);
        },
      }),
      node: () => client.resource(Nodes).get({ name: nodeName }),
      nodeIps,
      runtimeState: () => runtimeState,
      userNamespaces,
      allocatable: amounts,
      appArmor: (await machine.readText('/sys/module/apparmor/parameters/enabled'))?.startsWith('Y') === true,
    });
    current.pods = pods;
    current.addressChanged = () => {
      scope.spawn('new address', () =>
        registration
          .report()
          // One that was under way may have been cut off.
          .catch(() => registration.report())
          .catch((error: unknown) => logger.warn('node status failed', { error: messageOf(error) })),
      );
      for (const pod of pods.list()) pods.enqueue(pod.metadata.uid!);
    };
    await registration.start();
    await client.informer(Services).whenSynced(scope.signal);
    await pods.start();
    const changed = (id: string) => {
      pods.runtimeChanged(id);
      for (const listener of listeners.get(id) ?? []) listener();
    };
    scope.spawn('runtime events', (signal) =>
      runtime.watchEvents(changed, signal, () => {
        scope.spawn('relist after a gap', () =>
          pods.relist().catch((error: unknown) => logger.debug('relist', { error: messageOf(error) })),
        );
      }),
    );
    scope.spawn('relist', async (signal) => {
      let sinceCollectionMs = 0;
      while (!signal.aborted) {
        await sleep(clock, housekeepingMs, signal).catch(() => undefined);
        if (signal.aborted) return;
        sinceCollectionMs += housekeepingMs;
        try {
          await pods.relist();
          await pods.checkStorage();
          const limits = options.housekeepingLimits?.();
          await rotateLogs({
            runtime,
            machine,
            clock,
            logger,
            containers: pods.runningContainers(),
            bytesMax: limits?.logBytesMax,
            filesMax: limits?.logFilesMax,
          });
          if (sinceCollectionMs >= imageCollectionMs) {
            sinceCollectionMs = 0;
            const pinned = options.pinnedImages();
            await collectImages({ runtime, machine, clock, logger, pinned, records, thresholds: limits?.images });
          }
        } catch (error) {
          logger.warn('looking at the whole runtime failed', { error: messageOf(error) });
        }
      }
    });
  }

  return {
    name: 'node-agent',
    dependsOn: options.dependsOn ?? [],
    api,
    start,
    addressChanged: () => current.addressChanged?.(),
    problems: () => (current.problem === undefined ? [] : [current.problem]),
  };
}

async function waitForRuntime(
  runtime: ContainerRuntime,
  scope: Scope,
  clock: Clock,
  logger: Logger,
): Promise<{ readonly version: RuntimeVersion; readonly driver: 'systemd' | 'cgroupfs' | undefined }> {
  for (let failures = 0; ; failures++) {
    try {
      return { version: await runtime.version(), driver: await runtime.cgroupDriver() };
    } catch (error) {
      if (scope.closed) throw error;
      if (failures % 20 === 5) logger.warn('the container runtime does not answer yet', { error: messageOf(error) });
      await sleep(clock, Math.min(1_000, 50 * 2 ** Math.min(failures, 6)), scope.signal);
    }
  }
}
