// Which Pods are the scheduler's own and wait; what happened in the cluster that may let one in: which changes count, which plugins' rejections each may end, and how upstream
// names it. What a plugin waits for is upstream's EventsToRegister.
import type { Node, Pod } from '#api/generated/types.ts';
import { reservedRequests } from '#rules/effective-requests.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { type ClusterEvent, clusterEvents } from './plugin.ts';
import { plugins } from './plugins/registry.ts';

const schedulerName = 'default-scheduler';

export const isOurs = (pod: Pod): boolean => (pod.spec.schedulerName ?? schedulerName) === schedulerName;
export const waits = (pod: Pod): boolean =>
  isOurs(pod) &&
  (pod.spec.nodeName ?? '') === '' &&
  !podIsTerminal(pod) &&
  pod.metadata.deletionTimestamp === undefined &&
  (pod.spec.schedulingGates ?? []).length === 0;

/** Heartbeats change a node all the time; only these parts can let a Pod in. */
export const schedulingPart = ({ metadata, spec, status }: Node) => [
  metadata.labels,
  spec?.taints,
  spec?.unschedulable,
  status?.allocatable,
];

/** As upstream names them in metrics. */
export const queueEvents: Readonly<Record<ClusterEvent, string>> = {
  node: 'NodeUpdate',
  'node-removed': 'NodeDelete',
  'pod-added': 'AssignedPodAdd',
  'pod-removed': 'AssignedPodDelete',
  'pod-scaled-down': 'AssignedPodUpdatePodScaleDown',
  volume: 'PersistentVolumeUpdate',
  namespace: 'NamespaceUpdate',
  device: 'ResourceClaimUpdate',
};

/** Names of the plugins whose rejection the event may end. */
export const concernedPlugins: ReadonlyMap<ClusterEvent, ReadonlySet<string>> = new Map(
  clusterEvents.map((event) => [
    event,
    new Set(plugins.filter((one) => one.wakesOn.includes(event)).map((one) => one.name)),
  ]),
);

/** It asks for less of something than before. */
export function scaledDown(previous: Pod, current: Pod): boolean {
  const after = reservedRequests(current);
  return Object.entries(reservedRequests(previous)).some(([resource, amount]) => (after[resource] ?? 0) < amount);
}
