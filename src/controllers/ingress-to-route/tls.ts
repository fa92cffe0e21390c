// The TLS part of a Route from an Ingress: the Secret of its host, the termination that an annotation asks for. Pure.
import type { Ingress, RouteSpec, Secret } from '#api/generated/types.ts';

type Tls = NonNullable<RouteSpec['tls']>;

const terminationAnnotation = 'route.openshift.io/termination';
const destinationAnnotation = 'route.openshift.io/destination-ca-certificate-secret';

const textOf = (secret: Secret, key: string): string | undefined => {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
};

/** Undefined: no TLS; `invalid`: its Secret is missing or none of TLS. */
export function tlsOfIngress(
  ingress: Ingress,
  host: string,
  secretOf: (name: string) => Secret | undefined,
): Tls | 'invalid' | undefined {
  const reference = (ingress.spec.tls ?? []).find((one) => one.hosts?.includes(host) === true);
  let certificate: string | undefined;
  let key: string | undefined;
  if (reference !== undefined) {
    const secret = secretOf(reference.secretName ?? '');
    if (secret?.type !== 'kubernetes.io/tls') return 'invalid';
    [certificate, key] = [textOf(secret, 'tls.crt'), textOf(secret, 'tls.key')];
    if (certificate === undefined || key === undefined) return 'invalid';
  }
  const asked = ingress.metadata.annotations?.[terminationAnnotation];
  const known = asked === 'passthrough' || asked === 'reencrypt' || asked === 'edge';
  // `tls: [{}]` asks for edge with the router's own certificate.
  const plain = (ingress.spec.tls ?? []).some((one) => one.hosts === undefined && one.secretName === undefined);
  if (!known && reference === undefined && !plain) return undefined;
  const termination = known ? asked : 'edge';
  const destination =
    termination === 'reencrypt' ? secretOf(ingress.metadata.annotations?.[destinationAnnotation] ?? '') : undefined;
  const usable = destination?.type === 'kubernetes.io/tls' || destination?.type === 'Opaque';
  const authority = destination !== undefined && usable ? textOf(destination, 'tls.crt') : undefined;
  return {
    termination,
    insecureEdgeTerminationPolicy: 'Redirect',
    ...(termination === 'passthrough' || certificate === undefined ? {} : { certificate, key: key! }),
    ...(authority === undefined ? {} : { destinationCACertificate: authority }),
  };
}
