// A PodDisruptionBudget's status: how many of its Pods may be evicted now. Evictions read and lower it.
import { selectorGoText } from '#api/meta/selector-go-text.ts';
import { PodDisruptionBudgets } from '#api/generated/kind-references.ts';
import type { Condition, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '#api/generated/types.ts';
import { withCondition } from '#api/meta/conditions.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { scaledValue } from '../deployment/member.ts';
import { updateStatus, type Decision, type EventRequest } from '../runtime/action.ts';
import { timestamp } from '../runtime/conditions.ts';

/** What controls a Pod at the top, and how many Pods it wants; a text: nothing can be said. */
export type Scale = { readonly uid: string; readonly replicas: number } | string;

export interface DisruptionSnapshot {
  readonly budget: PodDisruptionBudget;
  /** Pods that its selector matches. */
  readonly pods: readonly Pod[];
  readonly scaleOf: (pod: Pod) => Scale;
  /** Owners that are to be asked for first, as the effect `askScale` takes them. */
  readonly unasked?: readonly string[] | undefined;
}

/** After so long an evicted Pod that is still there is taken for staying. */
const deletionTimeoutMs = 120_000;

class CountError extends Error {}

export function decide(snapshot: DisruptionSnapshot, now: number): Decision {
  const { budget, pods, unasked = [] } = snapshot;
  if (unasked.length > 0)
    return { actions: unasked.map((argument) => ({ verb: 'effect', effect: 'askScale', argument })), wakeAfterMs: 0 };
  const events: EventRequest[] = [];
  const about = (type: EventRequest['type'], reason: string, message: string): void => {
    events.push({
      about: { ...budget, kind: 'PodDisruptionBudget', apiVersion: 'policy/v1' },
      type,
      reason,
      message,
    });
  };
  if (pods.length === 0) about('Normal', 'NoPods', 'No matching pods found');
  let counts: Counts;
  try {
    counts = expected(snapshot);
  } catch (error) {
    if (!(error instanceof CountError)) throw error;
    about(
      'Warning',
      'CalculateExpectedPodCountFailed',
      `Failed to calculate the number of expected pods: ${error.message}`,
    );
    return { ...written(budget, failSafe(budget, error.message, now)), events };
  }
  if (counts.hasUnmanaged)
    about(
      'Warning',
      'UnmanagedPods',
      `Pods selected by this PodDisruptionBudget (selector: ${selectorGoText(budget.spec?.selector ?? {})}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
    );
  const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const disrupted: Record<string, string> = {};
  let recheckAt: number | undefined;
  for (const pod of living) {
    const at = budget.status?.disruptedPods?.[pod.metadata.name!];
    if (at === undefined) continue;
    const deadline = Date.parse(at) + deletionTimeoutMs;
    if (deadline < now)
      events.push({
        about: { ...pod, kind: 'Pod', apiVersion: 'v1' },
        type: 'Warning',
        reason: 'NotDeleted',
        message: `Pod was expected by PDB ${budget.metadata.namespace!}/${budget.metadata.namespace!} to be deleted but it wasn't`,
      });
    else {
      disrupted[pod.metadata.name!] = at;
      recheckAt = Math.min(recheckAt ?? deadline, deadline);
    }
  }
  const currentHealthy = living.filter((pod) => disrupted[pod.metadata.name!] === undefined && podIsReady(pod)).length;
  const { expectedPods, desiredHealthy } = counts;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const observedGeneration = budget.metadata.generation ?? 0;
  const status: PodDisruptionBudgetStatus = {
    observedGeneration,
    ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: withCondition(budget.status?.conditions, {
      type: 'DisruptionAllowed',
      status: disruptionsAllowed > 0 ? 'True' : 'False',
      reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration,
      lastTransitionTime: timestamp(now),
    } satisfies Condition),
  };
  return {
    ...written(budget, status),
    events,
    // A little later: the deadline itself still counts.
    wakeAfterMs: recheckAt === undefined ? undefined : recheckAt - now + 1,
  };
}

const written = (budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Decision => ({
  actions: semanticallyEqual(status, budget.status) ? [] : [updateStatus(PodDisruptionBudgets, { ...budget, status })],
});

/** Nothing may be evicted when nothing is known. */
const failSafe = (budget: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus => ({
  currentHealthy: 0,
  desiredHealthy: 0,
  expectedPods: 0,
  ...budget.status,
  disruptionsAllowed: 0,
  conditions: withCondition(budget.status?.conditions, {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message,
    observedGeneration: budget.status?.observedGeneration ?? 0,
    lastTransitionTime: timestamp(now),
  } satisfies Condition),
});

interface Counts {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
  readonly hasUnmanaged: boolean;
}

/** A whole number of Pods that have to be there says enough. */
export const countsOwners = ({ spec }: PodDisruptionBudget): boolean =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';

function expected({ budget, pods, scaleOf }: DisruptionSnapshot): Counts {
  const { maxUnavailable, minAvailable } = budget.spec ?? {};
  if (!countsOwners(budget) && typeof minAvailable !== 'string')
    return {
      expectedPods: minAvailable === undefined ? 0 : pods.length,
      desiredHealthy: minAvailable ?? 0,
      hasUnmanaged: false,
    };
  const scales = new Map<string, number>();
  let hasUnmanaged = false;
  for (const pod of pods) {
    if (controllerOf(pod) === undefined) {
      hasUnmanaged = true;
      continue;
    }
    const scale = scaleOf(pod);
    if (typeof scale === 'string') throw new CountError(scale);
    scales.set(scale.uid, scale.replicas);
  }
  const expectedPods = [...scales.values()].reduce((sum, one) => sum + one, 0);
  return {
    expectedPods,
    desiredHealthy:
      maxUnavailable === undefined
        ? scaledValue(minAvailable, expectedPods, true)
        : Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, true)),
    hasUnmanaged,
  };
}
