// Brings the Pods of this node to what their specs say: one keyed worker a Pod reads what the runtime has, asks decide(),
// does one step after the other, and reports the status. The decisions are in decide.ts, the report in status.ts.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import { WorkQueue } from '#base/work-queue.ts';
import { Pods as PodsKind } from '#api/generated/kind-references.ts';
import type { Container, EphemeralContainer, Pod } from '#api/generated/types.ts';
import { isConflict, isNotFound } from '#api/status.ts';
import type { Client, EventRecorder, Informer } from '#client/client.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { AuthConfig, RuntimeHandler, RuntimeState } from '../cri/messages.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { Images } from '../images.ts';
import { hasStorageLimit, storageEviction } from '../local-storage.ts';
import type { RunningPod } from '../server/stats.ts';
import type { Probes } from '../probes/probes.ts';
import { type MountedVolume, type PodVolumes, VolumeError, type VolumeSources } from '../volumes/volumes.ts';
import { admit } from './admission.ts';
import { goSeconds, KeyedBackoff } from './back-off.ts';
import { bestEffortCgroupResources, burstableCgroupResources, cpuShares, podCgroupResources } from './cgroups.ts';
import { type ContainerStarter, ContainerWaits } from './containers.ts';
import { decide, isSidecar, type KillContainer, restartAllTrigger } from './decide.ts';
import type { EnvironmentSources } from './environment.ts';
import { cgroupPath, classCgroup, containerCgroup, podCgroup } from './cgroup-names.ts';
import {
  type NodeRuntimeSettings,
  PodConfigError,
  parseResolvConf,
  podLogDirectory,
  type ResolverConfig,
  sandboxConfig,
  type UserMappings,
} from './runtime-config.ts';
import { RuntimeCache } from './runtime-cache.ts';
import {
  newestContainer,
  podNameLabel,
  podNamespaceLabel,
  type PodRuntimeStatus,
  podUidLabel,
  type RuntimeContainer,
} from './runtime-status.ts';
import { podStatus, type WaitingReason } from './status.ts';
import type { UserNamespaces } from './user-namespaces.ts';

export interface PodSources {
  environment(pod: Pod, podIps: readonly string[]): EnvironmentSources;
  volumes(pod: Pod, podIps: readonly string[]): VolumeSources;
  credentials(pod: Pod, container: Container): Promise<readonly AuthConfig[]>;
  /** When something time-bound of the Pod's volumes (tokens) must be renewed; undefined: never. */
  /** Of the Pod's RuntimeClass; '' without one. Throws a PodConfigError when there is no such class. */
  runtimeHandler(pod: Pod): Promise<string>;
  renewInMs(pod: Pod): number | undefined;
  release(podUid: string): void;
}

export interface PodsOptions {
  readonly client: Client;
  readonly informer: Informer<Pod>;
  readonly events: EventRecorder;
  readonly runtime: ContainerRuntime;
  readonly runtimeName: string;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly settings: NodeRuntimeSettings;
  readonly volumes: PodVolumes;
  readonly images: Images;
  readonly starter: ContainerStarter;
  readonly probes: Probes;
  readonly sources: PodSources;
  readonly nodeIps: () => readonly string[];
  readonly runtimeState: () => RuntimeState;
  readonly userNamespaces: UserNamespaces;
  readonly allocatable: () => Readonly<Record<string, number>>;
  /** The host enforces AppArmor. */
  readonly appArmor: boolean;
}

interface PodState {
  /** The last seen object; kept while its leftovers are cleared away. */
  pod: Pod | undefined;
  readonly waiting: Map<string, WaitingReason>;
  readonly stopping: Map<string, { readonly untilMs: number }>;
  readonly messages: Map<string, string>;
  mounted: ReadonlyMap<string, MountedVolume> | undefined;
  failure: { readonly reason: string; readonly message: string } | undefined;
  retryInMs: number | undefined;
  ips: readonly string[];
  /** It may run here; decided once, before anything of it starts. */
  admitted: boolean;
  handler: RuntimeHandler | undefined;
  users: UserMappings;
  /** What a container's restart count goes on with when the runtime has it no more. */
  readonly restarts: Map<string, number>;
  /** Of an eviction, instead of the Pod's own. */
  graceSeconds: number | undefined;
  /** Of the Pod: below the hierarchies' roots, or systemd's slice. */
  cgroup: string | undefined;
}

