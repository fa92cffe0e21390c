// Keys of the router.
import { choice, duration, integer, list, objects, text, type ConfigurationKey } from './key.ts';

const log = 'ingress.accessLogging';
const tune = 'ingress.tuningOptions';
/** HAProxy's timers are 31 bits of milliseconds. */
const timeout = { least: 1, most: 2_147_483_647, zeroIsDefault: true } as const;
const header = [
  { name: 'name', type: 'string', meaning: 'header' },
  { name: 'maxLength', type: 'integer', meaning: 'characters of its value that are logged' },
] as const;

export const ingressKeys: readonly ConfigurationKey[] = [
  choice('ingress.status', ['Managed', 'Removed'], 'live', 'Removed: no router'),
  integer('ingress.ports.http', 80, 'live', 'port of the router for HTTP', { least: 1, most: 65535 }),
  integer('ingress.ports.https', 443, 'live', 'port of the router for HTTPS', { least: 1, most: 65535 }),
  list('ingress.listenAddress', [], 'live', 'addresses and interfaces on which the router listens; empty: all'),
  choice(
    'ingress.routeAdmissionPolicy.namespaceOwnership',
    ['InterNamespaceAllowed', 'Strict'],
    'live',
    'Strict: Routes of different namespaces may not share a host',
  ),
  choice(
    'ingress.routeAdmissionPolicy.wildcardPolicy',
    ['WildcardsDisallowed', 'WildcardsAllowed'],
    'live',
    'whether Routes may claim all hosts of a subdomain',
  ),
  text(
    'ingress.certificateSecret',
    'router-certs-default',
    'live',
    'Secret in openshift-ingress with the default certificate',
  ),
  text(
    'ingress.clientTLS.clientCA.name',
    '',
    'live',
    'ConfigMap in openshift-ingress whose ca-bundle.pem verifies clients',
  ),
  choice(
    'ingress.clientTLS.clientCertificatePolicy',
    ['', 'Optional', 'Required'],
    'live',
    'whether clients are asked for a certificate',
  ),
  list('ingress.clientTLS.allowedSubjectPatterns', [], 'live', 'regular expressions of subjects that are let in'),
  choice(
    'ingress.tlsSecurityProfile.type',
    ['Intermediate', 'Old', 'Modern', 'Custom'],
    'live',
    'TLS versions and ciphers of the router',
  ),
  list('ingress.tlsSecurityProfile.custom.ciphers', [], 'live', 'ciphers of the profile Custom, by OpenSSL name'),
  choice(
    'ingress.tlsSecurityProfile.custom.minTLSVersion',
    ['VersionTLS12', 'VersionTLS10', 'VersionTLS11', 'VersionTLS13'],
    'live',
    'lowest TLS version of the profile Custom',
  ),
  integer('ingress.defaultHTTPVersion', 1, 'live', '2: HTTP/2 towards clients', { least: 1, most: 2 }),
  choice(
    'ingress.forwardedHeaderPolicy',
    ['Append', 'Replace', 'IfNone', 'Never'],
    'live',
    'what becomes of Forwarded and X-Forwarded-* headers',
  ),
  list('ingress.httpCompression.mimeTypes', [], 'live', 'types of bodies that are compressed'),
  choice(
    'ingress.httpEmptyRequestsPolicy',
    ['Respond', 'Ignore'],
    'live',
    'Ignore: connections without a request are closed without an answer',
  ),
  choice(
    'ingress.logEmptyRequests',
    ['Log', 'Ignore'],
    'live',
    'whether connections without a request are in the access log',
  ),
  text('ingress.httpErrorCodePages.name', '', 'live', 'ConfigMap in openshift-ingress with pages for 404 and 503'),
  choice(`${log}.status`, ['Disabled', 'Enabled'], 'live', 'whether requests are logged'),
  choice(
    `${log}.destination.type`,
    ['Container', 'Syslog'],
    'live',
    "where access logs go: the router's own log, or a syslog server",
  ),
  integer(`${log}.destination.container.maxLength`, 1024, 'live', 'longest message in bytes', {
    least: 480,
    most: 8192,
    zeroIsDefault: true,
  }),
  text(`${log}.destination.syslog.address`, '', 'live', 'address of the syslog server'),
  integer(`${log}.destination.syslog.port`, 0, 'live', 'its UDP port', { least: 0, most: 65535 }),
  text(`${log}.destination.syslog.facility`, 'local1', 'live', 'syslog facility'),
  integer(`${log}.destination.syslog.maxLength`, 1024, 'live', 'longest message in bytes', {
    least: 480,
    most: 8192,
    zeroIsDefault: true,
  }),
  text(`${log}.httpLogFormat`, '', 'live', "HAProxy's format of a line; empty: its httplog"),
  objects(`${log}.httpCaptureHeaders.request`, [], 'live', 'headers of requests that are logged', {
    fields: header,
  }),
  objects(`${log}.httpCaptureHeaders.response`, [], 'live', 'headers of answers that are logged', {
    fields: header,
  }),
  objects(`${log}.httpCaptureCookies`, [], 'live', 'the cookie that is logged; at most one', {
    fields: [
      { name: 'matchType', type: 'string', meaning: 'Exact or Prefix' },
      { name: 'name', type: 'string', meaning: 'cookie, for Exact' },
      { name: 'namePrefix', type: 'string', meaning: 'beginning of its name, for Prefix' },
      { name: 'maxLength', type: 'integer', meaning: 'characters that are logged' },
    ],
  }),
  duration(`${tune}.clientTimeout`, '30s', 'live', 'how long a silent client is waited for', timeout),
  duration(`${tune}.clientFinTimeout`, '1s', 'live', 'how long a closing client is waited for', timeout),
  duration(`${tune}.serverTimeout`, '30s', 'live', 'how long a silent server is waited for', timeout),
  duration(`${tune}.serverFinTimeout`, '1s', 'live', 'how long a closing server is waited for', timeout),
  duration(`${tune}.tunnelTimeout`, '1h', 'live', 'how long a silent WebSocket or tunnel stays open', timeout),
  duration(`${tune}.tlsInspectDelay`, '5s', 'live', 'how long the name in a TLS greeting is waited for', timeout),
  duration(`${tune}.healthCheckInterval`, '5s', 'live', 'time between two health checks of a server', {
    ...timeout,
    least: 1_000,
  }),
  integer(`${tune}.headerBufferBytes`, 32_768, 'live', 'memory for the headers of a connection', {
    least: 4_096,
    most: 16_777_216,
    zeroIsDefault: true,
  }),
  integer(`${tune}.headerBufferMaxRewriteBytes`, 8_192, 'live', 'part of it kept for added headers', {
    least: 1_024,
    most: 16_777_216,
    zeroIsDefault: true,
  }),
  integer(`${tune}.maxConnections`, 50_000, 'live', 'simultaneous connections; -1: what the system allows', {
    least: -1,
    most: 2_000_000,
    zeroIsDefault: true,
  }),
  integer(`${tune}.threadCount`, 4, 'live', 'threads of HAProxy', { least: 1, most: 64, zeroIsDefault: true }),
];
