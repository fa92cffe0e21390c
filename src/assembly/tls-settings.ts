// apiServer.tls in the terms of OpenSSL. Pure.
import type { ApiServerConfiguration } from './config/configuration.ts';

export interface TlsSettings {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string;
}

/** Those of TLS 1.3 cannot be chosen, as upstream. */
const tls13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
/** By IANA name. The order of OpenShift's profile Intermediate: the default. */
const tls12: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

export function tlsSettings({ minVersion, cipherSuites }: ApiServerConfiguration['tls']): TlsSettings {
  if (minVersion === 'VersionTLS13') return { minVersion: 'TLSv1.3', ciphers: tls13.join(':') };
  const chosen = cipherSuites.flatMap((one) => tls12[one] ?? []);
  // HTTP/2 demands one of these two (RFC 9113, 9.2.2), and the API server's own certificates have ECDSA keys.
  const needed = 'ECDHE-ECDSA-AES128-GCM-SHA256';
  const suites = chosen.length === 0 ? Object.values(tls12) : [...new Set([...chosen, needed])];
  return { minVersion: 'TLSv1.2', ciphers: [...tls13, ...suites].join(':') };
}
