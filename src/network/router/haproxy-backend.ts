// A Route's backend in HAProxy's configuration. Pure.
import { createHash } from 'node:crypto';
import type { Route } from '#api/generated/types.ts';
import { activeTargets, type BackendServer, type Slots } from './backends.ts';
import { readAnnotations, type RouteOptions } from './annotations.ts';
import type { AdmittedRoute } from './admission.ts';
import { escapedPattern, quoted, rewriteReplacement } from './quoting.ts';
import { routeCertificates } from './route-certificates.ts';
import { headerLines } from './route-headers.ts';
import type { RouterSettings } from './settings.ts';

export const terminationOf = ({ tls }: AdmittedRoute): string => tls?.termination ?? '';
export const backendName = ({ route }: AdmittedRoute): string =>
  `be:${route.metadata.namespace}:${route.metadata.name}`;
export const fileName = (one: AdmittedRoute): string => shortName(backendName(one).slice('be:'.length));

/** As a file system takes it (255 bytes, with an ending and what a file is called while it is written). */
const shortName = (name: string): string =>
  name.length <= nameCharactersMax
    ? name
    : `${name.slice(0, nameCharactersMax - 33)}.${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
const nameCharactersMax = 200;

/**
 * What is in the slots shows in the lines beyond address, weight and check: then another content needs a reload.
 * So it is where servers prove by certificate which of several Services they are, and where they speak HTTP/2 without TLS.
 */
const hasFixedSlots = (one: AdmittedRoute, slots: Slots): boolean =>
  slots.some((server) => server?.http2 === true && terminationOf(one) !== 'passthrough') ||
  (usesServiceCa(one) && new Set(slots.flatMap((server) => server?.service ?? [])).size > 1);

const usesServiceCa = (one: AdmittedRoute): boolean =>
  terminationOf(one) === 'reencrypt' && routeCertificates(one.tls!).destinationAuthority === undefined;

export interface BackendText {
  /** As it is written. */
  readonly text: string;
  /** As far as only a reload can change it: without what is in the slots, wherever the admin socket can change that. */
  readonly structure: string;
}
interface Made extends BackendText {
  readonly slots: Slots;
  readonly tls: AdmittedRoute['tls'];
  readonly policy: RouterSettings['policy'];
  readonly lacksAuthority: boolean;
}
/** One making for as long as Route, slots and settings stay as they are: most do, when something changes. */
const made = new WeakMap<Route, Made>();

export function backendText(one: AdmittedRoute, slots: Slots, settings: RouterSettings): BackendText {
  const { tls, route } = one;
  const { policy } = settings;
  const without = lacksAuthority(one, settings);
  const found = made.get(route);
  if (
    found !== undefined &&
    found.slots === slots &&
    found.tls === tls &&
    found.policy === policy &&
    found.lacksAuthority === without
  )
    return found;
  const text = backendLines(one, slots, settings).join('\n');
  const structure = hasFixedSlots(one, slots)
    ? text
    : backendLines(
        one,
        slots.map(() => undefined),
        settings,
      ).join('\n');
  const fresh = { text, structure, slots, tls, policy, lacksAuthority: without };
  made.set(route, fresh);
  return fresh;
}

/** Nothing says whom to trust: nothing may be sent there, and the backend has no slots. */
export const lacksAuthority = (one: AdmittedRoute, { serviceCaPem }: Pick<RouterSettings, 'serviceCaPem'>): boolean =>
  usesServiceCa(one) && serviceCaPem === undefined;

function backendLines(one: AdmittedRoute, slots: Slots, settings: RouterSettings): readonly string[] {
  const name = backendName(one);
  const tcp = terminationOf(one) === 'passthrough';
  if (lacksAuthority(one, settings))
    return [`backend ${name}`, '  http-request return status 503 default-errorfiles', ''];
  const { options } = readAnnotations(one.route);
  const balance = options.balance ?? (activeTargets(one.route) > 1 ? 'roundrobin' : tcp ? 'source' : 'random');
  return [
    `backend ${name}`,
    `  mode ${tcp ? 'tcp' : 'http'}`,
    `  balance ${balance}`,
    ...(tcp ? ['  hash-type consistent'] : []),
    ...timeoutLines(options, tcp),
    ...accessLines(options, name, settings, tcp),
    ...(tcp ? [] : httpLines(one, options, name, settings)),
    ...serverLines(one, slots, options, settings),
    '',
  ];
}

const timeoutLines = ({ timeoutMs, tunnelTimeoutMs }: RouteOptions, tcp: boolean): readonly string[] => {
  const tunnel = tunnelTimeoutMs ?? (tcp ? timeoutMs : undefined);
  return [
    ...(timeoutMs === undefined || tcp ? [] : [`  timeout server ${timeoutMs}ms`]),
    ...(tunnel === undefined ? [] : [`  timeout tunnel ${tunnel}ms`]),
  ];
};

export const allowlistPath = (runDirectory: string, backend: string): string =>
  `${runDirectory}/allowlists/${shortName(backend.slice('be:'.length))}.txt`;

function accessLines(
  { allowed, limits }: RouteOptions,
  backend: string,
  { runDirectory }: RouterSettings,
  tcp: boolean,
): readonly string[] {
  const limit = (counter: string, max: number | undefined) =>
    max === undefined ? [] : [`  tcp-request content reject if { ${counter} ge ${max} }`];
  return [
    ...(allowed === undefined
      ? []
      : [`  tcp-request content reject if !{ src -f ${allowlistPath(runDirectory, backend)} }`]),
    ...(limits === undefined
      ? []
      : [
          '  stick-table type ip size 100k expire 30s store conn_cur,conn_rate(3s),http_req_rate(10s)',
          '  tcp-request content track-sc2 src',
          ...limit('src_conn_cur', limits.concurrentTcp),
          ...limit('src_conn_rate', limits.rateTcp),
          ...(tcp ? [] : limit('src_http_req_rate', limits.rateHttp)),
        ]),
  ];
}

function httpLines(
  one: AdmittedRoute,
  options: RouteOptions,
  name: string,
  settings: RouterSettings,
): readonly string[] {
  const secure = terminationOf(one) !== '';
  return [
    ...(options.adjustsCase ? ['  option h1-case-adjust-bogus-server'] : []),
    ...forwardedLines(options.forwardedHeaders ?? policies[settings.policy.forwardedHeaderPolicy]),
    ...rewriteLines(one, options),
    ...cookieLines(one, options, name),
    ...(secure && options.hsts !== undefined
      ? [`  http-response set-header Strict-Transport-Security ${quoted(options.hsts)}`]
      : []),
    ...headerLines(one.route),
  ];
}

const policies = { Append: 'append', Replace: 'replace', IfNone: 'if-none', Never: 'never' } as const;

/** RFC 7239 wants brackets and quotes around IPv6 addresses. */
function forwardedLines(how: NonNullable<RouteOptions['forwardedHeaders']>): readonly string[] {
  if (how === 'never') return [];
  const verb = how === 'append' ? 'add-header' : 'set-header';
  const set = (name: string, value: string, ...conditions: readonly string[]): string => {
    const all = [...conditions, ...(how === 'if-none' ? [`!{ req.hdr(${name}) -m found }`] : [])];
    return `  http-request ${verb} ${name} ${value}${all.length === 0 ? '' : ` if ${all.join(' ')}`}`;
  };
  const rest = ';host=%[req.hdr(host)];proto=%[ssl_fc,iif(https,http)]';
  return [
    ...(how === 'append' ? ['  option forwardfor'] : how === 'if-none' ? ['  option forwardfor if-none'] : []),
    ...(how === 'replace' ? ['  http-request set-header X-Forwarded-For %[src]'] : []),
    set('X-Forwarded-Host', '%[req.hdr(host)]'),
    set('X-Forwarded-Port', '%[dst_port]'),
    set('X-Forwarded-Proto', '%[ssl_fc,iif(https,http)]'),
    set('X-Forwarded-Proto-Version', 'h2', '{ ssl_fc_alpn -i h2 }'),
    set('Forwarded', `for=\\"[%[src]]\\"${rest}`, '{ src -m sub : }'),
    set('Forwarded', `for=%[src]${rest}`, '!{ src -m sub : }'),
  ];
}

function rewriteLines({ route }: AdmittedRoute, { rewriteTarget }: RouteOptions): readonly string[] {
  if (rewriteTarget === undefined) return [];
  const path = escapedPattern(route.spec.path ?? '');
  const pattern = rewriteTarget === '/' ? `^${path}/?(.*)$` : `^${path}(.*)$`;
  return [`  http-request replace-path ${quoted(pattern)} ${quoted(rewriteReplacement(rewriteTarget))}`];
}

function cookieLines(one: AdmittedRoute, options: RouteOptions, name: string): readonly string[] {
  if (options.disableCookies) return [];
  const key = createHash('sha256').update(name).digest('hex').slice(0, 32);
  const tls = terminationOf(one) !== '' && one.tls?.insecureEdgeTerminationPolicy !== 'Allow';
  return [
    `  cookie ${options.cookieName ?? key} insert indirect nocache httponly dynamic${tls ? ` secure attr SameSite=${options.sameSite}` : ''}`,
    `  dynamic-cookie-key ${key}`,
  ];
}

function serverLines(
  one: AdmittedRoute,
  slots: Slots,
  options: RouteOptions,
  settings: RouterSettings,
): readonly string[] {
  const interval = options.checkIntervalMs ?? (settings.policy.tuning.healthCheckIntervalMs || 5_000);
  const connections = options.podConnectionsMax === undefined ? '' : ` maxconn ${options.podConnectionsMax}`;
  const plain = terminationOf(one) === '' || terminationOf(one) === 'edge';
  return slots.map((server, index) => {
    const tls = tlsOf(one, server, settings);
    const protocol = plain && server?.http2 === true ? ' proto h2' : '';
    const rest = `${tls}${protocol} check inter ${interval}ms${connections}`;
    const place =
      server === undefined ? '127.0.0.1:9' : `${server.ip.includes(':') ? `[${server.ip}]` : server.ip}:${server.port}`;
    return `  server s${index + 1} ${place} weight ${server?.weight ?? 1}${rest}${server === undefined ? ' disabled' : ''}`;
  });
}

function tlsOf(one: AdmittedRoute, server: BackendServer | undefined, settings: RouterSettings): string {
  if (terminationOf(one) !== 'reencrypt') return '';
  const { runDirectory, policy } = settings;
  const alpn = policy.defaultHttpVersion === 2 ? ' alpn h2,http/1.1' : '';
  if (!usesServiceCa(one)) return ` ssl${alpn} verify required ca-file ${runDirectory}/cas/${fileName(one)}.pem`;
  const { spec, metadata } = one.route;
  const host = `${server?.service ?? spec.to.name}.${metadata.namespace}.svc`;
  return ` ssl${alpn} verify required ca-file ${runDirectory}/cas/service-ca.pem verifyhost ${host}`;
}
