// Tells the API what became of a Pod: its status, and the end of its deletion.
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { isConflict, isNotFound } from '#api/status.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { restartAllTrigger } from './decide.ts';
import type { PodsOptions } from './options.ts';
import type { PodRuntimeStatus } from './runtime-status.ts';
import { comeBack, type PodState } from './state.ts';
import { podStatus } from './status.ts';

/** False: the API had a newer Pod, which comes back by the informer. */
export async function report(
  options: Pick<PodsOptions, 'client' | 'clock' | 'nodeIps' | 'runtimeName' | 'probes'>,
  pod: Pod,
  state: PodState,
  runtime: PodRuntimeStatus,
  terminating: boolean,
): Promise<boolean> {
  const { client, clock, nodeIps, runtimeName, probes } = options;
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
    isReady: (one) => probes.ready(one.id),
    isStarted: (one) => probes.started(one.id),
  });
  if (semanticallyEqual(pod.status, status)) return true;
  try {
    await client.resource(Pods).update({ ...pod, status }, { subresource: 'status', fieldManager: 'kubelet' });
    return true;
  } catch (error) {
    if (isNotFound(error)) return true;
    if (!isConflict(error)) throw error;
    comeBack(state, 200);
    return false;
  }
}

/** Nothing of it runs any more: the object goes. */
export async function finishDeletion(
  { client, volumes }: Pick<PodsOptions, 'client' | 'volumes'>,
  pod: Pod,
  state: PodState,
): Promise<void> {
  const uid = pod.metadata.uid ?? '';
  await volumes.tearDown(uid);
  state.mounted = undefined;
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
}
