// Makes the sandbox of a Pod: its volumes, cgroup, runtime handler, users and configuration first.
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import type { PodSandboxConfig, RuntimeHandler } from '../cri/messages.ts';
import { sameCgroup } from './allocation.ts';
import { podCgroup } from './cgroup-names.ts';
import { podCgroupResources } from './cgroups.ts';
import type { ClassCgroups } from './class-cgroups.ts';
import type { PodsOptions } from './options.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import {
  PodConfigError,
  parseResolvConf,
  podLogDirectory,
  sandboxConfig,
  type UserMappings,
} from './runtime-config.ts';
import type { PodRuntimeStatus } from './runtime-status.ts';
import type { PodState } from './state.ts';
import { setUpVolumes } from './volume-setup.ts';

export class Sandboxes {
  readonly #options: PodsOptions;
  readonly #cache: RuntimeCache;
  readonly #classes: ClassCgroups;

  constructor(options: PodsOptions, cache: RuntimeCache, classes: ClassCgroups) {
    this.#options = options;
    this.#cache = cache;
    this.#classes = classes;
  }

  /** True: it is made. */
  async create(pod: Pod, state: PodState, runtime: PodRuntimeStatus, attempt: number): Promise<boolean> {
    const { events, settings, machine } = this.#options;
    if (!(await setUpVolumes(this.#options, pod, state))) return false;
    await machine.makeDirectory(podLogDirectory(settings.podLogDirectory, pod), 0o755);
    if (attempt > 0 && runtime.sandboxes.length > 0)
      events.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    try {
      const cgroup = podCgroupResources(pod);
      await machine.limitCgroup(podCgroup(pod, settings), { ...cgroup, processesMax: settings.podProcessesMax });
      if (state.resources !== undefined && !sameCgroup(state.resources.cgroup ?? cgroup, cgroup)) {
        state.resources = { ...state.resources, cgroup };
        state.resourcesChanged = true;
      }
      await this.#classes.weigh();
    } catch (error) {
      const message = `unable to ensure pod container exists: ${messageOf(error)}`;
      events.event(pod, 'Warning', 'FailedCreatePodContainer', message);
      state.retryInMs = 5_000;
      return false;
    }
    try {
      state.handler = await this.#handler(pod);
      state.users = await this.#users(pod, state.handler);
      const config = await this.#config(pod, attempt, state.users);
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

  /** What containers are made with; of a sandbox that an earlier process of ours made, it is asked for again. */
  async context(
    pod: Pod,
    state: PodState,
    attempt: number,
  ): Promise<{ handler: RuntimeHandler; users: UserMappings; config: PodSandboxConfig }> {
    state.handler ??= await this.#handler(pod);
    state.users ??= await this.#users(pod, state.handler);
    return { handler: state.handler, users: state.users, config: await this.#config(pod, attempt, state.users) };
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

  async #config(pod: Pod, attempt: number, users: UserMappings): Promise<PodSandboxConfig> {
    const { machine, settings } = this.#options;
    const resolver = parseResolvConf((await machine.readText('/etc/resolv.conf')) ?? '');
    return sandboxConfig(pod, attempt, resolver, settings, users);
  }
}
