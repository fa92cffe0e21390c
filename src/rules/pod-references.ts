// Whether a Pod refers to an object of its namespace: what its node may therefore read, and what is in use.
import type { Container, Pod, Volume } from '#api/generated/types.ts';

type Visit = (resource: string, name: string | undefined) => void;

function visitVolume(volume: Volume, podName: string, visit: Visit): void {
  visit('secrets', volume.secret?.secretName);
  visit('configmaps', volume.configMap?.name);
  visit('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
  if (volume.ephemeral !== undefined) visit('persistentvolumeclaims', `${podName}-${volume.name}`);
  for (const source of volume.projected?.sources ?? []) {
    visit('secrets', source.secret?.name);
    visit('configmaps', source.configMap?.name);
  }
  const csi = volume.csi?.nodePublishSecretRef?.name;
  visit('secrets', csi);
  visit('secrets', volume.cephfs?.secretRef?.name);
  visit('secrets', volume.flexVolume?.secretRef?.name);
  visit('secrets', volume.iscsi?.secretRef?.name);
  visit('secrets', volume.rbd?.secretRef?.name);
  visit('secrets', volume.azureFile?.secretName);
  visit('secrets', volume.scaleIO?.secretRef?.name);
  visit('secrets', volume.storageos?.secretRef?.name);
}

function visitContainer(container: Pick<Container, 'env' | 'envFrom'>, visit: Visit): void {
  for (const from of container.envFrom ?? []) {
    visit('secrets', from.secretRef?.name);
    visit('configmaps', from.configMapRef?.name);
  }
  for (const variable of container.env ?? []) {
    visit('secrets', variable.valueFrom?.secretKeyRef?.name);
    visit('configmaps', variable.valueFrom?.configMapKeyRef?.name);
  }
}

function visitPod(pod: Pod, visit: Visit): void {
  const { spec } = pod;
  if (spec === undefined) return;
  visit('serviceaccounts', spec.serviceAccountName);
  for (const secret of spec.imagePullSecrets ?? []) visit('secrets', secret.name);
  for (const volume of spec.volumes ?? []) visitVolume(volume, pod.metadata.name ?? '', visit);
  for (const container of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])])
    visitContainer(container, visit);
  for (const claim of pod.status?.resourceClaimStatuses ?? []) visit('resourceclaims', claim.resourceClaimName);
  for (const claim of spec.resourceClaims ?? []) visit('resourceclaims', claim.resourceClaimName);
  visit('resourceclaims', pod.status?.extendedResourceClaimStatus?.resourceClaimName);
}

/** A Pod that the node made itself gives it no right to anything. */
export const podReferences = (pod: Pod, resource: string, name: string): boolean =>
  pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined && podUses(pod, resource, name);

/** Whoever made the Pod. */
export function podUses(pod: Pod, resource: string, name: string): boolean {
  let found = false;
  visitPod(pod, (visited, visitedName) => {
    if (visitedName === name && visited === resource && name !== '') found = true;
  });
  return found;
}

/** Any object of the resource. */
export function podNames(pod: Pod, resource: string): boolean {
  let found = false;
  visitPod(pod, (visited, name) => {
    if (visited === resource && name !== undefined) found = true;
  });
  return found;
}
