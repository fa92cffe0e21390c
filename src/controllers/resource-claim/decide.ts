// Claims of Pods: made from templates, reserved where no scheduler did it, given back after use. Upstream's resourceclaim
// controller. Who allocates devices is the scheduler.
import { Pods, ResourceClaimsResourceV1 } from '#api/generated/kind-references.ts';
import type {
  Pod,
  PodResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimResourceV1,
  ResourceClaimTemplate,
} from '#api/generated/types.ts';
import {
  claimFinalizer,
  claimNameOf,
  consumerOf,
  foreignClaimMessage,
  isReservedFor,
  podClaimAnnotation,
  podUsesNoClaims,
} from '#rules/pod-resource-claims.ts';
import {
  create,
  nothing,
  patch,
  remove,
  update,
  updateStatus,
  type Action,
  type Decision,
  type EventRequest,
  type Guard,
} from '../runtime/action.ts';

export interface PodSnapshot {
  readonly pod: Pod;
  /** In the Pod's namespace. */
  readonly claim: (name: string) => ResourceClaimResourceV1 | undefined;
  readonly template: (name: string) => ResourceClaimTemplate | undefined;
  /** Claims that the Pod owns. */
  readonly owned: readonly ResourceClaimResourceV1[];
}

export interface ClaimSnapshot {
  readonly claim: ResourceClaimResourceV1;
  /** It was seen with an allocation and has kept the finalizer since. */
  readonly wasAllocated: boolean;
  /** In the claim's namespace. */
  readonly pod: (name: string) => Pod | undefined;
}

/** Of a generated name, without the five random characters and the dash before them. */
const baseNameLengthMax = 57;
const fieldManager = 'ResourceClaimController';

export const decide = (snapshot: PodSnapshot | ClaimSnapshot): Decision =>
  'owned' in snapshot ? decidePod(snapshot) : decideClaim(snapshot);

function decidePod(snapshot: PodSnapshot): Decision {
  const { pod } = snapshot;
  // The claims of one that has ended were deleted: they are not made again.
  if (pod.metadata.deletionTimestamp !== undefined || podUsesNoClaims(pod)) return nothing;
  const makes: Action[] = [];
  const made = new Map<string, string>();
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    const found = generatedClaim(snapshot, podClaim);
    if ('error' in found) return { actions: makes, events: [failed(pod, podClaim, found.error)] };
    if ('make' in found) makes.push(found.make);
    else if (found.name !== undefined) made.set(podClaim.name, found.name);
  }
  // Their names are known when the informers tell of them.
  if (makes.length > 0) return { actions: makes };
  const known = pod.status?.resourceClaimStatuses ?? [];
  if ([...made].some(([name, claim]) => known.find((one) => one.name === name)?.resourceClaimName !== claim))
    return { actions: [tellNames(pod, made)] };
  return (pod.spec.nodeName ?? '') === '' ? nothing : { actions: reservations(snapshot) };
}

type Generated = { readonly name: string | undefined } | { readonly make: Action } | { readonly error: string };

/** The claim that is, or has to be, made from a template. No name: none is. */
function generatedClaim({ pod, claim, template, owned }: PodSnapshot, podClaim: PodResourceClaim): Generated {
  const known = claimNameOf(pod, podClaim);
  if (known.type === 'unknown') return { error: `checking for claim before creating it: ${known.message}` };
  if (known.type === 'none') return { name: undefined };
  const { name, resourceClaimTemplateName: templateName } = podClaim;
  if (templateName === undefined) return { name: undefined };
  if (known.type === 'claim') {
    const found = claim(known.name);
    if (found !== undefined && foreignClaimMessage(pod, found) === undefined) return { name: known.name };
  }
  // Made already, and the Pod's status was not written: or it is not there yet that it was.
  const orphan = owned.find((one) => one.metadata.annotations?.[podClaimAnnotation] === name);
  if (orphan !== undefined) return { name: orphan.metadata.name };
  const from = template(templateName);
  if (from === undefined)
    return {
      error: `resource claim template ${JSON.stringify(templateName)}: resourceclaimtemplate.resource.k8s.io ${JSON.stringify(templateName)} not found`,
    };
  return { make: makeClaim(pod, podClaim, from) };
}

function makeClaim(pod: Pod, podClaim: PodResourceClaim, { spec }: ResourceClaimTemplate): Action {
  const { name, namespace, uid } = pod.metadata;
  const { labels, annotations } = spec.metadata ?? {};
  return create(
    ResourceClaimsResourceV1,
    {
      kind: 'ResourceClaim',
      apiVersion: 'resource.k8s.io/v1',
      metadata: {
        generateName: baseName(name!, podClaim.name),
        namespace,
        ...(labels === undefined ? {} : { labels }),
        annotations: { ...annotations, [podClaimAnnotation]: podClaim.name },
        // Without blockOwnerDeletion, as upstream.
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid!, controller: true }],
      },
      spec: spec.spec,
    },
    { onFailure: (message) => failed(pod, podClaim, `create ResourceClaim : ${message}`) },
  );
}

