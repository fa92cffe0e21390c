// Brings what is allocated to the containers that run, in upstream's order (doPodResizeAction): the Pod's cgroup grows before
// its containers do and shrinks after them, limits grow before requests and shrink after them, memory before CPU.
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import {
  type ContainerAmounts,
  containerAmounts,
  keepLimits,
  type ResourceRecord,
  sameAmounts,
  sameCgroup,
} from './allocation.ts';
import { cgroupPath, containerCgroup, podCgroup } from './cgroup-names.ts';
import { type CgroupResources, podCgroupResources } from './cgroups.ts';
import type { ClassCgroups } from './class-cgroups.ts';
import type { PodsOptions } from './options.ts';
import type { ContainerUpdate, ResizePlan } from './resize-plan.ts';
import { resizeText } from './resize-text.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import { amountResources } from './runtime-config.ts';
import { newestContainer, type PodRuntimeStatus } from './runtime-status.ts';
import { comeBack, type PodState } from './state.ts';

const errorRetryMs = 10_000;

/** Whether something that runs has other amounts than are allocated, or the Pod's cgroup other limits. */
export function resizeIsUnderWay(pod: Pod, runtime: PodRuntimeStatus, record: ResourceRecord): boolean {
  const behind = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some((container) => {
    const actuated = record.actuated[container.name];
    return (
      actuated !== undefined &&
      !sameAmounts(actuated, containerAmounts(pod, container)) &&
      newestContainer(runtime, container.name)?.state === 'running'
    );
  });
  return behind || record.restarting.length > 0 || !podCgroupIsCurrent(pod, record);
}

export const podCgroupIsCurrent = (pod: Pod, { cgroup }: ResourceRecord): boolean =>
  cgroup === undefined || sameCgroup(keepLimits(podCgroupResources(pod), cgroup), cgroup);

export class ResizeActuation {
  readonly #options: PodsOptions;
  readonly #cache: RuntimeCache;
  readonly #classes: ClassCgroups;

  constructor(options: PodsOptions, cache: RuntimeCache, classes: ClassCgroups) {
    this.#options = options;
    this.#cache = cache;
    this.#classes = classes;
  }

