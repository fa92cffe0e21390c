// Secrets with tokens of service accounts, for those who want one that does not expire.
import { Secrets, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { Secret, ServiceAccount } from '#api/generated/types.ts';
import { keyedController, read, write, type Controller } from '../runtime/declaration.ts';
import { accountNameOf, decide } from './decide.ts';

const keyOf = ({ metadata }: Secret): string => `${metadata.namespace!}/${metadata.name!}`;
const ofAccount = {
  name: 'token-secret-account',
  keysOf: (secret: Secret) => {
    const name = accountNameOf(secret);
    return name === '' ? [] : [`${secret.metadata.namespace!}/${name}`];
  },
};

export const tokenSecrets = (
  sign: (claims: Readonly<Record<string, unknown>>) => string,
  certificates: () => string,
): Controller =>
  keyedController({
    name: 'token-secrets',
    account: 'tokens-controller',
    reads: [
      read(Secrets, (secret: Secret) => (accountNameOf(secret) === '' ? [] : [keyOf(secret)])),
      read(
        ServiceAccounts,
        ({ metadata }: ServiceAccount, lookup) =>
          lookup.byIndex(Secrets, ofAccount, `${metadata.namespace!}/${metadata.name!}`).map(keyOf),
        (previous, current) => previous?.metadata.uid !== current?.metadata.uid,
      ),
    ],
    writes: [write(Secrets, 'update', 'delete')],
    snapshot(lookup, key) {
      const [namespace = '', name = ''] = key.split('/');
      const secret = lookup.get(Secrets, namespace, name);
      if (secret === undefined || accountNameOf(secret) === '') return undefined;
      const account = lookup.get(ServiceAccounts, namespace, accountNameOf(secret));
      return { secret, account, certificates: certificates(), sign };
    },
    decide,
  });
