// What the router reads beside Routes, Services and endpoints: certificates, authorities and pages in Secrets and ConfigMaps that
// the configuration or a Route names.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ConfigMaps, Secrets } from '#api/generated/kind-references.ts';
import type { ConfigMap, Route, Secret } from '#api/generated/types.ts';
import type { AdmissionSources, Rejection } from './admission.ts';
import type { Found, ObjectName } from './named-objects.ts';
import type { RouterPolicy } from './policy.ts';
import type { ServingTls } from './route-certificates.ts';
import type { RouterSettings } from './settings.ts';

export const routerNamespace = 'openshift-ingress';
/** Where service-ca tells whom re-encrypting Routes without an authority of their own trust. */
export const serviceCa: ObjectName = { kind: ConfigMaps, namespace: 'openshift-service-ca', name: 'signing-cabundle' };

const external = ({ spec }: Route): string =>
  spec.tls?.termination === 'edge' || spec.tls?.termination === 'reencrypt'
    ? (spec.tls.externalCertificate?.name ?? '')
    : '';
const secretOf = (route: Route, name: string): ObjectName => ({
  kind: Secrets,
  namespace: route.metadata.namespace ?? '',
  name,
});
const own = (kind: ObjectName['kind'], name: string): readonly ObjectName[] =>
  name === '' ? [] : [{ kind, namespace: routerNamespace, name }];

/** All that has to be followed. */
export const namedBy = (routes: readonly Route[], policy: RouterPolicy): readonly ObjectName[] => [
  ...own(Secrets, policy.certificateSecret),
  ...(policy.clientTls.policy === '' ? [] : own(ConfigMaps, policy.clientTls.authorityConfigMap)),
  ...own(ConfigMaps, policy.errorPagesConfigMap),
  ...(routes.some((one) => one.spec.tls?.termination === 'reencrypt') ? [serviceCa] : []),
  ...routes.flatMap((one) => (external(one) === '' ? [] : [secretOf(one, external(one))])),
];

type Look = (name: ObjectName) => Found;

const resolved = new WeakMap<Secret, WeakMap<ServingTls, ServingTls>>();

/** A Route's TLS with what its external Secret holds. */
export const tlsSource =
  (look: Look): AdmissionSources['tlsOf'] =>
  (route) => {
    const name = external(route);
    const { tls } = route.spec;
    if (name === '' || tls === undefined) return { tls };
    const found = look(secretOf(route, name));
    const fail = (message: string): Rejection => ({
      reason: 'ExternalCertificateValidationFailed',
      message: `spec.tls.externalCertificate: ${message}`,
    });
    switch (found.state) {
      case 'forbidden':
        return fail(`Forbidden: router serviceaccount does not have permission to ${found.verb} this secret`);
      case 'failed':
        return { reason: 'ExternalCertificateGetFailed', message: found.message };
      case 'absent':
        return fail(`Not found: ${JSON.stringify(`secrets ${JSON.stringify(name)} not found`)}`);
      case 'present': {
        const secret = found.object as Secret;
        if (secret.type !== 'kubernetes.io/tls')
          return fail(`Invalid value: ${JSON.stringify(name)}: secret of type "kubernetes.io/tls" required`);
        return { tls: withSecret(tls, secret) };
      }
    }
  };

function withSecret(tls: ServingTls, secret: Secret): ServingTls {
  let byTls = resolved.get(secret);
  if (byTls === undefined) resolved.set(secret, (byTls = new WeakMap()));
  let found = byTls.get(tls);
  if (found === undefined) {
    found = { ...tls, certificate: textOf(secret, 'tls.crt') ?? '', key: textOf(secret, 'tls.key') ?? '' };
    byTls.set(tls, found);
  }
  return found;
}

const textOf = (secret: Secret, key: string): string | undefined => {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
};

export type Inputs = Pick<RouterSettings, 'defaultCertificatePem' | 'serviceCaPem' | 'clientCaPem' | 'errorPages'>;

