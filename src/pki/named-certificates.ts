// Own certificates that somebody gives to the API server for certain names: judged before they are used. Pure.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { KeyPair } from './certificate.ts';
import { isIPv4, isIPv6 } from './address.ts';

export interface GivenCertificate {
  readonly certificatePath: string;
  readonly keyPath: string;
  /** Empty: those in the certificate. */
  readonly names: readonly string[];
}
/** Texts of the two files, or why there is none. */
export type GivenFiles = { readonly certificatePem: string; readonly keyPem: string } | { readonly unreadable: string };

export interface NamedCertificate extends KeyPair {
  /** DNS names, also `*.example.com`. */
  readonly names: readonly string[];
  readonly notAfterMs: number;
  /** Whom a kubeconfig must trust; empty: the authorities of the system, as for a certificate of a public one. */
  readonly authoritiesPem: string;
}
export type Judged = { readonly usable: NamedCertificate; readonly warning?: string } | { readonly problem: string };

const earlyWarningMs = 14 * 86_400_000;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** `isAllowed`: whether a name may be given away; those by which the cluster itself is known may not. */
export function judgeNamedCertificate(
  given: GivenCertificate,
  files: GivenFiles,
  now: number,
  isAllowed: (name: string) => boolean,
): Judged {
  const problem = (says: string): Judged => ({
    problem: `the named certificate ${given.certificatePath} is not used: ${says}`,
  });
  if ('unreadable' in files) return problem(files.unreadable);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(files.certificatePem);
  } catch {
    return problem('the file holds no certificate in PEM form');
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(files.keyPem);
  } catch {
    return problem(`${given.keyPath} holds no private key in PEM form without a password`);
  }
  if (!certificate.checkPrivateKey(key)) return problem(`${given.keyPath} is not its key`);
  const notAfterMs = certificate.validToDate.getTime();
  if (notAfterMs <= now) return problem(`it has expired on ${day(notAfterMs)}`);
  const inCertificate = namesOf(certificate);
  const all = [...new Set([...inCertificate, ...given.names].map((one) => one.toLowerCase()))];
  const forbidden = all.find((name) => !isAllowed(name));
  if (forbidden !== undefined)
    return problem(`it is for ${forbidden}, by which the cluster itself is known and which keeps its own certificate`);
  const names = (given.names.length > 0 ? given.names : inCertificate)
    .map((one) => one.toLowerCase())
    .filter((one) => !isIPv4(one) && !isIPv6(one));
  if (names.length === 0)
    return problem('it has no DNS name, and clients that connect to an address do not say which certificate they want');
  const isSelfSigned = certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);
  const unmatched = given.names.find((one) => certificate.checkHost(one.replace(/^\*\./, 'any.')) === undefined);
  const warning =
    unmatched !== undefined
      ? `the named certificate ${given.certificatePath} is used for ${unmatched}, which is not in it: clients will refuse it`
      : notAfterMs - now < earlyWarningMs
        ? `the named certificate ${given.certificatePath} expires on ${day(notAfterMs)}`
        : undefined;
  return {
    usable: {
      ...files,
      names,
      notAfterMs,
      authoritiesPem: isSelfSigned ? files.certificatePem : '',
    },
    ...(warning === undefined ? {} : { warning }),
  };
}

function namesOf(certificate: X509Certificate): readonly string[] {
  const alternative = (certificate.subjectAltName ?? '')
    .split(', ')
    .flatMap((one) => (/^(DNS|IP Address):/.test(one) ? [one.replace(/^(DNS|IP Address):/, '')] : []));
  const common = certificate.subject
    .split('\n')
    .flatMap((one) => (/^CN=[a-zA-Z0-9*.-]+$/.test(one) ? [one.slice(3)] : []));
  return alternative.length > 0 ? alternative : common;
}
