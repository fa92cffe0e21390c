// Unused tokens in Secrets, looked at once a day.
import { ConfigMaps, Pods, Secrets, ServiceAccounts } from '#api/generated/kind-references.ts';
import { trackingConfigMapName } from '#rules/legacy-tokens.ts';
import { read, snapshotController, write } from '../runtime/declaration.ts';
import { decide, tokenSecretType } from './decide.ts';

/** The day wakes it, nothing else. */
const nobody = (): readonly string[] => [];

export const legacyTokenCleaner = snapshotController({
  name: 'legacy-token-cleaner',
  account: 'legacy-service-account-token-cleaner',
  reads: [read(ConfigMaps, nobody), read(Pods, nobody), read(Secrets, nobody), read(ServiceAccounts, nobody)],
  writes: [write(Secrets, 'patch', 'delete')],
  snapshot: (lookup) => ({
    tracking: lookup.get(ConfigMaps, 'kube-system', trackingConfigMapName),
    secrets: lookup.list(Secrets).filter(({ type }) => type === tokenSecretType),
    account: (namespace, name) => lookup.get(ServiceAccounts, namespace, name),
    pods: (namespace) => lookup.list(Pods, namespace),
  }),
  decide,
});
