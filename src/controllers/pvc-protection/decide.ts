// A claim that a Pod uses stays until the Pod has ended.
import { PersistentVolumeClaims } from '#api/generated/kind-references.ts';
import type { PersistentVolumeClaim, Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { nothing, update, type Decision } from '../runtime/action.ts';

export const finalizer = 'kubernetes.io/pvc-protection';

export interface ClaimProtectionSnapshot {
  readonly claim: PersistentVolumeClaim;
  /** Pods that name the claim. */
  readonly pods: readonly Pod[];
}

export function decide({ claim, pods }: ClaimProtectionSnapshot): Decision {
  const { finalizers = [], deletionTimestamp } = claim.metadata;
  const withFinalizers = (next: readonly string[]): Decision => ({
    actions: [update(PersistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, finalizers: next } })],
  });
  const has = finalizers.includes(finalizer);
  if (deletionTimestamp === undefined) return has ? nothing : withFinalizers([...finalizers, finalizer]);
  // A Pod without a node will not be able to start: the claim is going.
  const inUse = pods.some((pod) => (pod.spec.nodeName ?? '') !== '' && !podIsTerminal(pod));
  return has && !inUse ? withFinalizers(finalizers.filter((one) => one !== finalizer)) : nothing;
}
