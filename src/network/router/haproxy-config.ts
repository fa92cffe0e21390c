// HAProxy's files from admitted Routes. Pure. Hosts and paths are in map files (longest prefix of HOST/PATH/), certificates in a
// certificate list; a backend a Route. The digest covers what only a reload can change: not what is in the slots.
import { createHash } from 'node:crypto';
import type { AdmittedRoute } from './admission.ts';
import type { Slots } from './backends.ts';
import { routeCertificates } from './route-certificates.ts';
import { headerLines } from './route-headers.ts';

export interface WorkerUser {
  readonly userId: number;
  readonly groupId: number;
}

export interface RouterSettings {
  /** Addresses to listen on; `*`: all of IPv4; `::`: all of both families. */
  readonly listenAddresses: readonly string[];
  readonly httpPort: number;
  readonly httpsPort: number;
  /** On 127.0.0.1: /healthz and /metrics. */
  readonly healthPort: number;
  /** Certificate chain and key in PEM, for hosts without a certificate of their own. */
  readonly defaultCertificatePem: string;
  /** The authority of service serving certificates, for re-encrypting Routes that name none. */
  readonly serviceCaPem?: string | undefined;
  /** Where the files and sockets are; emptied by a reboot. */
  readonly runDirectory: string;
  /** The worker gives up root for it; undefined: it stays who it is. */
  readonly user?: WorkerUser | undefined;
  readonly threads: number;
}

export interface RouterFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

export interface RouterFiles {
  readonly digest: string;
  readonly files: readonly RouterFile[];
}

export const configPath = (runDirectory: string): string => `${runDirectory}/haproxy.cfg`;
export const adminSocketPath = (runDirectory: string): string => `${runDirectory}/admin.sock`;
/** In the environment of the worker: says which configuration it runs. */
export const digestVariable = 'MICROSHIFT_ROUTER_CONFIG';

const terminationOf = (one: AdmittedRoute) => one.route.spec.tls?.termination ?? '';

export const backendName = ({ route }: AdmittedRoute): string =>
  `be:${route.metadata.namespace}:${route.metadata.name}`;

/** Prefix-matched against the request's HOST/PATH/: `/foo` is for /foo and /foo/bar, not for /foobar. */
const mapKey = ({ host, path }: AdmittedRoute): string => `${host}${path.replace(/\/+$/, '')}/`;

const redirect = 'redirect';
const timePattern = /^(\d{1,9})(us|ms|s|m|h|d)?$/;
const unitMs = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** HAProxy refuses more: its whole configuration would be. */
const timeoutMsMax = 2 ** 31 - 1;
const balances = new Set(['source', 'random', 'roundrobin', 'leastconn']);
const annotationOf = (one: AdmittedRoute, name: string): string | undefined =>
  one.route.metadata.annotations?.[`haproxy.router.openshift.io/${name}`];

const unavailablePage = `HTTP/1.0 503 Service Unavailable\r
Pragma: no-cache\r
Cache-Control: private, max-age=0, no-cache, no-store\r
Connection: close\r
Content-Type: text/html\r
\r
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Application is not available</title></head>
<body><h1>Application is not available</h1><p>No application answers at this address now. The Route may be missing, or have
another host or path; or none of its Pods is ready.</p><pre>kubectl get routes,pods -A</pre></body></html>
`;