  /** True: all of it is done. What fails is told and tried again. */
  async actuate(pod: Pod, state: PodState, plan: ResizePlan): Promise<boolean> {
    const record = state.resources;
    if (record === undefined) return true;
    try {
      const current = record.cgroup ?? podCgroupResources(pod);
      const wanted = keepLimits(podCgroupResources(pod), current);
      if (plan.memory.length > 0 || plan.pod) await this.#checkMemory(pod, current, wanted, plan.memory);
      await this.#resize(pod, state, plan.memory, 'memory', [
        [wanted.memoryLimitBytes, current.memoryLimitBytes, { memoryLimitBytes: wanted.memoryLimitBytes }],
      ]);
      await this.#resize(pod, state, plan.cpu, 'cpu', [
        [wanted.cpuLimitMilli, current.cpuLimitMilli, { cpuLimitMilli: wanted.cpuLimitMilli }],
        [wanted.cpuShares, current.cpuShares, { cpuShares: wanted.cpuShares }],
      ]);
      await this.#classes.weigh();
      return true;
    } catch (error) {
      this.#failed(pod, state, messageOf(error));
      comeBack(state, errorRetryMs);
      return false;
    }
  }

  #failed(pod: Pod, state: PodState, message: string): void {
    const before = state.resizeInProgress;
    const generation = before?.generation ?? pod.metadata.generation ?? 0;
    const reason = 'Error';
    if (before?.reason === reason && before.message === message) return;
    state.resizeInProgress = {
      reason,
      message,
      generation,
      transitionMs: before?.reason === reason ? before.transitionMs : this.#options.clock.now(),
    };
    this.#options.events.event(pod, 'Warning', 'ResizeError', resizeText('Pod resize error', pod, generation, message));
  }

  /** Limits first when they grow, last when they shrink; no limit is more than any. */
  async #resize(
    pod: Pod,
    state: PodState,
    updates: readonly ContainerUpdate[],
    resource: 'memory' | 'cpu',
    changes: readonly (readonly [number | undefined, number | undefined, Partial<CgroupResources>])[],
  ): Promise<void> {
    const size = (value: number | undefined) => value ?? Number.POSITIVE_INFINITY;
    for (const [to, from, change] of changes) if (size(to) > size(from)) await this.#writePod(pod, state, change);
    for (const update of updates) await this.#updateContainer(pod, state, update, resource);
    for (const [to, from, change] of changes.toReversed())
      if (size(to) < size(from)) await this.#writePod(pod, state, change);
  }

  async #writePod(pod: Pod, state: PodState, change: Partial<CgroupResources>): Promise<void> {
    const { machine, settings } = this.#options;
    const record = state.resources!;
    const cgroup = { ...(record.cgroup ?? podCgroupResources(pod)), ...change };
    await machine.limitCgroup(podCgroup(pod, settings), cgroup);
    state.resources = { ...record, cgroup };
    state.resourcesChanged = true;
  }

  async #updateContainer(
    pod: Pod,
    state: PodState,
    { container, id, wanted, current }: ContainerUpdate,
    resource: 'memory' | 'cpu',
  ): Promise<void> {
    const { runtime, settings } = this.#options;
    const before = state.resources!.actuated[container.name] ?? current;
    const after: ContainerAmounts =
      resource === 'memory'
        ? { ...before, memoryLimit: wanted.memoryLimit, memoryRequest: wanted.memoryRequest }
        : { ...before, cpuLimit: wanted.cpuLimit, cpuRequest: wanted.cpuRequest };
    await runtime.updateContainerResources(id, amountResources(pod, container, after, settings));
    this.#cache.changed(id);
    noteActuated(state, container.name, sameAmounts(after, wanted) ? undefined : after);
  }

  /** A limit below what is in use would end the container, or be refused by the kernel. */
  async #checkMemory(
    pod: Pod,
    current: CgroupResources,
    wanted: CgroupResources,
    updates: readonly ContainerUpdate[],
  ): Promise<void> {
    const { machine, settings, runtimeName } = this.#options;
    const cgroup = podCgroup(pod, settings);
    const problems: string[] = [];
    const check = async (path: string, limit: number, what: string) => {
      const used = (await machine.cgroupUse(path))?.memoryUsageBytes;
      if (used === undefined) problems.push(`missing ${what} memory usage`);
      else if (used >= limit)
        problems.push(`attempting to set ${what} memory limit (${limit}) below current usage (${used})`);
    };
    const podLimit = wanted.memoryLimitBytes;
    if (podLimit !== undefined && podLimit < (current.memoryLimitBytes ?? Number.POSITIVE_INFINITY))
      await check(cgroupPath(cgroup), podLimit, 'pod');
    for (const update of updates) {
      const limit = update.wanted.memoryLimit;
      if (limit === 0 || (update.current.memoryLimit !== 0 && limit >= update.current.memoryLimit)) continue;
      const path = containerCgroup(cgroup, runtimeName, update.id);
      await check(path, limit, `container ${JSON.stringify(update.container.name)}`);
    }
    if (problems.length > 0)
      throw new Error(
        `cannot decrease memory limits: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`,
      );
  }
}

/** What a container has; undefined: what is allocated to it. */
export function noteActuated(state: PodState, name: string, amounts: ContainerAmounts | undefined): void {
  const record = state.resources;
  if (record === undefined) return;
  const { [name]: before, ...others } = record.actuated;
  if (before === undefined && amounts === undefined) return;
  state.resources = { ...record, actuated: amounts === undefined ? others : { ...others, [name]: amounts } };
  state.resourcesChanged = true;
}

/** A container was made with what is allocated to it, perhaps in the place of one that had something else. */
export function noteStarted(state: PodState, name: string, lastId: string | undefined): void {
  noteActuated(state, name, undefined);
  const record = state.resources;
  if (record === undefined || lastId === undefined || !record.restarting.includes(lastId)) return;
  state.resources = { ...record, restarting: record.restarting.filter((id) => id !== lastId) };
  state.resourcesChanged = true;
}
