// How many Pods a ReplicaSet or ReplicationController has and should have: the rule that both share.
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod, PodTemplateSpec, ReplicaSetCondition } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { controllerOf, controllerReference } from '#api/meta/owner.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import { podIsActive, podIsTerminal } from '#rules/pod-is-active.ts';
import { availableInMs, podIsReady } from '#rules/pod-is-ready.ts';
import { claim } from '../ownership/ownership.ts';
import { create, remove, type Action, type EventRequest } from '../runtime/action.ts';
import { conditionOf, timestamp, withCondition, withoutCondition } from '../runtime/conditions.ts';
import type { Failure } from '../runtime/declaration.ts';
import { deletionOrder } from './deletion-order.ts';

/** Pods created or deleted in one decision: upstream's BurstReplicas. */
const burstMax = 500;

export interface ReplicasStatus {
  readonly replicas: number;
  readonly fullyLabeledReplicas?: number | undefined;
  readonly readyReplicas?: number | undefined;
  readonly availableReplicas?: number | undefined;
  readonly terminatingReplicas?: number | undefined;
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly ReplicaSetCondition[] | undefined;
}

export interface ReplicasInput {
  readonly kind: KindReference;
  readonly owner: KubernetesObject;
  readonly replicas: number;
  readonly minReadySeconds: number;
  readonly template: PodTemplateSpec | undefined;
  readonly status: ReplicasStatus | undefined;
  readonly reportsTerminating: boolean;
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
  /** Pods of the namespace that it controls, and those without a controller. */
  readonly pods: readonly Pod[];
  /** Active Pods that count against each other's place: those of the same Deployment. */
  readonly relatedPods: readonly Pod[];
  readonly failure: Failure | undefined;
}

export interface ReplicasOutput {
  readonly actions: readonly Action[];
  /** Undefined: unchanged. */
  readonly status: ReplicasStatus | undefined;
  readonly wakeAfterMs: number | undefined;
}

export function decideReplicas(input: ReplicasInput, now: number): ReplicasOutput {
  const { owner, kind } = input;
  const claims = claim({
    ownerKind: kind,
    owner,
    kind: Pods,
    candidates: input.pods.filter(podIsActive),
    matches: (pod) => input.matches(pod.metadata.labels),
  });
  const active = claims.claimed;
  const terminating = input.pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp !== undefined &&
      !podIsTerminal(pod) &&
      controllerOf(pod)?.uid === owner.metadata.uid &&
      input.matches(pod.metadata.labels),
  );
  const manage = owner.metadata.deletionTimestamp === undefined ? managePods(input, active, now) : [];
  const { status, wakeAfterMs } = statusOf(input, active, terminating, now);
  return { actions: [...claims.actions, ...manage], status, wakeAfterMs };
}

function managePods(input: ReplicasInput, active: readonly Pod[], now: number): Action[] {
  const { owner } = input;
  const excess = active.length - input.replicas;
  const about = (type: EventRequest['type'], reason: string, message: string): EventRequest => ({
    about: { ...owner, kind: input.kind.kind, apiVersion: controllerReference(input.kind, owner).apiVersion },
    type,
    reason,
    message,
  });
  if (excess < 0) {
    if (input.template === undefined) return [];
    const pod = podFromTemplate(input.kind, owner, input.template);
    return Array.from({ length: Math.min(-excess, burstMax) }, () =>
      create(Pods, pod, {
        onSuccess: (made) => about('Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name!}`),
        onFailure: (message) => about('Warning', 'FailedCreate', `Error creating: ${message}`),
      }),
    );
  }
  if (excess === 0) return [];
  return deletionOrder(active, input.relatedPods, now)
    .slice(0, Math.min(excess, burstMax))
    .map((pod) =>
      remove(
        Pods,
        pod,
        {},
        {
          onSuccess: () => about('Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name!}`),
          onFailure: (message) => about('Warning', 'FailedDelete', `Error deleting: ${message}`),
        },
      ),
    );
}

/** The Pod that a workload controller makes from its template. */
export function podFromTemplate(kind: KindReference, owner: KubernetesObject, template: PodTemplateSpec): Pod {
  const { labels, annotations, finalizers } = template.metadata;
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      generateName: `${owner.metadata.name!}-`,
      namespace: owner.metadata.namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(kind, owner)],
    },
    spec: template.spec,
  };
}

function statusOf(input: ReplicasInput, active: readonly Pod[], terminating: readonly Pod[], now: number) {
  const { status: old, minReadySeconds } = input;
  let [fullyLabeled, ready, available] = [0, 0, 0];
  let wakeAfterMs: number | undefined;
  for (const pod of active) {
    if (matchesLabels(input.template?.metadata.labels, pod.metadata.labels)) fullyLabeled++;
    if (!podIsReady(pod)) continue;
    ready++;
    const inMs = availableInMs(pod, minReadySeconds, now)!;
    if (inMs === 0) available++;
    else wakeAfterMs = Math.min(wakeAfterMs ?? inMs, inMs);
  }
  let conditions = old?.conditions ?? [];
  if (input.failure === undefined) conditions = withoutCondition(conditions, 'ReplicaFailure');
  else if (conditionOf(conditions, 'ReplicaFailure') === undefined)
    conditions = withCondition(conditions, {
      type: 'ReplicaFailure',
      status: 'True',
      lastTransitionTime: timestamp(now),
      reason: active.length < input.replicas ? 'FailedCreate' : 'FailedDelete',
      message: input.failure.message,
    });
  const generation = input.owner.metadata.generation ?? 0;
  const unchanged =
    (old?.replicas ?? 0) === active.length &&
    (old?.fullyLabeledReplicas ?? 0) === fullyLabeled &&
    (old?.readyReplicas ?? 0) === ready &&
    (old?.availableReplicas ?? 0) === available &&
    (!input.reportsTerminating || old?.terminatingReplicas === terminating.length) &&
    (old?.observedGeneration ?? 0) === generation &&
    conditions.length === (old?.conditions ?? []).length;
  const status: ReplicasStatus = {
    replicas: active.length,
    ...(fullyLabeled === 0 ? {} : { fullyLabeledReplicas: fullyLabeled }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    ...(input.reportsTerminating ? { terminatingReplicas: terminating.length } : {}),
    observedGeneration: generation,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  return { status: unchanged ? undefined : status, wakeAfterMs };
}
