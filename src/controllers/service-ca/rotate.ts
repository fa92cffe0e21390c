// Makes the authority of service certificates: the first, and its successors. After a rotation old and new trust each other:
// the bundle has the new one and the old one certified by the new one, for clients that have it already and servers that have
// an old certificate; new certificates carry the new authority certified by the old one, for clients with the old bundle.
import { issueCertificate, type KeyPair } from '#pki/certificate.ts';
import {
  authorityLifetimeMs,
  notBeforeMs,
  trustAfterRotationMs,
  trustedNow,
  type SigningAuthority,
} from './signing.ts';

export type Serial = () => Uint8Array;

export interface RotatedAuthority {
  readonly pair: KeyPair;
  readonly bundlePem: string;
  readonly intermediatePem: string;
  /** Until then the one before it is trusted. */
  readonly oldTrustedUntilMs: number;
}

/** Upstream's name; seconds since the epoch. */
export const signerCommonName = (now: number): string => `openshift-service-serving-signer@${Math.floor(now / 1000)}`;

export const newAuthority = (commonName: string, now: number, serial: Serial): KeyPair =>
  issueCertificate({
    subject: { commonName },
    use: 'authority',
    notBeforeMs,
    notAfterMs: trustedNow(now) + authorityLifetimeMs,
    serial: serial(),
  });

export function rotateAuthority(old: SigningAuthority, now: number, serial: Serial): RotatedAuthority {
  const subject = { commonName: old.commonName };
  const pair = newAuthority(old.commonName, now, serial);
  const certify = (keyPem: string, issuer: KeyPair, notAfterMs: number) =>
    issueCertificate({ subject, use: 'authority', notBeforeMs, notAfterMs, serial: serial(), keyPem, issuer })
      .certificatePem;
  const oldTrustedUntilMs = Math.max(
    old.certificate.validToDate.getTime(),
    Math.floor((trustedNow(now) + trustAfterRotationMs) / 1000) * 1000,
  );
  return {
    pair,
    bundlePem: pair.certificatePem + certify(old.pair.keyPem, pair, oldTrustedUntilMs),
    intermediatePem: certify(pair.keyPem, old.pair, trustedNow(now) + authorityLifetimeMs),
    oldTrustedUntilMs,
  };
}
