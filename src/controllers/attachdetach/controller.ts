// Attaches CSI volumes to the nodes whose Pods need them, and detaches what they no longer need: it makes and removes
// VolumeAttachments, which the drivers' attachers act on, and tells nodes of the result in their status.
import {
  CSIDrivers,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  VolumeAttachments,
} from '#api/generated/kind-references.ts';
import type {
  CSIDriver,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  VolumeAttachment,
} from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { attachmentName, attachedVolumeKey, driverAttaches } from '#rules/csi-attachment.ts';
import { claimsOfPod } from '#rules/pod-claims.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { claimIndex } from '../persistentvolume-binder/controller.ts';
import { nodeIndex } from '../pod-gc/controller.ts';
import {
  keyedController,
  partChanges,
  read,
  self,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide, type AttachMemory, type WantedVolume } from './decide.ts';

const managedAnnotation = 'volumes.kubernetes.io/controller-managed-attach-detach';

const attachmentsByVolume: InformerIndex<VolumeAttachment> = {
  name: 'volume',
  keysOf: ({ spec }) => (spec.source.persistentVolumeName === undefined ? [] : [spec.source.persistentVolumeName]),
};
const attachmentsByNode: InformerIndex<VolumeAttachment> = { name: 'node', keysOf: ({ spec }) => [spec.nodeName] };

/** Nodes with Pods that use the claim. */
const nodesOfClaim = (lookup: Lookup, namespace: string | undefined, name: string): readonly string[] =>
  lookup
    .byIndex(Pods, claimIndex, `${namespace}/${name}`)
    .flatMap(({ spec }) => (spec.nodeName === undefined || spec.nodeName === '' ? [] : [spec.nodeName]));

const nodesOfVolume = (lookup: Lookup, volume: PersistentVolume | undefined): readonly string[] => {
  const claim = volume?.spec.claimRef;
  return claim === undefined || volume?.spec.csi === undefined
    ? []
    : nodesOfClaim(lookup, claim.namespace, claim.name ?? '');
};

/** The CSI volume of a claim that is bound; undefined: there is none, or it is of another kind. */
function boundVolume(lookup: Lookup, namespace: string | undefined, name: string, owner: string | undefined) {
  const claim = lookup.get(PersistentVolumeClaims, namespace, name);
  if (claim?.status?.phase !== 'Bound') return undefined;
  if (owner !== undefined && claim.metadata.ownerReferences?.some(({ uid }) => uid === owner) !== true)
    return undefined;
  const volume = lookup.get(PersistentVolumes, undefined, claim.spec.volumeName ?? '');
  return volume?.spec.claimRef?.uid === claim.metadata.uid && volume?.spec.csi !== undefined ? volume : undefined;
}

function wantedVolumes(lookup: Lookup, pods: readonly Pod[]): Map<string, WantedVolume> {
  const wanted = new Map<string, { volume: PersistentVolume; pods: Pod[] }>();
  for (const pod of pods) {
    if (podIsTerminal(pod)) continue;
    for (const { name, ephemeral } of claimsOfPod(pod)) {
      const volume = boundVolume(lookup, pod.metadata.namespace, name, ephemeral ? pod.metadata.uid : undefined);
      const csi = volume?.spec.csi;
      if (volume === undefined || csi === undefined || !driverAttaches(lookup.get(CSIDrivers, undefined, csi.driver)))
        continue;
      const key = attachedVolumeKey(csi.driver, csi.volumeHandle);
      const known = wanted.get(key);
      if (known === undefined) wanted.set(key, { volume, pods: [pod] });
      else if (!known.pods.includes(pod)) known.pods.push(pod);
    }
  }
  return wanted;
}

