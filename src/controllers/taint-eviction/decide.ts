// Pods leave nodes with NoExecute taints that they do not tolerate, or no longer.
import { Pods } from '#api/generated/kind-references.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import { formatTime, parseTime } from '#api/meta/time.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { toleratesTaint } from '#rules/tolerates-taint.ts';
import { nothing, patch, remove, type Decision } from '../runtime/action.ts';

export interface TaintEvictionSnapshot {
  readonly pod: Pod;
  readonly node: Node | undefined;
}

/** Milliseconds until the Pod has to go (0 or less: now); undefined: it may stay. */
export function evictionInMs({ pod, node }: TaintEvictionSnapshot, now: number): number | undefined {
  const taints = (node?.spec?.taints ?? []).filter((one) => one.effect === 'NoExecute');
  let earliest: number | undefined;
  for (const taint of taints) {
    const tolerations = (pod.spec.tolerations ?? []).filter((one) => toleratesTaint(one, taint));
    if (tolerations.length === 0) return 0;
    const seconds = tolerations.flatMap((one) => (one.tolerationSeconds === undefined ? [] : [one.tolerationSeconds]));
    if (seconds.length === 0) continue;
    const since = parseTime(taint.timeAdded) ?? now;
    const inMs = since + Math.max(0, Math.min(...seconds)) * 1000 - now;
    earliest = Math.min(earliest ?? inMs, inMs);
  }
  return earliest;
}

export function decide(snapshot: TaintEvictionSnapshot, now: number): Decision {
  const { pod } = snapshot;
  if (pod.metadata.deletionTimestamp !== undefined || podIsTerminal(pod)) return nothing;
  const inMs = evictionInMs(snapshot, now);
  if (inMs === undefined) return nothing;
  if (inMs > 0) return { actions: [], wakeAfterMs: inMs };
  return {
    events: [
      {
        about: { ...pod, kind: 'Pod', apiVersion: 'v1' },
        type: 'Normal',
        reason: 'TaintManagerEviction',
        message: `Marking for deletion Pod ${pod.metadata.namespace!}/${pod.metadata.name!}`,
      },
    ],
    actions: [
      patch(
        Pods,
        pod,
        {
          type: 'strategic',
          value: {
            metadata: { uid: pod.metadata.uid },
            status: {
              conditions: [
                {
                  type: 'DisruptionTarget',
                  status: 'True',
                  reason: 'DeletionByTaintManager',
                  message: 'Taint manager: deleting due to NoExecute taint',
                  lastTransitionTime: formatTime(now),
                },
              ],
            },
          },
        },
        { subresource: 'status', accept: ['NotFound'] },
      ),
      remove(Pods, pod),
    ],
  };
}
