// ReplicaSet: keeps the wanted number of Pods of a template.
import { Pods, ReplicaSets } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podIsActive } from '#rules/pod-is-active.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import {
  controllerOwner,
  keyText,
  keyedController,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const owner = controllerOwner(ReplicaSets);

function wakeByPod(pod: Pod, lookup: Lookup): readonly string[] {
  if (controllerOf(pod) !== undefined) return owner(pod);
  return lookup
    .list(ReplicaSets, pod.metadata.namespace)
    .filter((one) => matcherFor(one.spec.selector).matches(pod.metadata.labels))
    .map(keyText);
}

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
