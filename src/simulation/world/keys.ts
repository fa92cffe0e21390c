// Keys and certificates in the simulated cluster: real ones, so random in every run. The digest by which two runs are compared
// looks past them.
import { issueCertificate, type KeyPair } from '#pki/certificate.ts';

let signer: KeyPair | undefined;

/** Of requests for certificates. Made once: runs in one process share it. */
export const requestSigner = (): KeyPair =>
  (signer ??= issueCertificate({
    subject: { commonName: 'simulated-csr-signer' },
    use: 'authority',
    notBeforeMs: 0,
    notAfterMs: Date.UTC(2099, 0),
    serial: Uint8Array.of(1),
  }));

// PEM as text in JSON, with its line ends escaped, and PEM in base64 ("-----BEGIN" first).
const pemPattern = /-----BEGIN [A-Z ]+-----(?:[A-Za-z0-9+/=]|\\n)+-----END [A-Z ]+-----|LS0tLS1CRUdJTi[A-Za-z0-9+/=]+/g;
const begins = [Buffer.from('-----BEGIN'), Buffer.from('LS0tLS1CRUdJTi')];

/** The bytes of an object's JSON without keys and certificates. */
export function withoutKeys(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!begins.some((begin) => buffer.includes(begin))) return bytes;
  return Buffer.from(buffer.toString().replaceAll(pemPattern, 'PEM'));
}
