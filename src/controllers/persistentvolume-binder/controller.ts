// PersistentVolumes and their claims: two controllers, one for each side, under upstream's one identity.
import { PersistentVolumeClaims, PersistentVolumes, Pods, StorageClasses } from '#api/generated/kind-references.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { claimsOfPod } from '#rules/pod-claims.ts';
import { classOfClaim } from '#rules/volume-matches-claim.ts';
import {
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
import { bindCompleted, decideClaim } from './decide-claim.ts';
import { decideVolume } from './decide-volume.ts';

export const claimIndex: InformerIndex<Pod> = {
  name: 'claims',
  keysOf: (pod) => claimsOfPod(pod).map((one) => `${pod.metadata.namespace!}/${one.name}`),
};
const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';

/** Of several default classes the newest counts. */
const defaultClass = (lookup: Lookup): StorageClass | undefined =>
  lookup
    .list(StorageClasses)
    .filter((one) => one.metadata.annotations?.[defaultClassAnnotation] === 'true')
    .toSorted((one, other) => {
      const [left, right] = [one.metadata.creationTimestamp ?? '', other.metadata.creationTimestamp ?? ''];
      return left === right ? (one.metadata.name! < other.metadata.name! ? -1 : 1) : left > right ? -1 : 1;
    })[0];

const unbound = (lookup: Lookup): readonly PersistentVolumeClaim[] =>
  lookup.list(PersistentVolumeClaims).filter((one) => one.metadata.annotations?.[bindCompleted] === undefined);

function claimsByVolume(volume: PersistentVolume, lookup: Lookup): readonly string[] {
  const reference = volume.spec?.claimRef;
  const named = reference === undefined ? [] : [`${reference.namespace ?? ''}/${reference.name ?? ''}`];
  const asking = unbound(lookup).filter(
    (one) => reference === undefined || one.spec?.volumeName === volume.metadata.name,
  );
  return [...named, ...asking.map(keyText)];
}

export const persistentVolumeClaimBinder = keyedController({
  name: 'persistentvolumeclaim-binder',
  account: 'persistent-volume-binder',
  component: 'persistentvolume-controller',
  // One at a time: two claims must not choose the same volume.
  concurrency: 1,
  reads: [
    read(PersistentVolumeClaims, self),
    read(PersistentVolumes, claimsByVolume),
    read(StorageClasses, (_: StorageClass, lookup: Lookup) => unbound(lookup).map(keyText)),
    read(Pods),
  ],
  writes: [
    write(PersistentVolumes, 'update'),
    writeSubresource(PersistentVolumes, 'status', 'update'),
    write(PersistentVolumeClaims, 'update'),
    writeSubresource(PersistentVolumeClaims, 'status', 'update'),
  ],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const claim = lookup.get(PersistentVolumeClaims, namespace, name);
    if (claim === undefined) return undefined;
    return {
      claim,
      volumes: lookup.list(PersistentVolumes),
      storageClass: lookup.get(StorageClasses, undefined, classOfClaim(claim)),
      defaultClass: defaultClass(lookup),
      waitingPods: lookup
        .byIndex(Pods, claimIndex, key)
        .filter((pod) => (pod.spec.nodeName ?? '') === '')
        .map((pod) => pod.metadata.name!),
    };
  },
  decide: decideClaim,
});

export const persistentVolumeBinder = keyedController({
  name: 'persistentvolume-binder',
  account: 'persistent-volume-binder',
  component: 'persistentvolume-controller',
  reads: [
    read(PersistentVolumes, self),
    read(
      PersistentVolumeClaims,
      (claim: PersistentVolumeClaim, lookup: Lookup) =>
        lookup
          .list(PersistentVolumes)
          .filter((one) => one.spec?.claimRef?.uid === claim.metadata.uid)
          .map(keyText),
      partChanges((one) => one.spec?.volumeName),
    ),
  ],
  writes: [write(PersistentVolumes, 'update'), writeSubresource(PersistentVolumes, 'status', 'update')],
  snapshot(lookup, key) {
    const volume = lookup.get(PersistentVolumes, undefined, key);
    if (volume === undefined) return undefined;
    const reference = volume.spec?.claimRef;
    return { volume, claim: reference && lookup.get(PersistentVolumeClaims, reference.namespace, reference.name!) };
  },
  decide: decideVolume,
});
