// What the runtime has of one Pod, parsed from CRI messages once. Labels and annotations have upstream's names, so that
// tools that read them (crictl) work; one more says whose cluster it is.
import { createHash } from 'node:crypto';
import type { Container, Pod } from '#api/generated/types.ts';
import * as cri from '../cri/messages.ts';

export const podNameLabel = 'io.kubernetes.pod.name';
export const podNamespaceLabel = 'io.kubernetes.pod.namespace';
export const podUidLabel = 'io.kubernetes.pod.uid';
export const containerNameLabel = 'io.kubernetes.container.name';
export const clusterLabel = 'microshift.io/cluster';
const hashAnnotation = 'io.kubernetes.container.hash';
const restartCountAnnotation = 'io.kubernetes.container.restartCount';
const terminationMessagePathAnnotation = 'io.kubernetes.container.terminationMessagePath';
const terminationMessagePolicyAnnotation = 'io.kubernetes.container.terminationMessagePolicy';
const podGraceAnnotation = 'io.kubernetes.pod.terminationGracePeriod';

export interface RuntimeSandbox {
  readonly id: string;
  readonly ready: boolean;
  readonly attempt: number;
  readonly createdAtMs: number;
  readonly ips: readonly string[];
}

export interface RuntimeContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly name: string;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  readonly createdAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  readonly imageRef: string;
  readonly restartCount: number;
  readonly hash: string;
  readonly logPath: string;
  readonly terminationMessagePath: string;
  readonly terminationMessagePolicy: string;
  /** Of the Pod when it was made, for when the Pod itself is not known any more. */
  readonly graceSeconds: number;
  /** CPU in thousandths, memory in bytes; absent: the runtime does not tell. */
  readonly resources?: RuntimeResources | undefined;
}

export interface RuntimeResources {
  readonly cpuRequest: number | undefined;
  readonly cpuLimit: number | undefined;
  readonly memoryLimit: number | undefined;
}

/** Newest first, both. */
export interface PodRuntimeStatus {
  readonly sandboxes: readonly RuntimeSandbox[];
  readonly containers: readonly RuntimeContainer[];
}

export const emptyRuntimeStatus: PodRuntimeStatus = { sandboxes: [], containers: [] };

const ms = (nanoseconds: number): number => Math.floor(nanoseconds / 1e6);
const states = ['created', 'running', 'exited', 'unknown'] as const;

export function parseSandbox(status: cri.PodSandboxStatus): RuntimeSandbox {
  const network = status.network;
  return {
    id: status.id,
    ready: status.state === cri.sandboxState.ready,
    attempt: status.metadata.attempt,
    createdAtMs: ms(status.createdAt),
    ips: network === null || network.ip === '' ? [] : [network.ip, ...network.additionalIps.map((one) => one.ip)],
  };
}

export function parseContainer(status: cri.ContainerStatus, sandboxId: string): RuntimeContainer {
  const state = states[status.state] ?? 'unknown';
  const oomKilled = status.reason === 'OOMKilled';
  return {
    id: status.id,
    sandboxId,
    name: status.labels[containerNameLabel] ?? status.metadata.name,
    state,
    createdAtMs: ms(status.createdAt),
    startedAtMs: ms(status.startedAt),
    finishedAtMs: ms(status.finishedAt),
    exitCode: status.exitCode,
    reason: state !== 'exited' ? '' : oomKilled ? 'OOMKilled' : status.reason,
    message: status.message,
    image: status.image.image,
    imageRef: status.imageRef,
    restartCount: Number(status.annotations[restartCountAnnotation] ?? status.metadata.attempt),
    hash: status.annotations[hashAnnotation] ?? '',
    logPath: status.logPath,
    terminationMessagePath: status.annotations[terminationMessagePathAnnotation] ?? '',
    terminationMessagePolicy: status.annotations[terminationMessagePolicyAnnotation] ?? '',
    graceSeconds: Number(status.annotations[podGraceAnnotation] ?? 30),
    ...runtimeResources(status.resources?.linux ?? undefined),
  };
}

function runtimeResources(linux: cri.LinuxContainerResources | undefined): { resources?: RuntimeResources } {
  if (linux === undefined) return {};
  const { cpuPeriod = 0, cpuQuota = 0, cpuShares = 0, memoryLimitInBytes = 0 } = linux;
  return {
    resources: {
      cpuRequest: cpuShares > 0 ? Math.ceil((cpuShares * 1000) / 1024) : undefined,
      cpuLimit: cpuPeriod > 0 && cpuQuota > 0 ? Math.trunc((cpuQuota * 1000) / cpuPeriod) : undefined,
      memoryLimit: memoryLimitInBytes > 0 ? memoryLimitInBytes : undefined,
    },
  };
}

/** Changes when a running container must be replaced: upstream hashes name and image only. */
export const containerHash = (container: Container): string =>
  createHash('sha256')
    .update(JSON.stringify([container.name, container.image ?? '']))
    .digest('hex')
    .slice(0, 8);

export const podLabels = (pod: Pod, clusterId: string): Record<string, string> => ({
  ...pod.metadata.labels,
  [podNameLabel]: pod.metadata.name ?? '',
  [podNamespaceLabel]: pod.metadata.namespace ?? '',
  [podUidLabel]: pod.metadata.uid ?? '',
  [clusterLabel]: clusterId,
});

export const containerLabels = (pod: Pod, container: Container, clusterId: string): Record<string, string> => ({
  [containerNameLabel]: container.name,
  [podNameLabel]: pod.metadata.name ?? '',
  [podNamespaceLabel]: pod.metadata.namespace ?? '',
  [podUidLabel]: pod.metadata.uid ?? '',
  [clusterLabel]: clusterId,
});

export const containerAnnotations = (pod: Pod, container: Container, restartCount: number): Record<string, string> => ({
  [hashAnnotation]: containerHash(container),
  [restartCountAnnotation]: String(restartCount),
  [terminationMessagePathAnnotation]: container.terminationMessagePath ?? '/dev/termination-log',
  [terminationMessagePolicyAnnotation]: container.terminationMessagePolicy ?? 'File',
  [podGraceAnnotation]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
});

/** The newest container of this name. */
export const newestContainer = (status: PodRuntimeStatus, name: string): RuntimeContainer | undefined =>
  status.containers.find((one) => one.name === name);

export const podIps = (pod: Pod, runtime: PodRuntimeStatus, nodeIps: readonly string[]): readonly string[] =>
  pod.spec.hostNetwork === true ? nodeIps : (runtime.sandboxes.find((one) => one.ready)?.ips ?? []);
