// Where requests come in: ports, TLS, and the look-up of the backend by host and path. Pure.
import { captureLines } from './haproxy-global.ts';
import { quoted } from './quoting.ts';
import type { RouterSettings } from './settings.ts';

/** What a frontend has to look at: nothing is asked that no Route needs. */
export interface FrontendNeeds {
  readonly passthrough: boolean;
  readonly wildcards: boolean;
}

/** Value of a map: the request is sent to the TLS port. */
export const redirect = 'redirect';
/** Value of the map of server names: TLS ends here. */
export const terminated = 'tls-here';

/** Headers by which the router tells of a client's certificate: nobody else may set them. */
const clientHeaders: readonly (readonly [name: string, value: string])[] = [
  ['X-SSL', '%[ssl_fc]'],
  ['X-SSL-Client-Verify', '%[ssl_c_verify]'],
  ['X-SSL-Client-Serial', '%{+Q}[ssl_c_serial,hex]'],
  ['X-SSL-Client-Version', '%{+Q}[ssl_c_version]'],
  ['X-SSL-Client-SHA1', '%{+Q}[ssl_c_sha1,hex]'],
  ['X-SSL-Client-DN', '%{+Q}[ssl_c_s_dn]'],
  ['X-SSL-Client-CN', '%{+Q}[ssl_c_s_dn(cn)]'],
  ['X-SSL-Issuer', '%{+Q}[ssl_c_i_dn]'],
  ['X-SSL-Client-NotBefore', '%{+Q}[ssl_c_notbefore]'],
  ['X-SSL-Client-NotAfter', '%{+Q}[ssl_c_notafter]'],
  ['X-SSL-Client-DER', '%{+Q}[ssl_c_der,base64]'],
];
const strippedHeaders = [...clientHeaders.map(([name]) => name), 'X-SSL-Client-Subject'];

export function frontendLines(settings: RouterSettings, needs: FrontendNeeds): readonly string[] {
  const { runDirectory, policy, user } = settings;
  const binds = (port: number, more = '') =>
    settings.listenAddresses.map(
      (address) => `  bind ${bindAddress(address)}:${port}${address === '::' ? ' v6only' : ''}${more}`,
    );
  const owner = user === undefined ? '' : ` uid ${user.userId} gid ${user.groupId}`;
  const tls = ` ssl crt-list ${runDirectory}/certificates.list${verifies(settings)}`;
  const inspect = `  tcp-request inspect-delay ${policy.tuning.tlsInspectDelayMs === 0 ? 5_000 : policy.tuning.tlsInspectDelayMs}ms`;
  const port = settings.httpsPort === 443 ? '' : `:${settings.httpsPort}`;
  return [
    'frontend public',
    ...binds(settings.httpPort),
    ...captureLines(policy),
    ...requestLines,
    ...lookUp(`${runDirectory}/http`, needs.wildcards),
    `  http-request redirect location https://%[var(txn.host)]${port}%[pathq] code 302 if { var(txn.backend) -m str ${redirect} }`,
    ...sendLines,
    ...(needs.passthrough
      ? [
          'frontend public_ssl',
          '  mode tcp',
          ...(policy.accessLog.enabled ? ['  option tcplog'] : []),
          ...(policy.emptyRequestsPolicy === 'Ignore' ? ['  no option http-ignore-probes'] : []),
          ...binds(settings.httpsPort),
          inspect,
          ...nameLines(`${runDirectory}/passthrough`, needs.wildcards),
          `  tcp-request content accept if ${hello}`,
          `  use_backend %[var(sess.backend)] if { var(sess.backend) -m found }`,
          `  default_backend ${terminated}`,
          '',
          `backend ${terminated}`,
          '  mode tcp',
          `  server here unix@${runDirectory}/tls.sock send-proxy-v2`,
          '',
        ]
      : []),
    `frontend ${needs.passthrough ? 'fe_sni' : 'public_ssl'}`,
    ...(needs.passthrough
      ? [`  bind unix@${runDirectory}/tls.sock${owner} mode 600 accept-proxy${tls}`]
      : binds(settings.httpsPort, tls)),
    ...captureLines(policy),
    ...requestLines,
    ...clientLines(settings),
    ...lookUp(`${runDirectory}/https`, needs.wildcards),
    ...sendLines,
    'backend openshift_default',
    ...(settings.errorPages?.[404] === undefined
      ? ['  http-request return status 503 default-errorfiles']
      : ['  http-request deny deny_status 404']),
    '',
  ];
}

const bindAddress = (address: string): string => (address.includes(':') && address !== '::' ? `[${address}]` : address);

const requestLines: readonly string[] = [
  // Closed at once by a reload, an idle connection could take a request along that is on its way.
  '  option idle-close-on-response',
  // CVE-2023-40225: an empty length would be passed on.
  '  http-request deny if { hdr_len(content-length) 0 }',
  '  http-request del-header Proxy',
  ...strippedHeaders.map((name) => `  http-request del-header ${name}`),
  '  http-request set-header Host %[req.hdr(Host),lower]',
  '  http-request disable-l7-retry unless { method GET HEAD OPTIONS }',
  '  http-request set-var(txn.path) path',
  '  http-request set-var(txn.host) req.hdr(host),host_only,rtrim(.)',
];

const withoutLabel = 'regsub(^[^.]*,)';

/** Exact hosts first, then wildcards, whose keys begin with a dot: both by the longest prefix of HOST/PATH?. */
const lookUp = (map: string, wildcards: boolean): readonly string[] => [
  `  http-request set-var(txn.backend) var(txn.host),concat(,txn.path,?),map_beg(${map}.map)`,
  ...(wildcards
    ? [
        `  http-request set-var(txn.backend) var(txn.host),${withoutLabel},concat(,txn.path,?),map_beg(${map}-wildcard.map) if !{ var(txn.backend) -m found }`,
      ]
    : []),
];
const sendLines: readonly string[] = [
  '  use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
  '  default_backend openshift_default',
  '',
];

const hello = '{ req.ssl_hello_type 1 }';
const nameLines = (map: string, wildcards: boolean): readonly string[] => [
  `  tcp-request content set-var(sess.backend) req.ssl_sni,lower,rtrim(.),map_str(${map}.map) if ${hello}`,
  ...(wildcards
    ? [
        `  tcp-request content set-var(sess.backend) req.ssl_sni,lower,rtrim(.),${withoutLabel},map_str(${map}-wildcard.map) if ${hello} !{ var(sess.backend) -m found }`,
      ]
    : []),
];

const asksClients = ({ policy, clientCaPem }: RouterSettings): boolean =>
  policy.clientTls.policy !== '' && clientCaPem !== undefined;

const verifies = (settings: RouterSettings): string =>
  asksClients(settings)
    ? ` verify ${settings.policy.clientTls.policy === 'Required' ? 'required' : 'optional'} ca-file ${settings.runDirectory}/client-ca.pem`
    : '';

function clientLines(settings: RouterSettings): readonly string[] {
  const { policy, allowedSubjectPatterns: patterns } = settings.policy.clientTls;
  if (!asksClients(settings))
    // Authorities that cannot be read must not let everybody in.
    return policy === 'Required' || (policy !== '' && patterns.length > 0)
      ? ['  http-request deny deny_status 503']
      : [];
  return [
    ...(patterns.length === 0
      ? []
      : [`  http-request deny unless { ssl_c_s_dn -m reg ${quoted(`(?:${patterns.join('|')})`)} }`]),
    ...clientHeaders.map(([name, value]) => `  http-request set-header ${name} ${value}`),
  ];
}
