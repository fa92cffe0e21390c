// Removes Pods that nobody else will ever remove: their node is gone or out of service, they never had one, or too many have ended.
import { Pods } from '#api/generated/kind-references.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import { findCondition } from '#api/meta/conditions.ts';
import { formatTime, parseTime } from '#api/meta/time.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { nothing, patch, remove, type Action, type Decision } from '../runtime/action.ts';

export interface OnePodSnapshot {
  readonly pod: Pod;
  readonly node: Node | undefined;
  /** Milliseconds for which the node is known to be missing. */
  readonly missingForMs: number;
}
export interface EndedPodsSnapshot {
  /** In any order. */
  readonly ended: readonly Pod[];
  /** How many stay. */
  readonly limit: number;
}
export type PodGarbageSnapshot = OnePodSnapshot | EndedPodsSnapshot;

/** Upstream's words in metrics. */
export type Reason = 'terminated' | 'out-of-service' | 'orphaned' | 'unscheduled';

/** A node may come back under its name: upstream's quarantine. */
export const quarantineMs = 40_000;
/** Upstream's --terminated-pod-gc-threshold. */
export const endedPodsMax = 12_500;
/** Ended Pods that one decision removes. */
export const removedAtOnceMax = 500;

const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

/** No agent runs there: who set the taint has said so, and it does not report. */
export const isOutOfService = ({ spec, status }: Node): boolean =>
  findCondition(status?.conditions, 'Ready')?.status !== 'True' &&
  spec?.taints?.some((one) => one.key === outOfServiceTaint) === true;

/** Undefined: the Pod is not garbage, or not yet. */
export function reasonOf(snapshot: PodGarbageSnapshot): Reason | undefined {
  if ('ended' in snapshot) return 'terminated';
  const { pod, node, missingForMs } = snapshot;
  const ends = pod.metadata.deletionTimestamp !== undefined;
  if (!pod.spec.nodeName) return ends ? 'unscheduled' : undefined;
  if (node === undefined) return missingForMs < quarantineMs ? undefined : 'orphaned';
  return ends && isOutOfService(node) ? 'out-of-service' : undefined;
}

export function decide(snapshot: PodGarbageSnapshot, now: number): Decision {
  if ('ended' in snapshot) return removeEnded(snapshot);
  const { pod, node, missingForMs } = snapshot;
  const reason = reasonOf(snapshot);
  if (reason === undefined)
    return pod.spec.nodeName && node === undefined
      ? { actions: [], wakeAfterMs: quarantineMs - missingForMs }
      : nothing;
  // Who counts Pods has to see that it did not succeed.
  const actions = podIsTerminal(pod) ? [] : [fail(pod, reason === 'orphaned', now)];
  return { actions: [...actions, forceDelete(pod)] };
}

const isEvicted = ({ status }: Pod): boolean => status?.phase === 'Failed' && status.reason === 'Evicted';

/** Evicted ones first, as those of controllers tell more; then the oldest, then by name. */
function byUse(one: Pod, other: Pod): number {
  if (isEvicted(one) !== isEvicted(other)) return isEvicted(one) ? -1 : 1;
  const age = (parseTime(one.metadata.creationTimestamp) ?? 0) - (parseTime(other.metadata.creationTimestamp) ?? 0);
  if (age !== 0) return age;
  return one.metadata.name! < other.metadata.name! ? -1 : 1;
}

function removeEnded({ ended, limit }: EndedPodsSnapshot): Decision {
  const surplus = ended.length - limit;
  if (limit <= 0 || surplus <= 0) return nothing;
  const going = ended.toSorted(byUse).slice(0, Math.min(surplus, removedAtOnceMax));
  return {
    actions: going.map((pod) => forceDelete(pod, ['NotFound', 'Conflict'])),
    wakeAfterMs: surplus > going.length ? 0 : undefined,
  };
}

const fail = (pod: Pod, isOrphan: boolean, now: number): Action => {
  const { generation } = pod.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const condition = {
    type: 'DisruptionTarget',
    ...observed,
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: formatTime(now),
  };
  return patch(
    Pods,
    pod,
    {
      type: 'strategic',
      value: {
        metadata: { uid: pod.metadata.uid },
        status: { phase: 'Failed', ...observed, ...(isOrphan ? { conditions: [condition] } : {}) },
      },
    },
    { subresource: 'status' },
  );
};

const forceDelete = (pod: Pod, accept: readonly string[] = []): Action =>
  remove(Pods, pod, { gracePeriodSeconds: 0 }, { accept });