export function renderRouter(
  routes: readonly AdmittedRoute[],
  slotsOf: (backend: string) => Slots,
  settings: RouterSettings,
): RouterFiles {
  const { runDirectory } = settings;
  const passthrough = routes.filter((one) => terminationOf(one) === 'passthrough');
  const http = routes.flatMap((one): readonly [AdmittedRoute, string][] => {
    const policy = one.route.spec.tls?.insecureEdgeTerminationPolicy ?? 'None';
    if (terminationOf(one) === '' || (policy === 'Allow' && terminationOf(one) !== 'passthrough'))
      return [[one, backendName(one)]];
    return policy === 'Redirect' ? [[one, redirect]] : [];
  });
  const https = routes
    .filter((one) => terminationOf(one) === 'edge' || terminationOf(one) === 'reencrypt')
    .map((one): [AdmittedRoute, string] => [one, backendName(one)]);

  const certificates: RouterFile[] = [];
  const list = [`${runDirectory}/certs/default.pem [alpn h2,http/1.1]`];
  certificates.push({
    path: `${runDirectory}/certs/default.pem`,
    content: settings.defaultCertificatePem,
    mode: 0o600,
  });
  const authorities: RouterFile[] = [];
  for (const one of https.map(([route]) => route)) {
    const { metadata, spec } = one.route;
    const name = `${metadata.namespace}:${metadata.name}`;
    const { serving, destinationAuthority } = routeCertificates(spec.tls!);
    if (serving !== undefined) {
      const path = `${runDirectory}/certs/${name}.pem`;
      certificates.push({ path, content: serving, mode: 0o600 });
      // HTTP/2 could be joined by the client for hosts of one certificate; HTTP/1.1 keeps hosts apart, as OpenShift does.
      list.push(`${path} [alpn http/1.1] ${one.host}`);
    }
    if (spec.tls!.termination === 'reencrypt' && destinationAuthority !== undefined)
      authorities.push({ path: `${runDirectory}/cas/${name}.pem`, content: destinationAuthority, mode: 0o644 });
  }
  if (settings.serviceCaPem !== undefined)
    authorities.push({ path: `${runDirectory}/cas/service-ca.pem`, content: settings.serviceCaPem, mode: 0o644 });

  const mapText = (entries: readonly (readonly [AdmittedRoute, string])[]) =>
    entries
      .map(([one, value]) => `${mapKey(one)} ${value}\n`)
      .toSorted()
      .join('');
  const supporting: RouterFile[] = [
    ...certificates,
    ...authorities,
    { path: `${runDirectory}/certificates.list`, content: `${list.join('\n')}\n`, mode: 0o600 },
    { path: `${runDirectory}/http.map`, content: mapText(http), mode: 0o644 },
    { path: `${runDirectory}/https.map`, content: mapText(https), mode: 0o644 },
    {
      path: `${runDirectory}/passthrough.map`,
      content: passthrough
        .map((one) => `${one.host} ${backendName(one)}\n`)
        .toSorted()
        .join(''),
      mode: 0o644,
    },
    { path: `${runDirectory}/503.http`, content: unavailablePage, mode: 0o644 },
  ];

  const config = (digest: string, backends: readonly string[]) =>
    [...globalLines(settings, digest), ...frontendLines(settings, passthrough.length > 0), ...backends, ''].join('\n');
  // The digest sees the number of slots, not what is in them.
  const structure = routes.flatMap((one) =>
    backendLines(
      one,
      slotsOf(backendName(one)).map(() => undefined),
      settings,
    ),
  );
  const digest = createHash('sha256')
    .update(config('', structure))
    .update(JSON.stringify(supporting))
    .digest('hex')
    .slice(0, 32);
  const backends = routes.flatMap((one) => backendLines(one, slotsOf(backendName(one)), settings));
  return {
    digest,
    files: [...supporting, { path: configPath(runDirectory), content: config(digest, backends), mode: 0o600 }],
  };
}

const globalLines = (settings: RouterSettings, digest: string): readonly string[] => [
  'global',
  `  setenv ${digestVariable} "${digest}"`,
  `  stats socket ${adminSocketPath(settings.runDirectory)} mode 600 level admin expose-fd listeners`,
  '  maxconn 8000',
  '  no strict-limits',
  `  nbthread ${settings.threads}`,
  '  hard-stop-after 1h',
  ...(settings.user === undefined ? [] : [`  uid ${settings.user.userId}`, `  gid ${settings.user.groupId}`]),
  '  tune.maxrewrite 8192',
  '  tune.bufsize 32768',
  '  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets',
  '  ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  '',
  'defaults',
  '  mode http',
  '  timeout connect 5s',
  '  timeout client 30s',
  '  timeout client-fin 1s',
  '  timeout server 30s',
  '  timeout server-fin 1s',
  '  timeout http-request 10s',
  '  timeout http-keep-alive 300s',
  '  timeout tunnel 1h',
  '  timeout queue 5s',
  '  retries 3',
  '  option redispatch 1',
  '  retry-on conn-failure empty-response',
  '  no option dontlognull',
  `  errorfile 503 ${settings.runDirectory}/503.http`,
  '',
];

const key = 'req.hdr(host),host_only,lower,concat(,txn.path,/)';

