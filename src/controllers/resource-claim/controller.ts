// Makes the ResourceClaims of Pods and gives back what they no longer use. Two kinds of keys: of Pods and of claims.
import { Pods, ResourceClaimsResourceV1, ResourceClaimTemplates } from '#api/generated/kind-references.ts';
import type { Pod, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { claimFinalizer, claimNameOf, podUsesNoClaims } from '#rules/pod-resource-claims.ts';
import {
  keyedController,
  keyText,
  partChanges,
  read,
  splitKey,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide, type ClaimSnapshot, type PodSnapshot } from './decide.ts';
import { resourceClaimMeasures } from './metrics.ts';

const podPrefix = 'pod:';
const claimPrefix = 'claim:';

const claimKeysOf = (pod: Pod): readonly string[] => {
  const names = (pod.spec.resourceClaims ?? []).flatMap((one) => {
    const found = claimNameOf(pod, one);
    return found.type === 'claim' ? [found.name] : [];
  });
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return [...names, ...(extended === undefined ? [] : [extended])].map((name) => `${pod.metadata.namespace!}/${name}`);
};

const podsByClaim: InformerIndex<Pod> = { name: 'resource-claim', keysOf: claimKeysOf };
const podsByTemplate: InformerIndex<Pod> = {
  name: 'resource-claim-template',
  keysOf: ({ metadata, spec }) =>
    (spec.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) =>
      name === undefined ? [] : [`${metadata.namespace!}/${name}`],
    ),
};
const owningPods = ({ metadata }: ResourceClaimResourceV1) =>
  (metadata.ownerReferences ?? []).filter(
    (one) => one.controller === true && one.apiVersion === 'v1' && one.kind === 'Pod',
  );
const claimsByOwner: InformerIndex<ResourceClaimResourceV1> = {
  name: 'owning-pod',
  keysOf: (claim) => owningPods(claim).map((one) => one.uid),
};

function* wokenByPod(pod: Pod, lookup: Lookup): Generator<string> {
  if ((pod.spec.resourceClaims ?? []).length === 0 && pod.status?.extendedResourceClaimStatus === undefined) return;
  yield podPrefix + keyText(pod);
  const known = lookup.get(Pods, pod.metadata.namespace, pod.metadata.name!);
  if (known?.metadata.uid === pod.metadata.uid && !podUsesNoClaims(pod)) return;
  for (const key of claimKeysOf(pod)) yield claimPrefix + key;
  for (const claim of lookup.byIndex(ResourceClaimsResourceV1, claimsByOwner, pod.metadata.uid!))
    yield claimPrefix + keyText(claim);
}

function* wokenByClaim(claim: ResourceClaimResourceV1, lookup: Lookup): Generator<string> {
  yield claimPrefix + keyText(claim);
  for (const pod of lookup.byIndex(Pods, podsByClaim, keyText(claim))) yield podPrefix + keyText(pod);
  for (const { name } of owningPods(claim)) yield `${podPrefix}${claim.metadata.namespace!}/${name}`;
}

export function resourceClaim(): Controller {
  /** Claims with the finalizer that were seen with an allocation: key to uid. Those of claims that are gone are forgotten. */
  const allocated = new Map<string, string>();
  const wasAllocated = (key: string, claim: ResourceClaimResourceV1): boolean => {
    const { uid, finalizers } = claim.metadata;
    if (finalizers?.includes(claimFinalizer) !== true) allocated.delete(key);
    else if (claim.status?.allocation !== undefined) allocated.set(key, uid!);
    return allocated.get(key) === uid;
  };
  return keyedController<PodSnapshot | ClaimSnapshot>({
    name: 'resource-claim',
    account: 'resource-claim-controller',
    component: 'resource_claim',
    measures: resourceClaimMeasures,
    // Upstream's workers.
    concurrency: 10,
    reads: [
      read(
        Pods,
        wokenByPod,
        partChanges(({ metadata, spec, status }) => [
          metadata.uid,
          metadata.deletionTimestamp,
          spec.nodeName,
          status?.phase,
          status?.resourceClaimStatuses,
          status?.extendedResourceClaimStatus,
        ]),
      ),
      read(ResourceClaimsResourceV1, wokenByClaim),
      read(ResourceClaimTemplates, (template, lookup) =>
        lookup.byIndex(Pods, podsByTemplate, keyText(template)).map((pod) => podPrefix + keyText(pod)),
      ),
    ],
    writes: [
      write(ResourceClaimsResourceV1, 'create', 'update', 'delete'),
      writeSubresource(ResourceClaimsResourceV1, 'status', 'update'),
      writeSubresource(Pods, 'status', 'patch'),
    ],
    snapshot(lookup, key) {
      const isPod = key.startsWith(podPrefix);
      const { namespace, name } = splitKey(key.slice((isPod ? podPrefix : claimPrefix).length));
      const claim = (claimName: string) => lookup.get(ResourceClaimsResourceV1, namespace, claimName);
      if (isPod) {
        const pod = lookup.get(Pods, namespace, name);
        if (pod === undefined) return undefined;
        return {
          pod,
          claim,
          template: (templateName) => lookup.get(ResourceClaimTemplates, namespace, templateName),
          owned: lookup.byIndex(ResourceClaimsResourceV1, claimsByOwner, pod.metadata.uid!),
        };
      }
      const found = claim(name);
      if (found === undefined) {
        allocated.delete(key);
        return undefined;
      }
      return {
        claim: found,
        wasAllocated: wasAllocated(key, found),
        pod: (podName) => lookup.get(Pods, namespace, podName),
      };
    },
    decide,
  });
}
