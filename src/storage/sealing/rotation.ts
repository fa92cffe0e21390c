// A new encryption key in the place of the one in use, while everything goes on. Each step is on disk before the next begins, so a
// crash leaves data that the keys in the file open: the new key is written beside the old one; everything is sealed with it;
// then the old one goes. What was interrupted is finished by the next start, or the next rotation.
import { KeyRing, sealedPrefixes } from './sealing-key.ts';

export interface Resealed {
  readonly done: number;
  readonly total: number;
}

export interface RotationOptions {
  readonly ring: KeyRing;
  /** Writes everything below the prefixes again, sealed by what seals now; resolves when it is on disk, all of it. */
  readonly reseal: (prefixes: readonly string[], onProgress: (progress: Resealed) => void) => Promise<void>;
  /** Makes copies of the data that lie beside it anew. False: it could not; then the older keys stay. */
  readonly renewCopies: () => Promise<boolean>;
  readonly onProgress: (progress: Resealed) => void;
}

/** Nothing is done when there is one key only. False: the older keys are still needed by copies. */
export async function finishRotation({ ring, reseal, renewCopies, onProgress }: RotationOptions): Promise<boolean> {
  if (ring.facts().length === 1) return true;
  await reseal(sealedPrefixes, onProgress);
  if (!(await renewCopies())) return false;
  await ring.dropOlder();
  return true;
}

export async function rotateKey(options: RotationOptions): Promise<boolean> {
  // Or keys would pile up behind rotations that fail.
  if (!(await finishRotation(options))) return false;
  await options.ring.add();
  return finishRotation(options);
}
