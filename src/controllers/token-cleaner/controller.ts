// Bootstrap tokens that have expired are removed.
import { Secrets } from '#api/generated/kind-references.ts';
import type { Secret } from '#api/generated/types.ts';
import { bootstrapTokenType } from '#rules/bootstrap-token.ts';
import { keyedController, read, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const namespace = 'kube-system';

export const tokenCleaner = keyedController({
  name: 'token-cleaner',
  account: 'token-cleaner',
  reads: [
    read(Secrets, ({ metadata, type }: Secret) =>
      type === bootstrapTokenType && metadata.namespace === namespace ? [metadata.name!] : [],
    ),
  ],
  writes: [write(Secrets, 'delete')],
  snapshot: (lookup, key) => {
    const secret = lookup.get(Secrets, namespace, key);
    return secret?.type === bootstrapTokenType ? secret : undefined;
  },
  decide,
});
