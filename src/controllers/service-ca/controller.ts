// The authority that signs certificates of Services: OpenShift's service-ca.
import { ConfigMaps, Namespaces, Secrets } from '#api/generated/kind-references.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { read, snapshotController, write, type Controller } from '../runtime/declaration.ts';
import { bundleConfigMapName, signerNamespace, signingSecretName } from './annotations.ts';
import { decide } from './decide.ts';
import type { Serial } from './rotate.ts';

const named =
  (name: string, namespace?: string) =>
  ({ metadata }: KubernetesObject): readonly string[] =>
    metadata.name === name && metadata.namespace === namespace ? [''] : [];

export const serviceCa = (serial: Serial): Controller =>
  snapshotController({
    name: 'service-ca',
    account: 'service-ca',
    accountNamespace: signerNamespace,
    reads: [
      read(Namespaces, named(signerNamespace)),
      read(Secrets, named(signingSecretName, signerNamespace)),
      read(ConfigMaps, named(bundleConfigMapName, signerNamespace)),
    ],
    writes: [write(Secrets, 'create', 'update'), write(ConfigMaps, 'create', 'update')],
    snapshot(lookup) {
      const namespace = lookup.get(Namespaces, undefined, signerNamespace);
      return {
        hasNamespace: namespace !== undefined && namespace.metadata.deletionTimestamp === undefined,
        secret: lookup.get(Secrets, signerNamespace, signingSecretName),
        bundle: lookup.get(ConfigMaps, signerNamespace, bundleConfigMapName),
        serial,
      };
    },
    decide,
  });
