// Keys of the router to its slice of the configuration.
import { isIPv4, isIPv6 } from '#pki/address.ts';
import type { RawObject } from './keys/key.ts';
import type { ConfigurationValues } from './values.ts';
import type { RouterConfiguration } from '#network/router/options.ts';
import type { CapturedCookie, CapturedField } from '#network/router/policy.ts';

/** The router's own, and whether there is one. */
export interface IngressConfiguration extends RouterConfiguration {
  readonly status: 'Managed' | 'Removed';
}

const facilities =
  'kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit alert cron2 local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );
const headerName = /^[-!#$%&'*+.0-9A-Z^_`a-z|~]+$/;
/** As the operating system allows: what is no address may be the name of an interface. */
const interfaceName = /^[^\s/:]{1,15}$/;

export function checkIngress(values: ConfigurationValues): IngressConfiguration {
  const listenAddresses = values.list('ingress.listenAddress').filter((one) => one !== '');
  for (const address of listenAddresses)
    if (!isIPv4(address) && !isIPv6(address) && (!interfaceName.test(address) || /^[\d.]+$/.test(address)))
      values.wrong(
        'ingress.listenAddress',
        `holds ${JSON.stringify(address)}, which is neither an address nor an interface`,
        'Write addresses of this machine, such as 192.168.1.10.',
      );
  const httpPort = values.integer('ingress.ports.http');
  const httpsPort = values.integer('ingress.ports.https');
  if (httpPort === httpsPort)
    values.wrong('ingress.ports.https', 'must differ from ingress.ports.http', 'Choose two ports.', httpsPort);
  return {
    status: values.text('ingress.status') as 'Managed' | 'Removed',
    httpPort,
    httpsPort,
    listenAddresses,
    routeAdmissionPolicy: {
      namespaceOwnership: values.text('ingress.routeAdmissionPolicy.namespaceOwnership') as
        | 'InterNamespaceAllowed'
        | 'Strict',
      wildcardPolicy: values.text('ingress.routeAdmissionPolicy.wildcardPolicy') as
        | 'WildcardsDisallowed'
        | 'WildcardsAllowed',
    },
    certificateSecret: values.text('ingress.certificateSecret'),
    clientTls: checkClientTls(values),
    tlsSecurityProfile: checkProfile(values),
    defaultHttpVersion: values.integer('ingress.defaultHTTPVersion') as 1 | 2,
    forwardedHeaderPolicy: values.text(
      'ingress.forwardedHeaderPolicy',
    ) as IngressConfiguration['forwardedHeaderPolicy'],
    compressedMimeTypes: values.list('ingress.httpCompression.mimeTypes'),
    emptyRequestsPolicy: values.text('ingress.httpEmptyRequestsPolicy') as 'Respond' | 'Ignore',
    logEmptyRequests: values.text('ingress.logEmptyRequests') === 'Log',
    errorPagesConfigMap: values.text('ingress.httpErrorCodePages.name'),
    accessLog: checkAccessLog(values),
    tuning: checkTuning(values),
  };
}

function checkClientTls(values: ConfigurationValues): IngressConfiguration['clientTls'] {
  const policy = values.text('ingress.clientTLS.clientCertificatePolicy') as '' | 'Optional' | 'Required';
  const authorityConfigMap = values.text('ingress.clientTLS.clientCA.name');
  const patterns = values.list('ingress.clientTLS.allowedSubjectPatterns');
  if (policy !== '' && authorityConfigMap === '')
    values.wrong(
      'ingress.clientTLS.clientCertificatePolicy',
      'needs ingress.clientTLS.clientCA.name',
      'Name the ConfigMap whose ca-bundle.pem holds the authorities of client certificates.',
    );
  for (const pattern of patterns)
    try {
      new RegExp(pattern);
    } catch {
      values.wrong(
        'ingress.clientTLS.allowedSubjectPatterns',
        `holds ${JSON.stringify(pattern)}, which is no regular expression`,
        'Write patterns such as ^/CN=example.com/ST=NC.',
      );
    }
  return { policy, authorityConfigMap, allowedSubjectPatterns: patterns };
}

function checkProfile(values: ConfigurationValues): IngressConfiguration['tlsSecurityProfile'] {
  const type = values.text('ingress.tlsSecurityProfile.type') as IngressConfiguration['tlsSecurityProfile']['type'];
  const ciphers = values.list('ingress.tlsSecurityProfile.custom.ciphers');
  const minVersion = values.text(
    'ingress.tlsSecurityProfile.custom.minTLSVersion',
  ) as IngressConfiguration['tlsSecurityProfile']['minVersion'];
  for (const cipher of ciphers)
    if (!/^[A-Z0-9_-]+$/.test(cipher))
      values.wrong(
        'ingress.tlsSecurityProfile.custom.ciphers',
        `holds ${JSON.stringify(cipher)}, which is no cipher`,
        "Write OpenSSL's names, such as ECDHE-RSA-AES128-GCM-SHA256.",
      );
  if (type === 'Custom' && ciphers.length === 0)
    values.wrong(
      'ingress.tlsSecurityProfile.type',
      'Custom needs ingress.tlsSecurityProfile.custom.ciphers',
      'List the ciphers, or choose Intermediate.',
    );
  return { type, ciphers, minVersion };
}

function checkAccessLog(values: ConfigurationValues): IngressConfiguration['accessLog'] {
  const base = 'ingress.accessLogging';
  const enabled = values.text(`${base}.status`) === 'Enabled';
  const destination = values.text(`${base}.destination.type`) as 'Container' | 'Syslog';
  const address = values.text(`${base}.destination.syslog.address`);
  const port = values.integer(`${base}.destination.syslog.port`);
  const facility = values.text(`${base}.destination.syslog.facility`);
  if (enabled && destination === 'Syslog') {
    if (!isIPv4(address) && !isIPv6(address))
      values.wrong(
        `${base}.destination.syslog.address`,
        'must be an IP address',
        'Write the address of the syslog server.',
        address,
      );
    if (port === 0)
      values.wrong(`${base}.destination.syslog.port`, 'must be from 1 to 65535', 'For example 514.', port);
  }
  if (!facilities.includes(facility))
    values.wrong(
      `${base}.destination.syslog.facility`,
      'must be a syslog facility',
      `Choose of these: ${facilities.join(', ')}.`,
      facility,
    );
  const headers = (direction: 'request' | 'response'): readonly CapturedField[] => {
    const path = `${base}.httpCaptureHeaders.${direction}`;
    return values.objects(path).map((one, index) => checkCaptured(values, path, one, 'name', index));
  };
  const cookies = values.objects(`${base}.httpCaptureCookies`);
  if (cookies.length > 1) values.wrong(`${base}.httpCaptureCookies`, 'may hold one cookie only', 'Keep one.');
  return {
    enabled,
    destination,
    containerMaxLength: values.integer(`${base}.destination.container.maxLength`),
    syslog: { address, port, facility, maxLength: values.integer(`${base}.destination.syslog.maxLength`) },
    format: values.text(`${base}.httpLogFormat`),
    requestHeaders: headers('request'),
    responseHeaders: headers('response'),
    cookie: cookies[0] === undefined ? undefined : checkCookie(values, `${base}.httpCaptureCookies`, cookies[0]),
  };
}

function checkCaptured(
  values: ConfigurationValues,
  path: string,
  given: RawObject,
  field: string,
  index: number,
): CapturedField {
  const name = given[field];
  const maxLength = given['maxLength'];
  if (typeof name !== 'string' || !headerName.test(name))
    values.wrong(
      path,
      `needs in its item ${index + 1} a ${field} of letters, digits, "-" and "_"`,
      'For example Host.',
    );
  if (typeof maxLength !== 'number' || maxLength < 1)
    values.wrong(path, `needs in its item ${index + 1} a maxLength of at least 1`, 'For example 64.');
  return { name: String(name ?? ''), maxLength: Number(maxLength ?? 0) };
}

function checkCookie(values: ConfigurationValues, path: string, given: RawObject): CapturedCookie {
  const matchType = given['matchType'];
  if (matchType !== 'Exact' && matchType !== 'Prefix')
    values.wrong(path, 'needs in its item 1 a matchType, Exact or Prefix', 'Choose one of them.');
  const { name, maxLength } = checkCaptured(values, path, given, matchType === 'Prefix' ? 'namePrefix' : 'name', 0);
  if (maxLength > 1024) values.wrong(path, 'may have a maxLength of at most 1024', 'For example 64.');
  return { matchType: matchType === 'Prefix' ? 'Prefix' : 'Exact', name, maxLength };
}

function checkTuning(values: ConfigurationValues): IngressConfiguration['tuning'] {
  const base = 'ingress.tuningOptions';
  const ms = (name: string): number => values.durationMs(`${base}.${name}`);
  const count = (name: string): number => values.integer(`${base}.${name}`);
  const headerBufferBytes = count('headerBufferBytes');
  const headerBufferMaxRewriteBytes = count('headerBufferMaxRewriteBytes');
  if (headerBufferBytes <= headerBufferMaxRewriteBytes)
    values.wrong(
      `${base}.headerBufferMaxRewriteBytes`,
      `must be less than ${base}.headerBufferBytes (${headerBufferBytes})`,
      'The default is 8192 of 32768.',
      headerBufferMaxRewriteBytes,
    );
  const maxConnections = count('maxConnections');
  if (maxConnections !== -1 && maxConnections < 2_000)
    values.wrong(`${base}.maxConnections`, 'must be -1, or from 2000 to 2000000', 'The default is 50000.');
  return {
    clientTimeoutMs: ms('clientTimeout'),
    clientFinTimeoutMs: ms('clientFinTimeout'),
    serverTimeoutMs: ms('serverTimeout'),
    serverFinTimeoutMs: ms('serverFinTimeout'),
    tunnelTimeoutMs: ms('tunnelTimeout'),
    tlsInspectDelayMs: ms('tlsInspectDelay'),
    healthCheckIntervalMs: ms('healthCheckInterval'),
    headerBufferBytes,
    headerBufferMaxRewriteBytes,
    maxConnections,
    threadCount: count('threadCount'),
  };
}
