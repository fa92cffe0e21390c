// StatefulSet: Pods with names and volumes that stay.
import { ControllerRevisions, PersistentVolumeClaims, Pods, StatefulSets } from '#api/generated/kind-references.ts';
import type { PersistentVolumeClaim } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import { wakeByMember } from '../ownership/wake-by-member.ts';
import {
  controllerOwner,
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const owner = controllerOwner(StatefulSets);

const wakeByPod = wakeByMember(StatefulSets, (one, labels) => matcherFor(one.spec.selector).matches(labels));

const wakeByClaim = ({ metadata }: PersistentVolumeClaim, lookup: Lookup): readonly string[] =>
  lookup
    .list(StatefulSets, metadata.namespace)
    .filter((set) =>
      set.spec.volumeClaimTemplates?.some((one) =>
        metadata.name!.startsWith(`${one.metadata.name!}-${set.metadata.name!}-`),
      ),
    )
    .map(keyText);

export const statefulSet = keyedController({
  name: 'statefulset',
  account: 'statefulset-controller',
  reads: [
    read(StatefulSets, self),
    read(Pods, wakeByPod),
    read(ControllerRevisions, owner),
    read(
      PersistentVolumeClaims,
      wakeByClaim,
      partChanges(({ metadata }) => [metadata.uid, metadata.deletionTimestamp, metadata.ownerReferences]),
    ),
  ],
  writes: [
    write(Pods, 'create', 'update', 'patch', 'delete'),
    write(PersistentVolumeClaims, 'create', 'update'),
    write(ControllerRevisions, 'create', 'update', 'patch', 'delete'),
    writeSubresource(StatefulSets, 'status', 'update'),
  ],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const set = lookup.get(StatefulSets, namespace, name);
    if (set === undefined) return undefined;
    const uid = set.metadata.uid!;
    const orphans = orphansOf(namespace);
    return {
      set,
      pods: [...lookup.byIndex(Pods, controllerIndex, uid), ...lookup.byIndex(Pods, controllerIndex, orphans)],
      revisions: [
        ...lookup.byIndex(ControllerRevisions, controllerIndex, uid),
        ...lookup.byIndex(ControllerRevisions, controllerIndex, orphans),
      ],
      revisionNamed: (revision: string) => lookup.get(ControllerRevisions, namespace, revision),
      claim: (claimName: string) => lookup.get(PersistentVolumeClaims, namespace, claimName),
    };
  },
  decide,
});
