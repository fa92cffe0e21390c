// Which objects of the API a pod names. A mirror pod may name none, or it would open them to its node. Rules of upstream's
// podutil.HasAPIObjectReference.
import type { Pod, Volume } from '#api/generated/types.ts';
import { podNames } from '#rules/pod-references.ts';

/** Volume sources that are the machine's or the network's alone. */
const withoutObjects = new Set([
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
]);
const texts: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
};

function ofVolume(volume: Volume): string | undefined {
  for (const source of Object.keys(volume)) {
    if (source === 'name' || withoutObjects.has(source)) continue;
    if (source !== 'projected') return texts[source] ?? source;
    for (const part of volume.projected?.sources ?? [])
      if (Object.keys(part).some((kind) => kind !== 'downwardAPI')) return 'objects (via projected volumes)';
  }
  return undefined;
}

/** Undefined: it names none. */
export function objectsNamedBy(pod: Pod): string | undefined {
  if ((pod.spec.serviceAccountName ?? '') !== '') return 'serviceaccounts';
  for (const resource of ['secrets', 'configmaps']) if (podNames(pod, resource)) return resource;
  if ((pod.spec.resourceClaims?.length ?? 0) > 0) return 'resourceclaims';
  for (const volume of pod.spec.volumes ?? []) {
    const found = ofVolume(volume);
    if (found !== undefined) return found;
  }
  return undefined;
}
