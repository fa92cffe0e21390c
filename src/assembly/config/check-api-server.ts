// Keys of the API server to its slice of the configuration.
import type { AuditProfile } from '#apiserver/audit/policy.ts';
import { isIPv4, isIPv6 } from '#pki/address.ts';
import { runtimeConfigProblem, type RuntimeConfig } from '#rules/runtime-config.ts';
import { checkFeatureGates, type FeatureGatesConfiguration } from './check-feature-gates.ts';
import { isDnsName } from './names.ts';
import type { RawObject } from './keys/key.ts';
import type { ConfigurationValues } from './values.ts';

export interface AuditLogConfiguration {
  /** Empty: no audit log. */
  readonly file: string;
  readonly profile: AuditProfile;
  /** Of files that were put aside; 0: any age. */
  readonly maxFileAgeDays: number;
  /** At which a file is put aside. */
  readonly maxFileMegabytes: number;
  /** That were put aside; 0: any number. */
  readonly maxFiles: number;
}
export interface NamedCertificate {
  readonly certificatePath: string;
  readonly keyPath: string;
  /** Empty: the names in the certificate. */
  readonly names: readonly string[];
}
export interface ApiServerConfiguration {
  readonly auditLog: AuditLogConfiguration;
  /** Paths of files; an empty text: none. */
  readonly access: {
    readonly authentication: string;
    readonly authorization: string;
    readonly tokenWebhook: string;
  };
  /** Regular expressions. */
  readonly corsAllowedOrigins: readonly string[];
  readonly featureGates: FeatureGatesConfiguration;
  readonly namedCertificates: readonly NamedCertificate[];
  /** Versions of the API that are served besides those by default. */
  readonly runtimeConfig: RuntimeConfig;
  readonly subjectAltNames: readonly string[];
  readonly tls: {
    readonly minVersion: 'VersionTLS12' | 'VersionTLS13';
    /** IANA names; empty: the default. */
    readonly cipherSuites: readonly string[];
  };
}

const auditKeys = ['profile', 'maxFileAge', 'maxFileSize', 'maxFiles'].map((one) => `apiServer.auditLog.${one}`);
/** MicroShift's own place, when its newer keys ask for an audit log and nobody says where; the file has its name there. */
const modernDirectory = '/var/log/kube-apiserver';
/** With the forward secrecy and authenticated encryption that MicroShift asks for. */
export const cipherSuites: readonly string[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
];

export function checkApiServer(
  values: ConfigurationValues,
  dataDirectory: string,
  isRoot: boolean,
): ApiServerConfiguration {
  return {
    auditLog: checkAuditLog(values, dataDirectory, isRoot),
    access: {
      authentication: values.directory('apiServer.authenticationConfig'),
      authorization: values.directory('apiServer.authorizationConfig'),
      tokenWebhook: values.directory('apiServer.tokenWebhookConfig'),
    },
    corsAllowedOrigins: checkOrigins(values),
    featureGates: checkFeatureGates(values),
    namedCertificates: values
      .objects('apiServer.namedCertificates')
      .map((one, index) => checkNamedCertificate(values, one, index)),
    runtimeConfig: checkRuntimeConfig(values),
    subjectAltNames: checkSubjectAltNames(values),
    tls: checkTls(values),
  };
}

function checkAuditLog(values: ConfigurationValues, dataDirectory: string, isRoot: boolean): AuditLogConfiguration {
  const asked = auditKeys.some((key) => values.isGiven(key)) && !values.isGiven('auditLogDir');
  const given = values.directory('auditLogDir', '');
  const directory = asked ? (isRoot ? modernDirectory : `${dataDirectory}/logs`) : given;
  values.show('auditLogDir', directory);
  const name = directory === modernDirectory ? 'audit.log' : 'kube-apiserver-audit.log';
  return {
    file: directory === '' ? '' : `${directory}/${name}`,
    profile: values.text('apiServer.auditLog.profile') as AuditProfile,
    maxFileAgeDays: values.integer('apiServer.auditLog.maxFileAge'),
    // 0 would mean a file for every line; the original takes it for its default.
    maxFileMegabytes: values.integer('apiServer.auditLog.maxFileSize') || 200,
    maxFiles: values.integer('apiServer.auditLog.maxFiles'),
  };
}

