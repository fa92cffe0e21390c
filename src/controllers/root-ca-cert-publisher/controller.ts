// Publishes kube-root-ca.crt in every namespace.
import { ConfigMaps, Namespaces } from '#api/generated/kind-references.ts';
import type { ConfigMap } from '#api/generated/types.ts';
import { keyedController, partChanges, read, self, write, type Controller } from '../runtime/declaration.ts';
import { configMapName, decide } from './decide.ts';
import { publisherMeasures } from './metrics.ts';

export const rootCaCertPublisher = (certificates: () => string): Controller =>
  keyedController({
    name: 'root-ca-cert-publisher',
    account: 'root-ca-cert-publisher',
    measures: publisherMeasures('root_ca_cert_publisher'),
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
      return (
        namespace && { namespace, configMap: lookup.get(ConfigMaps, key, configMapName), certificates: certificates() }
      );
    },
    decide,
  });
