// Service accounts: makes `default` in every namespace.
import { Namespaces, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { ServiceAccount } from '#api/generated/types.ts';
import { keyedController, partChanges, read, self, write } from '../runtime/declaration.ts';
import { accountName, decide } from './decide.ts';

export const serviceAccount = keyedController({
  name: 'service-account',
  account: 'service-account-controller',
  reads: [
    read(
      Namespaces,
      self,
      partChanges((one) => one.metadata.deletionTimestamp),
    ),
    read(
      ServiceAccounts,
      ({ metadata }: ServiceAccount) => (metadata.name === accountName ? [metadata.namespace!] : []),
      (_, current) => current === undefined,
    ),
  ],
  writes: [write(ServiceAccounts, 'create')],
  snapshot(lookup, key) {
    const namespace = lookup.get(Namespaces, undefined, key);
    return namespace && { namespace, account: lookup.get(ServiceAccounts, key, accountName) };
  },
  decide,
});
