// A compact JWS read and verified with the cluster's own keys. Signatures are checked once a token; what may change (expiry,
// objects) is not this file's.
import { verify } from 'node:crypto';
import { verifiedTokensMax } from '#base/limits.ts';
import type { ServiceAccountTokenOptions } from '../options.ts';

export type Claims = Readonly<Record<string, unknown>>;

const parse = (part: string): Claims | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
};

/** What a token says of itself, unverified; undefined: it is no compact JWS. */
export function readUnverified(token: string): { readonly head: Claims; readonly claims: Claims } | undefined {
  const parts = token.split('.');
  const head = parse(parts[0] ?? '');
  const claims = parse(parts[1] ?? '');
  return parts.length === 3 && head !== undefined && claims !== undefined ? { head, claims } : undefined;
}

export interface TokenVerifier {
  /** What the token says of itself: of one that was verified before, without reading it again. */
  issuerOf(token: string): unknown;
  /** The claims behind a signature that holds. */
  verified(token: string): { readonly claims: Claims } | { readonly error: string };
}

export function tokenVerifier(options: ServiceAccountTokenOptions): TokenVerifier {
  const known = new Map<string, { readonly claims: Claims; readonly key: unknown }>();
  return {
    issuerOf: (token) => (known.get(token)?.claims ?? readUnverified(token)?.claims)?.['iss'],
    verified(token) {
      const before = known.get(token);
      // A key that was taken away takes its tokens with it.
      if (before !== undefined && options.publicKeys().some(({ key }) => key === before.key)) return before;
      const read = readUnverified(token);
      const algorithm = read?.head['alg'];
      const id = read?.head['kid'];
      const all = options.publicKeys();
      const keys = typeof id === 'string' && id !== '' ? all.filter((one) => one.id === id) : all;
      if (keys.length === 0) return { error: 'invalid signature, no keys found' };
      const end = token.lastIndexOf('.');
      const data = Buffer.from(token.slice(0, end));
      const bytes = Buffer.from(token.slice(end + 1), 'base64url');
      for (const { key } of keys) {
        const isRsa = key.asymmetricKeyType === 'rsa';
        if (algorithm !== (isRsa ? 'RS256' : 'ES256')) continue;
        if (!verify('sha256', data, isRsa ? key : { key, dsaEncoding: 'ieee-p1363' }, bytes)) continue;
        const result = { claims: read!.claims, key };
        if (known.size >= verifiedTokensMax) known.delete(known.keys().next().value!);
        known.set(token, result);
        return result;
      }
      return { error: 'go-jose/go-jose: error in cryptographic primitive' };
    },
  };
}
