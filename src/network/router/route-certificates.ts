// Certificates and keys of a Route, read once and written anew: only what they say reaches HAProxy's files, not the text around it.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { RouteSpec } from '#api/generated/types.ts';

type Tls = NonNullable<RouteSpec['tls']>;

export interface RouteCertificates {
  /** Why they cannot be used; undefined: they can. */
  readonly problem?: string | undefined;
  /** Certificate, its chain and its key; undefined: the router's own is used. */
  readonly serving?: string | undefined;
  /** Whom a re-encrypting Route trusts. */
  readonly destinationAuthority?: string | undefined;
}

/** Objects of the API are shared and never change: one reading for as long as the Route stays as it is. */
const known = new WeakMap<Tls, RouteCertificates>();

export function routeCertificates(tls: Tls): RouteCertificates {
  let found = known.get(tls);
  if (found === undefined) known.set(tls, (found = read(tls)));
  return found;
}

/** Every certificate in a PEM text, written anew; undefined when it holds none, or one that is none. */
function certificates(pem: string): readonly string[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block).toString());
  } catch {
    return undefined;
  }
}

function read(tls: Tls): RouteCertificates {
  const { certificate = '', key = '', caCertificate = '', destinationCACertificate = '' } = tls;
  const destination = destinationCACertificate === '' ? [] : certificates(destinationCACertificate);
  if (destination === undefined)
    return { problem: 'spec.tls.destinationCACertificate: Invalid value: not a PEM certificate' };
  const destinationAuthority = destination.length === 0 ? undefined : destination.join('');
  if (certificate === '' && key === '') return { destinationAuthority };
  const own = certificates(certificate);
  if (own === undefined) return { problem: 'spec.tls.certificate: Invalid value: not a PEM certificate' };
  const authority = caCertificate === '' ? [] : certificates(caCertificate);
  if (authority === undefined) return { problem: 'spec.tls.caCertificate: Invalid value: not a PEM certificate' };
  try {
    const privateKey = createPrivateKey(key);
    if (!new X509Certificate(own[0]!).checkPrivateKey(privateKey))
      return { problem: 'spec.tls.key: Invalid value: the private key does not belong to the certificate' };
    const keyPem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    return { serving: [...own, ...authority, keyPem].join(''), destinationAuthority };
  } catch {
    return { problem: 'spec.tls.key: Invalid value: not a PEM private key' };
  }
}