const stepsMax = 30;
const concurrentPods = 16;
const fullLookMs = 60_000;
const evictionGraceSeconds = 1;

export class Pods {
  readonly #options: PodsOptions;
  readonly #states = new Map<string, PodState>();
  readonly #backoff = new KeyedBackoff();
  readonly #queue: WorkQueue;
  readonly #cache: RuntimeCache;
  #burstableShares: number | undefined;

  constructor(options: PodsOptions) {
    this.#options = options;
    this.#cache = new RuntimeCache(options.runtime);
    const { clock, logger } = options;
    this.#queue = new WorkQueue({
      clock,
      concurrency: concurrentPods,
      backoff: { baseMs: 500, maxMs: 60_000 },
      work: (uid) => this.#sync(uid),
      onError: (uid, error, retryInMs) => {
        const pod = this.#states.get(uid)?.pod;
        logger.warn('pod', {
          pod: pod === undefined ? uid : `${pod.metadata.namespace}/${pod.metadata.name}`,
          error: messageOf(error),
          retryInMs,
        });
      },
    });
  }

  /** Begins with what runs: running containers of this cluster's Pods are adopted, leftovers removed. */
  async start(): Promise<void> {
    const { informer, scope } = this.#options;
    await informer.whenSynced(scope.signal);
    await this.#limitAllPods();
    await this.relist();
    const listening = informer.onChange(({ current, previous }) => {
      const pod = current ?? previous;
      const uid = pod?.metadata.uid;
      if (pod === undefined || uid === undefined) return;
      // A Pod of the same name may have come in its place.
      if (previous !== undefined && previous.metadata.uid !== uid) this.#queue.add(previous.metadata.uid ?? '');
      this.#state(uid).pod = pod;
      this.#queue.add(uid);
    });
    scope.onClose(async () => {
      listening[Symbol.dispose]();
      await this.#queue.close();
    });
  }

  /** Looks at the whole runtime: finds Pods that nobody wants any more, and changes whose event was missed. */
  async relist(): Promise<void> {
    const { volumes, settings } = this.#options;
    const [pods, directories] = await Promise.all([this.#cache.relist(), volumes.known()]);
    for (const { uid, clusterId, changed } of pods) {
      // Another cluster's is a leftover to remove.
      if (clusterId !== settings.clusterId) this.#state(uid);
      if (changed || this.#wanted(this.#state(uid), uid) === undefined) this.#queue.add(uid);
    }
    for (const uid of directories) if (this.#states.get(uid) === undefined) this.#queue.add(uid);
  }

  /** A sandbox or container changed. */
  runtimeChanged(id: string): void {
    const owner = this.#cache.changed(id);
    if (owner !== undefined) this.#queue.add(owner);
  }

  /** Evicts the Pods that use more local disk than they may. */
  async checkStorage(): Promise<void> {
    const limited = this.list().filter(
      (one) =>
        hasStorageLimit(one) && this.#states.get(one.metadata.uid ?? '')?.mounted !== undefined && !podIsTerminal(one),
    );
    if (limited.length === 0) return;
    const { volumes, machine, runtime, settings, events } = this.#options;
    const layers = await runtime.listContainerStats();
    for (const pod of limited) {
      const uid = pod.metadata.uid ?? '';
      const containers = new Map<string, number>();
      for (const { name } of pod.spec.containers)
        containers.set(name, await machine.usedBytes(`${podLogDirectory(settings.podLogDirectory, pod)}/${name}`));
      for (const { attributes, writableLayer } of layers) {
        const { name } = attributes.metadata;
        if (attributes.labels[podUidLabel] === uid && containers.has(name))
          containers.set(name, (containers.get(name) ?? 0) + (writableLayer?.usedBytes?.value ?? 0));
      }
      const message = storageEviction(pod, { volumes: await volumes.used(pod), containers });
      const state = this.#states.get(uid);
      if (message === undefined || state === undefined || state.failure !== undefined) continue;
      events.event(pod, 'Warning', 'Evicted', message);
      state.failure = { reason: 'Evicted', message };
      state.graceSeconds = evictionGraceSeconds;
      this.#queue.add(uid);
    }
  }

  runningContainers(): readonly RuntimeContainer[] {
    return this.#cache.running();
  }

  /** What statistics are made of. */
  running(): readonly RunningPod[] {
    const { settings, runtimeName, volumes } = this.#options;
    return this.list()
      .map((pod): RunningPod => {
        const cgroup = podCgroup(pod, settings);
        return {
          pod,
          cgroup: cgroupPath(cgroup),
          containers: this.#cache
            .runningOf(pod.metadata.uid ?? '')
            .map((container) => ({ container, cgroup: containerCgroup(cgroup, runtimeName, container.id) })),
          logDirectory: podLogDirectory(settings.podLogDirectory, pod),
          volumes: () => volumes.used(pod),
        };
      })
      .filter((one) => one.containers.length > 0);
  }

  enqueue(podUid: string): void {
    this.#queue.add(podUid);
  }

  /** The Pod that this node runs under this name. */
  find(namespace: string, name: string): Pod | undefined {
    return this.#options.informer.get(namespace, name);
  }

  list(): readonly Pod[] {
    return this.#options.informer.list();
  }

  #state(uid: string): PodState {
    let state = this.#states.get(uid);
    if (state === undefined) {
      state = {
        pod: undefined,
        waiting: new Map(),
        stopping: new Map(),
        messages: new Map(),
        mounted: undefined,
        failure: undefined,
        retryInMs: undefined,
        ips: [],
        admitted: false,
        handler: undefined,
        users: undefined,
        restarts: new Map(),
        graceSeconds: undefined,
        cgroup: undefined,
      };
      this.#states.set(uid, state);
    }
    return state;
  }

  /** The Pod as the API has it now; undefined: it is gone there. */
  #wanted(state: PodState, uid: string): Pod | undefined {
    const known = state.pod;
    const current =
      known === undefined
        ? this.#options.informer.list().find((one) => one.metadata.uid === uid)
        : this.#options.informer.get(known.metadata.namespace, known.metadata.name ?? '');
    return current?.metadata.uid === uid ? current : undefined;
  }

  async #readRuntime(uid: string, state: PodState): Promise<PodRuntimeStatus> {
    const { starter } = this.#options;
    const runtime = await this.#cache.read(uid);
    const { pod } = state;
    if (pod === undefined) return runtime;
    const containers = await Promise.all(
      runtime.containers.map(async (one) => {
        if (one.state !== 'exited') return one;
        let message = state.messages.get(one.id);
        if (message === undefined) {
          message = await starter.terminationMessage(pod, one);
          state.messages.set(one.id, message);
        }
        return message === '' ? one : { ...one, message };
      }),
    );
    return { sandboxes: runtime.sandboxes, containers };
  }

  async #sync(uid: string): Promise<number | void> {
    const state = this.#state(uid);
    const pod = this.#wanted(state, uid);
    const { settings } = this.#options;
    if (pod === undefined) return this.#clearAway(uid, state);
    state.pod = pod;
    state.cgroup = podCgroup(pod, settings);
    state.retryInMs = undefined;
    const deadlineMs = this.#checkDeadline(pod, state);
    let runtime = await this.#readRuntime(uid, state);
    this.#admit(pod, state, runtime);
    const terminating =
      pod.metadata.deletionTimestamp !== undefined || podIsTerminal(pod) || state.failure !== undefined;
    for (let step = 0; step < stepsMax; step++) {
      this.#updateProbes(pod, runtime, terminating);
      const actions = decide({ pod, runtime, terminating, probes: this.#options.probes });
      let again: boolean;
      try {
        again = await this.#act(pod, state, runtime, actions, terminating);
      } catch (error) {
        this.#cache.invalidate(uid);
        throw error;
      }
      runtime = await this.#readRuntime(uid, state);
      if (!again) break;
    }
    this.#updateProbes(pod, runtime, terminating);
    await this.#removeOldContainers(uid, state, runtime);
    const reported = await this.#report(pod, state, runtime, terminating);
    const quiet =
      runtime.containers.every((one) => one.state === 'exited') && runtime.sandboxes.every((one) => !one.ready);
    if (pod.metadata.deletionTimestamp !== undefined && quiet && state.stopping.size === 0 && reported) {
      await this.#finishDeletion(pod, uid, state);
      return undefined;
    }
    if (terminating && quiet) await this.#weighClasses();
    if (!terminating && state.mounted !== undefined) await this.#setUpVolumes(pod, state);
    const next = [state.retryInMs, deadlineMs, this.#options.sources.renewInMs(pod)].filter((one) => one !== undefined);
    return next.length === 0 ? fullLookMs * 5 : Math.max(100, Math.min(...next));
  }

  #admit(pod: Pod, state: PodState, runtime: PodRuntimeStatus): void {
    if (state.admitted || state.failure !== undefined || podIsTerminal(pod)) return;
    const { informer, allocatable, runtimeState, appArmor, events } = this.#options;
    const begun = runtime.sandboxes.length > 0 || (pod.status?.phase ?? 'Pending') !== 'Pending';
    const refusal =
      begun || pod.metadata.deletionTimestamp !== undefined
        ? undefined
        : admit({
            pod,
            others: informer
              .list()
              .filter((one) => one !== pod && this.#states.get(one.metadata.uid ?? '')?.admitted === true),
            allocatable: allocatable(),
            supplementalGroupsPolicy: runtimeState().features?.supplementalGroupsPolicy === true,
            appArmor,
          });
    if (refusal === undefined) {
      state.admitted = true;
      return;
    }
    events.event(pod, 'Warning', refusal.reason, refusal.message);
    state.failure = { reason: refusal.reason, message: `Pod was rejected: ${refusal.message}` };
  }

  #checkDeadline(pod: Pod, state: PodState): number | undefined {
    const seconds = pod.spec.activeDeadlineSeconds;
    const started = pod.status?.startTime;
    if (seconds === undefined || started === undefined || podIsTerminal(pod)) return undefined;
    const leftMs = Date.parse(started) + seconds * 1000 - this.#options.clock.now();
    if (leftMs > 0) return leftMs;
    if (state.failure === undefined) {
      const message = 'Pod was active on the node longer than the specified deadline';
      state.failure = { reason: 'DeadlineExceeded', message };
      this.#options.events.event(pod, 'Normal', 'DeadlineExceeded', message);
    }
    return undefined;
  }

  #updateProbes(pod: Pod, runtime: PodRuntimeStatus, terminating: boolean): void {
    const { probes } = this.#options;
    const ip = this.#podIps(pod, runtime)[0] ?? '';
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const current = newestContainer(runtime, container.name);
      for (const one of runtime.containers)
        if (one.name === container.name && (one !== current || one.state !== 'running')) probes.remove(one.id);
      if (current?.state === 'running' && !terminating) probes.add(pod, container, current, ip);
    }
  }

  #podIps(pod: Pod, runtime: PodRuntimeStatus): readonly string[] {
    return pod.spec.hostNetwork === true
      ? this.#options.nodeIps()
      : (runtime.sandboxes.find((one) => one.ready)?.ips ?? []);
  }

  /** True: something changed, look again. */
  async #act(
    pod: Pod,
    state: PodState,
    runtime: PodRuntimeStatus,
    actions: ReturnType<typeof decide>,
    terminating: boolean,
  ): Promise<boolean> {
    const { events, settings, machine } = this.#options;
    switch (actions.type) {
      case 'nothing':
        return false;
      case 'stop-pod':
        return this.#stopPod(pod, state, runtime);
      case 'create-sandbox': {
        if (!(await this.#setUpVolumes(pod, state))) return false;
        await machine.makeDirectory(podLogDirectory(settings.podLogDirectory, pod), 0o755);
        if (actions.attempt > 0 && runtime.sandboxes.length > 0)
          events.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
        try {
          await machine.limitCgroup(podCgroup(pod, settings), podCgroupResources(pod));
          await this.#weighClasses();
        } catch (error) {
          const message = `unable to ensure pod container exists: ${messageOf(error)}`;
          events.event(pod, 'Warning', 'FailedCreatePodContainer', message);
          state.retryInMs = 5_000;
          return false;
        }
        try {
          state.handler = await this.#handler(pod);
          state.users = await this.#users(pod, state.handler);
          const config = sandboxConfig(pod, actions.attempt, await this.#hostResolver(), settings, state.users);
          const id = await this.#options.runtime.runPodSandbox(config, state.handler.name);
          this.#cache.addSandbox(pod.metadata.uid ?? '', id);
        } catch (error) {
          this.#cache.invalidate(pod.metadata.uid ?? '');
          events.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
          state.retryInMs = 5_000;
          return false;
        }
        return true;
      }
      case 'restart-all':
        return this.#restartAll(pod, state, runtime);
      case 'containers': {
        if (state.mounted === undefined && !(await this.#setUpVolumes(pod, state))) return false;
        for (const kill of actions.kill) this.#kill(pod, state, kill);
        const current = runtime.sandboxes.find((one) => one.id === actions.sandboxId);
        let started = false;
        for (const container of actions.startEphemeral)
          if (await this.#start(pod, state, runtime, actions.sandboxId, current?.attempt ?? 0, container))
            started = true;
        for (const container of actions.start) {
          if (await this.#start(pod, state, runtime, actions.sandboxId, current?.attempt ?? 0, container))
            started = true;
          else if ((pod.spec.initContainers ?? []).includes(container) && !isSidecar(container)) break;
        }
        return started && !terminating;
      }
    }
  }

  async #handler(pod: Pod): Promise<RuntimeHandler> {
    const name = await this.#options.sources.runtimeHandler(pod);
    const known = this.#options.runtimeState().handlers.find((one) => one.name === name);
    return known ?? { name, recursiveReadOnlyMounts: false, userNamespaces: false };
  }

  async #users(pod: Pod, handler: RuntimeHandler): Promise<UserMappings> {
    if (pod.spec.hostUsers !== false) return undefined;
    if (!handler.userNamespaces)
      throw new PodConfigError(
        handler.name === ''
          ? "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
          : `can't set \`spec.hostUsers: false\`, RuntimeClass handler ${JSON.stringify(handler.name)} does not support user namespaces`,
      );
    const uid = pod.metadata.uid ?? '';
    return this.#options.userNamespaces.mappings(uid, this.#options.volumes.podDirectory(uid));
  }

  /** True: all are removed, begin again. */
  async #restartAll(pod: Pod, state: PodState, runtime: PodRuntimeStatus): Promise<boolean> {
    const trigger = restartAllTrigger(pod, runtime);
    if (trigger === undefined) return false;
    const ephemeral = new Set((pod.spec.ephemeralContainers ?? []).map((one) => one.name));
    const own = runtime.containers.filter((one) => !ephemeral.has(one.name));
    const alive = own.filter((one) => one.state === 'running');
    for (const one of alive) this.#stopContainer(pod, state, one, undefined, 'killing', 0);
    if (alive.length > 0) return false;
    const key = `${pod.metadata.uid}_${trigger.name}`;
    const remainingMs = this.#backoff.remainingMs(key, trigger.finishedAtMs, this.#options.clock.now());
    if (remainingMs > 0) {
      this.#comeBack(state, remainingMs);
      return false;
    }
    this.#backoff.next(key, trigger.finishedAtMs, this.#options.clock.now());
    for (const one of own)
      state.restarts.set(one.name, Math.max(state.restarts.get(one.name) ?? 0, one.restartCount + 1));
    // The one that asked goes last: it is what tells that the work is not done.
    for (const one of [...own.filter((other) => other !== trigger), trigger]) await this.#removeContainer(one.id);
    return true;
  }

  /** What Pods of a class weigh together; written when it changed. */
  async #weighClasses(): Promise<void> {
    const { machine, settings } = this.#options;
    const admitted = this.list().filter((one) => this.#states.get(one.metadata.uid ?? '')?.admitted === true);
    const burstable = burstableCgroupResources(admitted);
    if (burstable.cpuShares === this.#burstableShares) return;
    this.#burstableShares = burstable.cpuShares;
    await machine.limitCgroup(classCgroup('burstable', settings), burstable);
  }

  async #limitAllPods(): Promise<void> {
    const { machine, settings, allocatable, logger } = this.#options;
    const { cpu = 0 } = allocatable();
    try {
      await machine.limitCgroup(classCgroup('', settings), {
        cpuShares: cpuShares(cpu * 1000),
        memoryLimitBytes: settings.podsMemoryBytes,
      });
      await machine.limitCgroup(classCgroup('besteffort', settings), bestEffortCgroupResources);
      await this.#weighClasses();
    } catch (error) {
      logger.warn('the cgroups of all Pods could not be limited', { error: messageOf(error) });
    }
  }

  async #hostResolver(): Promise<ResolverConfig> {
    const text = (await this.#options.machine.readText('/etc/resolv.conf')) ?? '';
    return parseResolvConf(text);
  }

  async #setUpVolumes(pod: Pod, state: PodState): Promise<boolean> {
    const { volumes, sources, events } = this.#options;
    try {
      state.mounted = await volumes.setUp(pod, sources.volumes(pod, state.ips));
      return true;
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      events.event(
        pod,
        'Warning',
        'FailedMount',
        `MountVolume.SetUp failed for volume ${JSON.stringify(error.volume)} : ${error.message}`,
      );
      state.retryInMs = 2_000;
      return false;
    }
  }

  /** True: it was started (or its start failed for good this time and the state changed). */
  async #start(
    pod: Pod,
    state: PodState,
    runtime: PodRuntimeStatus,
    sandboxId: string,
    sandboxAttempt: number,
    container: Container | EphemeralContainer,
  ): Promise<boolean> {
    const { clock, settings, starter, sources, events } = this.#options;
    const uid = pod.metadata.uid ?? '';
    const last = newestContainer(runtime, container.name);
    const podName = `${pod.metadata.name}_${pod.metadata.namespace}(${uid})`;
    const key = `${uid}_${container.name}`;
    const path = fieldPath(pod, container);
    if (last?.state === 'exited') {
      const now = clock.now();
      const remainingMs = this.#backoff.remainingMs(key, last.finishedAtMs, now);
      if (remainingMs > 0) {
        events.event(
          pod,
          'Warning',
          'BackOff',
          `Back-off restarting failed container ${container.name} in pod ${podName}`,
          path,
        );
        state.waiting.set(container.name, {
          reason: 'CrashLoopBackOff',
          message: `back-off ${goSeconds(this.#backoff.delayMs(key))} restarting failed container=${container.name} pod=${podName}`,
        });
        this.#comeBack(state, remainingMs);
        return false;
      }
    }
    if (last?.state === 'created') await this.#removeContainer(last.id);
    const podIps = this.#podIps(pod, runtime);
    if (podIps.join() !== state.ips.join()) {
      // Downward API volumes may show addresses.
      state.ips = podIps;
      if (!(await this.#setUpVolumes(pod, state))) return false;
    }
    const restartCount =
      last === undefined
        ? (state.restarts.get(container.name) ?? previousRestarts(pod, container) ?? 0)
        : last.state === 'created'
          ? last.restartCount
          : last.restartCount + 1;
    const targetName = 'targetContainerName' in container ? container.targetContainerName : undefined;
    try {
      // Made by an earlier process of ours: asked for again.
      state.handler ??= await this.#handler(pod);
      state.users ??= await this.#users(pod, state.handler);
      await starter.start({
        pod,
        container,
        sandboxId,
        sandbox: sandboxConfig(pod, sandboxAttempt, await this.#hostResolver(), settings, state.users),
        users: state.users,
        recursiveReadOnlyMounts: state.handler.recursiveReadOnlyMounts,
        target:
          targetName === undefined || targetName === ''
            ? undefined
            : { name: targetName, id: newestContainer(runtime, targetName)?.id },
        restartCount,
        podIps,
        mountedVolumes: state.mounted ?? new Map(),
        sources: sources.environment(pod, podIps),
        credentials: await sources.credentials(pod, container),
        emit: (type, reason, message) => events.event(pod, type, reason, message, path),
        onImageSettled: () => this.#queue.add(uid),
        onCreated: (id) => this.#cache.addContainer(uid, id, sandboxId),
      });
    } catch (error) {
      if (!(error instanceof ContainerWaits)) throw error;
      if (error.outcomeUnknown) {
        this.#cache.invalidate(uid);
        // It was tried: a hook that always fails backs off like a crash.
        if (last?.state === 'exited') this.#backoff.next(key, last.finishedAtMs, clock.now());
      }
      if (error.reason === '') state.waiting.delete(container.name);
      else state.waiting.set(container.name, { reason: error.reason, message: error.message });
      if (error.retryInMs !== undefined) this.#comeBack(state, error.retryInMs);
      return false;
    }
    if (last?.state === 'exited') this.#backoff.next(key, last.finishedAtMs, clock.now());
    state.waiting.delete(container.name);
    return true;
  }

  #comeBack(state: PodState, inMs: number): void {
    state.retryInMs = Math.min(state.retryInMs ?? Number.POSITIVE_INFINITY, inMs);
  }

  #kill(pod: Pod, state: PodState, { container, message, reason }: KillContainer): void {
    const spec = allContainers(pod).find((one) => one.name === container.name);
    const ofProbe =
      reason === 'liveness'
        ? spec?.livenessProbe?.terminationGracePeriodSeconds
        : reason === 'startup'
          ? spec?.startupProbe?.terminationGracePeriodSeconds
          : undefined;
    this.#stopContainer(pod, state, container, spec, message, ofProbe ?? pod.spec.terminationGracePeriodSeconds ?? 30);
  }

  #stopContainer(
    pod: Pod | undefined,
    state: PodState,
    container: RuntimeContainer,
    spec: Container | undefined,
    message: string,
    graceSeconds: number,
  ): void {
    const { clock, scope, starter, events, probes, logger } = this.#options;
    const untilMs = clock.monotonicMs() + graceSeconds * 1000;
    const already = state.stopping.get(container.id);
    // Asked again with a shorter grace (a second delete): stop sooner.
    if (already !== undefined && already.untilMs <= untilMs + 500) return;
    const mark = { untilMs };
    state.stopping.set(container.id, mark);
    probes.remove(container.id);
    const emit = (type: 'Normal' | 'Warning', reason: string, text: string) => {
      if (pod !== undefined)
        events.event(pod, type, reason, text, spec === undefined ? undefined : fieldPath(pod, spec));
    };
    if (already === undefined) emit('Normal', 'Killing', message);
    const uid = this.#cache.owner(container.id) ?? pod?.metadata.uid ?? '';
    scope.spawn(`stop ${container.name}`, async () => {
      try {
        await starter.stop(
          container.id,
          already === undefined ? spec : undefined,
          state.ips[0] ?? '',
          graceSeconds,
          emit,
        );
      } catch (error) {
        logger.warn('stopping a container failed', { container: container.id, error: messageOf(error) });
      } finally {
        if (state.stopping.get(container.id) === mark) state.stopping.delete(container.id);
        this.#cache.changed(container.id);
        this.#queue.add(uid);
      }
    });
  }

  /** Containers first, sidecars after the others, then sandboxes. True: look again. */
  async #stopPod(pod: Pod | undefined, state: PodState, runtime: PodRuntimeStatus): Promise<boolean> {
    const alive = runtime.containers.filter((one) => one.state === 'running');
    if (alive.length > 0) {
      const specs = new Map(
        (pod === undefined ? [] : allContainers(pod)).map((one): [string, Container] => [one.name, one]),
      );
      const graceOf = (one: RuntimeContainer) =>
        Math.max(
          state.graceSeconds ??
            pod?.metadata.deletionGracePeriodSeconds ??
            pod?.spec.terminationGracePeriodSeconds ??
            one.graceSeconds,
          1,
        );
      const isLate = (one: RuntimeContainer) => {
        const spec = specs.get(one.name);
        return spec !== undefined && isSidecar(spec);
      };
      const first = alive.filter((one) => !isLate(one));
      for (const one of first.length > 0 ? first : alive)
        this.#stopContainer(pod, state, one, specs.get(one.name), `Stopping container ${one.name}`, graceOf(one));
      return false;
    }
    const ready = runtime.sandboxes.filter((one) => one.ready);
    for (const sandbox of ready) {
      await this.#options.runtime.stopPodSandbox(sandbox.id);
      this.#cache.changed(sandbox.id);
    }
    for (const one of runtime.containers) if (one.state === 'created') await this.#removeContainer(one.id);
    return ready.length > 0 || runtime.containers.some((one) => one.state === 'created');
  }

  /** Keeps the current and the one before of each name, as upstream's default. */
  async #removeOldContainers(uid: string, state: PodState, runtime: PodRuntimeStatus): Promise<void> {
    const seen = new Map<string, number>();
    for (const one of runtime.containers) {
      const count = (seen.get(one.name) ?? 0) + 1;
      seen.set(one.name, count);
      if (count <= 2 || one.state !== 'exited') continue;
      await this.#removeContainer(one.id);
      await this.#options.machine.remove(one.logPath);
      state.messages.delete(one.id);
    }
    for (const sandbox of runtime.sandboxes.slice(1))
      if (!sandbox.ready && !runtime.containers.some((one) => one.sandboxId === sandbox.id))
        await this.#removeSandbox(uid, sandbox.id);
  }

  async #removeContainer(id: string): Promise<void> {
    await this.#options.runtime.removeContainer(id);
    this.#cache.removed(id);
  }

  async #removeSandbox(uid: string, id: string): Promise<void> {
    await this.#options.runtime.stopPodSandbox(id);
    await this.#options.runtime.removePodSandbox(id);
    this.#cache.removed(id);
    // The runtime removes what is left of its containers with it.
    this.#cache.invalidate(uid);
  }

  /** False: the API had a newer Pod, which comes back by the informer. */
  async #report(pod: Pod, state: PodState, runtime: PodRuntimeStatus, terminating: boolean): Promise<boolean> {
    const { client, clock, nodeIps, runtimeName, probes } = this.#options;
    const status = podStatus({
      pod,
      runtime,
      nowMs: clock.now(),
      nodeIps: nodeIps(),
      waiting: state.waiting,
      runtimeName,
      terminating,
      failure: state.failure,
      recursiveReadOnlyMounts: state.handler?.recursiveReadOnlyMounts,
      restartingAll: !terminating && restartAllTrigger(pod, runtime) !== undefined,
      isReady: (one) => probes.ready(one.id),
      isStarted: (one) => probes.started(one.id),
    });
    if (semanticallyEqual(pod.status, status)) return true;
    try {
      await client.resource(PodsKind).update({ ...pod, status }, { subresource: 'status', fieldManager: 'kubelet' });
      return true;
    } catch (error) {
      if (isNotFound(error)) return true;
      if (!isConflict(error)) throw error;
      this.#comeBack(state, 200);
      return false;
    }
  }

  async #finishDeletion(pod: Pod, uid: string, state: PodState): Promise<void> {
    await this.#options.volumes.tearDown(uid);
    state.mounted = undefined;
    try {
      await this.#options.client
        .resource(PodsKind)
        .delete(
          { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' },
          { gracePeriodSeconds: 0, preconditions: { uid } },
        );
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** The API has no such Pod: end and remove what is left of it. */
  async #clearAway(uid: string, state: PodState): Promise<number | void> {
    const { runtime: cri, volumes, images, sources, probes, machine, settings } = this.#options;
    probes.removePod(uid);
    this.#cache.invalidate(uid);
    const runtime = await this.#readRuntime(uid, state);
    if (runtime.containers.some((one) => one.state === 'running')) {
      await this.#stopPod(state.pod, state, runtime);
      return fullLookMs;
    }
    const sandboxes = await cri.listPodSandboxes({ [podUidLabel]: uid });
    for (const one of runtime.containers) {
      await this.#removeContainer(one.id);
    }
    for (const one of sandboxes) {
      await this.#removeSandbox(uid, one.id);
      const logs = `${one.labels[podNamespaceLabel]}_${one.labels[podNameLabel]}_${uid}`;
      await machine.remove(`${settings.podLogDirectory}/${logs}`);
    }
    await volumes.tearDown(uid);
    if (state.cgroup !== undefined) await machine.removeCgroup(state.cgroup);
    images.forget(uid);
    sources.release(uid);
    this.#options.userNamespaces.release(uid);
    this.#backoff.forget(`${uid}_`);
    this.#cache.forget(uid);
    this.#states.delete(uid);
    await this.#weighClasses();
  }
}

const allContainers = ({ spec }: Pod): readonly Container[] => [
  ...spec.containers,
  ...(spec.initContainers ?? []),
  ...(spec.ephemeralContainers ?? []),
];

function fieldPath({ spec }: Pod, { name }: Container): string {
  const has = (list: readonly { readonly name: string }[] | undefined) =>
    list?.some((one) => one.name === name) === true;
  const field = has(spec.initContainers)
    ? 'initContainers'
    : has(spec.ephemeralContainers)
      ? 'ephemeralContainers'
      : 'containers';
  return `spec.${field}{${name}}`;
}

/** The runtime forgot the container (host rebooted, images reset): the count goes on. */
function previousRestarts(pod: Pod, container: Container): number | undefined {
  const before = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (one) => one.name === container.name,
  );
  if (before === undefined) return undefined;
  return before.state?.running !== undefined || before.state?.terminated !== undefined
    ? before.restartCount + 1
    : before.restartCount;
}
