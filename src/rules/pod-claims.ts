// The PersistentVolumeClaims that a Pod uses, those of its ephemeral volumes included.
import type { Pod } from '#api/generated/types.ts';

export interface PodClaim {
  readonly name: string;
  /** Made for this Pod by the ephemeral volume controller. */
  readonly ephemeral: boolean;
}

export const claimsOfPod = (pod: Pod): readonly PodClaim[] =>
  (pod.spec.volumes ?? []).flatMap((volume): PodClaim[] =>
    volume.persistentVolumeClaim !== undefined
      ? [{ name: volume.persistentVolumeClaim.claimName, ephemeral: false }]
      : volume.ephemeral !== undefined
        ? [{ name: `${pod.metadata.name!}-${volume.name}`, ephemeral: true }]
        : [],
  );
