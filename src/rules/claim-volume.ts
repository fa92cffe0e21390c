// Which CSI volume a claim stands for, before and after it is bound.
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/generated/types.ts';
import { classOfClaim } from './volume-matches-claim.ts';

export interface ClaimSources {
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
}

/** `key` tells one volume from another. Undefined: it is of another kind, or nobody can say. */
export function csiVolumeOfClaim(
  claim: PersistentVolumeClaim,
  cluster: ClaimSources,
): { readonly driver: string; readonly key: string } | undefined {
  const volume = claim.spec?.volumeName ? cluster.volume(claim.spec.volumeName) : undefined;
  if (volume !== undefined) {
    const { csi } = volume.spec;
    return csi === undefined ? undefined : { driver: csi.driver, key: `${csi.driver}/${csi.volumeHandle}` };
  }
  // Not made yet: it will be the provisioner's.
  const driver = cluster.storageClass(classOfClaim(claim))?.provisioner;
  return driver === undefined
    ? undefined
    : { driver, key: `${driver}/claim ${claim.metadata.namespace}/${claim.metadata.name}` };
}
