// ServiceAccount: nothing beyond its metadata; its name is part of a user name.
import type { ServiceAccount } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { nameIsDnsSubdomain } from '../../meta/names.ts';
import { serviceAccountWarnings } from '../../validation/small-warnings.ts';

type Account = Mutable<ServiceAccount>;

/** Only names are kept of what refers to Secrets. */
function keepNamesOfSecrets(account: Account): void {
  const { secrets } = account;
  if (secrets?.some((one) => Object.keys(one).some((key) => key !== 'name')) === true)
    account.secrets = secrets.map(({ name }) => (name === undefined ? {} : { name }));
}

export const serviceAccount: KindBehaviour<ServiceAccount> = {
  metadataInUpdate: ['update', 'whole'],
  validateName: nameIsDnsSubdomain,
  // Upstream looks at no more than the metadata.
  validate: () => [],
  prepareForCreate: keepNamesOfSecrets,
  prepareForUpdate: keepNamesOfSecrets,
  warnings: serviceAccountWarnings,
};
