// The status of a Pod as upstream's kubelet reports it: container states, phase, conditions. Pure.
import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
  ResourceStatus,
  VolumeMountStatus,
} from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { hasStarted, type PodFailure, podConditions, timeText } from './conditions.ts';
import type { ResourceRecord } from './allocation.ts';
import { isSidecar, shouldRestart } from './decide.ts';
import { containerStatusResources, podStatusResources } from './status-resources.ts';
import type { PodRuntimeStatus, RuntimeContainer } from './runtime-status.ts';

export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

export interface StatusInput {
  readonly pod: Pod;
  readonly runtime: PodRuntimeStatus;
  readonly nowMs: number;
  readonly nodeIps: readonly string[];
  /** Why a container could not be started, by name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  readonly isReady: (container: RuntimeContainer) => boolean;
  readonly isStarted: (container: RuntimeContainer) => boolean;
  /** `containerd`, `cri-o`: the scheme of container ids. */
  readonly runtimeName: string;
  /** The Pod ends: no container starts again whatever its policy. */
  readonly terminating: boolean;
  /** Ended for a reason of its own (DeadlineExceeded, Evicted): phase Failed with it. */
  readonly failure?: PodFailure | undefined;
  /** Whether the Pod's runtime handler can make them. */
  readonly recursiveReadOnlyMounts?: boolean | undefined;
  /** Containers that the runtime has no more, because all were to begin anew; by name. */
  readonly removed?: ReadonlyMap<string, RuntimeContainer> | undefined;
  /** A container's end asked for all containers to start anew. */
  readonly restartingAll?: boolean | undefined;
  /** What containers have, where it is not what is allocated to them. */
  readonly resources?: ResourceRecord | undefined;
  readonly devices?: ((container: string) => readonly ResourceStatus[]) | undefined;
  readonly resizeConditions?: readonly PodCondition[] | undefined;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, runtime, nowMs, nodeIps, failure } = input;
  const previous = pod.status;
  const initContainers = pod.spec.initContainers ?? [];
  const initStatuses = containerStatuses(input, initContainers, previous?.initContainerStatuses, false, true);
  const statuses = containerStatuses(
    input,
    pod.spec.containers,
    previous?.containerStatuses,
    initContainers.length > 0,
    false,
  );
  const all = [...initStatuses, ...statuses];
  const begun = statuses.some((one) => hasStarted(one));
  let phase = podPhase(pod, all, input.terminating && allStopped(runtime), begun);
  if (failure !== undefined) phase = 'Failed';
  // A final phase stays.
  if (previous?.phase === 'Failed' || previous?.phase === 'Succeeded') phase = previous.phase;

  const sandbox = runtime.sandboxes[0];
  const ips = pod.spec.hostNetwork === true ? nodeIps : sandbox !== undefined && sandbox.ready ? sandbox.ips : [];
  const keptIps = ips.length > 0 ? ips : (previous?.podIPs ?? []).map((one) => one.ip ?? '');
  const status: Mutable<PodStatus> = {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: [],
    hostIP: nodeIps[0] ?? '',
    hostIPs: nodeIps.map((ip) => ({ ip })),
    startTime: previous?.startTime ?? timeText(nowMs),
    qosClass: previous?.qosClass,
    containerStatuses: statuses as Mutable<ContainerStatus>[],
    ...(podStatusResources(pod, input.resources, phase === 'Running') as Partial<Mutable<PodStatus>>),
  };
  if (keptIps.length > 0) {
    status.podIP = keptIps[0];
    status.podIPs = keptIps.map((ip) => ({ ip }));
  }
  if (initStatuses.length > 0) status.initContainerStatuses = initStatuses as Mutable<ContainerStatus>[];
  const ephemeral = containerStatuses(
    input,
    pod.spec.ephemeralContainers ?? [],
    previous?.ephemeralContainerStatuses,
    initContainers.length > 0,
    false,
  );
  if (ephemeral.length > 0) status.ephemeralContainerStatuses = ephemeral as Mutable<ContainerStatus>[];
  if (previous?.nominatedNodeName !== undefined) status.nominatedNodeName = previous.nominatedNodeName;
  const reason = failure?.reason ?? previous?.reason;
  const message = failure?.message ?? previous?.message;
  if (reason !== undefined) status.reason = reason;
  if (message !== undefined) status.message = message;
  if (previous?.resourceClaimStatuses !== undefined)
    status.resourceClaimStatuses = previous.resourceClaimStatuses as Mutable<typeof previous.resourceClaimStatuses>;
  const hasSandbox =
    sandbox !== undefined && sandbox.ready && (pod.spec.hostNetwork === true || sandbox.ips.length > 0);
  status.conditions = podConditions(
    pod,
    phase,
    initStatuses,
    statuses,
    hasSandbox,
    nowMs,
    input.restartingAll === true,
    input.resizeConditions,
    failure,
  ) as Mutable<PodCondition>[];
  return status;
}

