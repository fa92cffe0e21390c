// Tells the API what became of a Pod: its status, and the end of its deletion.
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { isConflict, isNotFound } from '#api/status.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { resizeCondition } from './conditions.ts';
import { restartAllTrigger } from './decide.ts';
import type { PodsOptions } from './options.ts';
import type { PodRuntimeStatus } from './runtime-status.ts';
import { comeBack, type PodState } from './state.ts';
import { podStatus } from './status.ts';

/** False: the API had a newer Pod, which comes back by the informer. */
export async function report(
  options: Pick<
    PodsOptions,
    'client' | 'claims' | 'clock' | 'devices' | 'nodeIps' | 'runtimeName' | 'probes' | 'metrics'
  >,
  pod: Pod,
  state: PodState,
  runtime: PodRuntimeStatus,
  terminating: boolean,
): Promise<boolean> {
  const { client, clock, nodeIps, runtimeName, probes, metrics } = options;
  const status = podStatus({
    pod,
    runtime,
    nowMs: clock.now(),
    nodeIps: nodeIps(),
    waiting: state.waiting,
    runtimeName,
    terminating,
    failure: state.failure,
    recursiveReadOnlyMounts: state.handler?.recursiveReadOnlyMounts,
    restartingAll: !terminating && restartAllTrigger(pod, runtime) !== undefined,
    removed: state.removed,
    resources: state.resources,
    devices: (container) => options.devices.health(pod.metadata.uid ?? '', container),
    resizeConditions: [
      ...resizeCondition('PodResizePending', state.resizePending),
      ...resizeCondition('PodResizeInProgress', state.resizeInProgress),
    ],
    isReady: (one) => probes.ready(one.id),
    isStarted: (one) => probes.started(one.id),
  });
  // Before anybody hears that it has ended: its devices may be another's then.
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
  if (isOver && runtime.containers.every((one) => one.state !== 'running'))
    await options.claims.unprepare(pod.metadata.uid ?? '');
  if (semanticallyEqual(pod.status, status)) return true;
  const toldMs = clock.monotonicMs();
  try {
    await client.resource(Pods).update({ ...pod, status }, { subresource: 'status', fieldManager: 'kubelet' });
    const endedMs = clock.monotonicMs();
    metrics.statusTold(endedMs - toldMs);
    if ((pod.status?.phase ?? 'Pending') === 'Pending' && status.phase === 'Running')
      metrics.podRuns(endedMs - state.seenAtMs);
    if (!hasStarted(pod, pod.status) && hasStarted(pod, status))
      metrics.podStarted(clock.now() - Date.parse(pod.metadata.creationTimestamp ?? ''));
    return true;
  } catch (error) {
    if (isNotFound(error)) return true;
    if (!isConflict(error)) throw error;
    comeBack(state, 200);
    return false;
  }
}

/** Each of its containers runs or has run. */
const hasStarted = (pod: Pod, status: Pod['status']): boolean => {
  const told = status?.containerStatuses ?? [];
  return (
    told.length === pod.spec.containers.length &&
    told.every(({ state, lastState }) =>
      [state?.running, state?.terminated, lastState?.terminated].some((one) => one !== undefined),
    )
  );
};

/** Nothing of it runs any more: the object goes. False: a volume is still in the way, and the Pod is queued when it is not. */
export async function finishDeletion(
  { client, claims, volumes }: Pick<PodsOptions, 'client' | 'claims' | 'volumes'>,
  pod: Pod,
  state: PodState,
): Promise<boolean> {
  const uid = pod.metadata.uid ?? '';
  state.mounted = undefined;
  await claims.unprepare(uid);
  if (!(await volumes.tearDown(uid))) return false;
  try {
    await client
      .resource(Pods)
      .delete(
        { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' },
        { gracePeriodSeconds: 0, preconditions: { uid } },
      );
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
  return true;
}