/** Of names that are too long together, each keeps its share. */
export function baseName(podName: string, claimName: string): string {
  const whole = `${podName}-${claimName}-`;
  if (whole.length <= baseNameLengthMax) return whole;
  const podPart = podName.slice(0, Math.trunc((podName.length * baseNameLengthMax) / whole.length));
  return `${podPart}-${claimName.slice(0, Math.trunc((claimName.length * baseNameLengthMax) / whole.length))}`;
}

const failed = (pod: Pod, podClaim: PodResourceClaim, cause: string): EventRequest => ({
  about: { ...pod, kind: 'Pod', apiVersion: 'v1' },
  type: 'Warning',
  reason: 'FailedResourceClaimCreation',
  message: `PodResourceClaim ${podClaim.name}: ${cause}`,
});

/** All of them: what an apply leaves out is taken away. */
const tellNames = (pod: Pod, made: ReadonlyMap<string, string>): Action =>
  patch(
    Pods,
    pod,
    {
      type: 'apply',
      force: true,
      value: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
        status: {
          resourceClaimStatuses: [...made].map(([name, resourceClaimName]) => ({ name, resourceClaimName })),
        },
      },
    },
    { subresource: 'status', fieldManager },
  );

/** Of a Pod that came to its node past the scheduler. */
function reservations({ pod, claim }: PodSnapshot): readonly Action[] {
  const actions: Action[] = [];
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    const name = claimNameOf(pod, podClaim);
    if (name.type !== 'claim') continue;
    const found = claim(name.name);
    if (found === undefined || (name.isOwn && foreignClaimMessage(pod, found) !== undefined)) break;
    if (found.status?.allocation === undefined || isReservedFor(found, pod)) continue;
    const reservedFor = [...(found.status.reservedFor ?? []), consumerOf(pod)];
    actions.push(updateStatus(ResourceClaimsResourceV1, { ...found, status: { ...found.status, reservedFor } }));
  }
  return actions;
}

function decideClaim({ claim, wasAllocated, pod }: ClaimSnapshot): Decision {
  const { namespace, finalizers = [], deletionTimestamp } = claim.metadata;
  const { reservedFor = [], allocation } = claim.status ?? {};
  const gone: ResourceClaimConsumerReference[] = [];
  const remaining = reservedFor.filter((one) => {
    if ((one.apiGroup ?? '') !== '' || one.resource !== 'pods') return true;
    const known = pod(one.name);
    if (known === undefined) gone.push(one);
    return known !== undefined && known.metadata.uid === one.uid && !podUsesNoClaims(known);
  });
  const isProtected = finalizers.includes(claimFinalizer);
  const actions: Action[] = [];
  if (
    remaining.length < reservedFor.length ||
    (isProtected && deletionTimestamp !== undefined && remaining.length === 0)
  ) {
    const isUnused = remaining.length === 0;
    if (remaining.length < reservedFor.length || allocation !== undefined)
      actions.push({
        ...updateStatus(ResourceClaimsResourceV1, {
          ...claim,
          status: {
            ...claim.status,
            reservedFor: remaining,
            ...(isUnused && isProtected ? { allocation: undefined } : {}),
          },
        }),
        // The informer may not know the Pod yet that is being scheduled.
        ...(gone.length === 0 ? {} : { guard: absent(namespace!, gone) }),
      });
    else actions.push(withoutFinalizer(claim));
  } else if (isProtected && allocation === undefined && reservedFor.length === 0 && wasAllocated)
    actions.push(withoutFinalizer(claim));
  if (remaining.length === 0 && deletionTimestamp === undefined && ownerIsDone(claim, pod))
    actions.push(remove(ResourceClaimsResourceV1, claim));
  return { actions };
}

const absent = (namespace: string, gone: readonly ResourceClaimConsumerReference[]): Guard => ({
  type: 'absent',
  objects: gone.map(({ name, uid }) => ({ kind: Pods, namespace, name, uid })),
});

const withoutFinalizer = (claim: ResourceClaimResourceV1): Action =>
  update(ResourceClaimsResourceV1, {
    ...claim,
    metadata: {
      ...claim.metadata,
      finalizers: (claim.metadata.finalizers ?? []).filter((one) => one !== claimFinalizer),
    },
  });

/** Where the Pod is not known, the garbage collector looks after its claim. */
function ownerIsDone(claim: ResourceClaimResourceV1, pod: (name: string) => Pod | undefined): boolean {
  const owner = claim.metadata.ownerReferences?.find(
    (one) => one.controller === true && one.apiVersion === 'v1' && one.kind === 'Pod',
  );
  const known = owner === undefined ? undefined : pod(owner.name);
  return known !== undefined && (known.metadata.uid !== owner!.uid || podUsesNoClaims(known));
}
