// A volume that is bound to a claim stays until it is not.
import { PersistentVolumes } from '#api/generated/kind-references.ts';
import type { PersistentVolume } from '#api/generated/types.ts';
import { nothing, update, type Decision } from '../runtime/action.ts';

export const finalizer = 'kubernetes.io/pv-protection';

export function decide(volume: PersistentVolume): Decision {
  const { finalizers = [], deletionTimestamp } = volume.metadata;
  const withFinalizers = (next: readonly string[]): Decision => ({
    actions: [update(PersistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers: next } })],
  });
  const has = finalizers.includes(finalizer);
  if (deletionTimestamp === undefined) return has ? nothing : withFinalizers([...finalizers, finalizer]);
  return has && volume.status?.phase !== 'Bound'
    ? withFinalizers(finalizers.filter((one) => one !== finalizer))
    : nothing;
}
