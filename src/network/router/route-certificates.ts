// Certificates and keys of a Route, read once and written anew: only what they say reaches HAProxy's files, not the text around it.
// What is refused, and in which words, is upstream's. As there, one that has expired is served: the client decides.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { RouteSpec } from '#api/generated/types.ts';
import { signatureDigest } from './signature-digest.ts';

export type ServingTls = NonNullable<RouteSpec['tls']>;

export interface RouteCertificates {
  /** Why they cannot be used; undefined: they can. */
  readonly problem?: string | undefined;
  /** Certificate, its chain and its key; undefined: the router's own is used. */
  readonly serving?: string | undefined;
  /** Whom a re-encrypting Route trusts. */
  readonly destinationAuthority?: string | undefined;
  /** The first of those that are served. */
  readonly leaf?: X509Certificate | undefined;
}

/** Objects of the API are shared and never change: one reading for as long as the Route stays as it is. */
const known = new WeakMap<ServingTls, RouteCertificates>();

export function routeCertificates(tls: ServingTls): RouteCertificates {
  let found = known.get(tls);
  if (found === undefined) known.set(tls, (found = read(tls)));
  return found;
}

/** Failures while reading one field; `redacted` stands for its value. */
class Reading {
  readonly problems: string[] = [];
  fail(field: string, redacted: string, why: string): undefined {
    this.problems.push(`spec.tls.${field}: Invalid value: ${JSON.stringify(redacted)}: ${why}`);
    return undefined;
  }
  get problem(): string | undefined {
    const { problems } = this;
    return problems.length < 2 ? problems[0] : `[${problems.join(', ')}]`;
  }
}

const blockPattern = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;
const keyTypes = new Set(['RSA PRIVATE KEY', 'ECDSA PRIVATE KEY', 'EC PRIVATE KEY', 'PRIVATE KEY']);
const droppedTypes = new Set(['EC PARAMETERS', 'PUBLIC KEY', 'RSA PUBLIC KEY', 'DSA PUBLIC KEY', 'ECDSA PUBLIC KEY']);
const noCertificates = 'data does not contain any valid RSA or ECDSA certificates';

interface Blocks {
  readonly certificates: readonly X509Certificate[];
  readonly keys: readonly KeyObject[];
}

/** The certificates and keys in a PEM text, or why they are none. */
function blocksOf(text: string): Blocks | string {
  const certificates: X509Certificate[] = [];
  const keys: KeyObject[] = [];
  for (const [block, type = ''] of text.matchAll(blockPattern)) {
    if (droppedTypes.has(type)) continue;
    try {
      if (type === 'CERTIFICATE') certificates.push(new X509Certificate(block));
      else if (keyTypes.has(type)) keys.push(createPrivateKey(block));
      else return `unrecognized PEM block ${type}`;
    } catch {
      return type === 'CERTIFICATE' ? 'x509: malformed certificate' : `block ${type} is not valid`;
    }
  }
  return { certificates, keys };
}

function read(tls: ServingTls): RouteCertificates {
  const reading = new Reading();
  const authorities = authoritiesOf(tls.caCertificate ?? '', 'caCertificate', 'redacted ca certificate data', reading);
  const own = servingOf(tls, authorities, reading);
  const destination = authoritiesOf(
    tls.destinationCACertificate ?? '',
    'destinationCACertificate',
    'redacted destination ca certificate data',
    reading,
  );
  if (reading.problem !== undefined) return { problem: reading.problem };
  return {
    ...(destination.length === 0 ? {} : { destinationAuthority: destination.map(String).join('') }),
    ...(own === undefined
      ? {}
      : { leaf: own.chain[0]!, serving: [...own.chain, ...authorities].map(String).join('') + own.key }),
  };
}

function authoritiesOf(text: string, field: string, redacted: string, reading: Reading): readonly X509Certificate[] {
  if (text === '') return [];
  const what = field === 'caCertificate' ? 'CA certificate' : 'destination CA certificate';
  const blocks = blocksOf(text);
  if (typeof blocks === 'string' || blocks.certificates.length === 0) {
    reading.fail(field, redacted, `failed to parse ${what}: ${typeof blocks === 'string' ? blocks : noCertificates}`);
    return [];
  }
  const weak = weakness(blocks.certificates);
  if (weak !== undefined) reading.fail(field, redacted, weak);
  return blocks.certificates;
}

function servingOf(
  tls: ServingTls,
  authorities: readonly X509Certificate[],
  reading: Reading,
): { readonly chain: readonly X509Certificate[]; readonly key: string } | undefined {
  const { certificate = '', key = '' } = tls;
  const redacted = 'redacted certificate data';
  const keyBlocks = blocksOf(key);
  if (typeof keyBlocks === 'string') reading.fail('key', 'redacted key data', keyBlocks);
  if (certificate === '') return undefined;
  const blocks = blocksOf(certificate);
  if (typeof blocks === 'string') return reading.fail('certificate', redacted, blocks);
  const { certificates: chain } = blocks;
  const leaf = chain[0];
  if (leaf === undefined) return reading.fail('certificate', redacted, noCertificates);
  const weak = weakness(chain);
  if (weak !== undefined) reading.fail('certificate', redacted, weak);
  if (authorities.length > 0 && !isTrusted(leaf, authorities))
    reading.fail('certificate', redacted, 'error verifying certificate: x509: certificate signed by unknown authority');
  if (typeof keyBlocks === 'string') return undefined;
  // Upstream takes a key from either field.
  const keys = [...blocks.keys, ...keyBlocks.keys];
  if (keyBlocks.certificates.length > 0)
    return reading.fail(
      'key',
      'redacted key data',
      'field contains invalid types CERTIFICATE, expecting only PRIVATE KEY',
    );
  if (keys[0] === undefined)
    return key === ''
      ? reading.fail('key', '', 'no key specified')
      : reading.fail('key', 'redacted key data', 'tls: failed to find any PEM data in key input');
  if (!leaf.checkPrivateKey(keys[0]))
    return reading.fail('key', 'redacted key data', 'tls: private key does not match public key');
  return { chain, key: String(keys[0].export({ type: 'pkcs8', format: 'pem' })) };
}

/** Up to one of the authorities; times do not count. */
function isTrusted(leaf: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  const same = authorities.some((one) => one.fingerprint256 === leaf.fingerprint256);
  return same || authorities.some((one) => one.ca && leaf.checkIssued(one) && leaf.verify(one.publicKey));
}

const isSelfSigned = (one: X509Certificate): boolean => one.subject === one.issuer && one.checkIssued(one);

/** What OpenSSL would refuse in a chain; roots are not looked at. */
function weakness(certificates: readonly X509Certificate[]): string | undefined {
  const found = new Set(
    certificates.flatMap((one) => {
      const digest = isSelfSigned(one) ? undefined : signatureDigest(one.raw);
      return digest === undefined ? [] : [`router does not support CA-signed certs using ${digest}`];
    }),
  );
  return found.size === 0 ? undefined : [...found].join(', ');
}
