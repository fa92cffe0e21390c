// Who owns a StatefulSet's claims, so that the garbage collector removes them when the retention policy says so (KEP-1847).
import { Pods, StatefulSets } from '#api/generated/kind-references.ts';
import type { OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { controllerReference } from '#api/meta/owner.ts';
import { isInRange } from './member.ts';

const policyOf = ({ spec }: StatefulSet) => ({
  deletesWithSet: spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete',
  deletesScaled: spec.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete',
});
const names = (reference: OwnerReference, kind: KindReference, owner: KubernetesObject): boolean =>
  reference.kind === kind.kind &&
  reference.apiVersion === (kind.group === '' ? kind.version : `${kind.group}/${kind.version}`) &&
  reference.name === owner.metadata.name;
const isStale = (claim: PersistentVolumeClaim, kind: KindReference, owner: KubernetesObject): boolean => {
  const reference = claim.metadata.ownerReferences?.find((one) => names(one, kind, owner));
  return reference !== undefined && reference.uid !== owner.metadata.uid;
};

/** The claim of an earlier Pod of that name: it is on its way out, and a new Pod must not take it. */
export const blocksPod = (claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean =>
  policyOf(set).deletesScaled && isStale(claim, Pods, pod);

export interface Ownership {
  readonly ownerReferences: readonly OwnerReference[];
  /** Another controller manages the claim: the policy does not apply to it. */
  readonly conflicts: boolean;
}

/** The owners that the claim should have; undefined when it has them, or when it is not to be touched. */
export function wantedOwners(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Pod,
  ordinal: number,
): Ownership | undefined {
  const references = claim.metadata.ownerReferences ?? [];
  if (isStale(claim, StatefulSets, set) || isStale(claim, Pods, pod)) return undefined;
  const { deletesWithSet, deletesScaled } = policyOf(set);
  const isOurs = (one: OwnerReference) => names(one, StatefulSets, set) || names(one, Pods, pod);
  const others = references.filter((one) => !isOurs(one));
  const ours = references.filter(isOurs);
  const conflicts = (deletesWithSet || deletesScaled) && others.some((one) => one.controller === true);
  if (conflicts) return ours.length === 0 ? undefined : { ownerReferences: others, conflicts };
  const isScaledDown = !isInRange(set, ordinal);
  const wanted: OwnerReference[] = [];
  if (deletesScaled && isScaledDown) wanted.push(controllerReference(Pods, pod));
  else if (deletesWithSet) wanted.push(controllerReference(StatefulSets, set));
  const same =
    wanted.length === ours.length &&
    wanted.every((one) => ours.some((other) => other.uid === one.uid && other.controller === true));
  return same ? undefined : { ownerReferences: [...others, ...wanted], conflicts };
}
