// The Node object of this machine: what it is, what it offers, whether it is well. Pure.
import type { ContainerImage, Node, NodeAddress, NodeCondition, NodeStatus } from '#api/generated/types.ts';
import { isExtendedResource } from '#api/validation/resources.ts';
import type { MachineFacts } from '#host/node-machine.ts';
import type { DeviceCount } from './devices/devices.ts';
import type { PressureCondition } from './eviction/thresholds.ts';
import type { Image, RuntimeCondition, RuntimeHandler, RuntimeState } from './cri/messages.ts';
import { timeText } from './pod/conditions.ts';
import { hugePagesName, sizeText } from './pod/huge-pages.ts';

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
  /** What hard thresholds of eviction keep from Pods. */
  readonly kept: { readonly memoryBytes: number; readonly storageBytes: number };
  /** Of what the node is short. */
  readonly pressures: ReadonlySet<PressureCondition>;
  readonly images: readonly Image[];
  readonly runtimeConditions: readonly RuntimeCondition[];
  readonly runtimeHandlers: readonly RuntimeHandler[];
  /** Undefined: the runtime does not tell. */
  readonly runtimeFeatures: RuntimeState['features'];
  /** Undefined: the runtime answers. */
  readonly runtimeProblem: string | undefined;
  readonly isShuttingDown: boolean;
  readonly serverPort: number;
  /** Names of attachable volumes that the node uses, in order. */
  readonly volumesInUse: readonly string[];
  /** That plugins bring, by resource. */
  readonly devices: Readonly<Record<string, DeviceCount>>;
}

/** Upstream's --node-status-max-images. */
const imagesMax = 50;

/** Of upstream's registry (KEP-5328), in order: what a newer control plane may ask of this node. */
const declaredFeatures = [
  'ExtendWebSocketsToKubelet',
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

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
  readonly kept: NodeStatusInput['kept'];
}): Record<string, number> {
  const { facts, reserved, diskTotalBytes, podsMax, kept } = input;
  return {
    cpu: Math.max(0, facts.cpuCount - (reserved['cpu'] ?? 0)),
    memory: Math.max(0, facts.memoryBytes - (reserved['memory'] ?? 0) - kept.memoryBytes - inHugePages(facts)),
    'ephemeral-storage': Math.max(0, diskTotalBytes - kept.storageBytes),
    pods: podsMax,
    ...hugePageAmounts(facts),
  };
}

/** What was set aside for them is no other memory any more. */
const inHugePages = ({ hugePages }: MachineFacts): number =>
  hugePages.reduce((sum, { sizeBytes, count }) => sum + sizeBytes * count, 0);
const hugePageAmounts = ({ hugePages }: MachineFacts): Record<string, number> =>
  Object.fromEntries(hugePages.map(({ sizeBytes, count }) => [hugePagesName(sizeBytes), sizeBytes * count]));

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
    ...Object.fromEntries(Object.entries(hugePageAmounts(facts)).map(([name, amount]) => [name, sizeText(amount)])),
    memory: kibibytes(memory),
    pods: String(podsMax),
  });
  // Somebody else's count of what it has put into this machine stays, and all of it is to be given.
  const extended = Object.entries(previous?.capacity ?? {}).filter(([name]) => isExtendedResource(name));
  const amounts = (of: 'capacity' | 'allocatable', cpu: number, memory: number, disk: string) => {
    const devices = Object.entries(input.devices).map(([name, count]) => [name, String(count[of])] as const);
    return inOrder({ ...own(cpu, memory, disk), ...Object.fromEntries(extended), ...Object.fromEntries(devices) });
  };
  const { volumesInUse: _before, ...kept } = previous ?? {};
  return {
    ...kept,
    ...(input.volumesInUse.length === 0 ? {} : { volumesInUse: input.volumesInUse }),
    capacity: amounts('capacity', facts.cpuCount, facts.memoryBytes, kibibytes(diskTotalBytes)),
    allocatable: amounts(
      'allocatable',
      allocatable['cpu']!,
      allocatable['memory']!,
      String(allocatable['ephemeral-storage']!),
    ),
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
    declaredFeatures,
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
  const { pressures } = input;
  const failed = input.runtimeConditions.filter((one) => !one.status);
  const problems = [
    ...(input.runtimeProblem === undefined ? [] : [`container runtime is down: ${input.runtimeProblem}`]),
    ...failed.map((one) =>
      one.type === 'NetworkReady'
        ? `container runtime network not ready: ${one.type}=false reason:${one.reason} message:${one.message}`
        : `container runtime status check may not have completed yet: ${one.type}=false reason:${one.reason} message:${one.message}`,
    ),
    ...(input.isShuttingDown ? ['node is shutting down'] : []),
  ];
  const own = [
    pressures.has('MemoryPressure')
      ? make('MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available')
      : make('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    pressures.has('DiskPressure')
      ? make('DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure')
      : make('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    pressures.has('PIDPressure')
      ? make('PIDPressure', 'True', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available')
      : make('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
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