const allStopped = (runtime: PodRuntimeStatus): boolean =>
  runtime.containers.every((one) => one.state !== 'running' && one.state !== 'created');

function terminatedState(container: RuntimeContainer, runtimeName: string): ContainerStateTerminated {
  return {
    exitCode: container.exitCode,
    ...(container.reason === '' ? {} : { reason: container.reason }),
    ...(container.message === '' ? {} : { message: container.message }),
    startedAt: container.startedAtMs > 0 ? timeText(container.startedAtMs) : undefined,
    finishedAt: container.finishedAtMs > 0 ? timeText(container.finishedAtMs) : undefined,
    containerID: `${runtimeName}://${container.id}`,
  };
}

function containerStatuses(
  input: StatusInput,
  containers: readonly Container[],
  previous: readonly ContainerStatus[] | undefined,
  hasInitContainers: boolean,
  areInit: boolean,
): ContainerStatus[] {
  return containers.map((container) =>
    containerStatus(
      input,
      container,
      previous?.find((one) => one.name === container.name),
      hasInitContainers,
      areInit,
    ),
  );
}

function containerStatus(
  input: StatusInput,
  container: Container,
  previous: ContainerStatus | undefined,
  hasInitContainers: boolean,
  isInit: boolean,
): ContainerStatus {
  const { pod, runtime, waiting, runtimeName } = input;
  const [current, earlier] = runtime.containers.filter((one) => one.name === container.name);
  const defaultWaiting: ContainerState = {
    waiting: {
      reason:
        hasInitContainers || (isInit && firstIncompleteInit(pod, runtime) !== container.name)
          ? 'PodInitializing'
          : 'ContainerCreating',
    },
  };
  let state: ContainerState;
  let lastState: ContainerState = previous?.lastState ?? {};
  let restartCount = previous?.restartCount ?? 0;
  if (current === undefined) {
    const removed = input.removed?.get(container.name);
    if (removed !== undefined) {
      state = defaultWaiting;
      lastState = { terminated: terminatedState(removed, runtimeName) };
    } else if (previous?.state?.terminated !== undefined) state = previous.state;
    else if (previous?.state?.running !== undefined && lastState.terminated === undefined) {
      state = defaultWaiting;
      lastState = {
        terminated: {
          exitCode: 137,
          reason: 'ContainerStatusUnknown',
          message: 'The container could not be located when the pod was deleted.  The container used to be Running',
        },
      };
      if (pod.metadata.deletionTimestamp === undefined) restartCount++;
    } else state = defaultWaiting;
  } else {
    restartCount = Math.max(current.restartCount, restartCount);
    const before = earlier ?? input.removed?.get(container.name);
    if (before !== undefined) lastState = { terminated: terminatedState(before, runtimeName) };
    else if (previous?.state?.terminated !== undefined && !previous.containerID?.endsWith(`://${current.id}`))
      // The runtime has it no more (all containers were restarted, images reset): what it ended with stays known.
      lastState = previous.state;
    switch (current.state) {
      case 'running':
        state = { running: { startedAt: timeText(current.startedAtMs) } };
        break;
      case 'exited':
        state = { terminated: terminatedState(current, runtimeName) };
        break;
      case 'created':
      case 'unknown':
        state = { waiting: {} };
        break;
    }
  }
  const why = waiting.get(container.name);
  if (why !== undefined && state.running === undefined && !input.terminating) {
    if (state.terminated !== undefined) lastState = { terminated: state.terminated };
    state = { waiting: { reason: why.reason, ...(why.message === '' ? {} : { message: why.message }) } };
  }
  const isRunning = state.running !== undefined && current !== undefined;
  const started = isRunning ? input.isStarted(current) : false;
  const ready =
    isInit && !isSidecar(container) ? state.terminated?.exitCode === 0 : isRunning && started && input.isReady(current);
  const devices = input.devices?.(container.name) ?? [];
  return {
    name: container.name,
    state,
    lastState,
    ready,
    restartCount,
    image: current?.image ?? previous?.image ?? container.image ?? '',
    imageID: current?.imageRef ?? previous?.imageID ?? '',
    ...(current === undefined
      ? previous?.containerID === undefined
        ? {}
        : { containerID: previous.containerID }
      : { containerID: `${runtimeName}://${current.id}` }),
    started,
    ...(container.resources?.requests === undefined ? {} : { allocatedResources: container.resources.requests }),
    resources: containerStatusResources(pod, container, isRunning ? current : undefined, input.resources),
    ...(isInit || devices.length === 0 ? {} : { allocatedResourcesStatus: devices }),
    ...volumeMountStatuses(container, input.recursiveReadOnlyMounts === true),
  };
}

