// Publishes openshift-service-ca.crt in every namespace; the bundle injector keeps its content.
import { ConfigMaps, Namespaces } from '#api/generated/kind-references.ts';
import type { ConfigMap } from '#api/generated/types.ts';
import { keyedController, partChanges, read, self, write, type Controller } from '../runtime/declaration.ts';
import { bundleConfigMapName, bundleKey, signerNamespace } from '../service-ca/annotations.ts';
import { configMapName, decide } from './decide.ts';

export const serviceCaCertPublisher: Controller = keyedController({
  name: 'service-ca-cert-publisher',
  account: 'service-ca-cert-publisher',
  reads: [
    read(
      Namespaces,
      self,
      partChanges((one) => one.metadata.deletionTimestamp),
    ),
    read(ConfigMaps, ({ metadata }: ConfigMap) => (metadata.name === configMapName ? [metadata.namespace!] : [])),
  ],
  writes: [write(ConfigMaps, 'create', 'update')],
  snapshot(lookup, key) {
    const namespace = lookup.get(Namespaces, undefined, key);
    const bundle = lookup.get(ConfigMaps, signerNamespace, bundleConfigMapName)?.data?.[bundleKey];
    return namespace && { namespace, configMap: lookup.get(ConfigMaps, key, configMapName), bundle };
  },
  decide,
});
