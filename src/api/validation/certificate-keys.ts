// What a node gives in for a Pod's certificate: a request (PKCS #10, RFC 2986) or a public key, and the proof that the key is its
// own. Only the key and the signature are looked at, as upstream does.
import { createHash, createPublicKey, verify, constants, type KeyObject } from 'node:crypto';

/** DER: what is at an offset. Undefined: nothing that fits. */
function elementAt(
  bytes: Buffer,
  start: number,
): { readonly tag: number; readonly from: number; readonly to: number } | undefined {
  const tag = bytes[start];
  let length = bytes[start + 1];
  if (tag === undefined || length === undefined) return undefined;
  let from = start + 2;
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4 || from + count > bytes.length) return undefined;
    length = bytes.readUIntBE(from, count);
    from += count;
  }
  return from + length > bytes.length ? undefined : { tag, from, to: from + length };
}

/** The elements of the sequence at an offset, each as a whole. */
function sequence(bytes: Buffer): readonly Buffer[] | undefined {
  const outer = elementAt(bytes, 0);
  if (outer === undefined || outer.tag !== 0x30 || outer.to !== bytes.length) return undefined;
  const elements: Buffer[] = [];
  for (let at = outer.from; at < outer.to;) {
    const element = elementAt(bytes, at);
    if (element === undefined || element.to > outer.to) return undefined;
    elements.push(bytes.subarray(at, element.to));
    at = element.to;
  }
  return elements;
}

/** Of the algorithm's whole identifier, in hexadecimal; null: the algorithm brings its own digest. */
const digests: readonly (readonly [identifier: string, digest: string | null])[] = [
  ['06082a8648ce3d040302', 'sha256'],
  ['06082a8648ce3d040303', 'sha384'],
  ['06082a8648ce3d040304', 'sha512'],
  ['06092a864886f70d01010b', 'sha256'],
  ['06092a864886f70d01010c', 'sha384'],
  ['06092a864886f70d01010d', 'sha512'],
  ['06032b6570', null],
];

export const publicKeyOf = (der: Buffer): KeyObject | undefined => {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
};

export interface CertificateRequest {
  readonly key: KeyObject;
  isSigned(): boolean;
}

/** Undefined: it is none. */
export function certificateRequestOf(der: Buffer): CertificateRequest | undefined {
  const [info, algorithm, signature, ...more] = sequence(der) ?? [];
  if (info === undefined || algorithm === undefined || signature === undefined || more.length > 0) return undefined;
  const [version, subject, keyInfo] = sequence(info) ?? [];
  if (version?.[0] !== 0x02 || subject?.[0] !== 0x30 || keyInfo === undefined || signature[0] !== 0x03)
    return undefined;
  const key = publicKeyOf(keyInfo);
  if (key === undefined) return undefined;
  return {
    key,
    isSigned() {
      const identifier = sequence(algorithm)?.[0]?.toString('hex');
      const found = digests.find(([one]) => one === identifier);
      const bits = elementAt(signature, 0)!;
      // A bit string begins with how many bits of its last byte do not count.
      return found !== undefined && isVerified(found[1], info, key, signature.subarray(bits.from + 1, bits.to));
    },
  };
}

function isVerified(digest: string | null, data: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(digest, data, key, signature);
  } catch {
    return false;
  }
}

/** Of a key that is asked for without a request: the Pod's uid, signed. */
export function provesPossession(key: KeyObject, podUid: string, signature: Buffer): boolean {
  const uid = Buffer.from(podUid);
  try {
    if (key.asymmetricKeyType === 'rsa')
      return verify(
        'sha256',
        uid,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO },
        signature,
      );
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', uid, key, signature);
  } catch {
    return false;
  }
}

export type KeyKind = 'good' | 'unknown' | { readonly curve: string } | { readonly bits: number };

const curves: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
  secp224r1: 'P-224',
};

/** What upstream's signers may certify: Ed25519, three curves, two lengths of RSA. */
export function keyKind(key: KeyObject): KeyKind {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return 'good';
  if (type === 'ec') {
    const curve = curves[details?.namedCurve ?? ''] ?? details?.namedCurve ?? '';
    return ['P-256', 'P-384', 'P-521'].includes(curve) ? 'good' : { curve };
  }
  if (type !== 'rsa') return 'unknown';
  const bits = details?.modulusLength ?? 0;
  return bits === 3072 || bits === 4096 ? 'good' : { bits };
}

export const sameKey = (a: KeyObject, b: KeyObject): boolean => {
  const digest = (key: KeyObject) =>
    createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest();
  return digest(a).equals(digest(b));
};