function checkNamedCertificate(values: ConfigurationValues, given: RawObject, index: number): NamedCertificate {
  const path = 'apiServer.namedCertificates';
  const text = (field: 'certPath' | 'keyPath'): string => {
    const value = given[field];
    if (typeof value === 'string' && value.startsWith('/')) return value;
    values.wrong(
      path,
      `needs in its item ${index + 1} an absolute path in ${field}`,
      'Name the PEM files of certificate and key, beginning with "/".',
    );
    return '/';
  };
  const names = (given['names'] as readonly string[] | undefined) ?? [];
  for (const name of names)
    if (!isDnsName(name.replace(/^\*\./, '')) && !isIPv4(name) && !isIPv6(name))
      values.wrong(
        path,
        `holds in its item ${index + 1} the name ${JSON.stringify(name)}, which is no host name`,
        'Write host names such as api.example.com or *.example.com.',
      );
  return { certificatePath: text('certPath'), keyPath: text('keyPath'), names };
}

/** Upstream's rule: an expression that is not pinned would allow hosts that only contain the one meant. */
function checkOrigins(values: ConfigurationValues): readonly string[] {
  const path = 'apiServer.corsAllowedOrigins';
  const origins = values.list(path);
  for (const one of origins)
    if (!/\^|\/\//.test(one) || !/[$:]/.test(one))
      values.wrong(
        path,
        `holds ${JSON.stringify(one)}, which is not pinned to the start and the end of the host`,
        String.raw`Begin the host with "//" or the expression with "^", and end it with "$" or "(:|$)", such as //example\.com(:|$).`,
      );
  return origins;
}

function checkRuntimeConfig(values: ConfigurationValues): RuntimeConfig {
  const path = 'apiServer.runtimeConfig';
  const entries = values.list(path).filter((one) => one !== '');
  for (const one of entries) {
    const problem = runtimeConfigProblem(one);
    if (problem !== undefined)
      values.wrong(
        path,
        `holds ${JSON.stringify(one)}: ${problem}`,
        'Write entries such as resource.k8s.io/v1beta1=true, certificates.k8s.io/v1beta1/clustertrustbundles=true or api/beta=true.',
      );
  }
  // Upstream's rule: such a server would serve nothing.
  if (entries.length === 1 && entries[0] === 'api/all=false')
    values.wrong(path, 'turns everything off', 'Remove the entry, or say what is to be served.');
  return entries;
}

function checkSubjectAltNames(values: ConfigurationValues): readonly string[] {
  const path = 'apiServer.subjectAltNames';
  const names = values.list(path).filter((name) => name !== '');
  for (const name of names) {
    if (!isDnsName(name.replace(/^\*\./, '').toLowerCase()) && !isIPv4(name) && !isIPv6(name))
      values.wrong(
        path,
        `holds ${JSON.stringify(name)}, which is neither a host name nor an address`,
        'Write names such as api.example.com, or addresses such as 192.168.1.10.',
      );
    else if (
      name === 'localhost' ||
      name === '127.0.0.1' ||
      /^(kubernetes|openshift)(\.default(\.svc.*)?)?$/.test(name)
    )
      values.wrong(
        path,
        `holds ${JSON.stringify(name)}, which is in the certificate anyway`,
        'Leave out localhost, 127.0.0.1, and the names of the Services kubernetes and openshift.',
      );
  }
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

function checkTls(values: ConfigurationValues): ApiServerConfiguration['tls'] {
  const path = 'apiServer.tls.cipherSuites';
  const suites = values.list(path);
  for (const suite of suites)
    if (!cipherSuites.includes(suite))
      values.wrong(
        path,
        `holds ${JSON.stringify(suite)}, which is not offered`,
        `Choose of these: ${cipherSuites.join(', ')}.`,
      );
  return {
    minVersion: values.text('apiServer.tls.minVersion') as 'VersionTLS12' | 'VersionTLS13',
    cipherSuites: suites,
  };
}