function volumeMountStatuses(
  container: Container,
  recursiveReadOnlyMounts: boolean,
): { volumeMounts?: readonly VolumeMountStatus[] } {
  const mounts = container.volumeMounts ?? [];
  if (mounts.length === 0) return {};
  const isRecursive = (mode: string | undefined) =>
    mode === 'Enabled' || (mode === 'IfPossible' && recursiveReadOnlyMounts);
  return {
    volumeMounts: mounts.map((mount) => ({
      name: mount.name,
      mountPath: mount.mountPath,
      ...(mount.readOnly === true
        ? { readOnly: true, recursiveReadOnly: isRecursive(mount.recursiveReadOnly) ? 'Enabled' : 'Disabled' }
        : {}),
    })),
  };
}

const firstIncompleteInit = (pod: Pod, runtime: PodRuntimeStatus): string | undefined =>
  (pod.spec.initContainers ?? []).find((container) => {
    const last = runtime.containers.find((one) => one.name === container.name);
    return (
      last === undefined ||
      (isSidecar(container) ? last.state !== 'running' : last.exitCode !== 0 || last.state !== 'exited')
    );
  })?.name;

/** Upstream's getPhase (kubelet_pods.go). */
export function podPhase(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  isTerminal: boolean,
  hasInitialized: boolean,
): string {
  const byName = new Map(statuses.map((one) => [one.name, one]));
  let [pendingInit, pendingSidecars, failedForGood] = [0, 0, 0];
  let [unknown, running, waiting, stopped, stoppedForGood, succeeded] = [0, 0, 0, 0, 0, 0];
  for (const container of pod.spec.initContainers ?? []) {
    const status = byName.get(container.name);
    const terminated = status?.state?.terminated;
    const last = status?.lastState?.terminated;
    if (isSidecar(container)) {
      if (status === undefined) unknown++;
      else if (status.state?.running !== undefined) {
        if (status.started !== true) pendingSidecars++;
        running++;
      } else if (terminated === undefined && status.state?.waiting !== undefined) {
        if (last === undefined) {
          pendingSidecars++;
          waiting++;
        }
      } else if (terminated === undefined) {
        pendingSidecars++;
        unknown++;
      }
      continue;
    }
    const ended = terminated ?? (status?.state?.waiting === undefined ? undefined : last);
    if (ended === undefined) pendingInit++;
    else if (ended.exitCode !== 0 && !shouldRestart(pod, container, ended.exitCode)) failedForGood++;
  }
  for (const container of pod.spec.containers) {
    const status = byName.get(container.name);
    const terminated = status?.state?.terminated;
    const last = status?.lastState?.terminated;
    if (status === undefined) unknown++;
    else if (status.state?.running !== undefined) running++;
    else if (terminated !== undefined) {
      stopped++;
      if (!shouldRestart(pod, container, terminated.exitCode)) stoppedForGood++;
      if (terminated.exitCode === 0) succeeded++;
    } else if (status.state?.waiting !== undefined) {
      if (last === undefined) waiting++;
      else {
        stopped++;
        if (!shouldRestart(pod, container, last.exitCode)) stoppedForGood++;
      }
    } else unknown++;
  }
  if (failedForGood > 0) return 'Failed';
  if (pendingInit > 0 || (pendingSidecars > 0 && !hasInitialized) || waiting > 0) return 'Pending';
  if (running > 0 && unknown === 0 && !(isTerminal && running === 0)) return 'Running';
  if (stopped > 0 && unknown === 0) {
    if (isTerminal) return stopped === succeeded ? 'Succeeded' : 'Failed';
    if (stopped !== stoppedForGood) return 'Running';
    return stopped === succeeded ? 'Succeeded' : 'Failed';
  }
  return 'Pending';
}
