// A node whose agent is silent becomes Unknown; conditions become taints; Pods on a node that is not ready are not ready.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Node, NodeCondition, Pod, Taint } from '#api/generated/types.ts';
import { findCondition } from '#api/meta/conditions.ts';
import { formatTime } from '#api/meta/time.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import {
  nothing,
  patch,
  update,
  updateStatus,
  type Action,
  type Decision,
  type EventRequest,
} from '../runtime/action.ts';
import { countsForZone, isDown } from './pace.ts';

export interface NodeSnapshot {
  readonly node: Node;
  readonly pods: readonly Pod[];
  /** Milliseconds since its Lease or status last changed, as seen here: clocks of nodes do not count. */
  readonly silentForMs: number;
  /** No node of the cluster is ready: more likely is that this side is cut off than that all of them are gone. */
  readonly allAreDown: boolean;
  /** Of a node that awaits eviction: milliseconds after which it may ask again; 0: it may be evicted now. */
  readonly evictionInMs?: number | undefined;
  /** It was not there before. */
  readonly isNew?: boolean | undefined;
}
/** A node that was there. */
export interface GoneNodeSnapshot {
  readonly gone: { readonly name: string; readonly uid: string | undefined };
}
export type NodeLifecycleSnapshot = NodeSnapshot | GoneNodeSnapshot;

/** Upstream's master disruption mode: nobody is evicted then. */
export function allAreDown(nodes: readonly Node[]): boolean {
  const counted = nodes.filter(countsForZone);
  return counted.length > 0 && counted.every(isDown);
}

const isEvicting = ({ key, effect }: Taint): boolean =>
  effect === 'NoExecute' && (key === notReady || key === unreachable);

/** It is down and its Pods do not know it yet. */
export const awaitsEviction = (node: Node): boolean => isOfOtherMode(node, false);

/** Whether the node's taints are those of the other mode. */
export const isOfOtherMode = (node: Node, areAllDown: boolean): boolean =>
  isDown(node) &&
  findCondition(node.status?.conditions, 'Ready') !== undefined &&
  areAllDown === (node.spec?.taints?.some(isEvicting) === true);

/** Upstream's --node-monitor-grace-period, and the longer one for a node that never reported. */
export const graceMs = 50_000;
const startupGraceMs = 60_000;

const prefix = 'node.kubernetes.io/';
const notReady = `${prefix}not-ready`;
const unreachable = `${prefix}unreachable`;
/** Condition -> status -> key of the NoSchedule taint. */
const conditionTaints: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReady, Unknown: unreachable },
  MemoryPressure: { True: `${prefix}memory-pressure` },
  DiskPressure: { True: `${prefix}disk-pressure` },
  NetworkUnavailable: { True: `${prefix}network-unavailable` },
  PIDPressure: { True: `${prefix}pid-pressure` },
};
const unschedulable = `${prefix}unschedulable`;
const managedNoSchedule = new Set([
  unschedulable,
  ...Object.values(conditionTaints).flatMap((one) => Object.values(one)),
]);
const monitored = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

const about = (name: string, uid: string | undefined) => ({ kind: 'Node', apiVersion: 'v1', metadata: { name, uid } });

export function decide(snapshot: NodeLifecycleSnapshot, now: number): Decision {
  if ('gone' in snapshot) {
    const { name, uid } = snapshot.gone;
    const message = `Removing Node ${name} from Controller`;
    return { actions: [], events: [{ about: about(name, uid), type: 'Normal', reason: 'RemovingNode', message }] };
  }
  return decideOnNode(snapshot, now);
}

