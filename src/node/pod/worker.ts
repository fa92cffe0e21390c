// One look at one Pod: reads what the runtime has, asks decide(), does one step after the other, and reports the status.
// The decisions are in decide.ts and admission.ts; each kind of step has a file of its own.
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { admit, type Refusal } from './admission.ts';
import { podCgroup } from './cgroup-names.ts';
import type { ClassCgroups } from './class-cgroups.ts';
import type { ContainerStarts } from './container-starts.ts';
import { decide, isSidecar, type PodActions } from './decide.ts';
import { enforcePolicies } from './enforce-policies.ts';
import type { PodsOptions } from './options.ts';
import type { Removal } from './removal.ts';
import { finishDeletion, report } from './report.ts';
import { podCgroupIsCurrent, type ResizeActuation } from './resize-actuation.ts';
import type { Resizing } from './resizing.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import { newestContainer, podIps, type PodRuntimeStatus } from './runtime-status.ts';
import type { Sandboxes } from './sandboxes.ts';
import type { PodState } from './state.ts';
import type { Stopping } from './stopping.ts';
import { prepareClaims, setUpVolumes } from './volume-setup.ts';

export interface PodWorkerParts {
  readonly cache: RuntimeCache;
  readonly classes: ClassCgroups;
  readonly removal: Removal;
  readonly resizing: Resizing;
  readonly actuation: ResizeActuation;
  readonly sandboxes: Sandboxes;
  readonly starts: ContainerStarts;
  readonly stopping: Stopping;
  readonly enqueue: (podUid: string) => void;
  /** The Pods that may run here. */
  readonly admitted: () => readonly Pod[];
}

const stepsMax = 30;
const quietLookMs = 300_000;
/** For the end of a driver's work that nobody told of. */
const volumesLookMs = 30_000;

const statesOf = ({ sandboxes, containers }: PodRuntimeStatus): string =>
  [
    ...sandboxes.map(({ id, ready }) => `${id} ${ready}`),
    ...containers.map(({ id, state }) => `${id} ${state}`),
  ].join();

export class PodWorker {
  readonly #options: PodsOptions;
  readonly #parts: PodWorkerParts;

