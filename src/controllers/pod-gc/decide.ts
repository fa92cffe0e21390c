// Removes Pods that no node agent will ever remove: their node is gone, or they never had one.
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { nothing, patch, remove, type Action, type Decision } from '../runtime/action.ts';

export interface PodGarbageSnapshot {
  readonly pod: Pod;
  readonly nodeExists: boolean;
  /** Milliseconds for which the node is known to be missing. */
  readonly missingForMs: number;
}

/** A node may come back under its name: upstream's quarantine. */
export const quarantineMs = 40_000;

export function decide({ pod, nodeExists, missingForMs }: PodGarbageSnapshot, now: number): Decision {
  const node = pod.spec.nodeName ?? '';
  if (node === '') return pod.metadata.deletionTimestamp === undefined ? nothing : { actions: [forceDelete(pod)] };
  if (nodeExists) return nothing;
  if (missingForMs < quarantineMs) return { actions: [], wakeAfterMs: quarantineMs - missingForMs };
  if (podIsTerminal(pod)) return { actions: [forceDelete(pod)] };
  const fail = patch(
    Pods,
    pod,
    {
      type: 'strategic',
      value: {
        metadata: { uid: pod.metadata.uid },
        status: {
          phase: 'Failed',
          conditions: [
            {
              type: 'DisruptionTarget',
              status: 'True',
              reason: 'DeletionByPodGC',
              message: 'PodGC: node no longer exists',
              lastTransitionTime: formatTime(now),
            },
          ],
        },
      },
    },
    { subresource: 'status' },
  );
  return { actions: [fail, forceDelete(pod)] };
}

const forceDelete = (pod: Pod): Action => remove(Pods, pod, { gracePeriodSeconds: 0 });
