// From a claim in a Pod to the volume that is bound to it, with upstream's words for what is in the way.
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '#api/generated/types.ts';

export interface ClaimSources {
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim | undefined>;
  persistentVolume(name: string): Promise<PersistentVolume | undefined>;
}

export interface BoundVolume {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
  readonly readOnly: boolean;
}

/** The volume is not one that could be mounted: nothing was tried. */
export class ClaimError extends Error {}

const protection = 'kubernetes.io/pvc-protection';

/** Undefined: the volume is no claim. Throws a ClaimError. */
export async function boundVolume(pod: Pod, volume: Volume, sources: ClaimSources): Promise<BoundVolume | undefined> {
  const namespace = pod.metadata.namespace ?? 'default';
  const reference =
    volume.persistentVolumeClaim ??
    (volume.ephemeral === undefined
      ? undefined
      : { claimName: `${pod.metadata.name}-${volume.name}`, readOnly: undefined });
  if (reference === undefined) return undefined;
  const { claimName } = reference;
  const fail = (why: string) => new ClaimError(`error processing PVC ${namespace}/${claimName}: ${why}`);
  const claim = await sources.claim(namespace, claimName);
  if (claim === undefined)
    throw fail(`failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(claimName)} not found`);
  if (claim.metadata.deletionTimestamp !== undefined && claim.metadata.finalizers?.includes(protection) !== true)
    throw fail('PVC is being deleted');
  if (claim.status?.phase !== 'Bound') throw fail('PVC is not bound');
  const name = claim.spec.volumeName ?? '';
  if (name === '') throw fail('PVC has empty pvc.Spec.VolumeName');
  const owned = claim.metadata.ownerReferences?.some((one) => one.controller === true && one.uid === pod.metadata.uid);
  if (volume.ephemeral !== undefined && owned !== true)
    throw new ClaimError(
      `PVC ${namespace}/${claimName} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`,
    );
  const found = await sources.persistentVolume(name);
  if (found === undefined)
    throw fail(`failed to fetch PV ${name} from API server: persistentvolumes ${JSON.stringify(name)} not found`);
  const bound = found.spec.claimRef;
  if (bound === undefined)
    throw fail(`found PV object ${name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`);
  if (bound.uid !== claim.metadata.uid)
    throw fail(
      `found PV object ${name} but its pv.Spec.ClaimRef.UID ${bound.uid ?? ''} does not point to claim.UID ${claim.metadata.uid}`,
    );
  checkMode(pod, volume.name, found.spec.volumeMode ?? 'Filesystem');
  return { claim, volume: found, readOnly: reference.readOnly === true };
}

function checkMode(pod: Pod, name: string, mode: string): void {
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []),
    ...(pod.spec.ephemeralContainers ?? []),
  ];
  const about = `volume ${name} has volumeMode ${mode}, but is specified in`;
  if (mode !== 'Filesystem' && containers.some((one) => one.volumeMounts?.some((mount) => mount.name === name)))
    throw new ClaimError(`${about} volumeMounts`);
  if (mode !== 'Block' && containers.some((one) => one.volumeDevices?.some((device) => device.name === name)))
    throw new ClaimError(`${about} volumeDevices`);
}
