// One claim: finds it a volume, asks for one to be made, and completes the binding on both sides.
import { PersistentVolumeClaims, PersistentVolumes } from '#api/generated/kind-references.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/generated/types.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { classOfClaim, findVolumeFor, refersTo, volumeMismatch } from '#rules/volume-matches-claim.ts';
import { update, updateStatus, type Action, type Decision, type EventRequest } from '../runtime/action.ts';

export interface ClaimSnapshot {
  readonly claim: PersistentVolumeClaim;
  readonly volumes: readonly PersistentVolume[];
  readonly storageClass: StorageClass | undefined;
  readonly defaultClass: StorageClass | undefined;
  /** Names of Pods that use the claim and have no node yet. */
  readonly waitingPods: readonly string[];
}

export const bindCompleted = 'pv.kubernetes.io/bind-completed';
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const selectedNode = 'volume.kubernetes.io/selected-node';
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner';
const storageProvisionerBeta = 'volume.beta.kubernetes.io/storage-provisioner';

const event = (
  claim: PersistentVolumeClaim,
  type: EventRequest['type'],
  reason: string,
  message: string,
): EventRequest => ({
  about: { ...claim, kind: 'PersistentVolumeClaim', apiVersion: 'v1' },
  type,
  reason,
  message,
});
const annotated = (claim: PersistentVolumeClaim, name: string): boolean =>
  claim.metadata.annotations?.[name] !== undefined;

export function decideClaim(snapshot: ClaimSnapshot): Decision {
  return annotated(snapshot.claim, bindCompleted) ? keepBound(snapshot) : findVolume(snapshot);
}

function findVolume(snapshot: ClaimSnapshot): Decision {
  const { claim, volumes, storageClass, defaultClass } = snapshot;
  if (claim.spec?.volumeName) return bindRequested(snapshot, claim.spec.volumeName);
  const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  // A claim that waits for its Pod takes only a volume that is reserved for it: the scheduler chooses.
  const volume = findVolumeFor(claim, waits ? volumes.filter((one) => refersTo(one, claim)) : volumes);
  if (volume !== undefined) return { actions: bind(claim, volume) };
  if (claim.spec?.storageClassName === undefined && classOfClaim(claim) === '' && defaultClass !== undefined)
    return {
      actions: [
        update(PersistentVolumeClaims, {
          ...claim,
          spec: { ...claim.spec, storageClassName: defaultClass.metadata.name },
        }),
      ],
    };
  if (waits && !annotated(claim, selectedNode)) {
    const { waitingPods } = snapshot;
    const [reason, message] =
      waitingPods.length === 0
        ? ['WaitForFirstConsumer', 'waiting for first consumer to be created before binding']
        : [
            'WaitForPodScheduled',
            waitingPods.length === 1
              ? `waiting for pod ${waitingPods[0]!} to be scheduled`
              : `waiting for pods ${waitingPods.join(',')} to be scheduled`,
          ];
    return pending(claim, event(claim, 'Normal', reason!, message!));
  }
  if (classOfClaim(claim) !== '') return provision(claim, storageClass);
  return pending(
    claim,
    event(
      claim,
      'Normal',
      'FailedBinding',
      'no persistent volumes available for this claim and no storage class is set',
    ),
  );
}

/** The handshake with provisioners outside: they see their name on the claim and make the volume. */
function provision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): Decision {
  if (storageClass === undefined)
    return pending(
      claim,
      event(
        claim,
        'Warning',
        'ProvisioningFailed',
        `storageclass.storage.k8s.io ${JSON.stringify(classOfClaim(claim))} not found`,
      ),
    );
  const { provisioner } = storageClass;
  if (provisioner === 'kubernetes.io/no-provisioner') {
    return pending(
      claim,
      event(
        claim,
        'Normal',
        'FailedBinding',
        'no persistent volumes available for this claim and no storage class is set',
      ),
    );
  }
  const waiting = event(
    claim,
    'Normal',
    'ExternalProvisioning',
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  );
  const asked =
    claim.metadata.annotations?.[storageProvisioner] === provisioner &&
    claim.metadata.annotations[storageProvisionerBeta] === provisioner;
  if (asked) return { actions: [], events: [waiting] };
  const annotations = {
    ...claim.metadata.annotations,
    [storageProvisioner]: provisioner,
    [storageProvisionerBeta]: provisioner,
  };
  return { actions: [update(PersistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } })] };
}

