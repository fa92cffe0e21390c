// ReplicationController: the ReplicaSet's older sister.
import { Pods, ReplicationControllers } from '#api/generated/kind-references.ts';
import { podIsActive } from '#rules/pod-is-active.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import { wakeByMember } from '../ownership/wake-by-member.ts';
import { keyedController, read, self, splitKey, write, writeSubresource } from '../runtime/declaration.ts';
import { decide, selects } from './decide.ts';

const wakeByPod = wakeByMember(ReplicationControllers, selects);

export const replicationController = keyedController({
  name: 'replicationcontroller',
  account: 'replication-controller',
  reads: [read(ReplicationControllers, self), read(Pods, wakeByPod)],
  writes: [write(Pods, 'create', 'delete', 'patch'), writeSubresource(ReplicationControllers, 'status', 'update')],
  snapshot(lookup, key, { failure }) {
    const { namespace, name } = splitKey(key);
    const controller = lookup.get(ReplicationControllers, namespace, name);
    if (controller === undefined) return undefined;
    const owned = lookup.byIndex(Pods, controllerIndex, controller.metadata.uid!);
    return {
      controller,
      pods: [...owned, ...lookup.byIndex(Pods, controllerIndex, orphansOf(namespace))],
      relatedPods: owned.filter(podIsActive),
      failure,
    };
  },
  decide,
});
