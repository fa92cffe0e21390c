// Rows of volumes, claims and classes.
import type {
  CSIDriver,
  CSINode,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../generated/types.ts';
import { canonicalQuantity } from '../quantity.ts';
import { age, none, unset, type CellsOf } from './format.ts';

const modeLetters: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
/** In upstream's order, each once. */
const modesText = (modes: readonly string[] | undefined): string =>
  Object.entries(modeLetters)
    .filter(([mode]) => modes?.includes(mode) === true)
    .map(([, letters]) => letters)
    .join(',');

const betaClass = 'volume.beta.kubernetes.io/storage-class';
const size = (amount: string | number | undefined) => (amount === undefined ? '0' : canonicalQuantity(String(amount)));

export const persistentVolumeCells: CellsOf<PersistentVolume> = (object, now) => {
  const { spec = {}, status, metadata } = object as Omit<PersistentVolume, 'spec'> & Partial<PersistentVolume>;
  const claim = spec.claimRef;
  return [
    metadata.name,
    size(spec.capacity?.['storage']),
    modesText(spec.accessModes),
    spec.persistentVolumeReclaimPolicy ?? '',
    metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
    claim === undefined ? '' : `${claim.namespace ?? ''}/${claim.name ?? ''}`,
    metadata.annotations?.[betaClass] ?? spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? unset,
    status?.reason ?? '',
    age(object, now),
    spec.volumeMode ?? unset,
  ];
};

export const persistentVolumeClaimCells: CellsOf<PersistentVolumeClaim> = (object, now) => {
  const { spec, status, metadata } = object;
  const bound = (spec?.volumeName ?? '') !== '';
  return [
    metadata.name,
    metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
    spec?.volumeName ?? '',
    bound ? size(status?.capacity?.['storage']) : '',
    bound ? modesText(status?.accessModes) : '',
    metadata.annotations?.[betaClass] ?? spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? unset,
    age(object, now),
    spec?.volumeMode ?? unset,
  ];
};

export const storageClassCells: CellsOf<StorageClass> = (object, now) => {
  const isDefault =
    object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ||
    object.metadata.annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true';
  return [
    `${object.metadata.name}${isDefault ? ' (default)' : ''}`,
    object.provisioner,
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion ?? false,
    age(object, now),
  ];
};

export const csiNodeCells: CellsOf<CSINode> = (object, now) => [
  object.metadata.name,
  (object.spec.drivers ?? []).length,
  age(object, now),
];

export const csiDriverCells: CellsOf<CSIDriver> = (object, now) => {
  const { metadata, spec } = object;
  const modes = (spec.volumeLifecycleModes ?? []).join(',');
  return [
    metadata.name,
    spec.attachRequired ?? true,
    spec.podInfoOnMount ?? false,
    spec.storageCapacity ?? false,
    spec.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>',
    spec.requiresRepublish ?? false,
    modes === '' ? none : modes,
    age(object, now),
  ];
};

export const volumeAttributesClassCells: CellsOf<VolumeAttributesClass> = (object, now) => [
  object.metadata.name,
  object.driverName,
  age(object, now),
];

export const volumeAttachmentCells: CellsOf<VolumeAttachment> = (object, now) => [
  object.metadata.name,
  object.spec.attacher,
  object.spec.source.persistentVolumeName ?? '',
  object.spec.nodeName,
  object.status?.attached ?? false,
  age(object, now),
];
