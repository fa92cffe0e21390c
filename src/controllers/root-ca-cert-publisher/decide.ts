// Every namespace has the ConfigMap with the authorities that signed the API server's certificate.
import { ConfigMaps } from '#api/generated/kind-references.ts';
import type { ConfigMap, Namespace } from '#api/generated/types.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { create, nothing, update, type Decision } from '../runtime/action.ts';

export interface RootCaSnapshot {
  readonly namespace: Namespace;
  readonly configMap: ConfigMap | undefined;
  /** PEM. */
  readonly certificates: string;
}

export const configMapName = 'kube-root-ca.crt';
const descriptionAnnotation = 'kubernetes.io/description';
/** Upstream's text: clients show it. */
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export function decide({ namespace, configMap, certificates }: RootCaSnapshot): Decision {
  if (namespace.metadata.deletionTimestamp !== undefined) return nothing;
  const data = { 'ca.crt': certificates };
  if (configMap === undefined)
    return {
      actions: [
        create(
          ConfigMaps,
          {
            kind: 'ConfigMap',
            apiVersion: 'v1',
            metadata: {
              name: configMapName,
              namespace: namespace.metadata.name,
              annotations: { [descriptionAnnotation]: description },
            },
            data,
          },
          { accept: ['AlreadyExists'] },
        ),
      ],
    };
  const right =
    semanticallyEqual(configMap.data, data) && configMap.metadata.annotations?.[descriptionAnnotation] === description;
  if (right) return nothing;
  const annotations = { ...configMap.metadata.annotations, [descriptionAnnotation]: description };
  return { actions: [update(ConfigMaps, { ...configMap, metadata: { ...configMap.metadata, annotations }, data })] };
}
