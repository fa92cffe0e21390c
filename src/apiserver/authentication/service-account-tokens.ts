// Bearer tokens of service accounts: JWT signed by the cluster's keys, of our issuer and audience, not expired, whose
// account (and Pod, Secret, Node if bound) is still there with the same uid.
import { verify } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { Nodes, Pods, Secrets, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import type { Store } from '#storage/store.ts';
import type { TokenAuthenticator, TokenReviewResult } from '../context.ts';
import type { ServiceAccountTokenOptions } from '../options.ts';
import { serviceAccountGroups, serviceAccountUser } from './service-account-names.ts';

interface Reference {
  readonly name: string;
  readonly uid: string;
}
interface Claims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly jti?: string;
  readonly 'kubernetes.io'?: {
    readonly namespace?: string;
    readonly serviceaccount?: Reference;
    readonly pod?: Reference;
    readonly secret?: Reference;
    readonly node?: Reference;
  };
}

/** Signatures are checked once a token; what may change (expiry, objects) each time. */
const verifiedMax = 4_096;
const tokenLengthMax = 16_384;
const leewaySeconds = 10;

const parse = (part: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

function signatureHolds(token: string, options: ServiceAccountTokenOptions): Claims | undefined {
  const [header = '', payload = '', signature = '', ...more] = token.split('.');
  if (more.length > 0 || signature === '') return undefined;
  const head = parse(header);
  const algorithm = head?.['alg'];
  if (algorithm !== 'RS256' && algorithm !== 'ES256') return undefined;
  const wantedType = algorithm === 'RS256' ? 'rsa' : 'ec';
  const id = head?.['kid'];
  const keys = options.publicKeys().filter(({ key }) => key.asymmetricKeyType === wantedType);
  const named = keys.filter((one) => one.id === id);
  const data = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  for (const { key } of named.length > 0 ? named : keys)
    if (verify('sha256', data, algorithm === 'RS256' ? key : { key, dsaEncoding: 'ieee-p1363' }, bytes))
      return parse(payload) as Claims | undefined;
  return undefined;
}

export function serviceAccountTokens(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly tokens: ServiceAccountTokenOptions;
}): TokenAuthenticator {
  const { store, clock, tokens } = options;
  const verified = new Map<string, Claims>();

  const claimsOf = (token: string): Claims | undefined => {
    const known = verified.get(token);
    if (known !== undefined) return known;
    const claims = signatureHolds(token, tokens);
    if (claims === undefined) return undefined;
    if (verified.size >= verifiedMax) verified.delete(verified.keys().next().value!);
    verified.set(token, claims);
    return claims;
  };
  const isThere = (
    kind: KindReference<KubernetesObject>,
    namespace: string | undefined,
    reference: Reference,
  ): boolean => {
    const object = store.get(storageKey(kind, namespace, reference.name))?.object();
    if (object === undefined || object.metadata.uid !== reference.uid) return false;
    // A deleted object's tokens hold for a minute, so that a pod can end in order.
    const deletedAt = object.metadata.deletionTimestamp;
    return deletedAt === undefined || deletedAt === null || Date.parse(deletedAt) + 60_000 > clock.now();
  };

  return {
    async authenticate(token, audiences): Promise<TokenReviewResult | undefined> {
      if (token.length > tokenLengthMax) return undefined;
      const claims = claimsOf(token);
      if (claims === undefined || claims.iss !== tokens.issuer) return undefined;
      const nowSeconds = clock.now() / 1000;
      if (claims.exp === undefined || claims.exp + leewaySeconds < nowSeconds) return undefined;
      if (claims.nbf !== undefined && claims.nbf - leewaySeconds > nowSeconds) return undefined;
      const own = typeof claims.aud === 'string' ? [claims.aud] : (claims.aud ?? []);
      const matching = audiences.filter((one) => own.includes(one));
      if (matching.length === 0) return undefined;
      const { namespace = '', serviceaccount: account, pod, secret, node } = claims['kubernetes.io'] ?? {};
      if (namespace === '' || account === undefined) return undefined;
      const user = serviceAccountUser(namespace, account.name);
      if (claims.sub !== user) return undefined;
      if (!isThere(ServiceAccounts, namespace, account)) return undefined;
      if (pod !== undefined && !isThere(Pods, namespace, pod)) return undefined;
      if (secret !== undefined && !isThere(Secrets, namespace, secret)) return undefined;
      if (pod === undefined && node !== undefined && !isThere(Nodes, undefined, node)) return undefined;
      const extra: Record<string, string[]> = {};
      const set = (name: string, value: string | undefined): void => {
        if (value !== undefined) extra[`authentication.kubernetes.io/${name}`] = [value];
      };
      if (claims.jti !== undefined) set('credential-id', `JTI=${claims.jti}`);
      set('pod-name', pod?.name);
      set('pod-uid', pod?.uid);
      set('node-name', node?.name);
      set('node-uid', node?.uid);
      return {
        user: {
          name: user,
          uid: account.uid,
          groups: serviceAccountGroups(namespace),
          ...(Object.keys(extra).length === 0 ? {} : { extra }),
        },
        audiences: matching,
      };
    },
  };
}
