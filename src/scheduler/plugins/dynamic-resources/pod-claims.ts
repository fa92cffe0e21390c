// The claims of a Pod that is to be scheduled, and what speaks against it before any node is looked at.
import type { Pod, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { claimNameOf, foreignClaimMessage } from '#rules/pod-resource-claims.ts';
import type { DevicesSnapshot } from './device-book.ts';
import { optionsOf } from './requests.ts';

export const usesClaims = (pod: Pod): boolean => (pod.spec.resourceClaims ?? []).length > 0;

/** A text: one of them is not there. */
export function claimsOf(pod: Pod, devices: DevicesSnapshot): readonly ResourceClaimResourceV1[] | string {
  const claims: ResourceClaimResourceV1[] = [];
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    const name = claimNameOf(pod, podClaim);
    if (name.type === 'none') continue;
    if (name.type !== 'claim') return name.message;
    const claim = devices.claim(pod.metadata.namespace!, name.name);
    if (claim === undefined) return `resourceclaim.resource.k8s.io ${JSON.stringify(name.name)} not found`;
    if (claim.metadata.deletionTimestamp !== undefined)
      return `resourceclaim ${JSON.stringify(name.name)} is being deleted`;
    const foreign = name.isOwn ? foreignClaimMessage(pod, claim) : undefined;
    if (foreign !== undefined) return foreign;
    claims.push(claim);
  }
  return claims;
}

/** A text rejects every node. */
export function beforeNodes(pod: Pod, devices: DevicesSnapshot): string | undefined {
  const claims = claimsOf(pod, devices);
  if (typeof claims === 'string') return claims;
  for (const claim of claims) {
    if (claim.status?.allocation !== undefined) continue;
    const name = `${claim.metadata.namespace}/${claim.metadata.name}`;
    if (devices.isPending(claim.metadata.uid!)) return `resource claim ${name} is in the process of being allocated`;
    for (const request of claim.spec.devices?.requests ?? []) {
      const options = optionsOf(request);
      if (options.length === 0) return `resource claim ${name}, request ${request.name}: unknown request type`;
      for (const { fullName, className } of options)
        if (devices.deviceClass(className) === undefined)
          return `request ${fullName}: device class ${className} does not exist`;
    }
  }
  return undefined;
}
