// What a scheduler plugin may say of a Pod and a node. Plugins are pure: they see one snapshot and change nothing.
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  LabelSelector,
  OwnerReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  ResourceClaimResourceV1,
  Service,
  StorageClass,
  VolumeAttachment,
} from '#api/generated/types.ts';
import type { NodeInfo } from './node-info.ts';
import type { DevicesSnapshot } from './plugins/dynamic-resources/device-book.ts';

export interface ClusterSnapshot {
  readonly nodes: readonly NodeInfo[];
  readonly devices: DevicesSnapshot;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  csiNode(node: string): CSINode | undefined;
  csiDriver(name: string): CSIDriver | undefined;
  storageCapacities(): readonly CSIStorageCapacity[];
  /** Of volumes to the node. */
  attachments(node: string): readonly VolumeAttachment[];
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined;
  budgets(namespace: string): readonly PodDisruptionBudget[];
  /** Pods of a node that match; `key` says all that `matches` looks for. */
  matching(key: string, matches: (pod: Pod) => boolean): (info: NodeInfo) => number;
  services(namespace: string): readonly Service[];
  /** Of a ReplicaSet, ReplicationController or StatefulSet; undefined: another kind, or it is gone. */
  controllerSelector(namespace: string, owner: OwnerReference): LabelSelector | undefined;
  /** Waiting Pods for which room was made on the node of this name. */
  nominated(node: string): readonly Pod[];
}

export interface Rejection {
  /** Each is counted over the nodes in the message that users see. */
  readonly reasons: readonly string[];
  /** Removing Pods from the node could change it. */
  readonly resolvable: boolean;
}

/** What a plugin does where no node was found. */
export interface Relief {
  /** Part of the message that users see. */
  readonly message: string;
  /** To be deallocated, so that the Pod may get other devices. */
  readonly release?: ResourceClaimResourceV1 | undefined;
}

/** Something is wrong with the Pod's objects: no other node is tried, and the Pod again after backing off. */
export class CycleError extends Error {}

export type NodeFilter = (node: NodeInfo) => Rejection | undefined;

/** What happened in the cluster that may let a waiting Pod in. `node`: it came or changed. */
export const clusterEvents = [
  'node',
  'node-removed',
  'pod-removed',
  'pod-added',
  'pod-scaled-down',
  'volume',
  'namespace',
  'device',
] as const;
export type ClusterEvent = (typeof clusterEvents)[number];

export interface SchedulerPlugin {
  readonly name: string;
  /** Events after which a Pod that this plugin rejected is tried again. */
  readonly wakesOn: readonly ClusterEvent[];
  /** Once a Pod; a text rejects every node. Here and in filters a CycleError ends the attempt. */
  preFilter?(pod: Pod, cluster: ClusterSnapshot): string | undefined;
  filter?(pod: Pod, node: NodeInfo, cluster: ClusterSnapshot): Rejection | undefined;
  /**
   * Once a Pod, instead of `filter` for each of many nodes: what is the same for all of them is found out once. Undefined: it rejects no node.
   * Says the same as `filter`.
   */
  prepare?(pod: Pod, cluster: ClusterSnapshot): NodeFilter | undefined;
  /** Before others are asked to make room. `rejections`: what spoke against each node. `pick`: one of so many. */
  postFilter?(
    pod: Pod,
    cluster: ClusterSnapshot,
    rejections: ReadonlyMap<NodeInfo, Rejection>,
    pick: (count: number) => number,
  ): Relief;
  /** 0 to 100 for each of the nodes; more is better. */
  readonly score?:
    | { readonly weight: number; of(pod: Pod, nodes: readonly NodeInfo[], cluster: ClusterSnapshot): readonly number[] }
    | undefined;
}

export const unresolvable = (...reasons: string[]): Rejection => ({ reasons, resolvable: false });
export const resolvable = (...reasons: string[]): Rejection => ({ reasons, resolvable: true });

/** Largest becomes 100; `reverse`: largest becomes 0. */
export function normalised(scores: readonly number[], reverse = false): readonly number[] {
  const max = Math.max(0, ...scores);
  if (max === 0) return scores.map(() => (reverse ? 100 : 0));
  return scores.map((one) => {
    const scaled = Math.floor((one * 100) / max);
    return reverse ? 100 - scaled : scaled;
  });
}
