// Every namespace has the ConfigMap openshift-service-ca.crt, which Pods mount beside their token.
import { ConfigMaps } from '#api/generated/kind-references.ts';
import type { ConfigMap, Namespace } from '#api/generated/types.ts';
import { create, nothing, update, type Decision } from '../runtime/action.ts';
import { asksForBundle, injectAnnotations, injectedKey } from '../service-ca/annotations.ts';

export interface ServiceCaCertSnapshot {
  readonly namespace: Namespace;
  readonly configMap: ConfigMap | undefined;
  /** PEM; undefined: there is no service CA yet. */
  readonly bundle: string | undefined;
}

export const configMapName = 'openshift-service-ca.crt';

export function decide({ namespace, configMap, bundle }: ServiceCaCertSnapshot): Decision {
  if (namespace.metadata.deletionTimestamp !== undefined) return nothing;
  const annotation = { [injectAnnotations[0]!]: 'true' };
  if (configMap === undefined) {
    const metadata = { name: configMapName, namespace: namespace.metadata.name, annotations: annotation };
    // The key is there from the beginning: Pods start before there is a service CA.
    const data = { [injectedKey]: bundle ?? '' };
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    return { actions: [create(ConfigMaps, object, { accept: ['AlreadyExists'] })] };
  }
  if (asksForBundle(configMap, injectAnnotations.slice(0, 1))) return nothing;
  const annotations = { ...configMap.metadata.annotations, ...annotation };
  return { actions: [update(ConfigMaps, { ...configMap, metadata: { ...configMap.metadata, annotations } })] };
}
