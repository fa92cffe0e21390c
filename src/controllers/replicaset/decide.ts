// A ReplicaSet's Pods and status.
import { ReplicaSets } from '#api/generated/kind-references.ts';
import type { Pod, ReplicaSet } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { updateStatus, type Decision } from '../runtime/action.ts';
import type { Failure } from '../runtime/declaration.ts';
import { decideReplicas } from './replicas.ts';

export interface ReplicaSetSnapshot {
  readonly replicaSet: ReplicaSet;
  readonly pods: readonly Pod[];
  readonly relatedPods: readonly Pod[];
  readonly failure: Failure | undefined;
}

export function decide(snapshot: ReplicaSetSnapshot, now: number): Decision {
  const { replicaSet, pods, relatedPods, failure } = snapshot;
  const { actions, status, wakeAfterMs } = decideReplicas(
    {
      kind: ReplicaSets,
      owner: replicaSet,
      replicas: replicaSet.spec.replicas ?? 1,
      minReadySeconds: replicaSet.spec.minReadySeconds ?? 0,
      template: replicaSet.spec.template,
      status: replicaSet.status,
      reportsTerminating: true,
      matches: (labels) => matcherFor(replicaSet.spec.selector).matches(labels),
      pods,
      relatedPods,
      failure,
    },
    now,
  );
  // Status first: a create that fails again must not hide why.
  return {
    actions: [...(status === undefined ? [] : [updateStatus(ReplicaSets, { ...replicaSet, status })]), ...actions],
    wakeAfterMs,
  };
}
