// OpenID discovery of the service account issuer, for those outside who verify its tokens.
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from '../context.ts';
import { respond } from '../responses.ts';

export function respondIssuer(context: RequestContext, path: string): ApiResponse {
  const { serviceAccountTokens } = context.server.options;
  const { issuer } = serviceAccountTokens;
  const keys = serviceAccountTokens.publicKeys();
  const algorithmOf = (type: string | undefined): string => (type === 'rsa' ? 'RS256' : 'ES256');
  if (path === '/openid/v1/jwks') {
    const set = {
      keys: keys.map(({ id, key }) => ({
        use: 'sig',
        kid: id,
        alg: algorithmOf(key.asymmetricKeyType),
        ...key.export({ format: 'jwk' }),
      })),
    };
    return document(set, 'application/jwk-set+json');
  }
  return document(
    {
      issuer,
      jwks_uri: `${issuer.replace(/\/$/, '')}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(keys.map(({ key }) => algorithmOf(key.asymmetricKeyType)))],
    },
    'application/json',
  );
}

const document = (value: object, contentType: string): ApiResponse =>
  respond(
    200,
    { type: 'bytes', contentType, parts: [Buffer.from(JSON.stringify(value))] },
    { 'cache-control': 'public, max-age=3600' },
  );
