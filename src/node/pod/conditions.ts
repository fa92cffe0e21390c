// The conditions of a Pod as upstream's kubelet reports them. Pure.
import type { ContainerStatus, Pod, PodCondition } from '#api/generated/types.ts';
import { isSidecar } from './decide.ts';
import type { ResizeCondition } from './allocation.ts';

/** It has ended for a reason that is not its own. */
export interface PodFailure {
  readonly reason: string;
  readonly message: string;
  /** The node did it: the condition DisruptionTarget says so. */
  readonly disrupts?: boolean | undefined;
}

export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export const hasStarted = (status: ContainerStatus): boolean =>
  status.state?.running !== undefined ||
  status.state?.terminated !== undefined ||
  status.lastState?.terminated !== undefined ||
  status.restartCount > 0;

/** Go prints a list of strings as [a b]. */
const goList = (names: readonly string[]): string => `[${names.join(' ')}]`;

interface ConditionDraft {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

export function podConditions(
  pod: Pod,
  phase: string,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
  hasSandbox: boolean,
  nowMs: number,
  restartingAll: boolean,
  resize: readonly PodCondition[] = [],
  failure?: PodFailure,
): PodCondition[] {
  const previous = pod.status?.conditions ?? [];
  const containersReady = containersReadyCondition(pod, phase, initStatuses, statuses);
  const drafts: ConditionDraft[] = [
    { type: 'PodReadyToStartContainers', status: hasSandbox ? 'True' : 'False' },
    initializedCondition(pod, phase, initStatuses, statuses, previous),
    readyCondition(pod, containersReady, previous),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...restartingCondition(restartingAll, previous),
    ...(failure?.disrupts === true
      ? [
          {
            type: 'DisruptionTarget',
            status: 'True',
            reason: 'TerminationByKubelet',
            message: failure.message,
          } as const,
        ]
      : []),
  ];
  const own = drafts.map((draft): PodCondition => {
    const before = previous.find((one) => one.type === draft.type);
    return {
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
      type: draft.type,
      status: draft.status,
      lastTransitionTime:
        before?.status === draft.status && (before.lastTransitionTime ?? undefined) !== undefined
          ? before.lastTransitionTime
          : timeText(nowMs),
      ...(draft.reason === undefined ? {} : { reason: draft.reason }),
      ...(draft.message === undefined ? {} : { message: draft.message }),
    };
  });
  const others = previous.filter((one) => !isResizeCondition(one) && !own.some((mine) => mine.type === one.type));
  return [...resize, ...own, ...others];
}

const isResizeCondition = ({ type }: PodCondition): boolean =>
  type === 'PodResizePending' || type === 'PodResizeInProgress';

export function resizeCondition(
  type: 'PodResizePending' | 'PodResizeInProgress',
  condition: ResizeCondition | undefined,
): PodCondition[] {
  if (condition === undefined) return [];
  const { reason, message, generation, transitionMs } = condition;
  return [
    {
      type,
      status: 'True',
      observedGeneration: generation,
      lastTransitionTime: timeText(transitionMs),
      ...(reason === undefined || reason === '' ? {} : { reason }),
      ...(message === undefined || message === '' ? {} : { message }),
    },
  ];
}

/** Of Pods that once restarted all their containers only. */
function restartingCondition(restartingAll: boolean, previous: readonly PodCondition[]): ConditionDraft[] {
  const type = 'AllContainersRestarting';
  if (restartingAll)
    return [
      {
        type,
        status: 'True',
        reason: 'RestartAllContainersStarted',
        message: 'container exited with restart policy rule',
      },
    ];
  return previous.some((one) => one.type === type) ? [{ type, status: 'False' }] : [];
}

function containersReadyCondition(
  pod: Pod,
  phase: string,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
): ConditionDraft {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map((one) => one.name);
  const unready = [...initStatuses.filter((one) => sidecars.includes(one.name)), ...statuses]
    .filter((one) => !one.ready)
    .map((one) => one.name);
  return unready.length === 0
    ? { type, status: 'True' }
    : {
        type,
        status: 'False',
        reason: 'ContainersNotReady',
        message: `containers with unready status: ${goList(unready)}`,
      };
}

function readyCondition(pod: Pod, containersReady: ConditionDraft, previous: readonly PodCondition[]): ConditionDraft {
  if (containersReady.status === 'False') return { ...containersReady, type: 'Ready' };
  const messages = (pod.spec.readinessGates ?? []).flatMap((gate) => {
    const condition = previous.find((one) => one.type === gate.conditionType);
    if (condition === undefined)
      return [`corresponding condition of pod readiness gate ${JSON.stringify(gate.conditionType)} does not exist.`];
    return condition.status === 'True'
      ? []
      : [
          `the status of pod readiness gate ${JSON.stringify(gate.conditionType)} is not "True", but ${condition.status}`,
        ];
  });
  return messages.length === 0
    ? { type: 'Ready', status: 'True' }
    : { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function initializedCondition(
  pod: Pod,
  phase: string,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
  previous: readonly PodCondition[],
): ConditionDraft {
  const type = 'Initialized';
  if (phase === 'Succeeded') return { type, status: 'True', reason: 'PodCompleted' };
  if (statuses.some((one) => hasStarted(one))) return { type, status: 'True' };
  const incomplete = (pod.spec.initContainers ?? [])
    .filter((container) => {
      const status = initStatuses.find((one) => one.name === container.name);
      return isSidecar(container) ? status?.started !== true : status?.ready !== true;
    })
    .map((one) => one.name);
  if (incomplete.length === 0 || previous.some((one) => one.type === type && one.status === 'True'))
    return { type, status: 'True' };
  return {
    type,
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: ${goList(incomplete)}`,
  };
}
