// Which PersistentVolume a claim may have: asked by the binder, and by the scheduler for claims that wait for their Pod.
import type { Node, PersistentVolume, PersistentVolumeClaim } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { compareQuantities } from '#api/quantity.ts';
import { matchesNodeSelector } from './matches-node-selector.ts';

const legacyClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

export const classOfClaim = (claim: PersistentVolumeClaim): string =>
  claim.metadata.annotations?.[legacyClassAnnotation] ?? claim.spec?.storageClassName ?? '';
export const classOfVolume = (volume: PersistentVolume): string =>
  volume.metadata.annotations?.[legacyClassAnnotation] ?? volume.spec?.storageClassName ?? '';

export const refersTo = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean => {
  const reference = volume.spec?.claimRef;
  return (
    reference !== undefined &&
    reference.namespace === claim.metadata.namespace &&
    reference.name === claim.metadata.name &&
    (reference.uid === undefined || reference.uid === '' || reference.uid === claim.metadata.uid)
  );
};

const quantityText = (quantity: string | number | undefined): string => String(quantity ?? 0);

/** The first of these that the volume does not meet; undefined: it could hold the claim. */
export function volumeMismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (
    compareQuantities(
      quantityText(volume.spec?.capacity?.['storage']),
      quantityText(claim.spec?.resources?.requests?.['storage']),
    ) < 0
  )
    return 'requested PV is too small';
  if (classOfVolume(volume) !== classOfClaim(claim)) return 'storageClassName does not match';
  if ((volume.spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem'))
    return 'incompatible volumeMode';
  if (!(claim.spec?.accessModes ?? []).every((one) => volume.spec?.accessModes?.includes(one) === true))
    return 'incompatible accessMode';
  return undefined;
}

/** Smallest free volume that matches; `node`: only those that it can reach. A volume reserved for the claim comes first. */
export function findVolumeFor(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  options: { readonly node?: Node | undefined; isTaken?(volume: PersistentVolume): boolean } = {},
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    if (volume.metadata.deletionTimestamp !== undefined || options.isTaken?.(volume) === true) continue;
    const reserved = refersTo(volume, claim);
    if (!reserved && volume.spec?.claimRef !== undefined) continue;
    if (!reserved && volume.status?.phase !== 'Available') continue;
    if (
      !reserved &&
      claim.spec?.selector !== undefined &&
      !matcherFor(claim.spec.selector).matches(volume.metadata.labels)
    )
      continue;
    if ((volume.spec?.volumeAttributesClassName ?? '') !== (claim.spec?.volumeAttributesClassName ?? '')) continue;
    if (volumeMismatch(volume, claim) !== undefined) continue;
    if (options.node !== undefined && !matchesNodeSelector(volume.spec?.nodeAffinity?.required, options.node)) continue;
    if (reserved) return volume;
    const smaller =
      best === undefined ||
      compareQuantities(
        quantityText(volume.spec?.capacity?.['storage']),
        quantityText(best.spec?.capacity?.['storage']),
      ) < 0;
    if (smaller) best = volume;
  }
  return best;
}
