// A Pod goes where its volumes are, or can be made. What has to be bound or made there is decided here, done in bind.ts.
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  TopologySelectorTerm,
} from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { quantityToNumber } from '#api/quantity.ts';
import { matchesNodeSelector } from '#rules/matches-node-selector.ts';
import { claimsOfPod } from '#rules/pod-claims.ts';
import { classOfClaim, findVolumeFor } from '#rules/volume-matches-claim.ts';
import type { NodeInfo } from '../../node-info.ts';
import { unresolvable, type ClusterSnapshot, type SchedulerPlugin } from '../../plugin.ts';

const boundByController = 'pv.kubernetes.io/bind-completed';
const noProvisioner = 'kubernetes.io/no-provisioner';

const isBound = (claim: PersistentVolumeClaim): boolean =>
  (claim.spec?.volumeName ?? '') !== '' && claim.metadata.annotations?.[boundByController] !== undefined;

export interface VolumePlan {
  /** Free volumes to be reserved for these claims. */
  readonly reserve: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  /** Claims to be provisioned for the node. */
  readonly provision: readonly PersistentVolumeClaim[];
}

interface Sorted {
  readonly bound: readonly PersistentVolumeClaim[];
  readonly delayed: readonly PersistentVolumeClaim[];
}

const waitsForConsumer = (claim: PersistentVolumeClaim, cluster: ClusterSnapshot): boolean =>
  cluster.storageClass(classOfClaim(claim))?.volumeBindingMode === 'WaitForFirstConsumer';

/** The Pod's claims, or a text that says why it cannot start anywhere. */
function sortClaims(pod: Pod, cluster: ClusterSnapshot): Sorted | string {
  const bound: PersistentVolumeClaim[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  for (const { name, ephemeral } of claimsOfPod(pod)) {
    const claim = cluster.claim(pod.metadata.namespace!, name);
    const text = JSON.stringify(name);
    if (claim === undefined)
      return ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${text}`
        : `persistentvolumeclaim ${text} not found`;
    if (ephemeral && claim.metadata.ownerReferences?.some((one) => one.uid === pod.metadata.uid) !== true)
      return `PVC ${pod.metadata.namespace!}/${name} was not created for pod ${pod.metadata.namespace!}/${pod.metadata.name!} (pod is not owner)`;
    if (claim.status?.phase === 'Lost')
      return `persistentvolumeclaim ${text} bound to non-existent persistentvolume ${JSON.stringify(claim.spec?.volumeName ?? '')}`;
    if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim ${text} is being deleted`;
    if (isBound(claim)) bound.push(claim);
    else if (waitsForConsumer(claim, cluster) && (claim.spec?.volumeName ?? '') === '') delayed.push(claim);
    else return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return { bound, delayed };
}

const inTopology = (terms: readonly TopologySelectorTerm[] | undefined, { node }: NodeInfo): boolean =>
  (terms ?? []).length === 0 ||
  terms!.some((term) =>
    (term.matchLabelExpressions ?? []).every(({ key, values }) => {
      const value = node.metadata.labels?.[key];
      return value !== undefined && values.includes(value);
    }),
  );

/** Drivers that ask for it are only asked for volumes where they say that there is room. */
function hasCapacity(
  claim: PersistentVolumeClaim,
  { metadata, provisioner }: StorageClass,
  { node }: NodeInfo,
  cluster: ClusterSnapshot,
): boolean {
  const size = claim.spec.resources?.requests?.['storage'];
  if (size === undefined || cluster.csiDriver(provisioner)?.spec.storageCapacity !== true) return true;
  const bytes = quantityToNumber(String(size));
  return cluster.storageCapacities().some(({ storageClassName, maximumVolumeSize, capacity, nodeTopology }) => {
    const limit = maximumVolumeSize ?? capacity;
    return (
      storageClassName === metadata.name &&
      limit !== undefined &&
      quantityToNumber(String(limit)) >= bytes &&
      nodeTopology !== undefined &&
      matcherFor(nodeTopology).matches(node.metadata.labels ?? {})
    );
  });
}

/** What the Pod's unbound claims need on this node; a text when they cannot have it. */
export function planVolumes(pod: Pod, info: NodeInfo, cluster: ClusterSnapshot): VolumePlan | string {
  const sorted = sortClaims(pod, cluster);
  if (typeof sorted === 'string') return sorted;
  for (const claim of sorted.bound) {
    const volume = cluster.volume(claim.spec!.volumeName!);
    if (volume === undefined) return 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
    if (!matchesNodeSelector(volume.spec?.nodeAffinity?.required, info.node))
      return "node(s) didn't match PersistentVolume's node affinity";
  }
  const taken = new Set<string>();
  const reserve: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
  const provision: PersistentVolumeClaim[] = [];
  for (const claim of sorted.delayed) {
    const selectedNode = claim.metadata.annotations?.['volume.kubernetes.io/selected-node'];
    if (selectedNode !== undefined) {
      // Provisioning has begun for a node: it is there or nowhere.
      if (selectedNode !== info.name) return "node(s) didn't match PersistentVolume's node affinity";
      provision.push(claim);
      continue;
    }
    const volume = findVolumeFor(claim, cluster.volumes(), {
      node: info.node,
      isTaken: (one) => taken.has(one.metadata.name!),
    });
    if (volume !== undefined) {
      taken.add(volume.metadata.name!);
      reserve.push({ claim, volume });
      continue;
    }
    const storageClass = cluster.storageClass(classOfClaim(claim))!;
    if (storageClass.provisioner === noProvisioner || !inTopology(storageClass.allowedTopologies, info))
      return "node(s) didn't find available persistent volumes to bind";
    if (!hasCapacity(claim, storageClass, info, cluster)) return 'node(s) did not have enough free storage';
    provision.push(claim);
  }
  return { reserve, provision };
}

export const volumeBinding: SchedulerPlugin = {
  name: 'VolumeBinding',
  wakesOn: ['node', 'volume'],
  preFilter(pod, cluster) {
    if (claimsOfPod(pod).length === 0) return undefined;
    const sorted = sortClaims(pod, cluster);
    return typeof sorted === 'string' ? sorted : undefined;
  },
  filter(pod, info, cluster) {
    if (claimsOfPod(pod).length === 0) return undefined;
    const plan = planVolumes(pod, info, cluster);
    return typeof plan === 'string' ? unresolvable(plan) : undefined;
  },
};
