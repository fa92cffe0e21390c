// What went wrong with a connection, in the words that upstream's clients of such errors know (Go's net, crypto/tls, net/http).
import { messageOf } from '#base/errors.ts';
import type { OutgoingTarget } from '../ports.ts';

interface ConnectionError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
  /** Of a certificate for other names. */
  readonly cert?: { readonly subjectaltname?: string | undefined };
  readonly errors?: readonly Error[];
}

const systemErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ETIMEDOUT: 'connect: connection timed out',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
};
const certificateErrors: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate signed by unknown authority',
  CERT_SIGNATURE_FAILURE: 'certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
};

const joinHostPort = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

export function connectionError(error: unknown, target: OutgoingTarget): string {
  const { code = '', cert, errors } = error as ConnectionError;
  // A name with several addresses: all of them failed.
  if (errors !== undefined && errors.length > 0) return connectionError(errors[0], target);
  const { address = target.host, port = target.port } = error as ConnectionError;
  if (code in systemErrors) return `dial tcp ${joinHostPort(address, port)}: ${systemErrors[code]}`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${target.host}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${target.host}: server misbehaving`;
  if (code in certificateErrors) return `tls: failed to verify certificate: x509: ${certificateErrors[code]}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const wanted = target.serverName ?? target.host;
    const names = (cert?.subjectaltname ?? '')
      .split(', ')
      .flatMap((one) => /^(?:DNS|IP Address):(.*)$/.exec(one)?.[1] ?? []);
    const known =
      names.length === 0
        ? `certificate is not valid for any names, but wanted to match ${wanted}`
        : `certificate is valid for ${names.join(', ')}, not ${wanted}`;
    return `tls: failed to verify certificate: x509: ${known}`;
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'EOF';
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'http: server gave HTTP response to HTTPS client';
  if (code.startsWith('HPE_')) return `net/http: HTTP/1.x transport connection broken: malformed HTTP response`;
  return messageOf(error);
}
