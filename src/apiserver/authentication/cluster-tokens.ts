// THE order in which bearer tokens are looked at; those of the operator's configuration come behind.
import type { ApiServerOptions } from '../options.ts';
import { bootstrapTokens } from './bootstrap-tokens.ts';
import { secretTokens } from './secret-tokens.ts';
import { serviceAccountTokens } from './service-account-tokens.ts';
import { tokenVerifier } from './signed-token.ts';
import type { TokenSource } from '../access/questions.ts';

export function clusterTokens(options: ApiServerOptions): readonly TokenSource[] {
  const { store, clock, logger, serviceAccountTokens: tokens } = options;
  const verifier = tokenVerifier(tokens);
  return [
    secretTokens({ store, clock, tokens, verifier, logger }), // kept in Secrets, no expiry
    serviceAccountTokens({ store, clock, tokens, verifier }), // by request
    bootstrapTokens({ store, clock, audiences: tokens.audiences }), // of machines that join
  ];
}
