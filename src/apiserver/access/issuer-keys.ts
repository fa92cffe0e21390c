// The keys of one issuer, as its discovery document leads to them: fetched when the first token comes, kept, and fetched again when a
// token names a key that is not there, at most once in ten seconds. The server starts and goes on while the issuer is away.
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { messageOf } from '#base/errors.ts';
import type { ApiServerOptions } from '../options.ts';
import { callJson } from './call-webhook.ts';

type Options = Pick<ApiServerOptions, 'outgoing' | 'clock' | 'random' | 'logger'>;
interface IssuerKey {
  readonly id: string;
  readonly algorithm: string;
  readonly key: KeyObject;
}

const fetchAgainMs = 10_000;
const timeoutMs = 10_000;
const keysMax = 100;

/** By the name in a token's head: the type of key that it may go with, and how it is verified. */
const algorithms: Readonly<
  Record<string, { readonly type: string; readonly hash: string; readonly curve?: string; readonly pss?: true }>
> = {
  RS256: { type: 'rsa', hash: 'sha256' },
  RS384: { type: 'rsa', hash: 'sha384' },
  RS512: { type: 'rsa', hash: 'sha512' },
  PS256: { type: 'rsa', hash: 'sha256', pss: true },
  PS384: { type: 'rsa', hash: 'sha384', pss: true },
  PS512: { type: 'rsa', hash: 'sha512', pss: true },
  ES256: { type: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { type: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { type: 'ec', hash: 'sha512', curve: 'secp521r1' },
};
const pssPadding = 6; // RSA_PKCS1_PSS_PADDING
const saltAsHash = -1; // RSA_PSS_SALTLEN_DIGEST

function holds(token: string, algorithm: string, { key }: IssuerKey): boolean {
  const how = algorithms[algorithm];
  if (how === undefined || key.asymmetricKeyType !== how.type) return false;
  if (how.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== how.curve) return false;
  const end = token.lastIndexOf('.');
  const data = Buffer.from(token.slice(0, end));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  if (how.type === 'ec') return verify(how.hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
  return how.pss === true
    ? verify(how.hash, data, { key, padding: pssPadding, saltLength: saltAsHash }, signature)
    : verify(how.hash, data, key, signature);
}

function readKeys(value: unknown): IssuerKey[] {
  const listed = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(listed)) throw new Error('the answer has no keys');
  return listed.slice(0, keysMax).flatMap((one: unknown) => {
    const jwk = one as { kid?: unknown; alg?: unknown; use?: unknown };
    if (jwk.use !== undefined && jwk.use !== 'sig') return [];
    try {
      const key = createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' });
      const text = (part: unknown): string => (typeof part === 'string' ? part : '');
      return [{ id: text(jwk.kid), algorithm: text(jwk.alg), key }];
    } catch {
      return []; // a kind of key that is not for tokens
    }
  });
}

export class IssuerKeys {
  readonly #options: Options;
  readonly #issuer: string;
  readonly #discovery: string;
  readonly #authorities: string;
  #keys: readonly IssuerKey[] | undefined;
  #askedAt: number | undefined;
  #fetching: Promise<void> | undefined;

  constructor(
    options: Options,
    issuer: { readonly issuer: string; readonly discoveryUrl: string; readonly authorities: string },
  ) {
    this.#options = options;
    this.#issuer = issuer.issuer;
    this.#authorities = issuer.authorities;
    this.#discovery =
      issuer.discoveryUrl === ''
        ? `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
        : issuer.discoveryUrl;
  }

  /** Undefined: the signature holds. Else why not, in upstream's words. */
  async problemWith(token: string, head: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    const algorithm = typeof head['alg'] === 'string' ? head['alg'] : '';
    if (algorithms[algorithm] === undefined)
      return `oidc: verify token: oidc: malformed jwt: go-jose/go-jose: unexpected signature algorithm ${JSON.stringify(algorithm)}; expected ${JSON.stringify(Object.keys(algorithms))}`;
    const id = typeof head['kid'] === 'string' ? head['kid'] : '';
    if (this.#verifies(token, algorithm, id)) return undefined;
    await this.#refresh();
    if (this.#verifies(token, algorithm, id)) return undefined;
    return this.#keys === undefined
      ? 'oidc: authenticator not initialized'
      : 'oidc: verify token: failed to verify signature: failed to verify id token signature';
  }

  #verifies(token: string, algorithm: string, id: string): boolean {
    return (this.#keys ?? []).some(
      (one) =>
        (id === '' || one.id === id) &&
        (one.algorithm === '' || one.algorithm === algorithm) &&
        holds(token, algorithm, one),
    );
  }

  #refresh(): Promise<void> {
    const now = this.#options.clock.now();
    if (this.#fetching !== undefined) return this.#fetching;
    if (this.#askedAt !== undefined && now - this.#askedAt < fetchAgainMs) return Promise.resolve();
    this.#askedAt = now;
    this.#fetching = this.#fetch().finally(() => void (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    try {
      const document = (await this.#get(this.#discovery)) as { issuer?: unknown; jwks_uri?: unknown } | null;
      if (document?.issuer !== this.#issuer)
        throw new Error(
          `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(this.#issuer)} got ${JSON.stringify(document?.issuer ?? '')}`,
        );
      if (typeof document.jwks_uri !== 'string' || document.jwks_uri === '')
        throw new Error('the discovery document names no jwks_uri');
      this.#keys = readKeys(await this.#get(document.jwks_uri));
    } catch (error) {
      this.#options.logger.warn('the keys of a token issuer cannot be read; its tokens are refused until they can', {
        issuer: this.#issuer,
        error: messageOf(error),
      });
    }
  }

  #get(text: string): Promise<unknown> {
    const url = new URL(text);
    if (url.protocol !== 'https:') throw new Error(`${text} is not of https`);
    return callJson(this.#options, {
      method: 'GET',
      url: text,
      pathAndQuery: `${url.pathname}${url.search}`,
      headers: {},
      timeoutMs,
      target: {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? 443 : Number(url.port),
        secure: true,
        ...(this.#authorities === '' ? {} : { authorities: this.#authorities }),
      },
    });
  }
}
