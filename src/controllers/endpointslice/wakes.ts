// What of Pods and nodes concerns the endpoints of Services: shared with the legacy Endpoints controller.
import { Services } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import { podCondition } from '#rules/pod-is-ready.ts';
import { keyText, type Lookup } from '../runtime/declaration.ts';
import { hasEndpoints } from './decide.ts';

/** Not the whole status: kubelets write it often. */
export const endpointPart = (pod: Pod) => [
  pod.metadata.labels,
  pod.metadata.deletionTimestamp,
  pod.spec.nodeName,
  pod.spec.hostname,
  pod.spec.subdomain,
  pod.status?.phase,
  pod.status?.podIPs,
  podCondition(pod, 'Ready')?.status,
];

export const servicesOfPod = (pod: Pod, lookup: Lookup): readonly string[] =>
  lookup
    .list(Services, pod.metadata.namespace)
    .filter((one) => hasEndpoints(one) && matchesLabels(one.spec.selector, pod.metadata.labels))
    .map(keyText);