function frontendLines(settings: RouterSettings, hasPassthrough: boolean): readonly string[] {
  const { runDirectory } = settings;
  const binds = (port: number, more = '') =>
    settings.listenAddresses.map((address) => `  bind ${address}:${port}${address === '::' ? ' v4v6' : ''}${more}`);
  const owner = settings.user === undefined ? '' : ` uid ${settings.user.userId} gid ${settings.user.groupId}`;
  const tls = ` ssl crt-list ${runDirectory}/certificates.list`;
  const forwarded = (scheme: string) => [
    '  http-request set-var(txn.path) path',
    '  http-request del-header Proxy',
    '  http-request disable-l7-retry unless { method GET HEAD OPTIONS }',
    '  http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    '  http-request set-header X-Forwarded-Port %[dst_port]',
    `  http-request set-header X-Forwarded-Proto ${scheme}`,
    `  http-request add-header Forwarded for=%[src];host=%[req.hdr(host)];proto=${scheme}`,
    '  option forwardfor',
  ];
  return [
    'frontend health',
    `  bind 127.0.0.1:${settings.healthPort}`,
    '  monitor-uri /healthz',
    '  http-request use-service prometheus-exporter if { path /metrics }',
    '  http-request deny deny_status 404',
    '',
    'frontend http',
    ...binds(settings.httpPort),
    ...forwarded('http'),
    `  http-request set-var(txn.backend) ${key},map_beg(${runDirectory}/http.map,none)`,
    `  http-request redirect scheme https code 302 if { var(txn.backend) -m str ${redirect} }`,
    '  use_backend %[var(txn.backend)] if !{ var(txn.backend) -m str none }',
    '  default_backend none',
    '',
    ...(hasPassthrough
      ? [
          'frontend tls',
          '  mode tcp',
          ...binds(settings.httpsPort),
          '  tcp-request inspect-delay 5s',
          `  tcp-request content set-var(sess.backend) req.ssl_sni,lower,map_str(${runDirectory}/passthrough.map,tls-here) if { req.ssl_hello_type 1 }`,
          '  tcp-request content accept if { req.ssl_hello_type 1 }',
          '  use_backend %[var(sess.backend)] if { var(sess.backend) -m found }',
          '  default_backend tls-here',
          '',
          'backend tls-here',
          '  mode tcp',
          `  server here unix@${runDirectory}/tls.sock send-proxy-v2`,
          '',
        ]
      : []),
    'frontend https',
    ...(hasPassthrough
      ? [`  bind unix@${runDirectory}/tls.sock${owner} mode 600 accept-proxy${tls}`]
      : binds(settings.httpsPort, tls)),
    ...forwarded('https'),
    `  http-request set-var(txn.backend) ${key},map_beg(${runDirectory}/https.map,none)`,
    '  use_backend %[var(txn.backend)] if !{ var(txn.backend) -m str none }',
    '  default_backend none',
    '',
    'backend none',
    '  http-request return status 503 default-errorfiles',
    '',
  ];
}

function backendLines(one: AdmittedRoute, slots: Slots, settings: RouterSettings): readonly string[] {
  const termination = terminationOf(one);
  const tcp = termination === 'passthrough';
  const asked = annotationOf(one, 'balance');
  const balance =
    asked !== undefined && balances.has(asked)
      ? asked
      : tcp
        ? 'source'
        : (one.route.spec.alternateBackends?.length ?? 0) > 0
          ? 'roundrobin'
          : 'random';
  const timeout = annotationOf(one, 'timeout');
  const name = backendName(one);
  const cookie = createHash('sha256').update(name).digest('hex').slice(0, 32);
  const sticky = !tcp && annotationOf(one, 'disable_cookies')?.toLowerCase() !== 'true';
  const check = termination === 'reencrypt' ? destinationCheck(one, settings) : undefined;
  // Nothing says whom to trust: nothing may be sent there.
  if (termination === 'reencrypt' && check === undefined)
    return [`backend ${name}`, '  http-request return status 503 default-errorfiles', ''];
  const tls = check === undefined ? '' : ` ssl ${check}`;
  return [
    `backend ${name}`,
    `  mode ${tcp ? 'tcp' : 'http'}`,
    `  balance ${balance}`,
    ...timeoutLines(timeout),
    ...headerLines(one.route),
    ...(sticky
      ? [
          `  cookie ${cookie} insert indirect nocache httponly dynamic${termination === '' ? '' : ' secure attr SameSite=None'}`,
          `  dynamic-cookie-key ${cookie}`,
        ]
      : []),
    ...slots.map((server, index) =>
      server === undefined
        ? `  server s${index + 1} 127.0.0.1:9 weight 1${tls} disabled`
        : `  server s${index + 1} ${server.ip.includes(':') ? `[${server.ip}]` : server.ip}:${server.port} weight ${server.weight}${tls}`,
    ),
    '',
  ];
}

function timeoutLines(asked: string | undefined): readonly string[] {
  const [, amount, unit = 'ms'] = timePattern.exec(asked ?? '') ?? [];
  if (amount === undefined) return [];
  const ms = Math.ceil(Number(amount) * unitMs[unit as keyof typeof unitMs]);
  return [`  timeout server ${Math.min(ms, timeoutMsMax)}ms`];
}

function destinationCheck(one: AdmittedRoute, settings: RouterSettings): string | undefined {
  const { metadata, spec } = one.route;
  if (spec.tls !== undefined && routeCertificates(spec.tls).destinationAuthority !== undefined)
    return `verify required ca-file ${settings.runDirectory}/cas/${metadata.namespace}:${metadata.name}.pem`;
  if (settings.serviceCaPem !== undefined)
    return `verify required ca-file ${settings.runDirectory}/cas/service-ca.pem verifyhost ${spec.to.name}.${metadata.namespace}.svc`;
  return undefined;
}
