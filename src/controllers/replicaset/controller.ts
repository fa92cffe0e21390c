// ReplicaSet: keeps the wanted number of Pods of a template.
import { Pods, ReplicaSets } from '#api/generated/kind-references.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podIsActive } from '#rules/pod-is-active.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import { wakeByMember } from '../ownership/wake-by-member.ts';
import { keyedController, read, self, splitKey, write, writeSubresource } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const wakeByPod = wakeByMember(ReplicaSets, (one, labels) => matcherFor(one.spec.selector).matches(labels));

export const replicaSet = keyedController({
  name: 'replicaset',
  account: 'replicaset-controller',
  reads: [read(ReplicaSets, self), read(Pods, wakeByPod)],
  writes: [write(Pods, 'create', 'delete', 'patch'), writeSubresource(ReplicaSets, 'status', 'update')],
  snapshot(lookup, key, { failure }) {
    const { namespace, name } = splitKey(key);
    const found = lookup.get(ReplicaSets, namespace, name);
    if (found === undefined) return undefined;
    const owned = lookup.byIndex(Pods, controllerIndex, found.metadata.uid!);
    const deployment = controllerOf(found);
    const related =
      deployment === undefined
        ? owned
        : lookup
            .byIndex(ReplicaSets, controllerIndex, deployment.uid)
            .flatMap((one) => lookup.byIndex(Pods, controllerIndex, one.metadata.uid!));
    return {
      replicaSet: found,
      pods: [...owned, ...lookup.byIndex(Pods, controllerIndex, orphansOf(namespace))],
      relatedPods: related.filter(podIsActive),
      failure,
    };
  },
  decide,
});
