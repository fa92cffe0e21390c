// One look at one Pod: reads what the runtime has, asks decide(), does one step after the other, and reports the status.
// The decisions are in decide.ts and admission.ts; each kind of step has a file of its own.
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { admit, type Refusal } from './admission.ts';
import { podCgroup } from './cgroup-names.ts';
import type { ClassCgroups } from './class-cgroups.ts';
import type { ContainerStarts } from './container-starts.ts';
import { decide, isSidecar, type PodActions } from './decide.ts';
import type { PodsOptions } from './options.ts';
import type { Removal } from './removal.ts';
import { finishDeletion, report } from './report.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import { newestContainer, podIps, type PodRuntimeStatus } from './runtime-status.ts';
import type { Sandboxes } from './sandboxes.ts';
import type { PodState } from './state.ts';
import type { Stopping } from './stopping.ts';
import { setUpVolumes } from './volume-setup.ts';

export interface PodWorkerParts {
  readonly cache: RuntimeCache;
  readonly classes: ClassCgroups;
  readonly removal: Removal;
  readonly sandboxes: Sandboxes;
  readonly starts: ContainerStarts;
  readonly stopping: Stopping;
  /** The Pods that may run here. */
  readonly admitted: () => readonly Pod[];
}

const stepsMax = 30;
const quietLookMs = 300_000;

export class PodWorker {
  readonly #options: PodsOptions;
  readonly #parts: PodWorkerParts;

  constructor(options: PodsOptions, parts: PodWorkerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** When to look again in milliseconds; undefined: it is gone. */
  async sync(pod: Pod, state: PodState): Promise<number | undefined> {
    const { cache, classes, removal } = this.#parts;
    const { settings } = this.#options;
    const uid = pod.metadata.uid ?? '';
    state.cgroup = podCgroup(pod, settings);
    state.retryInMs = undefined;
    const deadlineMs = this.#checkDeadline(pod, state);
    let runtime = await this.#readRuntime(pod, state);
    await this.#admit(pod, state, runtime);
    const terminating =
      pod.metadata.deletionTimestamp !== undefined || podIsTerminal(pod) || state.failure !== undefined;
    for (let step = 0; step < stepsMax; step++) {
      this.#updateProbes(pod, runtime, terminating);
      const actions = decide({ pod, runtime, terminating, probes: this.#options.probes });
      let again: boolean;
      try {
        again = await this.#act(pod, state, runtime, actions, terminating);
      } catch (error) {
        cache.invalidate(uid);
        throw error;
      }
      runtime = await this.#readRuntime(pod, state);
      if (!again) break;
    }
    this.#updateProbes(pod, runtime, terminating);
    await removal.oldContainers(uid, state, runtime);
    const reported = await report(this.#options, pod, state, runtime, terminating);
    const quiet =
      runtime.containers.every((one) => one.state === 'exited') && runtime.sandboxes.every((one) => !one.ready);
    if (pod.metadata.deletionTimestamp !== undefined && quiet && state.stopping.size === 0 && reported) {
      await finishDeletion(this.#options, pod, state);
      return undefined;
    }
    if (terminating && quiet) await classes.weigh();
    if (!terminating && state.mounted !== undefined) await setUpVolumes(this.#options, pod, state);
    const next = [state.retryInMs, deadlineMs, this.#options.sources.renewInMs(pod)].filter((one) => one !== undefined);
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
    const { allocatable, runtimeState, appArmor, events, node: currentNode } = this.#options;
    const begun = runtime.sandboxes.length > 0 || (pod.status?.phase ?? 'Pending') !== 'Pending';
    let refusal: Refusal | undefined;
    if (!begun && pod.metadata.deletionTimestamp === undefined) {
      const node = await currentNode();
      // No wait from here to the mark: of two Pods that exclude each other, one is admitted.
      refusal = admit({
        pod,
        node,
        others: this.#parts.admitted().filter((one) => one.metadata.uid !== pod.metadata.uid),
        allocatable: allocatable(),
        supplementalGroupsPolicy: runtimeState().features?.supplementalGroupsPolicy === true,
        appArmor,
      });
    }
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
        return sandboxes.create(pod, state, runtime, actions.attempt);
      case 'restart-all':
        return starts.restartAll(pod, state, runtime);
      case 'containers': {
        if (state.mounted === undefined && !(await setUpVolumes(this.#options, pod, state))) return false;
        for (const kill of actions.kill) stopping.kill(pod, state, kill);
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
