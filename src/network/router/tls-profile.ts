// The TLS profiles of OpenShift as lines of HAProxy's configuration. Pure. Lists are openshift/api's (after Mozilla's guide).
import type { RouterPolicy } from './policy.ts';

const tls13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const tls13Known = new Set([...tls13, 'TLS_AES_128_CCM_SHA256', 'TLS_AES_128_CCM_8_SHA256']);
const intermediate = [
  ...tls13,
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
const old = [
  ...intermediate,
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
];

interface Profile {
  readonly ciphers: readonly string[];
  readonly minVersion: RouterPolicy['tlsSecurityProfile']['minVersion'];
}
const profiles: Readonly<Record<'Old' | 'Intermediate' | 'Modern', Profile>> = {
  Old: { ciphers: old, minVersion: 'VersionTLS10' },
  Intermediate: { ciphers: intermediate, minVersion: 'VersionTLS12' },
  Modern: { ciphers: tls13, minVersion: 'VersionTLS13' },
};
/** TLS 1.0 is not served, whatever is asked for. */
const versions: Readonly<Record<Profile['minVersion'], string>> = {
  VersionTLS10: 'TLSv1.1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

export function tlsProfileLines(asked: RouterPolicy['tlsSecurityProfile']): readonly string[] {
  const { ciphers, minVersion } = asked.type === 'Custom' ? asked : profiles[asked.type];
  const suites = ciphers.filter((one) => tls13Known.has(one));
  const others = ciphers.filter((one) => !tls13Known.has(one));
  // OpenSSL serves TLS 1.1 only below its security level 1.
  const list = versions[minVersion] === 'TLSv1.1' ? [...others, '@SECLEVEL=0'] : others;
  return [
    `  ssl-default-bind-options ssl-min-ver ${versions[minVersion]} no-tls-tickets`,
    ...(others.length === 0 ? [] : [`  ssl-default-bind-ciphers ${list.join(':')}`]),
    ...(suites.length === 0 ? [] : [`  ssl-default-bind-ciphersuites ${suites.join(':')}`]),
    '  tune.ssl.default-dh-param 2048',
  ];
}