function bindRequested({ claim, volumes }: ClaimSnapshot, name: string): Decision {
  const volume = volumes.find((one) => one.metadata.name === name);
  if (volume === undefined) return pending(claim);
  if (volume.spec?.claimRef === undefined) {
    const mismatch = volumeMismatch(volume, claim);
    return mismatch === undefined
      ? { actions: bind(claim, volume) }
      : pending(
          claim,
          event(
            claim,
            'Warning',
            'VolumeMismatch',
            `Cannot bind to requested volume ${JSON.stringify(name)}: ${mismatch}`,
          ),
        );
  }
  if (refersTo(volume, claim)) return { actions: bind(claim, volume) };
  return pending(
    claim,
    event(claim, 'Warning', 'FailedBinding', `volume ${JSON.stringify(name)} already bound to a different claim.`),
  );
}

function keepBound({ claim, volumes }: ClaimSnapshot): Decision {
  const lost = (reason: string, message: string): Decision =>
    claim.status?.phase === 'Lost'
      ? { actions: [] }
      : {
          actions: [updateStatus(PersistentVolumeClaims, { ...claim, status: { phase: 'Lost' } })],
          events: [event(claim, 'Warning', reason, message)],
        };
  if (!claim.spec?.volumeName)
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = volumes.find((one) => one.metadata.name === claim.spec!.volumeName);
  if (volume === undefined)
    return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  if (volume.spec?.claimRef === undefined || volume.spec.claimRef.uid === claim.metadata.uid)
    return { actions: bind(claim, volume) };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** Both objects, their specs before their statuses; a status follows only what is already written. */
function bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Action[] {
  const actions: Action[] = [];
  const reference = volume.spec?.claimRef;
  if (reference?.uid !== claim.metadata.uid) {
    const annotations = {
      ...volume.metadata.annotations,
      ...(reference === undefined ? { [boundByController]: 'yes' } : {}),
    };
    actions.push(
      update(PersistentVolumes, {
        ...volume,
        metadata: { ...volume.metadata, annotations },
        spec: {
          ...volume.spec,
          claimRef: {
            kind: 'PersistentVolumeClaim',
            apiVersion: 'v1',
            namespace: claim.metadata.namespace,
            name: claim.metadata.name,
            uid: claim.metadata.uid,
            resourceVersion: claim.metadata.resourceVersion,
          },
        },
      }),
    );
    return actions;
  }
  if (volume.status?.phase !== 'Bound')
    actions.push(
      updateStatus(PersistentVolumes, {
        ...volume,
        status: { ...volume.status, phase: 'Bound' },
      }),
    );
  if (claim.spec?.volumeName !== volume.metadata.name || !annotated(claim, bindCompleted)) {
    const annotations = {
      ...claim.metadata.annotations,
      [bindCompleted]: 'yes',
      ...(claim.spec?.volumeName ? {} : { [boundByController]: 'yes' }),
    };
    actions.push(
      update(PersistentVolumeClaims, {
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName: volume.metadata.name },
      }),
    );
    return actions;
  }
  const status = {
    ...claim.status,
    phase: 'Bound',
    accessModes: volume.spec?.accessModes,
    // Later changes belong to resizing.
    capacity:
      claim.status?.phase === 'Bound' ? (claim.status.capacity ?? volume.spec?.capacity) : volume.spec?.capacity,
  };
  if (!semanticallyEqual(status, claim.status))
    actions.push(updateStatus(PersistentVolumeClaims, { ...claim, status }));
  return actions;
}

function pending(claim: PersistentVolumeClaim, ...events: readonly EventRequest[]): Decision {
  return {
    actions:
      claim.status?.phase === 'Pending'
        ? []
        : [updateStatus(PersistentVolumeClaims, { ...claim, status: { ...claim.status, phase: 'Pending' } })],
    events,
  };
}
