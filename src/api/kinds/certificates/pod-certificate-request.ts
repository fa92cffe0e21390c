// PodCertificateRequest: a node asks a signer for a Pod's certificate; the signer issues it, denies it or fails, once.
import { X509Certificate, type KeyObject } from 'node:crypto';
import { invalid, notSupported, required, tooLong, type FieldError } from '../../field-error.ts';
import type {
  Condition,
  PodCertificateRequest,
  PodCertificateRequestSpec,
  PodCertificateRequestStatus,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { byteLength, nameIsDnsSubdomain, qualifiedName } from '../../meta/names.ts';
import {
  certificateRequestOf,
  keyKind,
  provesPossession,
  publicKeyOf,
  sameKey,
} from '../../validation/certificate-keys.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import { immutable, semanticEqual, texts } from '../../validation/fields.ts';
import { isOwnSigner, pemBlocks, signerNameErrors } from '../../validation/signers.ts';

const uidMax = 128;
const keyBytesMax = 10 * 1024;
const chainBytesMax = 100 * 1024;
const annotationBytesMax = 256 * 1024;
const secondsLeast = 3_600;
const secondsMost = 91 * 86_400;
const ownSecondsMost = 86_400;
const minute = 60_000;

/** Without the value: upstream leaves it out here. */
const wrong = (field: string, detail: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${detail}`,
});

function annotationErrors(path: string, annotations: Readonly<Record<string, string>>): FieldError[] {
  const errors = Object.keys(annotations).flatMap((given): FieldError[] => {
    const key = given.toLowerCase();
    if (key === '') return [required(path)];
    const problems = qualifiedName(key);
    if (problems.length > 0) return texts(path, key, problems);
    return key.includes('/') ? [] : [invalid(path, key, 'must be a domain-prefixed key (such as "acme.io/foo")')];
  });
  const bytes = Object.entries(annotations).reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return bytes > annotationBytesMax ? [...errors, tooLong(path, annotationBytesMax)] : errors;
}

const uidErrors = (path: string, uid: string): FieldError[] => [
  ...(uid === '' ? [invalid(path, uid, 'must not be empty')] : []),
  ...(byteLength(uid) > uidMax ? [tooLong(path, uidMax)] : []),
];

function unfitKey(path: string, key: KeyObject, curves: string): FieldError | undefined {
  const kind = keyKind(key);
  if (kind === 'good') return undefined;
  if (kind === 'unknown') return wrong(path, 'unknown public key type; supported types are Ed25519, ECDSA, and RSA');
  return 'curve' in kind
    ? invalid(path, `curve ${kind.curve}`, `elliptic public keys must use curve ${curves}`)
    : invalid(path, `${kind.bits}-bit modulus`, 'RSA keys must have modulus size 3072 or 4096');
}

function requestErrors(path: string, request: Buffer): FieldError[] {
  if (request.length > keyBytesMax) return [tooLong(path, keyBytesMax)];
  const read = certificateRequestOf(request);
  if (read === undefined) return [wrong(path, 'must be a valid PKCS#10 CSR')];
  const unfit = unfitKey(path, read.key, 'P256, P384, or P521');
  if (unfit !== undefined) return [unfit];
  return read.isSigned() ? [] : [wrong(path, 'invalid signature')];
}

function keyErrors(publicKey: Buffer, proof: Buffer, podUid: string): FieldError[] {
  if (publicKey.length > keyBytesMax) return [tooLong('spec.pkixPublicKey', keyBytesMax)];
  if (proof.length > keyBytesMax) return [tooLong('spec.proofOfPossession', keyBytesMax)];
  const key = publicKeyOf(publicKey);
  if (key === undefined)
    return [invalid('spec.pkixPublicKey', publicKey.toString('base64'), 'must be a valid PKIX-serialized public key')];
  const unfit = unfitKey('spec.pkixPublicKey', key, 'P256 or P384');
  if (unfit !== undefined) return [unfit];
  return provesPossession(key, podUid, proof)
    ? []
    : [wrong('spec.proofOfPossession', 'could not verify proof-of-possession signature')];
}

const bytesOf = (base64: string | undefined): Buffer => Buffer.from(base64 ?? '', 'base64');

function credentialErrors(spec: Partial<PodCertificateRequestSpec>): FieldError[] {
  const [request, key, proof] = [spec.stubPKCS10Request, spec.pkixPublicKey, spec.proofOfPossession].map(bytesOf);
  if (request!.length > 0 && key!.length === 0 && proof!.length === 0)
    return requestErrors('spec.stubPKCS10Request', request!);
  if (request!.length === 0 && key!.length > 0 && proof!.length > 0) return keyErrors(key!, proof!, spec.podUID ?? '');
  return [wrong('spec', 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set')];
}

function specErrors(spec: Partial<PodCertificateRequestSpec>): FieldError[] {
  const { signerName = '', maxExpirationSeconds: seconds, unverifiedUserAnnotations } = spec;
  const named = (field: 'podName' | 'serviceAccountName' | 'nodeName') =>
    texts(`spec.${field}`, spec[field] ?? '', nameIsDnsSubdomain(spec[field] ?? '', false));
  const errors = [
    ...signerNameErrors('spec.signerName', signerName),
    ...annotationErrors('spec.unverifiedUserAnnotations', unverifiedUserAnnotations ?? {}),
    ...named('podName'),
    ...uidErrors('spec.podUID', spec.podUID ?? ''),
    ...named('serviceAccountName'),
    ...uidErrors('spec.serviceAccountUID', spec.serviceAccountUID ?? ''),
    ...named('nodeName'),
    ...uidErrors('spec.nodeUID', spec.nodeUID ?? ''),
  ];
  if (seconds === undefined) return [...errors, required('spec.maxExpirationSeconds', 'must be set')];
  const most = isOwnSigner(signerName) ? ownSecondsMost : secondsMost;
  if (seconds < secondsLeast || seconds > most)
    errors.push(invalid('spec.maxExpirationSeconds', seconds, `must be in the range [${secondsLeast}, ${most}]`));
  return [...errors, ...credentialErrors(spec)];
}

const outcomes = ['Issued', 'Denied', 'Failed'];
const hasOutcome = (status: Partial<PodCertificateRequestStatus> | undefined, ...types: readonly string[]): boolean =>
  (status?.conditions ?? []).some((one) => types.includes(one.type) && one.status === 'True');

function outcomeErrors(conditions: readonly Condition[]): FieldError[] {
  let known = 0;
  return conditions.flatMap((one, index): FieldError[] => {
    // Upstream's path, with its slip.
    const at = `status.conditions.[${index}]`;
    if (!outcomes.includes(one.type)) return [notSupported(`${at}.type`, one.type, outcomes)];
    known++;
    return [
      ...(known > 1
        ? [
            invalid(
              `${at}.type`,
              one.type,
              'There may be at most one condition with type "Issued", "Denied", or "Failed"',
            ),
          ]
        : []),
      ...(one.status === 'True' ? [] : [notSupported(`${at}.status`, one.status, ['True'])]),
    ];
  });
}

const chainPath = 'status.certificateChain';

function readCertificate(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function alternativeNameErrors(leaf: X509Certificate): FieldError[] {
  const names = (leaf.subjectAltName ?? '').split(', ').map((one) => one.split(':'));
  return names.flatMap(([type, value = '']): FieldError[] => {
    const problem = (detail: string) => invalid(chainPath, value, detail);
    if (type === 'DNS')
      return [
        ...(value === '' ? [problem('leaf certificate should not contain empty DNSName')] : []),
        ...(value.includes('..') ? [problem("leaf certificate's DNSName should not contain '..'")] : []),
        ...(value !== '' && (value.startsWith('.') || value.endsWith('.'))
          ? [problem("leaf certificate's DNSName should not start or end with '.'")]
          : []),
      ];
    return type === 'email' && !/^[^\s@]+@[^\s@]+$/.test(value)
      ? [problem('leaf certificate should not contain invalid EmailAddress')]
      : [];
  });
}

const requestedKey = (spec: Partial<PodCertificateRequestSpec>): KeyObject | undefined =>
  (spec.stubPKCS10Request ?? '') === ''
    ? publicKeyOf(bytesOf(spec.pkixPublicKey))
    : certificateRequestOf(bytesOf(spec.stubPKCS10Request))?.key;

const goTime = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

function issuedErrors(object: PodCertificateRequest, previous: PodCertificateRequest, now: number): FieldError[] {
  const status = object.status ?? {};
  const chain = status.certificateChain ?? '';
  const refuse = (detail: string) => [invalid(chainPath, chain, detail)];
  if (byteLength(chain) > chainBytesMax) return [tooLong(chainPath, chainBytesMax)];
  const [first, ...others] = [...pemBlocks(chain)];
  if (first === undefined) return refuse('issued certificate chain must contain at least one certificate');
  if (first.type !== 'CERTIFICATE')
    return refuse('issued certificate chain must consist entirely of CERTIFICATE PEM blocks');
  const leaf = readCertificate(first.bytes);
  if (leaf === undefined) return refuse('leaf certificate does not parse as valid X.509');
  const errors = alternativeNameErrors(leaf);
  const wanted = requestedKey(previous.spec);
  if (wanted === undefined) return [...errors, wrong('spec.stubPKCS10Request', 'must be a valid PKCS#10 CSR')];
  if (!sameKey(wanted, leaf.publicKey))
    return [...errors, ...refuse('leaf certificate was not issued to the requested public key')];
  const consistent = 'must be present and consistent with the issued certificate';
  if (status.notBefore === undefined) errors.push(required('status.notBefore', consistent));
  if (status.notAfter === undefined) errors.push(required('status.notAfter', consistent));
  if (status.beginRefreshAt === undefined)
    errors.push(
      required('status.beginRefreshAt', 'must be present and in the range [notbefore+10min, notafter-10min]'),
    );
  if (errors.length > 0) return errors;
  const timed = timeErrors(status, leaf, object.spec.maxExpirationSeconds ?? 0, now);
  if (timed !== undefined) return [timed];
  for (const block of others) {
    if (block.type !== 'CERTIFICATE')
      return refuse('issued certificate chain must consist entirely of CERTFICATE PEM blocks');
    if (readCertificate(block.bytes) === undefined)
      return refuse('intermediate certificate does not parse as valid X.509');
  }
  return [];
}

function timeErrors(
  status: Partial<PodCertificateRequestStatus>,
  leaf: X509Certificate,
  secondsMax: number,
  now: number,
): FieldError | undefined {
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  const [notBefore, notAfter, refresh] = [status.notBefore, status.notAfter, status.beginRefreshAt].map((one) =>
    Date.parse(one ?? ''),
  ) as [number, number, number];
  if (notBefore !== from)
    return invalid(
      'status.notBefore',
      goTime(notBefore),
      'must be set to the NotBefore time encoded in the leaf certificate',
    );
  if (Math.abs(notBefore - now) >= 5 * minute)
    return invalid(
      'status.notBefore',
      goTime(notBefore),
      "must be set to within 5 minutes of kube-apiserver's current time",
    );
  if (notAfter !== to)
    return invalid(
      'status.notAfter',
      goTime(notAfter),
      'must be set to the NotAfter time encoded in the leaf certificate',
    );
  const lifetime = to - from;
  const nanoseconds = lifetime * 1_000_000;
  if (lifetime < 60 * minute) return invalid(chainPath, nanoseconds, 'leaf certificate lifetime must be >= 1 hour');
  if (lifetime > secondsMax * 1_000)
    return invalid(
      chainPath,
      nanoseconds,
      `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${secondsMax})`,
    );
  if (refresh < notBefore + 10 * minute)
    return invalid('status.beginRefreshAt', goTime(refresh), 'must be at least 10 minutes after status.notBefore');
  if (refresh > notAfter - 10 * minute)
    return invalid('status.beginRefreshAt', goTime(refresh), 'must be at least 10 minutes before status.notAfter');
  return undefined;
}

function statusErrors(object: PodCertificateRequest, previous: PodCertificateRequest, now: number): FieldError[] {
  const { status, status: { conditions = [] } = {} } = object;
  const errors = [...outcomeErrors(conditions), ...conditionErrors('status.conditions', conditions)];
  if (errors.length > 0) return errors;
  const unchanged = (than: unknown, detail: string) => (semanticEqual(status, than) ? [] : [wrong('status', detail)]);
  if (hasOutcome(previous.status, ...outcomes))
    return unchanged(previous.status, 'immutable after PodCertificateRequest is issued, denied, or failed');
  if (hasOutcome(status, 'Denied', 'Failed'))
    return unchanged(
      { conditions },
      'non-condition status fields must be empty when denying or failing the PodCertificateRequest',
    );
  return hasOutcome(status, 'Issued')
    ? issuedErrors(object, previous, now)
    : unchanged(previous.status, 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"');
}

export const podCertificateRequest: KindBehaviour<PodCertificateRequest> = {
  prepareForUpdate({ metadata }, previous, { subresource }) {
    if (subresource !== 'status') return;
    // As of other kinds whose table says so; here upstream's ownership of fields does not follow.
    for (const name of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
      const value = previous.metadata[name];
      if (value === undefined) delete metadata[name];
      else Object.assign(metadata, { [name]: value });
    }
  },
  validate: ({ spec }) => specErrors(spec ?? {}),
  validateUpdate: (object, previous, subresource, context) =>
    subresource === 'status'
      ? statusErrors(object, previous, context?.now ?? 0)
      : immutable('spec', object.spec, previous.spec),
};