function decideOnNode(snapshot: NodeSnapshot, now: number): Decision {
  const { node, pods, silentForMs, allAreDown: noneIsReady, evictionInMs } = snapshot;
  if (node.metadata.deletionTimestamp !== undefined) return nothing;
  const reported = findCondition(node.status?.conditions, 'Ready') !== undefined;
  const grace = reported ? graceMs : startupGraceMs;
  const silent = silentForMs >= grace;
  const conditions = silent ? silenced(node, now) : (node.status?.conditions ?? []);
  const ready = findCondition(conditions, 'Ready')?.status ?? 'Unknown';
  const wasReady = findCondition(node.status?.conditions, 'Ready')?.status === 'True';
  const actions: Action[] = [];
  const events: EventRequest[] = [];
  const { name = '', uid } = node.metadata;
  if (snapshot.isNew === true)
    events.push({
      about: about(name, uid),
      type: 'Normal',
      reason: 'RegisteredNode',
      message: `Registered Node ${name} in Controller`,
    });
  if (!semanticallyEqual(conditions, node.status?.conditions)) {
    actions.push(updateStatus(Nodes, { ...node, status: { ...node.status, conditions } }));
    if (wasReady)
      events.push({
        about: { ...node, kind: 'Node', apiVersion: 'v1' },
        type: 'Normal',
        reason: 'NodeNotReady',
        message: `Node ${node.metadata.name!} status is now: NodeNotReady`,
      });
  } else if (reported) {
    // A node that has not said anything yet keeps the taints that it came with.
    const mayEvict = !noneIsReady && (evictionInMs === undefined || evictionInMs === 0);
    const taints = taintsOf(node, ready, mayEvict, now);
    if (!semanticallyEqual(taints, node.spec?.taints))
      actions.push(update(Nodes, { ...node, spec: { ...node.spec, taints } }));
  }
  if (reported && ready !== 'True')
    for (const pod of pods)
      if (podIsReady(pod)) {
        actions.push(markNotReady(pod, now));
        events.push({
          about: { ...pod, kind: 'Pod', apiVersion: 'v1' },
          type: 'Warning',
          reason: 'NodeNotReady',
          message: 'Node is not ready',
        });
      }
  const waits = [...(silent ? [] : [grace - silentForMs]), ...(evictionInMs ? [evictionInMs] : [])];
  return { actions, events, wakeAfterMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

function silenced(node: Node, now: number): readonly NodeCondition[] {
  const known = node.status?.conditions ?? [];
  const time = formatTime(now);
  const kept = known.map((one) =>
    !monitored.includes(one.type) || one.status === 'Unknown'
      ? one
      : {
          ...one,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: time,
        },
  );
  const never = monitored
    .filter((type) => findCondition(known, type) === undefined)
    .map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: time,
    }));
  return [...kept, ...never];
}

function taintsOf(node: Node, ready: string, mayEvict: boolean, now: number): readonly Taint[] {
  const current = node.spec?.taints ?? [];
  const wantedNoSchedule = new Set<string>();
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = conditionTaints[type]?.[status];
    if (key !== undefined) wantedNoSchedule.add(key);
  }
  if (node.spec?.unschedulable === true) wantedNoSchedule.add(unschedulable);
  const wantedNoExecute = ready === 'True' || !mayEvict ? undefined : ready === 'False' ? notReady : unreachable;
  const isManaged = (taint: Taint) =>
    (taint.effect === 'NoSchedule' && managedNoSchedule.has(taint.key)) || isEvicting(taint);
  const isWanted = (taint: Taint) =>
    taint.effect === 'NoSchedule' ? wantedNoSchedule.has(taint.key) : taint.key === wantedNoExecute;
  const kept = current.filter((one) => !isManaged(one) || isWanted(one));
  const has = (key: string, effect: string) => kept.some((one) => one.key === key && one.effect === effect);
  const timeAdded = formatTime(now);
  return [
    ...kept,
    ...[...wantedNoSchedule]
      .filter((key) => !has(key, 'NoSchedule'))
      .map((key) => ({ key, effect: 'NoSchedule', timeAdded })),
    ...(wantedNoExecute === undefined || has(wantedNoExecute, 'NoExecute')
      ? []
      : [{ key: wantedNoExecute, effect: 'NoExecute', timeAdded }]),
  ];
}

const markNotReady = (pod: Pod, now: number): Action =>
  patch(
    Pods,
    pod,
    {
      type: 'strategic',
      value: {
        metadata: { uid: pod.metadata.uid },
        status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: formatTime(now) }] },
      },
    },
    { subresource: 'status', accept: ['NotFound'] },
  );
