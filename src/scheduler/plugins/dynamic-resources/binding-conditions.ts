// Devices that are ready only after their driver has said so (KEP-5007): a Pod is bound once they are.
import type { DeviceRequestAllocationResult, ResourceClaimResourceV1 } from '#api/generated/types.ts';

/** How long a driver has: upstream's default (DynamicResourcesArgs.bindingTimeout). */
export const deviceBindingTimeoutMs = 600_000;

export type Readiness =
  | { readonly type: 'ready' }
  | { readonly type: 'waiting' }
  /** The driver gives the device up. */
  | { readonly type: 'failed'; readonly message: string };

const conditionsOf = ({ status }: ResourceClaimResourceV1, { driver, pool, device }: DeviceRequestAllocationResult) =>
  status?.devices?.find((one) => one.driver === driver && one.pool === pool && one.device === device)?.conditions;

export const resultsWithConditions = ({ status }: ResourceClaimResourceV1): readonly DeviceRequestAllocationResult[] =>
  (status?.allocation?.devices?.results ?? []).filter((one) => (one.bindingConditions ?? []).length > 0);

export function readinessOf(claim: ResourceClaimResourceV1): Readiness {
  if (claim.status?.allocation === undefined) return { type: 'waiting' };
  for (const result of resultsWithConditions(claim)) {
    const conditions = conditionsOf(claim, result);
    if (conditions === undefined) return { type: 'waiting' };
    const failure = conditions.find(
      (one) => one.status === 'True' && result.bindingFailureConditions?.includes(one.type) === true,
    );
    if (failure !== undefined)
      return {
        type: 'failed',
        message: `device binding failed: claim=${claim.metadata.name}, reason=${failure.reason}, message=${JSON.stringify(failure.message)}`,
      };
    const isMet = (type: string) => conditions.some((one) => one.type === type && one.status === 'True');
    if (result.bindingConditions?.every(isMet) !== true) return { type: 'waiting' };
  }
  return { type: 'ready' };
}

/** `now`: milliseconds since 1970. */
export function hasTimedOut(claim: ResourceClaimResourceV1, now: number): boolean {
  const since = claim.status?.allocation?.allocationTimestamp;
  return (
    since !== undefined && resultsWithConditions(claim).length > 0 && Date.parse(since) + deviceBindingTimeoutMs < now
  );
}
