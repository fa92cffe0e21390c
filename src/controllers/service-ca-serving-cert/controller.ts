// Certificates of Services that ask for them by annotation.
import { Secrets, Services } from '#api/generated/kind-references.ts';
import type { Secret, Service } from '#api/generated/types.ts';
import {
  keyText,
  keyedController,
  read,
  splitKey,
  write,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import {
  annotationOf,
  secretNameAnnotations,
  serviceNameAnnotations,
  signerNamespace,
  signingSecretName,
} from '../service-ca/annotations.ts';
import type { Serial } from '../service-ca/rotate.ts';
import { signingAuthority, type SigningAuthority } from '../service-ca/signing.ts';
import { decide } from './decide.ts';

const asks = (service: Service): boolean => annotationOf(service, secretNameAnnotations) !== undefined;

/** Services by the Secret that they name. */
const bySecret = {
  name: 'serving-cert-secret',
  keysOf: (service: Service) => {
    const name = annotationOf(service, secretNameAnnotations);
    return name === undefined ? [] : [`${service.metadata.namespace!}/${name}`];
  },
};

const isSigning = ({ metadata }: Secret): boolean =>
  metadata.namespace === signerNamespace && metadata.name === signingSecretName;

const wakeBySecret = (secret: Secret, lookup: Lookup): readonly string[] => {
  if (isSigning(secret)) return lookup.list(Services).filter(asks).map(keyText);
  const users = lookup.byIndex(Services, bySecret, keyText(secret)).map(keyText);
  const origin = annotationOf(secret, serviceNameAnnotations);
  return origin === undefined ? users : [...new Set([...users, `${secret.metadata.namespace!}/${origin}`])];
};

export function serviceCaServingCert(clusterDomain: string, serial: Serial): Controller {
  // Read once a change of the Secret, not once a Service.
  let last: { readonly secret: Secret | undefined; readonly authority: SigningAuthority | undefined } | undefined;
  const authorityOf = (secret: Secret | undefined): SigningAuthority | undefined => {
    if (last === undefined || last.secret !== secret) {
      const authority = signingAuthority(secret);
      last = { secret, authority: typeof authority === 'string' ? undefined : authority };
    }
    return last.authority;
  };
  return keyedController({
    name: 'service-ca-serving-cert',
    account: 'service-ca',
    accountNamespace: signerNamespace,
    reads: [read(Services, (one: Service) => (asks(one) ? [keyText(one)] : [])), read(Secrets, wakeBySecret)],
    writes: [write(Secrets, 'create', 'update'), write(Services, 'update')],
    snapshot(lookup, key, { failure }) {
      const { namespace, name } = splitKey(key);
      const service = lookup.get(Services, namespace, name);
      const secretName = service && annotationOf(service, secretNameAnnotations);
      if (service === undefined || secretName === undefined) return undefined;
      return {
        service,
        secret: lookup.get(Secrets, namespace, secretName),
        authority: authorityOf(lookup.get(Secrets, signerNamespace, signingSecretName)),
        clusterDomain,
        serial,
        failure,
      };
    },
    decide,
  });
}
