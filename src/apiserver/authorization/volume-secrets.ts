// Secrets that a bound volume names and its node reads to mount it. Rules of upstream's pkg/api/v1/persistentvolume.
import type { PersistentVolume } from '#api/generated/types.ts';

interface Reference {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Each as NAMESPACE/NAME; none while no claim is bound. */
export function volumeSecrets({ spec }: PersistentVolume): readonly string[] {
  const claim = spec?.claimRef;
  if (spec === undefined || claim === undefined) return [];
  const { azureFile, csi } = spec;
  const orOfClaim: readonly (Reference | undefined)[] = [
    azureFile && { name: azureFile.secretName, namespace: azureFile.secretNamespace },
    spec.cephfs?.secretRef,
    spec.flexVolume?.secretRef,
    spec.rbd?.secretRef,
    spec.scaleIO?.secretRef,
    spec.iscsi?.secretRef,
  ];
  // What controllers alone use (controllerPublish, controllerExpand) is not for nodes.
  const own: readonly (Reference | undefined)[] = [
    spec.cinder?.secretRef,
    spec.storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ];
  const keys = (references: readonly (Reference | undefined)[], otherwise: string): string[] =>
    references.flatMap((one) => {
      if ((one?.name ?? '') === '') return [];
      const namespace = (one!.namespace ?? '') === '' ? otherwise : one!.namespace!;
      return [`${namespace}/${one!.name!}`];
    });
  return [...keys(orOfClaim, claim.namespace ?? ''), ...keys(own, '')];
}
