// The ResourceClaims that a Pod names or has made for it, and who may use which.
import { isControlledBy } from '#api/meta/owner.ts';
import type {
  Pod,
  PodResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimResourceV1,
} from '#api/generated/types.ts';
import { podIsTerminal } from './pod-is-active.ts';

/** Keeps a claim while devices are allocated for it. */
export const claimFinalizer = 'resource.kubernetes.io/delete-protection';
/** On a claim that was made from a template: its name in the Pod. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';

export type ClaimName =
  /** `isOwn`: made for this Pod, which has to be its owner. */
  | { readonly type: 'claim'; readonly name: string; readonly isOwn: boolean }
  /** Deliberately none was made. */
  | { readonly type: 'none' }
  | { readonly type: 'not made'; readonly message: string }
  /** A kind of reference that is not known here. */
  | { readonly type: 'unknown'; readonly message: string };

export function claimNameOf(pod: Pod, podClaim: PodResourceClaim): ClaimName {
  const { name: podName, namespace } = pod.metadata;
  if (podClaim.resourceClaimName !== undefined)
    return { type: 'claim', name: podClaim.resourceClaimName, isOwn: false };
  if (podClaim.resourceClaimTemplateName === undefined)
    return {
      type: 'unknown',
      message: `pod "${namespace}/${podName}", spec.resourceClaim ${JSON.stringify(podClaim.name)}: none of the supported fields are set`,
    };
  const made = pod.status?.resourceClaimStatuses?.find((one) => one.name === podClaim.name);
  if (made === undefined)
    return { type: 'not made', message: `pod "${namespace}/${podName}": ResourceClaim not created yet` };
  return made.resourceClaimName === undefined
    ? { type: 'none' }
    : { type: 'claim', name: made.resourceClaimName, isOwn: true };
}

/** What speaks against a claim that should have been made for the Pod; undefined: nothing. */
export const foreignClaimMessage = (pod: Pod, claim: ResourceClaimResourceV1): string | undefined =>
  isControlledBy(claim, pod)
    ? undefined
    : `ResourceClaim ${claim.metadata.namespace}/${claim.metadata.name} was not created for Pod ${pod.metadata.namespace}/${pod.metadata.name} (Pod is not owner)`;

export const isReservedFor = (claim: ResourceClaimResourceV1, pod: Pod): boolean =>
  claim.status?.reservedFor?.some((one) => one.uid === pod.metadata.uid) === true;

export const consumerOf = (pod: Pod): ResourceClaimConsumerReference => ({
  resource: 'pods',
  name: pod.metadata.name!,
  uid: pod.metadata.uid!,
});

/** None of its containers runs, or ever will. */
export const podUsesNoClaims = (pod: Pod): boolean =>
  podIsTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && (pod.spec.nodeName ?? '') === '');
