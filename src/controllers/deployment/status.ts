// A Deployment's status: counts, Available, Progressing and its deadline.
import type { Deployment, DeploymentCondition, DeploymentStatus } from '#api/generated/types.ts';
import { conditionOf, timestamp, withCondition, withoutCondition } from '../runtime/conditions.ts';
import { maxUnavailable, wanted, type Member } from './member.ts';

/** An int32's largest value means: no deadline, no limit. */
export const unlimited = 2 ** 31 - 1;
export const hasDeadline = (deployment: Deployment): boolean =>
  deployment.spec.progressDeadlineSeconds !== undefined && deployment.spec.progressDeadlineSeconds !== unlimited;

export const condition = (
  type: string,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
  now: number,
): DeploymentCondition => ({
  type,
  status,
  lastUpdateTime: timestamp(now),
  lastTransitionTime: timestamp(now),
  reason,
  message,
});

type Counts = Required<
  Pick<DeploymentStatus, 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas' | 'unavailableReplicas'>
>;
export interface Computed {
  readonly status: DeploymentStatus;
  readonly counts: Counts;
}

const sum = (members: readonly Member[], count: (member: Member) => number | undefined): number =>
  members.reduce((total, one) => total + (count(one) ?? 0), 0);

export function computeStatus(
  deployment: Deployment,
  conditions: readonly DeploymentCondition[],
  collisionCount: number | undefined,
  members: readonly Member[],
  newest: Member | undefined,
  now: number,
): Computed {
  const available = sum(members, (one) => one.available);
  const counts: Counts = {
    replicas: sum(members, (one) => one.replicaSet.status?.replicas),
    updatedReplicas: newest?.replicaSet.status?.replicas ?? 0,
    readyReplicas: sum(members, (one) => one.replicaSet.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(members, (one) => one.replicas) - available),
  };
  const synced = members.filter((one) => (one.replicaSet.status?.observedGeneration ?? 0) > 0);
  const terminating = synced.every((one) => one.replicaSet.status?.terminatingReplicas !== undefined)
    ? sum(synced, (one) => one.replicaSet.status?.terminatingReplicas)
    : undefined;
  const isAvailable = available >= wanted(deployment) - maxUnavailable(deployment);
  const withAvailable = withCondition(
    conditions,
    isAvailable
      ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
      : condition(
          'Available',
          'False',
          'MinimumReplicasUnavailable',
          'Deployment does not have minimum availability.',
          now,
        ),
  );
  const status: DeploymentStatus = {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    conditions: withAvailable,
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
  return { status, counts };
}

export const isComplete = (deployment: Deployment, status: DeploymentStatus | undefined): boolean =>
  (status?.updatedReplicas ?? 0) === wanted(deployment) &&
  (status?.replicas ?? 0) === wanted(deployment) &&
  (status?.availableReplicas ?? 0) === wanted(deployment) &&
  (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);

function progresses(old: DeploymentStatus | undefined, counts: Counts): boolean {
  const oldReplicas = (old?.replicas ?? 0) - (old?.updatedReplicas ?? 0);
  return (
    counts.updatedReplicas > (old?.updatedReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < oldReplicas ||
    counts.readyReplicas > (old?.readyReplicas ?? 0) ||
    counts.availableReplicas > (old?.availableReplicas ?? 0)
  );
}

const deadlineOf = (deployment: Deployment, progressing: DeploymentCondition): number =>
  Date.parse(progressing.lastUpdateTime ?? '') + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000;

/** During a rollout: the Progressing condition, and the ReplicaSets' failures. `current`: conditions before this decision's counts. */
export function rolloutStatus(
  deployment: Deployment,
  current: readonly DeploymentCondition[],
  { status, counts }: Computed,
  members: readonly Member[],
  newest: Member | undefined,
  now: number,
): DeploymentStatus {
  let conditions = status.conditions ?? [];
  const before = conditionOf(current, 'Progressing');
  const subject =
    newest === undefined
      ? `Deployment ${JSON.stringify(deployment.metadata.name)}`
      : `ReplicaSet ${JSON.stringify(newest.name)}`;
  const finished = counts.replicas === counts.updatedReplicas && before?.reason === 'NewReplicaSetAvailable';
  if (!hasDeadline(deployment)) conditions = withoutCondition(conditions, 'Progressing');
  else if (!finished) {
    if (isComplete(deployment, status))
      conditions = withCondition(
        conditions,
        condition('Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`, now),
      );
    else if (progresses(deployment.status, counts)) {
      const fresh = condition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, now);
      // Unlike other conditions it is renewed with the same reason: its update time is what the deadline counts from.
      conditions = [
        ...withoutCondition(conditions, 'Progressing'),
        before?.status === 'True' ? { ...fresh, lastTransitionTime: before.lastTransitionTime } : fresh,
      ];
    } else {
      const progressing = conditionOf(conditions, 'Progressing');
      if (
        progressing !== undefined &&
        progressing.reason !== 'NewReplicaSetAvailable' &&
        (progressing.reason === 'ProgressDeadlineExceeded' || deadlineOf(deployment, progressing) < now)
      )
        conditions = withCondition(
          conditions,
          condition('Progressing', 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`, now),
        );
    }
  }
  const failureOf = (member: Member | undefined) =>
    conditionOf(member?.replicaSet.status?.conditions, 'ReplicaFailure');
  const failure = failureOf(newest) ?? members.map(failureOf).find((one) => one !== undefined);
  conditions =
    failure === undefined
      ? withoutCondition(conditions, 'ReplicaFailure')
      : withCondition(conditions, { ...failure, lastUpdateTime: failure.lastTransitionTime });
  return { ...status, conditions };
}

/** Milliseconds until the deadline of an unfinished rollout has to be looked at. */
export function progressCheckInMs(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const progressing = conditionOf(status.conditions, 'Progressing');
  if (!hasDeadline(deployment) || progressing === undefined) return undefined;
  if (isComplete(deployment, status) || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  // One second more: times in conditions are whole seconds.
  return Math.max(1000, deadlineOf(deployment, progressing) - now + 1000);
}
