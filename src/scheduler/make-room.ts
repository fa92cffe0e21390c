// Removes the Pods that a more important one displaces, with their grace, and says in them why.
import { Pods } from '#api/generated/kind-references.ts';
import type { Pod, PodCondition } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { isNotFound, isReason } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/client.ts';

export interface MakeRoomOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** `displaced`: waiting Pods that were to come to the node, and are not any more. */
export async function makeRoom(
  pod: Pod,
  node: string,
  victims: readonly Pod[],
  displaced: readonly Pod[],
  options: MakeRoomOptions,
): Promise<void> {
  await Promise.all([
    ...victims.map((victim) => remove(victim, pod, node, options)),
    ...displaced.map((one) => tolerant(one, options, () => patchStatus(one, { nominatedNodeName: null }, options))),
  ]);
}

const patchStatus = async ({ metadata }: Pod, status: object, { client }: MakeRoomOptions): Promise<void> => {
  await client
    .resource(Pods)
    .patch(
      { namespace: metadata.namespace, name: metadata.name! },
      { type: 'strategic', value: { metadata: { uid: metadata.uid }, status } },
      { subresource: 'status' },
    );
};

async function remove(victim: Pod, pod: Pod, node: string, options: MakeRoomOptions): Promise<void> {
  // One that is going already was chosen because it still takes room: it is waited for.
  if (victim.metadata.deletionTimestamp !== undefined) return;
  const { namespace, name, uid } = victim.metadata;
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'PreemptionByScheduler',
    message: `${pod.spec.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: formatTime(options.clock.now()),
  };
  await tolerant(victim, options, async () => {
    await patchStatus(victim, { conditions: [condition] }, options);
    await options.client.resource(Pods).delete({ namespace, name: name! }, { preconditions: { uid } });
    options.event(victim, 'Normal', 'Preempted', `Preempted by pod ${pod.metadata.uid!} on node ${node}`);
  });
}

/** Gone or replaced meanwhile is as good. */
async function tolerant(pod: Pod, { logger }: MakeRoomOptions, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isNotFound(error) || isReason(error, 'Conflict')) return;
    logger.warn('cannot make room for a Pod', { victim: pod.metadata.name, error: messageOf(error) });
  }
}