/** With one sentence for each thing that is named and cannot be used. */
export function inputsOf(
  look: Look,
  policy: RouterPolicy,
  generatedCertificatePem: string,
): { readonly inputs: Inputs; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const configMap = (name: string, purpose: string): ConfigMap | undefined => {
    const found = look({ kind: ConfigMaps, namespace: routerNamespace, name });
    if (found.state === 'present') return found.object as ConfigMap;
    problems.push(`ConfigMap ${routerNamespace}/${name} (${purpose}) cannot be read: ${stateText(found)}`);
    return undefined;
  };
  const { clientTls, errorPagesConfigMap } = policy;
  const clientCa =
    clientTls.policy === ''
      ? undefined
      : configMap(clientTls.authorityConfigMap, 'ingress.clientTLS.clientCA')?.data?.['ca-bundle.pem'];
  const clientCaPem = clientCa === undefined ? undefined : authoritiesIn(clientCa);
  if (clientTls.policy !== '' && clientCaPem === undefined)
    problems.push(
      'client certificates cannot be verified (ingress.clientTLS): there is no certificate under ca-bundle.pem',
    );
  const pages =
    errorPagesConfigMap === '' ? undefined : configMap(errorPagesConfigMap, 'ingress.httpErrorCodePages')?.data;
  const page = (code: 503 | 404): string | undefined => {
    const text = pages?.[`error-page-${code}.http`];
    // HAProxy would refuse its whole configuration for an answer that is none.
    if (text === undefined || /^HTTP\/1\.[01] \d{3} /.test(text)) return text;
    problems.push(`error-page-${code}.http is no whole HTTP answer (it begins with HTTP/1.0 ${code}); not used`);
    return undefined;
  };
  const authority = look(serviceCa);
  const bundle = authority.state === 'present' ? (authority.object as ConfigMap).data?.['ca-bundle.crt'] : undefined;
  return {
    inputs: {
      defaultCertificatePem: defaultCertificate(look, policy, generatedCertificatePem, problems),
      serviceCaPem: bundle === undefined ? undefined : authoritiesIn(bundle),
      clientCaPem,
      errorPages: { 503: page(503), 404: page(404) },
    },
    problems,
  };
}

const stateText = (found: Found): string =>
  found.state === 'failed' ? found.message : found.state === 'forbidden' ? `may not ${found.verb} it` : 'not found';

const generatedName = 'router-certs-default';

/** Of the Secret that the configuration names, as far as it can be served; else the one that was generated. */
function defaultCertificate(
  look: Look,
  { certificateSecret }: RouterPolicy,
  generated: string,
  problems: string[],
): string {
  if (certificateSecret === '') return generated;
  const found = look({ kind: Secrets, namespace: routerNamespace, name: certificateSecret });
  if (found.state !== 'present') {
    if (certificateSecret !== generatedName)
      problems.push(
        `Secret ${routerNamespace}/${certificateSecret} (ingress.certificateSecret) cannot be read: ${stateText(found)}; the generated certificate is served`,
      );
    return generated;
  }
  const secret = found.object as Secret;
  const [certificate, key] = [textOf(secret, 'tls.crt') ?? '', textOf(secret, 'tls.key') ?? ''];
  try {
    const privateKey = createPrivateKey(key);
    const chain = [...certificate.matchAll(certificatePattern)].map(([one]) => new X509Certificate(one));
    if (chain[0]?.checkPrivateKey(privateKey) !== true) throw new Error('its key does not belong to its certificate');
    return chain.map(String).join('') + String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  } catch {
    problems.push(
      `Secret ${routerNamespace}/${certificateSecret} (ingress.certificateSecret) holds no certificate with its key; the generated certificate is served`,
    );
    return generated;
  }
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates in a text, written anew; undefined: none. */
function authoritiesIn(text: string): string | undefined {
  const found = [...text.matchAll(certificatePattern)].flatMap(([one]) => {
    try {
      return [String(new X509Certificate(one))];
    } catch {
      return [];
    }
  });
  return found.length === 0 ? undefined : found.join('');
}
