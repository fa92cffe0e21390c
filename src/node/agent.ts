// The node agent: joins the runtime, the Node object, the Pods and the node's API. THE order of its start is in `start`.
import { messageOf } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import { Nodes, Pods as PodsKind, Services } from '#api/generated/kind-references.ts';
import type { Image, RuntimeState } from './cri/messages.ts';
import type { ContainerRuntime } from './cri/runtime.ts';
import { waitForRuntime } from './cri/wait.ts';
import { type EvictionSettings, EvictionManager } from './eviction/manager.ts';
import { defaultEviction } from './eviction/settings.ts';
import { keptFromPods } from './eviction/thresholds.ts';
import { ImageCollector } from './images/collection.ts';
import { Images } from './images/images.ts';
import { Puller } from './images/puller.ts';
import { PullRecords } from './images/pull-records.ts';
import { keepHouse } from './housekeeping.ts';
import { rotateLogs } from './log-rotation.ts';
import { AgentMetrics } from './metrics/agent-metrics.ts';
import { measuredRuntime } from './metrics/measured-runtime.ts';
import { metricTexts } from './metrics/texts.ts';
import { NodeRegistration } from './node-registration.ts';
import { allocatableAmounts, nodeStatus } from './node-status.ts';
import { podEvents } from './pod-events.ts';
import { createPodSources } from './pod-sources.ts';
import { RuntimeListeners } from './runtime-listeners.ts';
import { ContainerStarter } from './pod/containers.ts';
import { Pods } from './pod/pods.ts';
import { cgroupPath, classCgroup } from './pod/cgroup-names.ts';
import { UserNamespaces } from './pod/user-namespaces.ts';
import type { NodeRuntimeSettings } from './pod/runtime-config.ts';
import { Probes } from './probes/probes.ts';
import { createNodeAuthorizer } from './server/authorize.ts';
import { createNodeApi, type NodeApi } from './server/node-api.ts';
import type { NodeAgentOptions } from './agent-options.ts';
import { announceNode, createNodeCsi, type NodeCsiOptions } from './csi/start.ts';
import { NodeDevices } from './devices/start.ts';
import { createNodeDra } from './dra/start.ts';
import { startPlugins } from './plugins/start.ts';
import { NodeShutdown, shutdownFailure } from './shutdown/shutdown.ts';
import { StatsSummary } from './server/stats.ts';
import { PodVolumes } from './volumes/volumes.ts';

export type { HousekeepingLimits, NodeAgentOptions, NodeRegistries } from './agent-options.ts';

export interface NodeAgent extends Service {
  /** The node's API, to be put behind TLS and authentication (host). Usable from the start on. */
  readonly api: NodeApi;
  /** The machine has another address: the Node and its Pods say so now. */
  addressChanged(): void;
}

