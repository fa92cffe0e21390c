// Makes X.509 certificates (RFC 5280) with ECDSA P-256 keys. What to make is decided in certificates.ts and renewal.ts.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import type { Random } from '#base/random.ts';
import { isIPv4, isIPv6 } from './address.ts';
import * as der from './der.ts';

/** PEM texts that belong together. */
export interface KeyPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[] | undefined;
  readonly otherAttributes?: readonly SubjectAttribute[] | undefined;
}
export interface SubjectAttribute {
  /** An object identifier. */
  readonly identifier: string;
  readonly values: readonly string[];
}

export type CertificateUse = 'authority' | 'client' | 'serving' | 'client-and-serving';

export type KeyUsage = 'digital signature' | 'key encipherment';

export interface CertificateRequest {
  readonly subject: Subject;
  readonly use: CertificateUse;
  /** DNS names and IP addresses. */
  readonly names?: readonly string[] | undefined;
  readonly emailAddresses?: readonly string[] | undefined;
  readonly uris?: readonly string[] | undefined;
  /** What its key may do; undefined: sign. Authorities sign certificates whatever is said. */
  readonly keyUsages?: readonly KeyUsage[] | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** 1 to 20 random bytes. */
  readonly serial: Uint8Array;
  /** Undefined: signed by its own key. */
  readonly issuer?: KeyPair | undefined;
  /** PEM of an existing private key to certify again; a new one is made otherwise. */
  readonly keyPem?: string | undefined;
  /** Non-critical ones beyond those that follow from the use; the value is a PrintableString. */
  readonly extensions?: readonly { readonly identifier: string; readonly printable: string }[] | undefined;
}

export const ecdsaWithSha256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'));
const attribute = (identifier: string, values: readonly string[]) =>
  der.setOf(...values.map((one) => der.sequence(der.objectIdentifier(identifier), der.utf8String(one))));

/** Organizations first, then the common name: the order in which Go writes them. */
export const encodeName = ({ commonName, organizations = [], otherAttributes = [] }: Subject): Buffer =>
  der.sequence(
    ...(organizations.length > 0 ? [attribute('2.5.4.10', organizations)] : []),
    ...otherAttributes.map(({ identifier, values }) => attribute(identifier, values)),
    ...(commonName === '' ? [] : [attribute('2.5.4.3', [commonName])]),
  );

function ipBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

export const encodeNames = (
  names: readonly string[],
  emailAddresses: readonly string[] = [],
  uris: readonly string[] = [],
): Buffer =>
  der.sequence(
    ...names.map((name) =>
      isIPv4(name) || isIPv6(name) ? der.implicit(7, ipBytes(name)) : der.implicit(2, Buffer.from(name, 'latin1')),
    ),
    ...emailAddresses.map((one) => der.implicit(1, Buffer.from(one, 'latin1'))),
    ...uris.map((one) => der.implicit(6, Buffer.from(one, 'latin1'))),
  );

/** Their bits, and how many at the end are not used; undefined: none is. */
function keyUsageBits(usages: readonly KeyUsage[]): Buffer | undefined {
  const enciphers = usages.includes('key encipherment');
  const bits = (usages.includes('digital signature') ? 0x80 : 0) | (enciphers ? 0x20 : 0);
  return bits === 0 ? undefined : der.bitString(Uint8Array.of(bits), enciphers ? 5 : 7);
}

/** Of the bit string inside a SubjectPublicKeyInfo: RFC 5280 4.2.1.2 method 1. For P-256 it is the last 65 bytes. */
const keyIdentifier = (publicKeyInfo: Buffer): Buffer =>
  createHash('sha1').update(publicKeyInfo.subarray(-65)).digest();

export const extension = (identifier: string, critical: boolean, content: Uint8Array): Buffer =>
  der.sequence(der.objectIdentifier(identifier), ...(critical ? [der.boolean(true)] : []), der.octetString(content));

const serverAuth = der.objectIdentifier('1.3.6.1.5.5.7.3.1');
const clientAuth = der.objectIdentifier('1.3.6.1.5.5.7.3.2');
const extendedUses: Readonly<Record<Exclude<CertificateUse, 'authority'>, readonly Buffer[]>> = {
  client: [clientAuth],
  serving: [serverAuth],
  'client-and-serving': [clientAuth, serverAuth],
};

export const pem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes)
    .toString('base64')
    .replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

