// How a DaemonSet's Pods are replaced by those of the newest template, a few nodes at a time.
import type { DaemonSet, Pod } from '#api/generated/types.ts';
import { podIsAvailable } from '#rules/pod-is-ready.ts';
import { scaledValue } from '../deployment/member.ts';
import { isUpdated } from './daemon-pod.ts';

export interface Rollout {
  readonly remove: readonly Pod[];
  /** Names of nodes. */
  readonly make: readonly string[];
}

export const isRolling = ({ spec }: DaemonSet): boolean =>
  (spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

export const surgeOf = (daemonSet: DaemonSet, nodes: number): number =>
  isRolling(daemonSet) ? scaledValue(daemonSet.spec.updateStrategy?.rollingUpdate?.maxSurge, nodes, true) : 0;

/** `podsByNode`: with an empty list for nodes that should have a Pod. */
export function rollout(
  daemonSet: DaemonSet,
  podsByNode: ReadonlyMap<string, readonly Pod[]>,
  desired: number,
  runsOn: (node: string) => boolean,
  hash: string,
  now: number,
): Rollout {
  const surge = surgeOf(daemonSet, desired);
  const unavailable = scaledValue(daemonSet.spec.updateStrategy?.rollingUpdate?.maxUnavailable, desired, true);
  const nodes = [...podsByNode].map(([name, pods]) => {
    const living = pods.filter((one) => one.metadata.deletionTimestamp === undefined);
    const fresh = living.filter((one) => isUpdated(daemonSet, one, hash));
    const stale = living.filter((one) => !fresh.includes(one));
    return { name, fresh: fresh[0], stale: stale[0], isClear: fresh.length <= 1 && stale.length <= 1 };
  });
  const isAvailable = (pod: Pod) => podIsAvailable(pod, daemonSet.spec.minReadySeconds ?? 0, now);
  return surge === 0
    ? byRemoving(nodes, desired > 0 && unavailable === 0 ? 1 : unavailable, isAvailable)
    : bySurging(nodes, surge, desired, runsOn, isAvailable);
}

interface NodePods {
  readonly name: string;
  readonly fresh: Pod | undefined;
  readonly stale: Pod | undefined;
  /** At most one of each. */
  readonly isClear: boolean;
}

function byRemoving(nodes: readonly NodePods[], maxUnavailable: number, isAvailable: (pod: Pod) => boolean): Rollout {
  let unavailable = 0;
  const remove: Pod[] = [];
  const candidates: Pod[] = [];
  for (const { fresh, stale, isClear } of nodes) {
    if (!isClear || (fresh === undefined) === (stale === undefined)) unavailable++;
    else if (fresh !== undefined) {
      if (!isAvailable(fresh)) unavailable++;
    } else if (!isAvailable(stale!)) {
      remove.push(stale!);
      unavailable++;
    } else if (unavailable < maxUnavailable) candidates.push(stale!);
  }
  return { remove: [...remove, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))], make: [] };
}

function bySurging(
  nodes: readonly NodePods[],
  maxSurge: number,
  desired: number,
  runsOn: (node: string) => boolean,
  isAvailable: (pod: Pod) => boolean,
): Rollout {
  let surging = 0;
  let available = 0;
  const remove: Pod[] = [];
  const misplaced: Pod[] = [];
  const make: string[] = [];
  const candidates: string[] = [];
  for (const { name, fresh, stale, isClear } of nodes) {
    if (!isClear) {
      surging++;
      continue;
    }
    const counted = stale ?? fresh;
    if (counted !== undefined && isAvailable(counted)) available++;
    if (stale === undefined) continue;
    if (fresh !== undefined) {
      if (isAvailable(fresh)) remove.push(stale);
      else surging++;
    } else if (!isAvailable(stale)) {
      if (runsOn(name)) make.push(name);
      else remove.push(stale);
    } else if (!runsOn(name)) misplaced.push(stale);
    else if (surging < maxSurge) candidates.push(name);
  }
  return {
    // One on a node that it should leave goes only when another has taken its place.
    remove: [...remove, ...misplaced.slice(0, Math.max(0, available - desired))],
    make: [...make, ...candidates.slice(0, Math.max(0, maxSurge - surging))],
  };
}
