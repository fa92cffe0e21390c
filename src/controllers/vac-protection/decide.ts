// A class of volume attributes that a volume or a claim names stays until none does.
import { VolumeAttributesClasses } from '#api/generated/kind-references.ts';
import type { VolumeAttributesClass } from '#api/generated/types.ts';
import { nothing, update, type Decision } from '../runtime/action.ts';

export const finalizer = 'kubernetes.io/vac-protection';

export interface ClassProtectionSnapshot {
  readonly attributesClass: VolumeAttributesClass;
  /** Whether a volume or a claim names the class. */
  readonly inUse: boolean;
}

export function decide({ attributesClass, inUse }: ClassProtectionSnapshot): Decision {
  const { finalizers = [], deletionTimestamp } = attributesClass.metadata;
  const withFinalizers = (next: readonly string[]): Decision => ({
    actions: [
      update(VolumeAttributesClasses, {
        ...attributesClass,
        metadata: { ...attributesClass.metadata, finalizers: next },
      }),
    ],
  });
  const has = finalizers.includes(finalizer);
  if (deletionTimestamp === undefined) return has ? nothing : withFinalizers([...finalizers, finalizer]);
  return has && !inUse ? withFinalizers(finalizers.filter((one) => one !== finalizer)) : nothing;
}
