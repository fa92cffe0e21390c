// What a Route's annotations ask of the router, parsed once. A value that cannot be used is left out and named: it never reaches
// HAProxy, and never keeps the Route from being served. Names and forms are OpenShift's.
import type { Route } from '#api/generated/types.ts';
import { isIPv4, isIPv6 } from '#pki/address.ts';

export interface RouteOptions {
  readonly balance: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly tunnelTimeoutMs: number | undefined;
  readonly checkIntervalMs: number | undefined;
  readonly disableCookies: boolean;
  readonly cookieName: string | undefined;
  readonly sameSite: string;
  /** Addresses and networks that may connect; undefined: all. */
  readonly allowed: readonly string[] | undefined;
  /** Of one client address; undefined: not limited. */
  readonly limits:
    | {
        readonly concurrentTcp: number | undefined;
        readonly rateTcp: number | undefined;
        readonly rateHttp: number | undefined;
      }
    | undefined;
  readonly rewriteTarget: string | undefined;
  readonly hsts: string | undefined;
  readonly forwardedHeaders: 'append' | 'replace' | 'if-none' | 'never' | undefined;
  readonly podConnectionsMax: number | undefined;
  readonly adjustsCase: boolean;
}

export interface ReadAnnotations {
  readonly options: RouteOptions;
  /** One sentence each. */
  readonly problems: readonly string[];
}

const prefix = 'haproxy.router.openshift.io/';
const known = new Set([
  'balance',
  'timeout',
  'timeout-tunnel',
  'disable_cookies',
  'ip_allowlist',
  'ip_whitelist',
  'rate-limit-connections',
  'rate-limit-connections.concurrent-tcp',
  'rate-limit-connections.rate-tcp',
  'rate-limit-connections.rate-http',
  'rewrite-target',
  'hsts_header',
  'set-forwarded-headers',
  'pod-concurrent-connections',
  'h1-adjust-case',
]);
const booleans: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((one) => [one, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((one) => [one, false]),
]);
const unitMs = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** HAProxy refuses more: its whole configuration would be. */
export const timeoutMsMax = 2 ** 31 - 1;
const integerMax = 2 ** 31 - 1;
const hstsToken = '(?:includeSubDomains|preload)';
const hstsPattern = new RegExp(
  `^(?:${hstsToken}\\s*;\\s*)*max-age\\s*=\\s*(?:\\d+|"\\d+")(?:\\s*;\\s*${hstsToken})*$`,
  'i',
);

const read = new WeakMap<Route['metadata'], ReadAnnotations>();

export function readAnnotations({ metadata }: Route): ReadAnnotations {
  let found = read.get(metadata);
  if (found === undefined) read.set(metadata, (found = parse(metadata.annotations ?? {})));
  return found;
}

function parse(annotations: Readonly<Record<string, string>>): ReadAnnotations {
  const problems: string[] = [];
  const wrong = (name: string, why: string): undefined =>
    void problems.push(`annotation ${name} is ignored: ${JSON.stringify(annotations[name]?.slice(0, 100))} ${why}`);
  for (const name of Object.keys(annotations))
    if (name.startsWith(prefix) && !known.has(name.slice(prefix.length)))
      problems.push(`annotation ${name} is ignored: this router does not know it`);

  const pick = <T>(name: string, parseOne: (text: string) => T | undefined, why: string): T | undefined => {
    const text = annotations[name];
    return text === undefined ? undefined : (parseOne(text) ?? wrong(name, why));
  };
  const matching = (name: string, pattern: RegExp, why: string) =>
    pick(name, (text) => (pattern.test(text) ? text : undefined), why);
  const flag = (name: string) => pick(name, (text) => booleans[text], 'is not true or false') ?? false;
  const integer = (name: string) => pick(name, wholeNumber, 'is not a whole number');
  const time = (name: string) => pick(name, milliseconds, 'is not a time such as 500ms, 30s or 5m');
  const list = [`${prefix}ip_allowlist`, `${prefix}ip_whitelist`].find((name) => (annotations[name] ?? '') !== '');

  const limited = flag(`${prefix}rate-limit-connections`);
  const options: RouteOptions = {
    balance: matching(
      `${prefix}balance`,
      /^(?:roundrobin|leastconn|source|random)$/,
      'is not roundrobin, leastconn, source or random',
    ),
    timeoutMs: time(`${prefix}timeout`),
    tunnelTimeoutMs: time(`${prefix}timeout-tunnel`),
    checkIntervalMs: time('router.openshift.io/haproxy.health.check.interval'),
    disableCookies: flag(`${prefix}disable_cookies`),
    cookieName: matching('router.openshift.io/cookie_name', /^[a-zA-Z0-9_-]+$/, 'is not a name of a cookie'),
    sameSite:
      matching('router.openshift.io/cookie-same-site', /^(?:Lax|Strict|None)$/, 'is not Lax, Strict or None') ?? 'None',
    allowed: list === undefined ? undefined : addresses(annotations[list]!, list, problems),
    limits: limited
      ? {
          concurrentTcp: integer(`${prefix}rate-limit-connections.concurrent-tcp`),
          rateTcp: integer(`${prefix}rate-limit-connections.rate-tcp`),
          rateHttp: integer(`${prefix}rate-limit-connections.rate-http`),
        }
      : undefined,
    rewriteTarget: matching(
      `${prefix}rewrite-target`,
      /^\/[^\p{Cc}]*$/u,
      'does not begin with / or has control characters',
    ),
    hsts: matching(`${prefix}hsts_header`, hstsPattern, 'is not such as max-age=31536000;includeSubDomains;preload'),
    forwardedHeaders: matching(
      `${prefix}set-forwarded-headers`,
      /^(?:append|replace|if-none|never)$/,
      'is not append, replace, if-none or never',
    ) as RouteOptions['forwardedHeaders'],
    podConnectionsMax: integer(`${prefix}pod-concurrent-connections`),
    adjustsCase: flag(`${prefix}h1-adjust-case`),
  };
  return { options, problems };
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return value === undefined || value > integerMax ? undefined : value;
}

/** At most what HAProxy takes. */
function milliseconds(text: string): number | undefined {
  const [, amount, unit = 'ms'] = /^([1-9]\d*)(us|ms|s|m|h|d)?$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  return Math.min(Math.ceil(Number(amount) * unitMs[unit as keyof typeof unitMs]), timeoutMsMax);
}

function addresses(text: string, name: string, problems: string[]): readonly string[] | undefined {
  const all = text.split(/\s+/).filter((one) => one !== '');
  const valid = all.filter(isAddressOrNetwork);
  const bad = all.filter((one) => !isAddressOrNetwork(one));
  if (bad.length > 0)
    problems.push(
      `annotation ${name}: ${bad
        .slice(0, 5)
        .map((one) => JSON.stringify(one.slice(0, 50)))
        .join(', ')} ${bad.length === 1 ? 'is' : 'are'} no address or network and left out${
        valid.length === 0 ? '; nothing is left, so that every client may connect' : ''
      }`,
    );
  return valid.length === 0 ? undefined : valid;
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', length, more] = text.split('/');
  if (more !== undefined || (!isIPv4(address) && !isIPv6(address))) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (isIPv4(address) ? 32 : 128));
}
