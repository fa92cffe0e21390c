// What must be done to a container that runs so that it has what is allocated to it: nothing, new settings, or a start anew.
// Upstream's computePodResizeAction. Pure.
import type { Container, Pod } from '#api/generated/types.ts';
import { type ContainerAmounts, containerAmounts, sameAmounts } from './allocation.ts';
import type { RuntimeContainer } from './runtime-status.ts';

export interface ContainerUpdate {
  readonly container: Container;
  readonly id: string;
  readonly wanted: ContainerAmounts;
  readonly current: ContainerAmounts;
}

/** In order: what takes less before what takes more. */
export interface ResizePlan {
  readonly memory: ContainerUpdate[];
  readonly cpu: ContainerUpdate[];
  /** The Pod's own cgroup is to be written though no container's settings are. */
  pod: boolean;
}

export const newResizePlan = (): ResizePlan => ({ memory: [], cpu: [], pod: false });

export const isEmptyPlan = (plan: ResizePlan): boolean =>
  plan.memory.length === 0 && plan.cpu.length === 0 && !plan.pod;

const restarts = (container: Container, name: string): boolean =>
  container.resizePolicy?.find((one) => one.resourceName === name)?.restartPolicy === 'RestartContainer';

function add(updates: ContainerUpdate[], update: ContainerUpdate, more: number): void {
  if (more > 0) updates.push(update);
  else updates.unshift(update);
}

/** Adds to the plan; `restart`: the container's policy wants that instead. */
export function planResize(
  plan: ResizePlan,
  pod: Pod,
  container: Container,
  running: RuntimeContainer,
  current: ContainerAmounts,
): 'keep' | 'restart' {
  const wanted = containerAmounts(pod, container);
  if (sameAmounts(wanted, current)) return 'keep';
  // The limit's direction counts before the request's.
  const memory = wanted.memoryLimit - current.memoryLimit || wanted.memoryRequest - current.memoryRequest;
  const cpu = wanted.cpuLimit - current.cpuLimit || wanted.cpuRequest - current.cpuRequest;
  const changed = (name: 'memory' | 'cpu') =>
    wanted[`${name}Limit`] !== current[`${name}Limit`] || wanted[`${name}Request`] !== current[`${name}Request`];
  if ((['memory', 'cpu'] as const).some((name) => changed(name) && restarts(container, name))) return 'restart';
  const update: ContainerUpdate = { container, id: running.id, wanted, current };
  if (memory !== 0) add(plan.memory, update, memory);
  if (cpu !== 0) add(plan.cpu, update, cpu);
  return 'keep';
}
