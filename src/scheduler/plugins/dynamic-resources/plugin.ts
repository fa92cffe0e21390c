// Claimed devices: a Pod comes to a node where its claims have theirs, or can be given some. Upstream's DynamicResources.
import type { AllocationResult, Pod, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { podSearchStepsMax } from '#base/limits.ts';
import { matchesNodeSelector } from '#rules/matches-node-selector.ts';
import { isReservedFor } from '#rules/pod-resource-claims.ts';
import type { NodeInfo } from '../../node-info.ts';
import {
  CycleError,
  normalised,
  unresolvable,
  type ClusterSnapshot,
  type NodeFilter,
  type SchedulerPlugin,
} from '../../plugin.ts';
import { allocate, AllocationError, NodeAllocationError, type ClaimChoice, type SearchBudget } from './allocate.ts';
import { allocationResult } from './allocation-result.ts';
import { hasTimedOut, readinessOf } from './binding-conditions.ts';
import type { DevicesSnapshot } from './device-book.ts';
import { beforeNodes, claimsOf, usesClaims } from './pod-claims.ts';

const name = 'DynamicResources';
const notAvailable = 'resourceclaim not available on the node';
/** The first of a request's alternatives is worth so many points, the next one less: upstream's limit on their number. */
const alternativesMax = 8;

/** What has to be written before the Pod is bound. */
export interface DevicePlan {
  readonly claims: readonly PlannedClaim[];
}
export interface PlannedClaim {
  readonly claim: ResourceClaimResourceV1;
  /** Undefined: it has one. */
  readonly allocation: AllocationResult | undefined;
  readonly isReserved: boolean;
}

const claimsToPlace = (pod: Pod, devices: DevicesSnapshot): readonly ResourceClaimResourceV1[] => {
  const claims = claimsOf(pod, devices);
  return typeof claims === 'string' ? [] : claims;
};
const isAllocated = ({ status }: ResourceClaimResourceV1): boolean => status?.allocation !== undefined;

/** Of a claim that has its devices. */
function isAvailable(claim: ResourceClaimResourceV1, { node }: NodeInfo, now: number): boolean {
  if (!matchesNodeSelector(claim.status?.allocation?.nodeSelector, node)) return false;
  const readiness = readinessOf(claim);
  return readiness.type === 'ready' || (readiness.type === 'waiting' && !hasTimedOut(claim, now));
}

function choose(
  node: NodeInfo,
  claims: readonly ResourceClaimResourceV1[],
  devices: DevicesSnapshot,
  budget: SearchBudget,
): readonly ClaimChoice[] | string {
  try {
    return allocate(node, claims, devices, budget) ?? 'cannot allocate all claims';
  } catch (error) {
    if (error instanceof NodeAllocationError) return error.message;
    if (error instanceof AllocationError)
      throw new CycleError(`running ${JSON.stringify(name)} filter plugin: ${error.message}`);
    throw error;
  }
}

function prepare(pod: Pod, { devices }: ClusterSnapshot): NodeFilter | undefined {
  if (!usesClaims(pod)) return undefined;
  const claims = claimsToPlace(pod, devices);
  const wanted = claims.filter((one) => !isAllocated(one));
  const given = claims.filter(isAllocated);
  const budget = { steps: podSearchStepsMax };
  const now = devices.now();
  return (node) => {
    if (wanted.length > 0) {
      const chosen = choose(node, wanted, devices, budget);
      if (typeof chosen === 'string') return unresolvable(chosen);
    }
    return given.every((claim) => isAvailable(claim, node, now)) ? undefined : unresolvable(notAvailable);
  };
}

/** On the node that was chosen. A text: it does not fit there any more. */
export function planDevices(
  pod: Pod,
  node: NodeInfo,
  { devices }: ClusterSnapshot,
  shareId: () => string,
): DevicePlan | string {
  if (!usesClaims(pod)) return { claims: [] };
  const claims = claimsToPlace(pod, devices);
  const wanted = claims.filter((one) => !isAllocated(one));
  const chosen = wanted.length === 0 ? [] : choose(node, wanted, devices, { steps: podSearchStepsMax });
  if (typeof chosen === 'string') return chosen;
  return {
    claims: claims.map((claim) => {
      const choice = chosen.find((one) => one.claim === claim);
      return {
        claim,
        allocation: choice && allocationResult(choice, node.name, shareId),
        isReserved: isReservedFor(claim, pod),
      };
    }),
  };
}

/** Points for the alternatives that the Pod would get there. */
function preference(node: NodeInfo, claims: readonly ResourceClaimResourceV1[], devices: DevicesSnapshot): number {
  const wanted = claims.filter((one) => !isAllocated(one));
  const chosen = wanted.length === 0 ? [] : choose(node, wanted, devices, { steps: podSearchStepsMax });
  if (typeof chosen === 'string') return 0;
  let points = 0;
  for (const claim of claims) {
    const choice = chosen.find((one) => one.claim === claim);
    const given = new Set(
      choice === undefined
        ? claim.status?.allocation?.devices?.results?.map((one) => one.request)
        : choice.devices.map(({ option }) => option.fullName),
    );
    for (const request of claim.spec.devices?.requests ?? [])
      for (const [index, { name: alternative }] of (request.firstAvailable ?? []).entries())
        if (given.has(`${request.name}/${alternative}`)) points += alternativesMax - index;
  }
  return points;
}

export const dynamicResources: SchedulerPlugin = {
  name,
  wakesOn: ['node', 'device'],
  preFilter: (pod, { devices }) => (usesClaims(pod) ? beforeNodes(pod, devices) : undefined),
  filter: (pod, node, cluster) => prepare(pod, cluster)?.(node),
  prepare,
  score: {
    weight: 2,
    of(pod, nodes, { devices }) {
      const claims = usesClaims(pod) ? claimsToPlace(pod, devices) : [];
      const hasAlternatives = claims.some(({ spec }) =>
        spec.devices?.requests?.some(({ firstAvailable = [] }) => firstAvailable.length > 0),
      );
      if (!hasAlternatives) return nodes.map(() => 0);
      return normalised(nodes.map((node) => preference(node, claims, devices)));
    },
  },
  postFilter(pod, { devices }, rejections, pick) {
    const nodes = [...rejections].filter(([, { reasons }]) => reasons.includes(notAvailable)).map(([node]) => node);
    const claims = usesClaims(pod) && beforeNodes(pod, devices) === undefined ? claimsToPlace(pod, devices) : [];
    if (claims.length === 0) return { message: 'no new claims to deallocate' };
    const now = devices.now();
    const idle = claims.filter(
      (claim) =>
        isAllocated(claim) &&
        (claim.status?.reservedFor ?? []).every((one) => one.uid === pod.metadata.uid) &&
        nodes.some((node) => !isAvailable(claim, node, now)),
    );
    return idle.length === 0
      ? { message: 'still not schedulable' }
      : { message: 'deallocation of ResourceClaim completed', release: idle[pick(idle.length)]! };
  },
};
