// The signing Secret: the authority's certificate and key, and after a rotation the certificates that bridge the change.
import { X509Certificate } from 'node:crypto';
import type { Secret } from '#api/generated/types.ts';
import { inspectKeyPair, type KeyPair } from '#pki/certificate.ts';
import { notBeforeMs, timeFloorMs } from '#pki/renewal.ts';
import { bundleKey, intermediateKey } from './annotations.ts';

export interface SigningAuthority {
  readonly pair: KeyPair;
  readonly certificate: X509Certificate;
  readonly commonName: string;
  /** PEM: this authority certified by the one before it. Goes along with every certificate. */
  readonly intermediatePem: string | undefined;
  /** PEM: what clients are to trust. */
  readonly bundlePem: string;
}

export const textOf = (secret: Secret, key: string): string | undefined => {
  const value = secret.data?.[key];
  return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64').toString('utf8');
};
export const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** What the Secret says; a text: why nothing can be signed with it. */
export function signingAuthority(secret: Secret | undefined): SigningAuthority | string {
  if (secret === undefined) return 'there is no signing Secret yet';
  const certificatePem = textOf(secret, 'tls.crt');
  const keyPem = textOf(secret, 'tls.key');
  if (certificatePem === undefined) return 'tls.crt is empty';
  if (keyPem === undefined) return 'signing secret is missing a value for "tls.key"';
  const pair = { certificatePem, keyPem };
  const facts = inspectKeyPair(pair, undefined);
  if (facts === undefined) return 'tls.crt is not a certificate, or tls.key is not its key';
  const certificate = new X509Certificate(certificatePem);
  if (!certificate.ca) return 'tls.crt is not the certificate of an authority';
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    return 'tls.key is not an ECDSA key on the curve P-256';
  return {
    pair,
    certificate,
    commonName: facts.subject.commonName,
    intermediatePem: textOf(secret, intermediateKey),
    bundlePem: textOf(secret, bundleKey) ?? certificatePem,
  };
}

const dayMs = 86_400_000;
/** Upstream's: an authority holds 26 months and is replaced at half of that, so that it is trusted for a year after. */
export const authorityLifetimeMs = 790 * dayMs;
export const trustAfterRotationMs = 395 * dayMs;
export const servingLifetimeMs = 2 * 365 * dayMs;
export const renewServingBeforeMs = 3_600_000;
/** A clock may jump, and a sleeping machine does not count: look at least this often. */
export const lookAgainMsMax = dayMs;

/** Machines without a battery-backed clock start in the past: no certificate is made as of then (see pki/renewal). */
export const trustedNow = (now: number): number => Math.max(now, timeFloorMs);
export { notBeforeMs };
