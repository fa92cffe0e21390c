// The built-in storage: a directory on the node for each claim of the class kubevirt.io/hostpath-provisioner.
import { PersistentVolumes } from '#api/generated/kind-references.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/generated/types.ts';
import { create, nothing, remove, type Decision, type EventRequest } from '../runtime/action.ts';
import { bindCompleted, selectedNode, storageProvisioner } from '../persistentvolume-binder/decide-claim.ts';

export const provisionerName = 'kubevirt.io/hostpath-provisioner';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
export const makeDirectory = 'make-directory';
export const removeDirectory = 'remove-directory';

export interface ProvisionSnapshot {
  readonly type: 'claim';
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass | undefined;
  /** The node on which the volume shall be: chosen by the scheduler, or the only one. */
  readonly node: Node | undefined;
  readonly volume: PersistentVolume | undefined;
  readonly root: string;
  /** The node whose directories can be made; undefined: any. */
  readonly home: string | undefined;
}
export interface ReclaimSnapshot {
  readonly type: 'volume';
  readonly volume: PersistentVolume;
  readonly root: string;
}

export const volumeNameOf = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata.uid!}`;
export const isAsked = (claim: PersistentVolumeClaim): boolean =>
  claim.metadata.annotations?.[storageProvisioner] === provisionerName &&
  claim.metadata.annotations[bindCompleted] === undefined &&
  claim.metadata.deletionTimestamp === undefined;

export const decide = (snapshot: ProvisionSnapshot | ReclaimSnapshot): Decision =>
  snapshot.type === 'claim' ? provision(snapshot) : reclaim(snapshot);

function provision({ claim, storageClass, node, volume, root, home }: ProvisionSnapshot): Decision {
  if (!isAsked(claim) || volume !== undefined || storageClass === undefined) return nothing;
  if (
    storageClass.volumeBindingMode === 'WaitForFirstConsumer' &&
    claim.metadata.annotations?.[selectedNode] === undefined
  )
    return nothing;
  const event = (type: EventRequest['type'], reason: string, message: string): EventRequest => ({
    about: { ...claim, kind: 'PersistentVolumeClaim', apiVersion: 'v1' },
    type,
    reason,
    message,
  });
  const className = JSON.stringify(storageClass.metadata.name);
  const failed = (cause: string): Decision => ({
    actions: [],
    events: [
      event('Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass ${className}: ${cause}`),
    ],
  });
  if (claim.spec?.volumeMode === 'Block') return failed('block volumes are not supported');
  if (claim.spec?.selector !== undefined) return failed('claim Selector is not supported');
  if (node === undefined) return failed('no node was selected for the claim');
  if (home !== undefined && node.metadata.name !== home)
    return failed(
      `volumes of this class are made on the machine of the control plane, node ${home}, and the Pod is to run on ${node.metadata.name!}`,
    );
  const name = volumeNameOf(claim);
  const path = `${root}/${name}`;
  return {
    events: [
      event(
        'Normal',
        'Provisioning',
        `External provisioner is provisioning volume for claim ${JSON.stringify(`${claim.metadata.namespace!}/${claim.metadata.name!}`)}`,
      ),
    ],
    actions: [
      {
        verb: 'effect',
        effect: makeDirectory,
        argument: path,
        onFailure: (message) =>
          event(
            'Warning',
            'ProvisioningFailed',
            `failed to provision volume with StorageClass ${className}: ${message}`,
          ),
      },
      create(
        PersistentVolumes,
        {
          kind: 'PersistentVolume',
          apiVersion: 'v1',
          metadata: {
            name,
            annotations: { [provisionedBy]: provisionerName, hostPathProvisionerIdentity: node.metadata.name! },
          },
          spec: {
            capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
            accessModes: claim.spec?.accessModes,
            persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
            storageClassName: storageClass.metadata.name,
            ...(storageClass.mountOptions === undefined ? {} : { mountOptions: storageClass.mountOptions }),
            volumeMode: 'Filesystem',
            hostPath: { path, type: 'DirectoryOrCreate' },
            claimRef: {
              kind: 'PersistentVolumeClaim',
              apiVersion: 'v1',
              namespace: claim.metadata.namespace,
              name: claim.metadata.name,
              uid: claim.metadata.uid,
              resourceVersion: claim.metadata.resourceVersion,
            },
            nodeAffinity: {
              required: {
                nodeSelectorTerms: [
                  {
                    matchExpressions: [
                      {
                        key: 'kubernetes.io/hostname',
                        operator: 'In',
                        values: [node.metadata.labels?.['kubernetes.io/hostname'] ?? node.metadata.name!],
                      },
                    ],
                  },
                ],
              },
            },
          },
        },
        {
          accept: ['AlreadyExists'],
          onSuccess: () => event('Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`),
          onFailure: (message) =>
            event(
              'Warning',
              'ProvisioningFailed',
              `Error creating provisioned PV object for claim ${claim.metadata.namespace!}/${claim.metadata.name!}: ${message}`,
            ),
        },
      ),
    ],
  };
}

function reclaim({ volume, root }: ReclaimSnapshot): Decision {
  const path = volume.spec?.hostPath?.path;
  const ours =
    volume.metadata.annotations?.[provisionedBy] === provisionerName &&
    volume.status?.phase === 'Released' &&
    volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
  // Only directories that were made here, whatever the object says now.
  if (!ours || path !== `${root}/${volume.metadata.name!}`) return nothing;
  return {
    actions: [
      {
        verb: 'effect',
        effect: removeDirectory,
        argument: path,
        onFailure: (message) => ({
          about: { ...volume, kind: 'PersistentVolume', apiVersion: 'v1' },
          type: 'Warning',
          reason: 'VolumeFailedDelete',
          message,
        }),
      },
      ...(volume.metadata.deletionTimestamp === undefined ? [remove(PersistentVolumes, volume)] : []),
    ],
  };
}
