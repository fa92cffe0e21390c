// Claims and volumes: their protection finalizers, the default class, and which claims may grow.
import type { PersistentVolumeClaim, StorageClass } from '#api/generated/types.ts';
import { StorageClasses } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { compareQuantities } from '#api/quantity.ts';
import { forbiddenError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isCreate, isResource, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

const finalizers = {
  persistentvolumeclaims: ['', 'kubernetes.io/pvc-protection'],
  persistentvolumes: ['', 'kubernetes.io/pv-protection'],
  volumeattributesclasses: ['storage.k8s.io', 'kubernetes.io/vac-protection'],
} as const;
const isDefaultAnnotation = 'storageclass.kubernetes.io/is-default-class';
const betaIsDefaultAnnotation = 'storageclass.beta.kubernetes.io/is-default-class';
const betaClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  concerns: only('persistentvolumeclaims', 'persistentvolumes', 'volumeattributesclasses.storage.k8s.io'),
  mutate(attributes: AdmissionAttributes): void {
    for (const [resource, [group, finalizer]] of Object.entries(finalizers)) {
      if (!isCreate(attributes, group, resource)) continue;
      const { metadata } = attributes.object!;
      if (metadata.finalizers?.includes(finalizer) !== true)
        metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    }
  },
};

const classes = (server: Server): StorageClass[] =>
  server.options.store.list(storagePrefix(StorageClasses)).items.map((stored) => stored.object() as StorageClass);

const isDefault = (one: StorageClass): boolean =>
  one.metadata.annotations?.[isDefaultAnnotation] === 'true' ||
  one.metadata.annotations?.[betaIsDefaultAnnotation] === 'true';

/** The newest one that is marked; of equals the first by name. */
function defaultClass(server: Server): StorageClass | undefined {
  return classes(server)
    .filter(isDefault)
    .toSorted(
      (a, b) =>
        (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') ||
        (a.metadata.name ?? '').localeCompare(b.metadata.name ?? ''),
    )[0];
}

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  concerns: only('persistentvolumeclaims'),
  mutate(attributes: AdmissionAttributes, server: Server): void {
    if (!isCreate(attributes, '', 'persistentvolumeclaims')) return;
    const claim = attributes.object as Mutable<PersistentVolumeClaim>;
    if (claim.spec === undefined || claim.spec.storageClassName !== undefined) return;
    if (claim.metadata.annotations?.[betaClassAnnotation] !== undefined) return;
    const found = defaultClass(server);
    if (found !== undefined) claim.spec.storageClassName = found.metadata.name;
  },
};

export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  concerns: only('persistentvolumeclaims'),
  validate(attributes: AdmissionAttributes, server: Server): void {
    if (
      attributes.operation !== 'UPDATE' ||
      attributes.subresource !== '' ||
      !isResource(attributes, '', 'persistentvolumeclaims')
    )
      return;
    const claim = attributes.object as unknown as PersistentVolumeClaim;
    const old = attributes.old as PersistentVolumeClaim;
    const [asked, before] = [claim, old].map((one) => one.spec?.resources?.requests?.['storage'] as string | undefined);
    if (asked === undefined || before === undefined || compareQuantities(asked, before) <= 0) return;
    const refuse = (text: string) =>
      forbiddenError(
        { group: '', resource: 'persistentvolumeclaims' },
        refusedName(attributes.name, attributes.object),
        text,
      );
    if (old.status?.phase !== 'Bound') throw refuse('Only bound persistent volume claims can be expanded');
    const className = old.spec?.storageClassName ?? '';
    const found =
      className === ''
        ? undefined
        : (server.options.store.get(storageKey(StorageClasses, undefined, className))?.object() as
            | StorageClass
            | undefined);
    if (found?.allowVolumeExpansion !== true)
      throw refuse(
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
  },
};