/** As upstream's containerLogMonitorInterval: what writes fast may fill a disk. */
const logLookMs = 10_000;
const imagePullProgressMs = 5 * 60_000;
const streamIdleMs = 4 * 3_600_000;

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { client, clock, logger, machine, nodeName, nodeIps, registries, reserved = {}, podsMax = 250 } = options;
  const rootDirectory = options.rootDirectory ?? '/var/lib/kubelet';
  const housekeepingMs = options.housekeepingMs ?? 30_000;
  const facts = machine.facts();
  const current: {
    pods?: Pods;
    runtime?: ContainerRuntime;
    eviction?: EvictionManager;
    problem?: string | undefined;
    addressChanged?: () => void;
  } = {};
  const evictionSettings: EvictionSettings = options.eviction ?? defaultEviction;
  const kept = (diskTotalBytes: number) =>
    keptFromPods(evictionSettings.thresholds, { memoryBytes: facts.memoryBytes, storageBytes: diskTotalBytes });
  const amounts = () => {
    const diskTotalBytes = machine.diskSpace(rootDirectory).totalBytes;
    return allocatableAmounts({ facts, reserved, podsMax, diskTotalBytes, kept: kept(diskTotalBytes) });
  };
  const settings: NodeRuntimeSettings = {
    clusterId: options.clusterId,
    cgroupDriver: options.cgroupDriver,
    cgroupRoot: options.cgroupRoot ?? 'kubepods',
    memoryBytes: facts.memoryBytes,
    hugePageSizes: facts.hugePages.map((one) => one.sizeBytes),
    podsMemoryBytes: Math.max(0, facts.memoryBytes - (reserved['memory'] ?? 0)),
    podLogDirectory: options.podLogDirectory ?? '/var/log/pods',
    clusterDns: options.clusterDns,
    clusterDomain: options.clusterDomain,
    seccompDirectory: `${rootDirectory}/seccomp`,
    podProcessesMax: options.podProcessesMax,
  };

  const metrics = new AgentMetrics();
  const listeners = new RuntimeListeners();
  const statsOptions = {
    clock,
    machine,
    nodeName,
    rootDirectory,
    runningPods: () => current.pods?.running() ?? [],
    podsCgroup: () => current.eviction?.podsCgroup,
  };
  const api = createNodeApi({
    clock,
    machine,
    logger,
    streamIdleMs: options.streamIdleMs ?? streamIdleMs,
    nodeName,
    pods: () => current.pods?.list() ?? [],
    runtime: () => current.runtime,
    onRuntimeChange: (id, listener) => listeners.add(id, listener),
    stats: new StatsSummary(statsOptions),
    metrics: metricTexts({ ...statsOptions, metrics, counts: () => current.pods?.counts() }),
    requests: metrics,
    authorize: createNodeAuthorizer({ client, clock, nodeName, apiServerNames: options.apiServerNames }),
  });

  async function start(scope: Scope): Promise<void> {
    const runtime = measuredRuntime(await options.connectRuntime(), metrics, clock);
    current.runtime = runtime;
    scope.onClose(() => runtime.close());
    const { version, driver } = await waitForRuntime(runtime, scope, clock, logger);
    const effective = driver === undefined ? settings : { ...settings, cgroupDriver: driver };

    const events = podEvents(options.events);
    const sources = createPodSources({
      client,
      clock,
      scope,
      nodeIps,
      allocatable: amounts,
      machine,
      authFiles: options.authFiles,
      credentialProviders: options.credentialProviders,
      async mirrorsOf(repository) {
        await registries?.refresh();
        return registries?.mirrorsOf(repository) ?? [];
      },
      onChange: (uids) => {
        for (const uid of uids) current.pods?.enqueue(uid);
      },
    });
    const csiOptions: NodeCsiOptions = {
      client,
      clock,
      machine,
      scope,
      events,
      nodeName,
      rootDirectory,
      logger: logger.named('csi'),
      reportNode: () => registration.report(),
      token: (pod, audience, seconds) => sources.tokenStatus(pod, audience, seconds),
      onChange: (uid) => current.pods?.enqueue(uid),
    };
    const csi = createNodeCsi(csiOptions);
    const plugged = await NodeDevices.create({
      machine,
      clock,
      scope,
      rootDirectory,
      logger: logger.named('devices'),
      pods: () => current.pods?.list() ?? [],
      onCount: () => scope.spawn('devices changed', () => registration.report()),
      onHealth: csiOptions.onChange,
      listen: options.listenOnSocket,
    });
    const dra = await createNodeDra({ ...csiOptions, logger: logger.named('dra'), runtime: version });
    const given = { devices: plugged.devices, claims: dra.claims };
    const shutdown =
      options.shutdown &&
      new NodeShutdown({
        ...options.shutdown,
        clock,
        logger: logger.named('shutdown'),
        pods: () => current.pods?.list() ?? [],
        end: (pod, graceSeconds) => current.pods?.end(pod, shutdownFailure, graceSeconds),
        isQuiet: (uid) => current.pods?.isQuiet(uid) !== false,
        onChange(message) {
          const about = { ...registration.node!, apiVersion: 'v1', kind: 'Node' };
          if (registration.node !== undefined) options.events.event(about, 'Normal', 'NodeShutdown', message);
          scope.spawn('shutdown told', () => registration.report());
        },
      });
    await csi.volumes.load();
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
          kept: kept(disk.totalBytes),
          pressures: current.eviction?.conditions ?? new Set(),
          images,
          runtimeConditions: problem === undefined ? runtimeState.conditions : [],
          runtimeHandlers: runtimeState.handlers,
          runtimeFeatures: runtimeState.features,
          runtimeProblem: problem,
          isShuttingDown: shutdown?.isShuttingDown === true,
          serverPort: options.serverPort ?? 10_250,
          volumesInUse: csi.volumes.volumesInUse(previous?.volumesInUse ?? []),
          devices: plugged.devices.counts(),
        });
        const ready = status.conditions?.find((one) => one.type === 'Ready');
        current.problem = ready?.status === 'True' ? undefined : ready?.message;
        return status;
      },
    });

    const volumes = new PodVolumes({ machine, clock, random: options.random, rootDirectory, csi: csi.volumes });
    const imageLogger = logger.named('images');
    const verification = options.imageVerification;
    const records = new PullRecords({ machine, clock, logger: imageLogger, rootDirectory, verification });
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
    const images = new Images({
      runtime,
      clock,
      logger: imageLogger,
      records,
      puller,
      onPulled: metrics.pulled.bind(metrics),
    });
    const probes = new Probes({
      handlers: { runtime, machine, clock },
      clock,
      random: options.random,
      scope,
      metrics,
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
      metrics,
      settings: effective,
      volumes,
      images,
      probes,
      starter: new ContainerStarter({
        runtime,
        machine,
        clock,
        images,
        volumes,
        settings: effective,
        ...given,
      }),
      sources,
      node: () => client.resource(Nodes).get({ name: nodeName }),
      nodeIps,
      runtimeState: () => runtimeState,
      userNamespaces,
      ...given,
      isShuttingDown: () => shutdown?.isShuttingDown === true,
      pressures: () => current.eviction?.conditions ?? new Set(),
      allocatable: amounts,
      enforcePolicies: options.enforcePolicies,
      appArmor: (await machine.readText('/sys/module/apparmor/parameters/enabled'))?.startsWith('Y') === true,
    });
    current.pods = pods;
    const host = { runtime, machine, clock };
    const collector = new ImageCollector({
      ...host,
      logger: imageLogger,
      pinned: options.pinnedImages,
      records,
      thresholds: () => options.housekeepingLimits?.().images,
      onRemoved: (reason) => metrics.imageRemoved(reason),
    });
    const eviction = new EvictionManager({
      ...host,
      scope,
      nodeName,
      rootDirectory,
      pods,
      logger: logger.named('eviction'),
      events: options.events,
      settings: evictionSettings,
      podsCgroup: cgroupPath(classCgroup('', effective)),
      podsMemoryBytes: effective.podsMemoryBytes,
      removeUnusedImages: () => collector.removeUnused(),
      lookMs: Math.min(logLookMs, housekeepingMs),
      beforeLook: () =>
        rotateLogs({
          ...host,
          logger,
          containers: pods.runningContainers(),
          bytesMax: options.housekeepingLimits?.().logBytesMax,
          filesMax: options.housekeepingLimits?.().logFilesMax,
        }),
      onConditions: () => scope.spawn('shortage told', () => registration.report()),
      onEvicted: (signal) => metrics.evicted(signal),
    });
    current.eviction = eviction;
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
    scope.spawn('CSINode', () => announceNode(csi, csiOptions));
    await client.informer(Services).whenSynced(scope.signal);
    await pods.start();
    shutdown?.start(scope);
    eviction.start();
    await startPlugins({ machine, clock, rootDirectory, logger: logger.named('plugins') }, scope, {
      csi,
      plugged,
      dra,
    });
    const changed = (id: string) => {
      pods.runtimeChanged(id);
      listeners.tell(id);
    };
    scope.spawn('runtime events', (signal) =>
      runtime.watchEvents(changed, signal, () => {
        scope.spawn('relist after a gap', () =>
          pods.relist().catch((error: unknown) => logger.debug('relist', { error: messageOf(error) })),
        );
      }),
    );
    keepHouse({ clock, scope, logger, pods, collector, lookMs: housekeepingMs });
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
