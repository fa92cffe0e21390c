// ServiceAccount: nothing beyond its metadata; its name is part of a user name.
import type { ServiceAccount } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsSubdomain } from '../../meta/names.ts';
import { serviceAccountWarnings } from '../../validation/small-warnings.ts';

export const serviceAccount: KindBehaviour<ServiceAccount> = {
  validateName: nameIsDnsSubdomain,
  warnings: serviceAccountWarnings,
};
