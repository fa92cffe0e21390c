// The Node object of this machine: what it is, what it offers, whether it is well. Pure.
import type { ContainerImage, Node, NodeAddress, NodeCondition, NodeStatus } from '#api/generated/types.ts';
import { isExtendedResource } from '#api/validation/resources.ts';
import type { MachineFacts } from '#host/node-machine.ts';
import type { Image, RuntimeCondition, RuntimeHandler, RuntimeState } from './cri/messages.ts';
import { timeText } from './pod/conditions.ts';

export interface NodeStatusInput {
  readonly previous: NodeStatus | undefined;
  readonly nowMs: number;
  readonly nodeName: string;
  readonly addresses: readonly string[];
  readonly facts: MachineFacts;
  readonly runtimeVersion: string;
  readonly kubeletVersion: string;
  readonly podsMax: number;
  /** By resource name, in units (cores, bytes). */
  readonly reserved: Readonly<Record<string, number>>;
  readonly diskTotalBytes: number;
  readonly diskFreeBytes: number;
  readonly memoryAvailableBytes: number;
  readonly images: readonly Image[];
  readonly runtimeConditions: readonly RuntimeCondition[];
  readonly runtimeHandlers: readonly RuntimeHandler[];
  /** Undefined: the runtime does not tell. */
  readonly runtimeFeatures: RuntimeState['features'];
  /** Undefined: the runtime answers. */
  readonly runtimeProblem: string | undefined;
  readonly serverPort: number;
}

/** Upstream's --node-status-max-images. */
const imagesMax = 50;
const memoryPressureBytes = 100 * 1024 * 1024;
const diskPressureFraction = 0.1;

const kibibytes = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;

export function nodeLabels(nodeName: string, facts: MachineFacts): Record<string, string> {
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.architecture,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': facts.architecture,
  };
}

export function allocatableAmounts(input: {
  readonly facts: MachineFacts;
  readonly reserved: Readonly<Record<string, number>>;
  readonly diskTotalBytes: number;
  readonly podsMax: number;
}): Record<string, number> {
  const { facts, reserved, diskTotalBytes, podsMax } = input;
  return {
    cpu: Math.max(0, facts.cpuCount - (reserved['cpu'] ?? 0)),
    // Upstream's default hard eviction thresholds are not to be given away.
    memory: Math.max(0, facts.memoryBytes - (reserved['memory'] ?? 0) - memoryPressureBytes),
    'ephemeral-storage': Math.floor(diskTotalBytes * (1 - diskPressureFraction)),
    pods: podsMax,
  };
}

function addresses(nodeName: string, ips: readonly string[]): NodeAddress[] {
  return [...ips.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: nodeName }];
}

function imageList(images: readonly Image[]): ContainerImage[] {
  return images
    .toSorted((a, b) => b.size - a.size)
    .slice(0, imagesMax)
    .map((image) => ({ names: [...image.repoDigests, ...image.repoTags].slice(0, 5), sizeBytes: image.size }));
}

const inOrder = <T>(amounts: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(amounts).toSorted(([one], [other]) => (one < other ? -1 : 1)));

export function nodeStatus(input: NodeStatusInput): NodeStatus {
  const { previous, facts, diskTotalBytes, podsMax } = input;
  const allocatable = allocatableAmounts(input);
  const own = (cpu: number, memory: number, disk: string) => ({
    cpu: Number.isInteger(cpu) ? String(cpu) : `${Math.floor(cpu * 1000)}m`,
    'ephemeral-storage': disk,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: kibibytes(memory),
    pods: String(podsMax),
  });
  // Somebody else's count of what it has put into this machine stays, and all of it is to be given.
  const extended = Object.entries(previous?.capacity ?? {}).filter(([name]) => isExtendedResource(name));
  const amounts = (cpu: number, memory: number, disk: string) =>
    inOrder({ ...own(cpu, memory, disk), ...Object.fromEntries(extended) });
  return {
    ...previous,
    capacity: amounts(facts.cpuCount, facts.memoryBytes, kibibytes(diskTotalBytes)),
    allocatable: amounts(allocatable['cpu']!, allocatable['memory']!, String(allocatable['ephemeral-storage']!)),
    conditions: conditions(input),
    addresses: addresses(input.nodeName, input.addresses),
    ...(input.runtimeHandlers.length === 0
      ? {}
      : {
          runtimeHandlers: input.runtimeHandlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
            name,
            features: { recursiveReadOnlyMounts, userNamespaces },
          })),
        }),
    ...(input.runtimeFeatures === undefined
      ? {}
      : { features: { supplementalGroupsPolicy: input.runtimeFeatures.supplementalGroupsPolicy } }),
    daemonEndpoints: { kubeletEndpoint: { Port: input.serverPort } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.systemUuid,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: input.runtimeVersion,
      kubeletVersion: input.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: facts.architecture,
    },
    images: imageList(input.images),
  };
}

function conditions(input: NodeStatusInput): NodeCondition[] {
  const before = input.previous?.conditions ?? [];
  const now = timeText(input.nowMs);
  const make = (type: string, status: 'True' | 'False', reason: string, message: string): NodeCondition => {
    const old = before.find((one) => one.type === type);
    const kept = old?.status === status ? old.lastTransitionTime : undefined;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: kept ?? now, reason, message };
  };
  const lowMemory = input.memoryAvailableBytes > 0 && input.memoryAvailableBytes < memoryPressureBytes;
  const lowDisk = input.diskTotalBytes > 0 && input.diskFreeBytes < input.diskTotalBytes * diskPressureFraction;
  const failed = input.runtimeConditions.filter((one) => !one.status);
  const problems = [
    ...(input.runtimeProblem === undefined ? [] : [`container runtime is down: ${input.runtimeProblem}`]),
    ...failed.map((one) =>
      one.type === 'NetworkReady'
        ? `container runtime network not ready: ${one.type}=false reason:${one.reason} message:${one.message}`
        : `container runtime status check may not have completed yet: ${one.type}=false reason:${one.reason} message:${one.message}`,
    ),
  ];
  const own = [
    lowMemory
      ? make('MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available')
      : make('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    lowDisk
      ? make('DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure')
      : make('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    make('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    problems.length === 0
      ? make('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
      : make('Ready', 'False', 'KubeletNotReady', problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`),
  ];
  return [...before.filter((old) => !own.some((one) => one.type === old.type)), ...own];
}

/** Same but for heartbeats: such a change can wait for the next report. */
export function sameButHeartbeat(a: Node['status'], b: Node['status']): boolean {
  const strip = (status: Node['status']) =>
    JSON.stringify({
      ...status,
      conditions: (status?.conditions ?? []).map(({ type, status: state, reason, message, lastTransitionTime }) => ({
        type,
        state,
        reason,
        message,
        lastTransitionTime,
      })),
    });
  return strip(a) === strip(b);
}
