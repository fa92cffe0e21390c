// One volume: its phase, and what becomes of it when its claim is gone.
import { PersistentVolumes } from '#api/generated/kind-references.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { nothing, update, updateStatus, type Decision } from '../runtime/action.ts';
import { boundByController } from './decide-claim.ts';

export interface VolumeSnapshot {
  readonly volume: PersistentVolume;
  /** The object that the reference names; perhaps another one of that name. */
  readonly claim: PersistentVolumeClaim | undefined;
}

export function decideVolume({ volume, claim }: VolumeSnapshot, now: number): Decision {
  const reference = volume.spec?.claimRef;
  const phase = volume.status?.phase;
  const to = (next: string): Decision =>
    phase === next
      ? nothing
      : {
          actions: [
            updateStatus(PersistentVolumes, {
              ...volume,
              status: { phase: next, lastPhaseTransitionTime: formatTime(now) },
            }),
          ],
        };
  if (reference?.uid === undefined || reference.uid === '') return to('Available');
  if (claim !== undefined && claim.metadata.uid === reference.uid) {
    if (claim.spec?.volumeName === volume.metadata.name) return to('Bound');
    // The claim went elsewhere: a reservation that was made for it here is undone.
    if (claim.spec?.volumeName && volume.metadata.annotations?.[boundByController] !== undefined) {
      const { [boundByController]: _, ...annotations } = volume.metadata.annotations;
      const { claimRef: __, ...spec } = volume.spec!;
      return {
        actions: [update(PersistentVolumes, { ...volume, metadata: { ...volume.metadata, annotations }, spec })],
      };
    }
    return nothing;
  }
  // Deleting it is the provisioner's part.
  return phase === 'Failed' ? nothing : to('Released');
}
