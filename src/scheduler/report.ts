// Says in a Pod's event and status why it waits.
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod, PodCondition } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { isNotFound, isReason } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import { podCondition } from '#rules/pod-is-ready.ts';

/** Characters of an event's message: upstream's NoteLengthLimit. */
const eventMessageLengthMax = 1024;

export interface ReportOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly logger: Logger;
}

export function podEvent(
  { events }: Pick<ReportOptions, 'events'>,
  pod: Pod,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const text = message.length > eventMessageLengthMax ? `${message.slice(0, eventMessageLengthMax - 4)} ...` : message;
  events.event({ ...pod, kind: 'Pod', apiVersion: 'v1' }, type, reason, text);
}

export async function reportWaiting(
  pod: Pod,
  reason: 'Unschedulable' | 'SchedulerError',
  message: string,
  nominatedNodeName: string | undefined,
  options: ReportOptions,
): Promise<void> {
  const { client, clock, logger } = options;
  podEvent(options, pod, 'Warning', 'FailedScheduling', message);
  const known = client.informer(Pods).get(pod.metadata.namespace, pod.metadata.name!) ?? pod;
  const current = podCondition(known, 'PodScheduled');
  const isSame = current?.status === 'False' && current.reason === reason && current.message === message;
  const isNominated = nominatedNodeName === undefined || known.status?.nominatedNodeName === nominatedNodeName;
  if (isSame && isNominated) return;
  const now = formatTime(clock.now());
  const condition: PodCondition = {
    type: 'PodScheduled',
    status: 'False',
    reason,
    message,
    lastTransitionTime: current?.status === 'False' ? (current.lastTransitionTime ?? now) : now,
  };
  try {
    await client.resource(Pods).patch(
      { namespace: pod.metadata.namespace, name: pod.metadata.name! },
      {
        type: 'strategic',
        value: {
          metadata: { uid: pod.metadata.uid },
          status: {
            conditions: [condition],
            ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
          },
        },
      },
      { subresource: 'status' },
    );
  } catch (error) {
    if (isNotFound(error) || isReason(error, 'Conflict')) return;
    logger.warn('cannot write why a Pod waits', { pod: pod.metadata.name, error: messageOf(error) });
  }
}
