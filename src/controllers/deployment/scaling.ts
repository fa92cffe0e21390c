// How many replicas each ReplicaSet of a Deployment should have now.
import type { Deployment } from '#api/generated/types.ts';
import {
  active,
  byCreation,
  desiredAnnotation,
  isRolling,
  maxAnnotation,
  maxSurge,
  maxUnavailable,
  totalReplicas,
  wanted,
  type Member,
} from './member.ts';

const annotatedCount = (member: Member, annotation: string): number | undefined => {
  const text = member.annotations[annotation];
  return text !== undefined && /^[0-9]+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : undefined;
};

/** Somebody changed spec.replicas since the active ReplicaSets were sized. */
export const isScaled = (deployment: Deployment, members: readonly (Member | undefined)[]): boolean =>
  active(members).some((one) => {
    const desired = annotatedCount(one, desiredAnnotation);
    return desired !== undefined && desired !== wanted(deployment);
  });

/** The size of the new ReplicaSet in a rollout. `members`: all, the new one included. */
export function newSize(deployment: Deployment, members: readonly Member[], newest: Member): number {
  if (!isRolling(deployment)) return wanted(deployment);
  const room = wanted(deployment) + maxSurge(deployment) - totalReplicas(members);
  return room <= 0 ? newest.replicas : newest.replicas + Math.min(room, wanted(deployment) - newest.replicas);
}

/** Rolling update: true when the new ReplicaSet was resized. */
export function scaleNew(deployment: Deployment, members: readonly Member[], newest: Member): boolean {
  if (newest.replicas === wanted(deployment)) return false;
  if (newest.replicas > wanted(deployment)) return newest.scale(wanted(deployment), deployment);
  return newest.scale(newSize(deployment, members, newest), deployment);
}

/** Rolling update: true when old ReplicaSets shrank. Unhealthy replicas go first, then as many as availability allows. */
export function scaleOld(deployment: Deployment, old: readonly Member[], newest: Member): boolean {
  const activeOld = active(old).toSorted(byCreation);
  if (totalReplicas(activeOld) === 0) return false;
  const all = [...old, newest];
  const minAvailable = wanted(deployment) - maxUnavailable(deployment);
  const newUnavailable = newest.replicas - newest.available;
  const mostDown = totalReplicas(all) - minAvailable - newUnavailable;
  if (mostDown <= 0) return false;

  let cleaned = 0;
  for (const member of activeOld) {
    if (cleaned >= mostDown) break;
    if (member.replicas === 0 || member.replicas === member.available) continue;
    const down = Math.min(mostDown - cleaned, member.replicas - member.available);
    if (down <= 0) continue;
    member.scale(member.replicas - down, deployment);
    cleaned += down;
  }
  let scaledDown = 0;
  const spare = [...activeOld, newest].reduce((sum, one) => sum + one.available, 0) - minAvailable;
  for (const member of activeOld) {
    if (scaledDown >= spare) break;
    if (member.replicas === 0) continue;
    const down = Math.min(member.replicas, spare - scaledDown);
    member.scale(member.replicas - down, deployment);
    scaledDown += down;
  }
  return cleaned + scaledDown > 0;
}

const isSaturated = (deployment: Deployment, newest: Member | undefined): boolean =>
  newest !== undefined &&
  newest.replicas === wanted(deployment) &&
  annotatedCount(newest, desiredAnnotation) === wanted(deployment) &&
  newest.available === wanted(deployment);

/** Outside a rollout: the Deployment was resized, or is paused. In the middle of a rollout every ReplicaSet gets its share. */
export function scaleProportionally(deployment: Deployment, newest: Member | undefined, old: readonly Member[]): void {
  const living = active([...old, newest]);
  const single =
    living.length === 1 ? living[0] : living.length === 0 ? (newest ?? old.toSorted(byCreation).at(-1)) : undefined;
  if (single !== undefined) {
    single.scale(wanted(deployment), deployment);
    return;
  }
  if (isSaturated(deployment, newest)) {
    for (const member of active(old)) member.scale(0, deployment);
    return;
  }
  if (!isRolling(deployment) || living.length === 0) return;
  const allowed = wanted(deployment) > 0 ? wanted(deployment) + maxSurge(deployment) : 0;
  const toAdd = allowed - totalReplicas(living);
  // The largest first; of equal ones the newer when growing, the older when shrinking.
  living.sort((one, other) =>
    one.replicas !== other.replicas
      ? other.replicas - one.replicas
      : toAdd > 0
        ? byCreation(other, one)
        : byCreation(one, other),
  );
  let added = 0;
  const sizes = living.map((member) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, member, toAdd, added);
    added += share;
    return member.replicas + share;
  });
  if (toAdd !== 0) sizes[0] = Math.max(0, sizes[0]! + toAdd - added);
  for (const [index, member] of living.entries()) member.scale(sizes[index]!, deployment, true);
}

function proportion(deployment: Deployment, member: Member, toAdd: number, added: number): number {
  if (member.replicas === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, member);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function fractionOf(deployment: Deployment, member: Member): number {
  if (wanted(deployment) === 0) return -member.replicas;
  const before = annotatedCount(member, maxAnnotation) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  const size = (member.replicas * (wanted(deployment) + maxSurge(deployment))) / before;
  return Math.floor(size + 0.5) - member.replicas;
}
