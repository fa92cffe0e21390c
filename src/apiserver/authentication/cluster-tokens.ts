// THE order in which bearer tokens are looked at.
import type { TokenAuthenticator } from '../context.ts';
import type { ApiServerOptions } from '../options.ts';
import { bootstrapTokens } from './bootstrap-tokens.ts';
import { secretTokens } from './secret-tokens.ts';
import { serviceAccountTokens } from './service-account-tokens.ts';
import { tokenVerifier } from './signed-token.ts';
import { tokenChain } from './token-chain.ts';

export function clusterTokens(options: ApiServerOptions): TokenAuthenticator {
  const { store, clock, logger, serviceAccountTokens: tokens } = options;
  const verifier = tokenVerifier(tokens);
  return tokenChain([
    secretTokens({ store, clock, tokens, verifier, logger }), // kept in Secrets, no expiry
    serviceAccountTokens({ store, clock, tokens, verifier }), // by request
    bootstrapTokens({ store, clock, audiences: tokens.audiences }), // of machines that join
  ]);
}
