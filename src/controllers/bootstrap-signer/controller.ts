// Keeps the signatures of kube-public/cluster-info.
import { ConfigMaps, Secrets } from '#api/generated/kind-references.ts';
import type { ConfigMap, Secret } from '#api/generated/types.ts';
import { bootstrapTokenType } from '#rules/bootstrap-token.ts';
import { read, snapshotController, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const infoNamespace = 'kube-public';
const infoName = 'cluster-info';
const tokenNamespace = 'kube-system';

const isToken = ({ metadata, type }: Secret): boolean =>
  type === bootstrapTokenType && metadata.namespace === tokenNamespace;

export const bootstrapSigner = snapshotController({
  name: 'bootstrap-signer',
  account: 'bootstrap-signer',
  reads: [
    read(ConfigMaps, ({ metadata }: ConfigMap) =>
      metadata.name === infoName && metadata.namespace === infoNamespace ? [''] : [],
    ),
    read(Secrets, (secret: Secret) => (isToken(secret) ? [''] : [])),
  ],
  writes: [write(ConfigMaps, 'update')],
  snapshot(lookup) {
    const clusterInfo = lookup.get(ConfigMaps, infoNamespace, infoName);
    return {
      clusterInfo,
      tokens: clusterInfo === undefined ? [] : lookup.list(Secrets, tokenNamespace).filter(isToken),
    };
  },
  decide,
});
