// AuthenticationConfiguration of apiserver.config.k8s.io: whose tokens count as whose, and where nobody needs to say who they
// are. Rules and texts of upstream's pkg/apis/apiserver/validation.
import { X509Certificate } from 'node:crypto';
import type { Program } from '#api/cel/cel.ts';
import type { CelType } from '#api/cel/types.ts';
import { anonymousEverywhere, type AnonymousAccess } from './access-in-use.ts';
import { claimsType, expressionsOver, isText, isTexts, isTrue, userType, type Expressions } from './expressions.ts';
import { Reading, type Fields } from './reading.ts';

export interface Mapping {
  /** '' when there is an expression, or none of both. */
  readonly claim: string;
  readonly prefix: string;
  readonly expression: Program | undefined;
}
export interface ValidationRule {
  readonly claim: string;
  readonly requiredValue: string;
  readonly expression: Program | undefined;
  readonly message: string;
}
export interface JwtAuthenticator {
  readonly issuer: string;
  /** '' : behind the issuer's own URL. */
  readonly discoveryUrl: string;
  /** PEM; '' : the system's. */
  readonly authorities: string;
  readonly audiences: readonly string[];
  readonly username: Mapping;
  readonly groups: Mapping;
  readonly uid: Mapping;
  readonly extra: readonly { readonly key: string; readonly expression: Program }[];
  readonly claimRules: readonly ValidationRule[];
  readonly userRules: readonly { readonly expression: Program; readonly message: string }[];
}
export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtAuthenticator[];
  readonly anonymous: AnonymousAccess;
}

const group = 'apiserver.config.k8s.io';
const versions = ['v1', 'v1beta1', 'v1alpha1'].map((one) => `${group}/${one}`);
const authenticatorsMax = 64;

export function checkHeader(root: Fields, reading: Reading, kind: string): void {
  if (root.text('kind') !== kind) reading.problem('kind', `must be ${kind}`);
  const version = root.text('apiVersion');
  if (!versions.includes(version)) reading.notSupported('apiVersion', version, versions);
}

/** Throws ConfigurationProblems. `ownIssuer` may not be claimed by others. */
export async function readAuthentication(value: unknown, ownIssuer: string): Promise<AuthenticationConfiguration> {
  const reading = new Reading();
  const root = reading.object(value ?? {}, '');
  if (root === undefined) throw reading.end();
  checkHeader(root, reading, 'AuthenticationConfiguration');
  const entries = root.objects('jwt');
  if (entries.length > authenticatorsMax)
    reading.problem('jwt', `Too many: ${entries.length}: must have at most ${authenticatorsMax} items`);
  const claims = entries.length === 0 ? undefined : await expressionsOver({ claims: claimsType }, reading);
  const users = entries.length === 0 ? undefined : await expressionsOver({ user: userType }, reading);
  const jwt = entries.map((one) => readJwt(one, reading, claims!, users!, ownIssuer));
  for (const [index, one] of jwt.entries()) {
    const before = jwt.slice(0, index);
    if (before.some((other) => other.issuer === one.issuer)) reading.duplicate(`jwt[${index}].issuer.url`, one.issuer);
    if (one.discoveryUrl !== '' && before.some((other) => other.discoveryUrl === one.discoveryUrl))
      reading.duplicate(`jwt[${index}].issuer.discoveryURL`, one.discoveryUrl);
  }
  const anonymous = readAnonymous(root.object('anonymous'), reading);
  reading.end();
  return { jwt, anonymous };
}

function readAnonymous(fields: Fields | undefined, reading: Reading): AnonymousAccess {
  if (fields === undefined) return anonymousEverywhere;
  const enabled = fields.truth('enabled') === true;
  const conditions = fields.objects('conditions').map((one) => one.text('path'));
  if (!enabled && conditions.length > 0)
    reading.invalid(
      'anonymous.conditions',
      conditions.map((path) => ({ path })),
      'enabled should be set to true when conditions are defined',
    );
  return { enabled, paths: conditions.length === 0 ? undefined : new Set(conditions) };
}

