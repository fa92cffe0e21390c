// Deployment: replaces Pods of one template by those of the next, through ReplicaSets.
import { Deployments, Pods, ReplicaSets } from '#api/generated/kind-references.ts';
import type { Pod, ReplicaSet } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { controllerOf } from '#api/meta/owner.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import { wakeByMember } from '../ownership/wake-by-member.ts';
import {
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

const wakeByReplicaSet = wakeByMember(Deployments, (one, labels) => matcherFor(one.spec.selector).matches(labels));

/** Recreate waits for the last old Pod; nothing else of a Pod concerns a Deployment. */
function wakeByPod(pod: Pod, lookup: Lookup): readonly string[] {
  const replicaSetReference = controllerOf(pod);
  if (replicaSetReference?.kind !== 'ReplicaSet') return [];
  const replicaSet = lookup.get(ReplicaSets, pod.metadata.namespace, replicaSetReference.name);
  const deploymentName = replicaSet === undefined ? undefined : controllerOf(replicaSet)?.name;
  if (deploymentName === undefined) return [];
  const deployment = lookup.get(Deployments, pod.metadata.namespace, deploymentName);
  if (deployment?.spec.strategy?.type !== 'Recreate') return [];
  const gone = lookup.get(Pods, pod.metadata.namespace, pod.metadata.name!) === undefined;
  return gone || podIsTerminal(pod) ? [keyText(deployment)] : [];
}

export const deployment = keyedController({
  name: 'deployment',
  account: 'deployment-controller',
  reads: [read(Deployments, self), read(ReplicaSets, wakeByReplicaSet), read(Pods, wakeByPod)],
  writes: [
    write(Deployments, 'update'),
    writeSubresource(Deployments, 'status', 'update'),
    write(ReplicaSets, 'create', 'update', 'patch', 'delete'),
  ],
  snapshot(lookup, key, { failure }) {
    const { namespace, name } = splitKey(key);
    const found = lookup.get(Deployments, namespace, name);
    if (found === undefined) return undefined;
    return {
      deployment: found,
      replicaSets: [
        ...lookup.byIndex(ReplicaSets, controllerIndex, found.metadata.uid!),
        ...lookup.byIndex(ReplicaSets, controllerIndex, orphansOf(namespace)),
      ],
      podsOf: (one: ReplicaSet) => lookup.byIndex(Pods, controllerIndex, one.metadata.uid!),
      replicaSetNamed: (wantedName: string) => lookup.get(ReplicaSets, namespace, wantedName),
      failure,
    };
  },
  decide,
});
