// Protects VolumeAttributesClasses in use from deletion.
import { PersistentVolumeClaims, PersistentVolumes, VolumeAttributesClasses } from '#api/generated/kind-references.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { keyedController, partChanges, read, self, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const named = (...names: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(names.filter((name): name is string => name !== undefined && name !== '')),
];

const claimsByClass: InformerIndex<PersistentVolumeClaim> = {
  name: 'volumeAttributesClasses',
  // What it asks for, what it has, and what it is on its way to.
  keysOf: ({ spec, status }) =>
    named(
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ),
};
const volumesByClass: InformerIndex<PersistentVolume> = {
  name: 'volumeAttributesClass',
  keysOf: ({ spec }) => named(spec?.volumeAttributesClassName),
};

export const attributesClassProtection = keyedController({
  name: 'vac-protection',
  account: 'volumeattributesclass-protection-controller',
  reads: [
    read(
      VolumeAttributesClasses,
      self,
      partChanges(({ metadata }) => [metadata.deletionTimestamp, metadata.finalizers]),
    ),
    read(PersistentVolumeClaims, claimsByClass.keysOf, partChanges(claimsByClass.keysOf)),
    read(PersistentVolumes, volumesByClass.keysOf, partChanges(volumesByClass.keysOf)),
  ],
  writes: [write(VolumeAttributesClasses, 'update')],
  snapshot(lookup, key) {
    const attributesClass = lookup.get(VolumeAttributesClasses, undefined, key);
    return (
      attributesClass && {
        attributesClass,
        inUse:
          lookup.byIndex(PersistentVolumes, volumesByClass, key).length > 0 ||
          lookup.byIndex(PersistentVolumeClaims, claimsByClass, key).length > 0,
      }
    );
  },
  decide,
});