function checkUrl(text: string, path: string, reading: Reading): void {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    reading.invalid(path, text, 'must be a URL');
    return;
  }
  if (url.protocol !== 'https:') reading.invalid(path, text, 'URL scheme must be https');
  if (url.username !== '' || url.password !== '')
    reading.invalid(path, text, 'URL must not contain a username or password');
  if (url.search !== '') reading.invalid(path, text, 'URL must not contain a query');
  if (url.hash !== '') reading.invalid(path, text, 'URL must not contain a fragment');
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

function readIssuer(fields: Fields, reading: Reading, ownIssuer: string) {
  const issuer = fields.text('url');
  if (issuer === '') reading.required(fields.at('url'));
  else {
    if (issuer === ownIssuer)
      reading.invalid(fields.at('url'), issuer, `URL must not overlap with disallowed issuers: [${ownIssuer}]`);
    checkUrl(issuer, fields.at('url'), reading);
  }
  const discoveryUrl = fields.text('discoveryURL');
  if (discoveryUrl !== '') {
    if (issuer !== '' && withoutSlash(issuer) === withoutSlash(discoveryUrl))
      reading.invalid(fields.at('discoveryURL'), discoveryUrl, 'discoveryURL must be different from URL');
    checkUrl(discoveryUrl, fields.at('discoveryURL'), reading);
  }
  const audiences = fields.texts('audiences');
  const policy = fields.text('audienceMatchPolicy');
  if (audiences.length === 0)
    reading.required(fields.at('audiences'), `at least one ${fields.at('audiences')} is required`);
  for (const [index, audience] of audiences.entries()) {
    if (audience === '') reading.required(`${fields.at('audiences')}[${index}]`);
    if (audiences.indexOf(audience) < index) reading.duplicate(`${fields.at('audiences')}[${index}]`, audience);
  }
  if (audiences.length > 1 && policy !== 'MatchAny')
    reading.invalid(
      fields.at('audienceMatchPolicy'),
      policy,
      'audienceMatchPolicy must be MatchAny for multiple audiences',
    );
  if (audiences.length === 1 && policy !== '' && policy !== 'MatchAny')
    reading.invalid(
      fields.at('audienceMatchPolicy'),
      policy,
      'audienceMatchPolicy must be empty or MatchAny for single audience',
    );
  const authorities = fields.text('certificateAuthority');
  if (authorities !== '' && !isCertificate(authorities))
    reading.invalid(
      fields.at('certificateAuthority'),
      '<omitted>',
      'data does not contain any valid RSA or ECDSA certificates',
    );
  // There is one way out of this process: every issuer is called directly.
  const egress = fields.text('egressSelectorType');
  if (egress !== '')
    reading.invalid(
      fields.at('egressSelectorType'),
      egress,
      'egress selectors are not supported: the issuer is called directly',
    );
  return { issuer, discoveryUrl, audiences, authorities };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function readMapping(
  fields: Fields | undefined,
  path: string,
  reading: Reading,
  expressions: Expressions,
  rules: { readonly results: readonly CelType[]; readonly required: boolean; readonly prefixed: boolean },
): Mapping {
  const claim = fields?.text('claim') ?? '';
  const text = fields?.text('expression') ?? '';
  const hasPrefix = rules.prefixed && fields?.has('prefix') === true;
  const prefix = rules.prefixed ? (fields?.text('prefix') ?? '') : '';
  if (text !== '' && claim !== '') reading.invalid(path, '', "claim and expression can't both be set");
  else if (text === '' && claim === '' && rules.required) reading.required(path, 'claim or expression is required');
  else if (text !== '' && hasPrefix)
    reading.invalid(`${path}.prefix`, prefix, 'may not be specified when expression is set');
  else if (claim !== '' && rules.prefixed && !hasPrefix)
    reading.required(
      `${path}.prefix`,
      'prefix is required when claim is set. It can be set to an empty string to disable prefixing',
    );
  const expression = text === '' ? undefined : expressions.compile(text, `${path}.expression`, rules.results);
  return { claim: text === '' ? claim : '', prefix, expression };
}

const extraKeyForm =
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const isReserved = (key: string): boolean => /^([^/]*\.)?(kubernetes|k8s)\.io\//.test(key);

function readExtra(fields: readonly Fields[], reading: Reading, expressions: Expressions): JwtAuthenticator['extra'] {
  const seen = new Set<string>();
  return fields.flatMap((one) => {
    const key = one.text('key');
    const text = one.text('valueExpression');
    const path = one.at('key');
    if (key === '') reading.required(path);
    else if (!extraKeyForm.test(key))
      reading.invalid(path, key, 'must be a domain-prefixed path (such as "acme.io/foo")');
    if (key !== key.toLowerCase()) reading.invalid(path, key, 'must be lowercase');
    if (isReserved(key))
      reading.invalid(path, key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use');
    if (seen.has(key)) reading.duplicate(path, key);
    seen.add(key);
    if (text === '') {
      reading.required(one.at('valueExpression'));
      return [];
    }
    const expression = expressions.compile(text, one.at('valueExpression'), isTexts);
    return expression === undefined ? [] : [{ key, expression }];
  });
}

function readRules(fields: readonly Fields[], reading: Reading, expressions: Expressions): ValidationRule[] {
  const seen = new Set<string>();
  return fields.map((one) => {
    const claim = one.text('claim');
    const requiredValue = one.text('requiredValue');
    const text = one.text('expression');
    const message = one.text('message');
    if (claim !== '' && text !== '') reading.invalid(one.path, claim, "claim and expression can't both be set");
    else if (claim === '' && text === '') reading.required(one.path, 'claim or expression is required');
    else if (claim !== '' && message !== '')
      reading.invalid(one.at('message'), message, 'may not be specified when claim is set');
    else if (text !== '' && requiredValue !== '')
      reading.invalid(one.at('requiredValue'), requiredValue, 'may not be specified when expression is set');
    const key = claim === '' ? `expression ${text}` : `claim ${claim}`;
    if (seen.has(key)) reading.duplicate(one.at(claim === '' ? 'expression' : 'claim'), claim === '' ? text : claim);
    seen.add(key);
    const expression = text === '' ? undefined : expressions.compile(text, one.at('expression'), isTrue);
    return { claim, requiredValue, expression, message };
  });
}

function readJwt(
  fields: Fields,
  reading: Reading,
  claims: Expressions,
  users: Expressions,
  ownIssuer: string,
): JwtAuthenticator {
  const issuerFields = fields.object('issuer') ?? reading.object({}, fields.at('issuer'))!;
  const issuer = readIssuer(issuerFields, reading, ownIssuer);
  const claimRules = readRules(fields.objects('claimValidationRules'), reading, claims);
  const mappings = fields.object('claimMappings') ?? reading.object({}, fields.at('claimMappings'))!;
  const username = readMapping(mappings.object('username'), mappings.at('username'), reading, claims, {
    results: isText,
    required: true,
    prefixed: true,
  });
  const groups = readMapping(mappings.object('groups'), mappings.at('groups'), reading, claims, {
    results: isTexts,
    required: false,
    prefixed: true,
  });
  const uid = readMapping(mappings.object('uid'), mappings.at('uid'), reading, claims, {
    results: isText,
    required: false,
    prefixed: false,
  });
  const extra = readExtra(mappings.objects('extra'), reading, claims);
  const seen = new Set<string>();
  const userRules = fields.objects('userValidationRules').flatMap((one) => {
    const text = one.text('expression');
    const message = one.text('message');
    if (text === '') {
      reading.required(one.at('expression'));
      return [];
    }
    if (seen.has(text)) reading.duplicate(one.at('expression'), text);
    seen.add(text);
    const expression = users.compile(text, one.at('expression'), isTrue);
    return expression === undefined ? [] : [{ expression, message }];
  });
  checkEmail(
    username,
    [...extra.map((one) => one.expression), ...claimRules.map((one) => one.expression)],
    mappings,
    reading,
  );
  return { ...issuer, username, groups, uid, extra, claimRules, userRules };
}

const readsClaim = (program: Program | undefined, claim: string): boolean =>
  program !== undefined &&
  new RegExp(`\\bclaims\\s*(\\.\\s*\\??\\s*${claim}\\b|\\[\\??\\s*['"]${claim}['"])`).test(program.text);

/** An address that nobody verified is anybody's. */
function checkEmail(
  username: Mapping,
  others: readonly (Program | undefined)[],
  mappings: Fields,
  reading: Reading,
): void {
  const { expression } = username;
  if (!readsClaim(expression, 'email')) return;
  if ([expression, ...others].some((one) => readsClaim(one, 'email_verified'))) return;
  reading.invalid(
    mappings.at('username.expression'),
    expression!.text,
    'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
  );
}
