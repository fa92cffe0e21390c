// Who makes a claim's volume larger: nobody in the control plane. The driver's own resizer does; here it is told that it is waited
// for, and, of a volume in one of the old forms for which a driver has taken over, which resizer that is.
import { PersistentVolumeClaims } from '#api/generated/kind-references.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/types.ts';
import { compareQuantities } from '#api/quantity.ts';
import { nothing, patch, type Decision } from '../runtime/action.ts';

export interface VolumeExpandSnapshot {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume | undefined;
}

const preResizeAnnotation = 'volume.alpha.kubernetes.io/pre-resize-capacity';
const resizerAnnotation = 'volume.kubernetes.io/storage-resizer';

type Source = keyof PersistentVolume['spec'];
/** Source of the volume -> upstream's old name of the plugin, and the driver that has taken over. */
const migrated: readonly (readonly [Source, plugin: string, driver: string])[] = [
  ['awsElasticBlockStore', 'kubernetes.io/aws-ebs', 'ebs.csi.aws.com'],
  ['gcePersistentDisk', 'kubernetes.io/gce-pd', 'pd.csi.storage.gke.io'],
  ['azureDisk', 'kubernetes.io/azure-disk', 'disk.csi.azure.com'],
  ['azureFile', 'kubernetes.io/azure-file', 'file.csi.azure.com'],
  ['cinder', 'kubernetes.io/cinder', 'cinder.csi.openstack.org'],
  ['vsphereVolume', 'kubernetes.io/vsphere-volume', 'csi.vsphere.vmware.com'],
  ['portworxVolume', 'kubernetes.io/portworx-volume', 'pxd.portworx.com'],
];

export const requestOf = ({ spec }: PersistentVolumeClaim): string => String(spec?.resources?.requests?.storage ?? 0);
export const capacityOf = ({ status }: PersistentVolumeClaim): string => String(status?.capacity?.storage ?? 0);

export function decide({ claim, volume }: VolumeExpandSnapshot): Decision {
  const bound = volume?.spec.claimRef;
  if (volume === undefined || claim.status?.phase !== 'Bound') return nothing;
  if (bound?.uid !== claim.metadata.uid || bound?.namespace !== claim.metadata.namespace) return nothing;
  const isLarger = compareQuantities(requestOf(claim), capacityOf(claim)) > 0;
  if (!isLarger && volume.metadata.annotations?.[preResizeAnnotation] === undefined) return nothing;
  const found = migrated.find(([source]) => volume.spec[source] !== undefined);
  const about = { ...claim, kind: 'PersistentVolumeClaim', apiVersion: 'v1' };
  const event = (message: string) => ({ about, type: 'Normal', reason: 'ExternalExpanding', message }) as const;
  if (found === undefined)
    return { actions: [], events: [event('waiting for an external controller to expand this PVC')] };
  const [, plugin, driver] = found;
  const message = `CSI migration enabled for ${plugin}; waiting for external resizer to expand the pvc`;
  if (claim.metadata.annotations?.[resizerAnnotation] === driver) return { actions: [], events: [event(message)] };
  const value = { metadata: { uid: claim.metadata.uid, annotations: { [resizerAnnotation]: driver } } };
  return {
    actions: [patch(PersistentVolumeClaims, claim, { type: 'strategic', value }, { subresource: 'status' })],
    events: [event(message)],
  };
}
