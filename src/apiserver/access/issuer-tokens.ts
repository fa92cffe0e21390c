// Tokens of an issuer outside (OpenID Connect): verified, then turned into a user by claims or expressions over them. Texts of
// upstream's plugin/pkg/authenticator/token/oidc.
import type { Outcome, Program } from '#api/cel/cel.ts';
import { toJson } from '#api/cel/run/adapt.ts';
import { messageOf } from '#base/errors.ts';
import type { Identity } from '#api/request.ts';
import { readUnverified } from '../authentication/signed-token.ts';
import type { TokenSource } from './questions.ts';
import type { ApiServerOptions } from '../options.ts';
import type { JwtAuthenticator, Mapping } from './authentication-configuration.ts';
import { IssuerKeys } from './issuer-keys.ts';

type Options = Pick<ApiServerOptions, 'outgoing' | 'clock' | 'random' | 'logger' | 'serviceAccountTokens'>;
type Claims = Readonly<Record<string, unknown>>;

class Refused extends Error {}
const refuse = (text: string): never => {
  throw new Refused(`oidc: ${text}`);
};

function evaluated(outcome: Outcome, what: string): unknown {
  return outcome.error === undefined
    ? toJson(outcome.value)
    : refuse(`error evaluating ${what} expression: ${outcome.error}`);
}

const textClaim = (claims: Claims, name: string, what: string): string => {
  const value = claims[name];
  if (typeof value === 'string') return value;
  return refuse(value === undefined ? `parse ${what}: claim not present` : `parse ${what}: the claim is no text`);
};

const notTexts = 'expression must return a string or a list of strings';

/** As upstream: what is empty is not there. */
function texts(value: unknown, what: string): readonly string[] {
  if (value === null || value === '') return [];
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return refuse(`error evaluating ${what} expression: ${notTexts}`);
  for (const one of value) if (typeof one !== 'string') refuse(`error evaluating ${what} expression: ${notTexts}`);
  return (value as string[]).filter((one) => one !== '');
}

function userName({ username }: JwtAuthenticator, claims: Claims): string {
  if (username.expression !== undefined) {
    const value = evaluated(username.expression.evaluate({ claims }), 'username claim');
    if (typeof value !== 'string')
      return refuse('error evaluating username claim expression: username claim expression must return a string');
    return value === '' ? refuse('empty username via CEL expression is not allowed') : value;
  }
  const value = textClaim(claims, username.claim, `username claims ${JSON.stringify(username.claim)}`);
  if (username.claim === 'email' && 'email_verified' in claims) {
    if (typeof claims['email_verified'] !== 'boolean') refuse("parse 'email_verified' claim: it is not true or false");
    if (claims['email_verified'] !== true) refuse('email not verified');
  }
  return username.prefix + value;
}

function groups(mapping: Mapping, claims: Claims): readonly string[] {
  if (mapping.claim !== '' && claims[mapping.claim] !== undefined) {
    const value = claims[mapping.claim];
    const list = typeof value === 'string' ? [value] : value;
    if (!Array.isArray(list) || list.some((one) => typeof one !== 'string'))
      return refuse(`parse groups claim ${JSON.stringify(mapping.claim)}: it is no list of texts`);
    return (list as string[]).map((one) => mapping.prefix + one);
  }
  return mapping.expression === undefined
    ? []
    : texts(evaluated(mapping.expression.evaluate({ claims }), 'group claim'), 'group claim');
}

function userId({ uid }: JwtAuthenticator, claims: Claims): string {
  if (uid.claim !== '') return textClaim(claims, uid.claim, `uid claim ${JSON.stringify(uid.claim)}`);
  if (uid.expression === undefined) return '';
  const value = evaluated(uid.expression.evaluate({ claims }), 'uid claim');
  return typeof value === 'string'
    ? value
    : refuse('error evaluating uid claim expression: uid claim expression must return a string');
}

function checkRule(expression: Program, bindings: Claims, message: string, what: string): void {
  const value = evaluated(expression.evaluate(bindings), what);
  if (value !== true)
    refuse(`error evaluating ${what} expression: validation expression '${expression.text}' failed: ${message}`);
}

/** Throws Refused. */
function userOf(config: JwtAuthenticator, claims: Claims): Identity {
  const name = userName(config, claims);
  const userGroups = groups(config.groups, claims);
  const uid = userId(config, claims);
  const extra: Record<string, readonly string[]> = {};
  if (typeof claims['jti'] === 'string' && claims['jti'] !== '')
    extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims['jti']}`];
  for (const { key, expression } of config.extra) {
    const values = texts(evaluated(expression.evaluate({ claims }), 'extra claim'), 'extra claim');
    if (values.length > 0) extra[key] = values;
  }
  for (const { claim, requiredValue, expression, message } of config.claimRules) {
    if (expression !== undefined) {
      checkRule(expression, { claims }, message, 'claim validation');
      continue;
    }
    const value = claims[claim];
    if (value === undefined) refuse(`required claim ${claim} not present in ID token`);
    if (typeof value !== 'string') refuse(`parse claim ${claim}: it is no text`);
    if (value !== requiredValue)
      refuse(`required claim ${claim} value does not match. Got = ${String(value)}, want = ${requiredValue}`);
  }
  const user = { username: name, uid, groups: userGroups, extra };
  for (const { expression, message } of config.userRules)
    checkRule(expression, { user }, message, 'user info validation rule');
  return {
    name,
    groups: userGroups,
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** Clocks may differ by five minutes for the beginning, and not at all for the end: as the library that upstream uses. */
const notBeforeLeewayMs = 300_000;

function checkClaims(claims: Claims, config: JwtAuthenticator, now: number): void {
  const { aud, exp, nbf, _claim_names: distributed } = claims;
  const own = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  if (!config.audiences.some((one) => own.includes(one)))
    refuse(
      `verify token: oidc: expected audience in [${config.audiences.map((one) => JSON.stringify(one)).join(' ')}] got ${JSON.stringify(own)}`,
    );
  if (typeof exp !== 'number') refuse('verify token: oidc: token is expired (it has no expiry)');
  else if (exp * 1000 < now)
    refuse(`verify token: oidc: token is expired (Token Expiry: ${new Date(exp * 1000).toISOString()})`);
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf * 1000 > now + notBeforeLeewayMs))
    refuse('verify token: oidc: current time before the nbf (not before) time');
  const claim = config.groups.claim;
  if (claim !== '' && typeof distributed === 'object' && distributed !== null && claim in distributed)
    refuse(
      `could not expand distributed claims: the claim ${JSON.stringify(claim)} is elsewhere, which is not followed`,
    );
}

export function issuerTokens(options: Options, config: JwtAuthenticator): TokenSource {
  const keys = new IssuerKeys(options, config);
  const own = options.serviceAccountTokens.audiences;
  return {
    name: `issuer ${config.issuer}`,
    async authenticate(token, asked) {
      const read = readUnverified(token);
      if (read?.claims['iss'] !== config.issuer) return undefined;
      // The configured audiences say that the token is for this server: it then counts for the server's own.
      const audiences = own.filter((one) => asked.includes(one));
      if (audiences.length === 0) return undefined;
      try {
        checkClaims(read.claims, config, options.clock.now());
        const problem = await keys.problemWith(token, read.head);
        return problem === undefined ? { user: userOf(config, read.claims), audiences } : { error: problem };
      } catch (error) {
        if (error instanceof Refused) return { error: messageOf(error) };
        throw error;
      }
    },
  };
}
