// Requests for certificates (PKCS #10, RFC 2986): made for an own key, and read from others. What is asked for is judged elsewhere.
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import {
  ecdsaWithSha256,
  encodeName,
  encodeNames,
  extension,
  pem,
  type Subject,
  type SubjectAttribute,
} from './certificate.ts';
import * as der from './der.ts';

const extensionRequest = '1.2.840.113549.1.9.14';
const subjectAltName = '2.5.29.17';
const commonNameType = '2.5.4.3';
const organizationType = '2.5.4.10';
/** Country, unit, locality, province, street, postal code, serial number: what Go keeps of a subject besides the two above. */
const otherTypes = new Set(['2.5.4.6', '2.5.4.11', '2.5.4.7', '2.5.4.8', '2.5.4.9', '2.5.4.17', '2.5.4.5']);
/** Undefined as digest: the algorithm brings its own. */
const digests: ReadonlyMap<string, string | undefined> = new Map([
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.3.101.112', undefined],
]);

export interface MadeRequest {
  readonly requestPem: string;
  readonly keyPem: string;
}

/** With a new ECDSA P-256 key. `names`: DNS names and IP addresses. */
export function makeCertificateRequest(subject: Subject, names: readonly string[] = []): MadeRequest {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = names.length === 0 ? [] : [extension(subjectAltName, false, encodeNames(names))];
  const attributes =
    extensions.length === 0
      ? Buffer.alloc(0)
      : der.sequence(der.objectIdentifier(extensionRequest), der.setOf(der.sequence(...extensions)));
  const info = der.sequence(
    der.integer(0),
    encodeName(subject),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der.explicit(0, attributes),
  );
  const request = der.sequence(info, ecdsaWithSha256, der.bitString(sign('sha256', info, privateKey)));
  return {
    requestPem: pem('CERTIFICATE REQUEST', request),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

export interface ReadRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Other attributes of the subject that certificates take over; unknown ones are dropped, as by Go. */
  readonly otherAttributes: readonly SubjectAttribute[];
  readonly dnsNames: readonly string[];
  /** As text; IPv6 in full, eight groups. */
  readonly addresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Buffer;
}

/** Throws with the reason: not a request, or not signed with the key that it asks for. */
export function readCertificateRequest(text: string): ReadRequest {
  const body = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\s\S]*?)-----END/.exec(text)?.[1];
  if (body === undefined) throw new Error('there is no PEM block of type CERTIFICATE REQUEST');
  const bytes = Buffer.from(body, 'base64');
  const outer = der.read(bytes, 0);
  const [info, algorithm, signature] = der.children(bytes, outer);
  if (outer.tag !== 0x30 || info?.tag !== 0x30 || algorithm === undefined || signature?.tag !== 0x03)
    throw new Error('it is no PKCS #10 request');
  const [, subject, keyInfo, attributes] = der.children(bytes, info);
  if (subject === undefined || keyInfo === undefined) throw new Error('it is no PKCS #10 request');
  const publicKeyInfo = Buffer.from(bytes.subarray(keyInfo.start, keyInfo.end));
  const key = createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  const identifier = der.readObjectIdentifier(bytes, der.children(bytes, algorithm)[0]!);
  if (!digests.has(identifier)) throw new Error(`its signature algorithm ${identifier} is not supported`);
  const signedBytes = bytes.subarray(info.start, info.end);
  // The first byte of a bit string counts unused bits.
  if (!verify(digests.get(identifier), signedBytes, key, bytes.subarray(signature.content + 1, signature.end)))
    throw new Error('it is not signed with the key that it asks for');
  return { ...readSubject(bytes, subject), ...readNames(bytes, attributes), publicKeyInfo };
}

function readSubject(bytes: Buffer, subject: der.Element) {
  const organizations: string[] = [];
  const others = new Map<string, string[]>();
  let commonName = '';
  for (const set of der.children(bytes, subject))
    for (const attribute of der.children(bytes, set)) {
      const [type, element] = der.children(bytes, attribute);
      if (type === undefined || element === undefined) throw new Error('its subject cannot be read');
      const identifier = der.readObjectIdentifier(bytes, type);
      const value = bytes.subarray(element.content, element.end).toString('utf8');
      // Of several the last counts, as for Go.
      if (identifier === commonNameType) commonName = value;
      else if (identifier === organizationType) organizations.push(value);
      else if (otherTypes.has(identifier)) others.set(identifier, [...(others.get(identifier) ?? []), value]);
    }
  const otherAttributes = [...others].map(([identifier, values]): SubjectAttribute => ({ identifier, values }));
  return { commonName, organizations, otherAttributes };
}

function readNames(bytes: Buffer, attributes: der.Element | undefined) {
  const dnsNames: string[] = [];
  const addresses: string[] = [];
  const emailAddresses: string[] = [];
  const uris: string[] = [];
  for (const attribute of attributes === undefined ? [] : der.children(bytes, attributes)) {
    const [type, set] = der.children(bytes, attribute);
    if (type === undefined || set === undefined || der.readObjectIdentifier(bytes, type) !== extensionRequest) continue;
    for (const extensions of der.children(bytes, set))
      for (const one of der.children(bytes, extensions)) {
        const parts = der.children(bytes, one);
        const content = parts.at(-1);
        if (content === undefined || der.readObjectIdentifier(bytes, parts[0]!) !== subjectAltName) continue;
        for (const name of der.children(bytes, der.read(bytes, content.content))) {
          const value = bytes.subarray(name.content, name.end);
          if (name.tag === 0x82) dnsNames.push(value.toString('latin1'));
          else if (name.tag === 0x87) addresses.push(addressText(value));
          else if (name.tag === 0x81) emailAddresses.push(value.toString('latin1'));
          else if (name.tag === 0x86) uris.push(value.toString('latin1'));
        }
      }
  }
  return { dnsNames, addresses, emailAddresses, uris };
}

function addressText(value: Buffer): string {
  if (value.length === 4) return [...value].join('.');
  if (value.length !== 16) throw new Error('one of its addresses has neither 4 nor 16 bytes');
  return Array.from({ length: value.length / 2 }, (_, index) => value.readUInt16BE(index * 2).toString(16)).join(':');
}