  constructor(options: PodsOptions, parts: PodWorkerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** When to look again in milliseconds; undefined: it is gone. */
  async sync(wanted: Pod, state: PodState): Promise<number | undefined> {
    const { cache, classes, removal, resizing } = this.#parts;
    const { settings } = this.#options;
    const uid = wanted.metadata.uid ?? '';
    state.cgroup = podCgroup(wanted, settings);
    state.retryInMs = undefined;
    const deadlineMs = this.#checkDeadline(wanted, state);
    let runtime = await this.#readRuntime(wanted, state);
    await this.#admit(wanted, state, runtime);
    if (state.waitsForDevices && wanted.metadata.deletionTimestamp === undefined) return quietLookMs;
    const pod = await resizing.look(wanted, state);
    const terminating =
      pod.metadata.deletionTimestamp !== undefined || podIsTerminal(pod) || state.failure !== undefined;
    for (let step = 0; step < stepsMax; step++) {
      this.#updateProbes(pod, runtime, terminating);
      const actions = decide({
        pod,
        runtime,
        terminating,
        probes: this.#options.probes,
        resources: state.resources && {
          ...state.resources,
          podCgroupIsCurrent: podCgroupIsCurrent(pod, state.resources),
        },
      });
      let again: boolean;
      try {
        again = await this.#act(pod, state, runtime, actions, terminating);
        await resizing.save(pod, state);
      } catch (error) {
        cache.invalidate(uid);
        throw error;
      }
      const before = statesOf(runtime);
      runtime = await this.#readRuntime(pod, state);
      // What changed meanwhile was perhaps told already: nobody tells it again.
      if (!again && statesOf(runtime) === before) break;
    }
    this.#updateProbes(pod, runtime, terminating);
    await removal.oldContainers(uid, state, runtime);
    if (!terminating) resizing.noteProgress(pod, state, runtime);
    const reported = await report(this.#options, pod, state, runtime, terminating);
    const quiet =
      runtime.containers.every((one) => one.state === 'exited') && runtime.sandboxes.every((one) => !one.ready);
    if (pod.metadata.deletionTimestamp !== undefined && quiet && state.stopping.size === 0 && reported) {
      return (await finishDeletion(this.#options, pod, state)) ? undefined : volumesLookMs;
    }
    if (terminating && quiet) {
      await classes.weigh();
      resizing.retry();
    }
    // Those of a Pod that another process started too: what they are made of may have changed since.
    const looksAfter = state.mounted !== undefined || runtime.containers.some((one) => one.state === 'running');
    if (!terminating && looksAfter) await setUpVolumes(this.#options, pod, state);
    const next = [
      state.retryInMs,
      deadlineMs,
      this.#options.sources.renewInMs(pod),
      this.#options.volumes.lookAgainInMs(uid),
    ].filter((one) => one !== undefined);
    return next.length === 0 ? quietLookMs : Math.max(100, Math.min(...next));
  }

  /** With what ended containers left as their messages, read once each. */
  async #readRuntime(pod: Pod, state: PodState): Promise<PodRuntimeStatus> {
    const { starter } = this.#options;
    const runtime = await this.#parts.cache.read(pod.metadata.uid ?? '');
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

  async #admit(pod: Pod, state: PodState, runtime: PodRuntimeStatus): Promise<void> {
    if (state.admitted || state.failure !== undefined || podIsTerminal(pod)) return;
    const { allocatable, runtimeState, appArmor, node: currentNode } = this.#options;
    const begun = runtime.sandboxes.length > 0 || (pod.status?.phase ?? 'Pending') !== 'Pending';
    if (begun) await this.#parts.resizing.adopt(pod, state);
    let refusal: Refusal | undefined;
    if (!begun && pod.metadata.deletionTimestamp === undefined) {
      const node = await currentNode();
      if (this.#options.isShuttingDown())
        refusal = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' };
      // No wait from here to the mark: of two Pods that exclude each other, one is admitted.
      refusal ??= admit({
        pod,
        node,
        others: this.#parts.admitted().filter((one) => one.metadata.uid !== pod.metadata.uid),
        allocatable: allocatable(),
        supplementalGroupsPolicy: runtimeState().features?.supplementalGroupsPolicy === true,
        appArmor,
        pressures: this.#options.pressures?.(),
      });
    }
    if (refusal === undefined) {
      state.admitted = true;
      if (begun || !this.#options.devices.wants(pod)) return this.#parts.resizing.allocate(pod, state);
      // A plugin may take its time, which is not to be that of other Pods.
      state.waitsForDevices = true;
      this.#options.scope.spawn('devices for a Pod', () => this.#giveDevices(pod, state));
      return;
    }
    this.#refuse(pod, state, refusal);
  }

  #refuse(pod: Pod, state: PodState, refusal: Refusal): void {
    state.admitted = false;
    this.#options.events.event(pod, 'Warning', refusal.reason, refusal.message);
    this.#options.metrics.rejected(refusal.reason);
    state.failure = { reason: refusal.reason, message: `Pod was rejected: ${refusal.message}` };
  }

  async #giveDevices(pod: Pod, state: PodState): Promise<void> {
    try {
      await this.#options.devices.allocate(pod);
      this.#parts.resizing.allocate(pod, state);
    } catch (error) {
      const message = `Allocate failed due to ${messageOf(error)}, which is unexpected`;
      this.#refuse(pod, state, { reason: 'UnexpectedAdmissionError', message });
    }
    state.waitsForDevices = false;
    this.#parts.enqueue(pod.metadata.uid ?? '');
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
    const ip = podIps(pod, runtime, this.#options.nodeIps())[0] ?? '';
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const current = newestContainer(runtime, container.name);
      for (const one of runtime.containers)
        if (one.name === container.name && (one !== current || one.state !== 'running')) probes.remove(one.id);
      if (current?.state === 'running' && !terminating) probes.add(pod, container, current, ip);
    }
  }

  /** True: something changed, look again. */
  async #act(
    pod: Pod,
    state: PodState,
    runtime: PodRuntimeStatus,
    actions: PodActions,
    terminating: boolean,
  ): Promise<boolean> {
    const { sandboxes, starts, stopping } = this.#parts;
    switch (actions.type) {
      case 'nothing':
        return false;
      case 'stop-pod':
        return stopping.pod(pod, state, runtime);
      case 'create-sandbox':
        // A Pod whose volumes are not there has no sandbox either: it is not ready to start containers.
        if (state.mounted === undefined && !(await setUpVolumes(this.#options, pod, state))) return false;
        if (!(await prepareClaims(this.#options, pod, state))) return false;
        return sandboxes.create(pod, state, runtime, actions.attempt);
      case 'restart-all':
        return starts.restartAll(pod, state, runtime);
      case 'containers': {
        if (state.mounted === undefined && !(await setUpVolumes(this.#options, pod, state))) return false;
        for (const kill of actions.kill) {
          if (kill.reason === 'resize') this.#parts.resizing.restarts(state, kill.container.id);
          stopping.kill(pod, state, kill);
        }
        // Not beside containers that are to begin anew with other limits: those that they have may be in the way.
        const ends = actions.kill.some((one) => one.reason === 'resize');
        if (actions.resize !== undefined && !ends) await this.#parts.actuation.actuate(pod, state, actions.resize);
        // Nothing begins with limits above those that the Pod has still: not before the others have ended.
        if (ends && actions.resize?.pod === true) return false;
        const begins = actions.start.length + actions.startEphemeral.length > 0;
        if (begins && !(await enforcePolicies(this.#options, pod, state, runtime, actions.sandboxId))) return false;
        const current = runtime.sandboxes.find((one) => one.id === actions.sandboxId);
        let started = false;
        for (const container of actions.startEphemeral)
          if (await starts.start(pod, state, runtime, actions.sandboxId, current?.attempt ?? 0, container))
            started = true;
        for (const container of actions.start) {
          if (await starts.start(pod, state, runtime, actions.sandboxId, current?.attempt ?? 0, container))
            started = true;
          else if ((pod.spec.initContainers ?? []).includes(container) && !isSidecar(container)) break;
        }
        return started && !terminating;
      }
    }
  }
}
