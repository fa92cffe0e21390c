// A ReplicationController's Pods and status: the ReplicaSet's rule with an equality selector.
import { ReplicationControllers } from '#api/generated/kind-references.ts';
import type { Pod, ReplicationController } from '#api/generated/types.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import { decideReplicas } from '../replicaset/replicas.ts';
import { updateStatus, type Decision } from '../runtime/action.ts';
import type { Failure } from '../runtime/declaration.ts';

export interface ReplicationControllerSnapshot {
  readonly controller: ReplicationController;
  readonly pods: readonly Pod[];
  readonly relatedPods: readonly Pod[];
  readonly failure: Failure | undefined;
}

/** An empty selector selects nothing. */
export const selects = (controller: ReplicationController, labels: Readonly<Record<string, string>> | undefined) =>
  Object.keys(controller.spec?.selector ?? {}).length > 0 && matchesLabels(controller.spec?.selector, labels);

export function decide(snapshot: ReplicationControllerSnapshot, now: number): Decision {
  const { controller, pods, relatedPods, failure } = snapshot;
  const { actions, status, wakeAfterMs } = decideReplicas(
    {
      kind: ReplicationControllers,
      owner: controller,
      replicas: controller.spec?.replicas ?? 1,
      minReadySeconds: controller.spec?.minReadySeconds ?? 0,
      template: controller.spec?.template,
      status: controller.status,
      reportsTerminating: false,
      matches: (labels) => selects(controller, labels),
      pods,
      relatedPods,
      failure,
    },
    now,
  );
  return {
    actions: [
      ...(status === undefined ? [] : [updateStatus(ReplicationControllers, { ...controller, status })]),
      ...actions,
    ],
    wakeAfterMs,
  };
}