/** 16 random bytes: positive, and never shorter. */
export function certificateSerial(random: Random): Uint8Array {
  const bytes = random.bytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

export function issueCertificate(request: CertificateRequest): KeyPair {
  const privateKey =
    request.keyPem === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      : createPrivateKey(request.keyPem);
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const publicKeyInfo = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const signerKey = request.issuer === undefined ? privateKey : createPrivateKey(request.issuer.keyPem);
  return { certificatePem: signed(request, publicKeyInfo, signerKey), keyPem };
}

/** For a key that somebody else holds (DER of SubjectPublicKeyInfo). PEM. */
export const certifyKey = (
  request: Omit<CertificateRequest, 'keyPem' | 'issuer'> & { readonly issuer: KeyPair },
  publicKeyInfo: Buffer,
): string => signed(request, publicKeyInfo, createPrivateKey(request.issuer.keyPem));

function signed(request: Omit<CertificateRequest, 'keyPem'>, publicKeyInfo: Buffer, signerKey: KeyObject): string {
  const subject = encodeName(request.subject);
  const issuerCertificate =
    request.issuer === undefined ? undefined : new X509Certificate(request.issuer.certificatePem);
  const issuerKeyInfo = createPublicKey(signerKey).export({ type: 'spki', format: 'der' });
  const isAuthority = request.use === 'authority';
  const { names = [], emailAddresses = [], uris = [] } = request;
  // keyCertSign + cRLSign + digitalSignature for authorities.
  const keyUsage = isAuthority
    ? der.bitString(Uint8Array.of(0xa6), 1)
    : keyUsageBits(request.keyUsages ?? ['digital signature']);
  const extensions = [
    ...(keyUsage === undefined ? [] : [extension('2.5.29.15', true, keyUsage)]),
    ...(request.use === 'authority' ? [] : [extension('2.5.29.37', false, der.sequence(...extendedUses[request.use]))]),
    extension('2.5.29.19', true, isAuthority ? der.sequence(der.boolean(true)) : der.sequence()),
    extension('2.5.29.14', false, der.octetString(keyIdentifier(publicKeyInfo))),
    extension('2.5.29.35', false, der.sequence(der.implicit(0, keyIdentifier(issuerKeyInfo)))),
    ...(names.length + emailAddresses.length + uris.length > 0
      ? [extension('2.5.29.17', false, encodeNames(names, emailAddresses, uris))]
      : []),
    ...(request.extensions ?? []).map(({ identifier, printable }) =>
      extension(identifier, false, der.printableString(printable)),
    ),
  ];
  const body = der.sequence(
    der.explicit(0, der.integer(2)),
    der.integer(request.serial),
    ecdsaWithSha256,
    issuerCertificate === undefined ? subject : rawSubject(issuerCertificate.raw),
    der.sequence(der.time(request.notBeforeMs), der.time(request.notAfterMs)),
    subject,
    publicKeyInfo,
    der.explicit(3, der.sequence(...extensions)),
  );
  return pem('CERTIFICATE', der.sequence(body, ecdsaWithSha256, der.bitString(sign('sha256', body, signerKey))));
}

/** The subject of a certificate as it is encoded there: an issuer must repeat it byte by byte. */
function rawSubject(certificate: Buffer): Buffer {
  const read = (offset: number) => der.read(certificate, offset);
  // Certificate, tbsCertificate, then: [0] version, serial, algorithm, issuer, validity, subject.
  let offset = read(read(0).content).content;
  for (let skipped = 0; skipped < 5; skipped++) offset = read(offset).end;
  return certificate.subarray(offset, read(offset).end);
}

/** What renewal needs to know of a certificate that exists. */
export interface CertificateFacts {
  readonly notAfterMs: number;
  /** DNS names and IP addresses, canonical, sorted. */
  readonly names: readonly string[];
  readonly subject: Subject;
}

const canonicalName = (name: string): string => (isIPv6(name) ? Buffer.from(ipBytes(name)).toString('hex') : name);
export const canonicalNames = (names: readonly string[]): readonly string[] =>
  [...new Set(names.map(canonicalName))].toSorted();

/** Undefined when the pair cannot be used: not a certificate, not its key, or not signed by `issuer`. */
export function inspectKeyPair(pair: KeyPair, issuer: KeyPair | undefined): CertificateFacts | undefined {
  try {
    const certificate = new X509Certificate(pair.certificatePem);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.keyPem))) return undefined;
    if (issuer !== undefined && !certificate.verify(createPublicKey(createPrivateKey(issuer.keyPem)))) return undefined;
    const lines = certificate.subject.split('\n');
    const valuesOf = (key: string) =>
      lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
    const names = (certificate.subjectAltName ?? '')
      .split(', ')
      .filter((one) => one !== '')
      .map((one) => one.replace(/^(DNS|IP Address):/, ''));
    return {
      notAfterMs: certificate.validToDate.getTime(),
      names: canonicalNames(names),
      subject: { commonName: valuesOf('CN')[0] ?? '', organizations: valuesOf('O') },
    };
  } catch {
    return undefined;
  }
}