export function attachDetach(): Controller {
  const memories = new Map<string, AttachMemory>();
  return keyedController({
    name: 'attachdetach',
    account: 'attachdetach-controller',
    // One at a time: two nodes must not get the same volume.
    concurrency: 1,
    reads: [
      read(
        Nodes,
        self,
        partChanges(({ metadata, spec, status }: Node) => [
          metadata.uid,
          metadata.annotations?.[managedAnnotation],
          spec?.taints,
          status?.volumesInUse,
          status?.volumesAttached,
          status?.conditions?.find((one) => one.type === 'Ready')?.status,
        ]),
      ),
      read(
        Pods,
        (pod: Pod) =>
          pod.spec.nodeName === undefined || pod.spec.nodeName === '' || claimsOfPod(pod).length === 0
            ? []
            : [pod.spec.nodeName],
        partChanges((pod: Pod) => [pod.spec.nodeName, podIsTerminal(pod)]),
      ),
      read(
        PersistentVolumeClaims,
        ({ metadata }: PersistentVolumeClaim, lookup: Lookup) =>
          nodesOfClaim(lookup, metadata.namespace, metadata.name ?? ''),
        partChanges((one: PersistentVolumeClaim) => [one.spec.volumeName, one.status?.phase]),
      ),
      read(
        PersistentVolumes,
        (volume: PersistentVolume, lookup: Lookup) => nodesOfVolume(lookup, volume),
        partChanges((one: PersistentVolume) => [one.spec.claimRef, one.spec.accessModes]),
      ),
      read(
        CSIDrivers,
        (_: CSIDriver, lookup: Lookup) => lookup.list(Nodes).map(({ metadata }) => metadata.name ?? ''),
        partChanges((one: CSIDriver) => one.spec.attachRequired),
      ),
      read(VolumeAttachments, ({ spec }: VolumeAttachment, lookup: Lookup) => [
        spec.nodeName,
        // Another node may wait until it is free.
        ...nodesOfVolume(lookup, lookup.get(PersistentVolumes, undefined, spec.source.persistentVolumeName ?? '')),
      ]),
    ],
    writes: [write(VolumeAttachments, 'create', 'delete'), writeSubresource(Nodes, 'status', 'patch')],
    snapshot(lookup, nodeName, { monotonicMs }) {
      const node = lookup.get(Nodes, undefined, nodeName);
      const attachments = lookup.byIndex(VolumeAttachments, attachmentsByNode, nodeName);
      if (node === undefined && attachments.length === 0) {
        memories.delete(nodeName);
        return undefined;
      }
      let memory = memories.get(nodeName);
      if (memory === undefined) memories.set(nodeName, (memory = { detachAskedMs: new Map(), told: new Map() }));
      const managed = node?.metadata.annotations?.[managedAnnotation] === 'true';
      const wanted = managed ? wantedVolumes(lookup, lookup.byIndex(Pods, nodeIndex, nodeName)) : new Map();
      const elsewhere = new Map<string, readonly { nodeName: string; pods: readonly Pod[] }[]>();
      for (const [key, { volume }] of wanted) {
        const others = lookup
          .byIndex(VolumeAttachments, attachmentsByVolume, volume.metadata.name ?? '')
          .filter((one) => one.spec.nodeName !== nodeName);
        if (others.length === 0) continue;
        const { namespace, name = '' } = volume.spec.claimRef ?? {};
        const users = lookup.byIndex(Pods, claimIndex, `${namespace}/${name}`);
        elsewhere.set(
          key,
          others.map(({ spec }) => ({
            nodeName: spec.nodeName,
            pods: users.filter((pod) => pod.spec.nodeName === spec.nodeName && !podIsTerminal(pod)),
          })),
        );
      }
      return {
        nodeName,
        node,
        monotonicMs,
        memory,
        wanted,
        elsewhere,
        attachments: attachments.map((attachment) => {
          const csi = lookup.get(PersistentVolumes, undefined, attachment.spec.source.persistentVolumeName ?? '')?.spec
            .csi;
          const ours =
            csi !== undefined && attachmentName(csi.volumeHandle, csi.driver, nodeName) === attachment.metadata.name;
          return { attachment, key: ours ? attachedVolumeKey(csi.driver, csi.volumeHandle) : undefined };
        }),
      };
    },
    decide,
  });
}
