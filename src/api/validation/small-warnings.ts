// Warnings of Nodes, service accounts and quotas: what has no use any more, or cannot be meant so.
import type { Node, ResourceQuota, ServiceAccount } from '../generated/types.ts';
import { canonicalQuantity, compareQuantities } from '../quantity.ts';
import { cidrWarnings } from './addresses.ts';

export const nodeWarnings = ({ spec }: Node): string[] => [
  ...(spec?.configSource === undefined ? [] : ['spec.configSource: the feature is removed']),
  ...((spec?.externalID ?? '') === ''
    ? []
    : ['spec.externalID: this field is deprecated, and is unused by Kubernetes']),
  ...(spec?.podCIDRs ?? []).flatMap((one, index) => cidrWarnings(`spec.podCIDRs[${index}]`, one)),
];

const mountableSecrets = 'kubernetes.io/enforce-mountable-secrets';

/** Said once, when the annotation is new. */
export const serviceAccountWarnings = (object: ServiceAccount, previous: ServiceAccount | undefined): string[] =>
  object.metadata.annotations?.[mountableSecrets] === undefined ||
  previous?.metadata.annotations?.[mountableSecrets] !== undefined
    ? []
    : [
        `metadata.annotations[${mountableSecrets}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
      ];

/** Only of a new quota. */
export function quotaWarnings({ spec }: ResourceQuota, previous: ResourceQuota | undefined): string[] {
  const hard = spec?.hard;
  if (hard === undefined || previous !== undefined) return [];
  return ['cpu', 'memory', 'storage', 'ephemeral-storage'].flatMap((resource) => {
    const isPlain = hard[`requests.${resource}`] === undefined && (resource === 'cpu' || resource === 'memory');
    const [asked, limited] = [isPlain ? resource : `requests.${resource}`, `limits.${resource}`];
    const [request, limit] = [hard[asked], hard[limited]];
    return request === undefined || limit === undefined || compareQuantities(String(request), String(limit)) <= 0
      ? []
      : [
          `ResourceQuota ${asked} (${canonicalQuantity(String(request))}) should be less than ${limited} (${canonicalQuantity(String(limit))})`,
        ];
  });
}
