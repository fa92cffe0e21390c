// A Service that asks for it has a Secret with a certificate of its names, signed by the current authority.
import { Secrets, Services } from '#api/generated/kind-references.ts';
import type { Secret, Service } from '#api/generated/types.ts';
import { create, nothing, update, type Action, type Decision } from '../runtime/action.ts';
import type { Failure } from '../runtime/declaration.ts';
import {
  annotated,
  annotationOf,
  errorAnnotations,
  errorCountAnnotations,
  secretNameAnnotations,
  serviceNameAnnotations,
  serviceUidAnnotations,
  signedByAnnotations,
} from '../service-ca/annotations.ts';
import type { Serial } from '../service-ca/rotate.ts';
import {
  lookAgainMsMax,
  renewServingBeforeMs,
  textOf,
  trustedNow,
  type SigningAuthority,
} from '../service-ca/signing.ts';
import {
  expiryOf,
  isCurrent,
  isDue,
  leafOf,
  namesOf,
  ownerReference,
  repaired,
  withNewCertificate,
} from './certificate.ts';

export interface ServingCertSnapshot {
  readonly service: Service;
  /** The one that the Service names. */
  readonly secret: Secret | undefined;
  /** Undefined: there is none that can sign; a change of the signing Secret wakes every Service. */
  readonly authority: SigningAuthority | undefined;
  readonly clusterDomain: string;
  readonly serial: Serial;
  readonly failure: Failure | undefined;
}

/** Upstream's: then it is left alone until somebody removes the count. */
const failuresMax = 10;

export function decide(snapshot: ServingCertSnapshot, now: number): Decision {
  const { service, secret, authority, failure } = snapshot;
  const secretName = annotationOf(service, secretNameAnnotations);
  if (secretName === undefined || authority === undefined || service.metadata.deletionTimestamp !== undefined)
    return nothing;
  const failures = failureCount(service);
  const issue = (base: Secret) => withNewCertificate(base, service, authority, { ...snapshot, now });
  if (failure !== undefined && failures < failuresMax) return { actions: [noteFailure(service, failure.message)] };
  if (secret === undefined)
    return failures >= failuresMax
      ? nothing
      : { actions: [create(Secrets, issue(newSecret(service, secretName))), ...clearFailure(service, authority)] };
  if (!belongs(secret, service)) {
    if (failures >= failuresMax) return nothing;
    const { namespace, name } = secret.metadata;
    const message = `secret ${namespace!}/${name!} does not have corresponding service UID ${service.metadata.uid!}`;
    return { actions: [noteFailure(service, message)] };
  }
  const wanted = rightSecret(snapshot, secret, issue, now);
  return {
    actions: [...(wanted === secret ? [] : [update(Secrets, wanted)]), ...clearFailure(service, authority)],
    wakeAfterMs: Math.min(
      Math.max((expiryOf(wanted) ?? now) - renewServingBeforeMs - trustedNow(now), 60_000),
      lookAgainMsMax,
    ),
  };
}

/** The same object where nothing is to be done. */
function rightSecret(
  { service, authority, clusterDomain }: ServingCertSnapshot,
  secret: Secret,
  issue: (base: Secret) => Secret,
  now: number,
): Secret {
  const leaf = leafOf(textOf(secret, 'tls.crt'));
  const owner = ownerReference(service);
  const isOwned = secret.metadata.ownerReferences?.some((one) => one.uid === owner.uid && one.name === owner.name);
  const isRight =
    leaf !== undefined &&
    textOf(secret, 'tls.key') !== undefined &&
    isCurrent(leaf, authority!, namesOf(service, clusterDomain)) &&
    isOwned === true &&
    !isDue(secret, now);
  return isRight ? repaired(secret, service) : issue(secret);
}

const belongs = (secret: Secret, service: Service): boolean =>
  serviceUidAnnotations.some((name) => secret.metadata.annotations?.[name] === service.metadata.uid);

function failureCount(service: Service): number {
  const text = annotationOf(service, errorCountAnnotations) ?? '0';
  return /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

const withAnnotations = (service: Service, annotations: Readonly<Record<string, string>>): Service => ({
  ...service,
  metadata: { ...service.metadata, annotations },
});

const noteFailure = (service: Service, message: string): Action =>
  update(
    Services,
    withAnnotations(service, {
      ...service.metadata.annotations,
      ...annotated(errorAnnotations, message),
      ...annotated(errorCountAnnotations, String(failureCount(service) + 1)),
    }),
  );

/** Who signed it, and no error any more. */
function clearFailure(service: Service, authority: SigningAuthority): readonly Action[] {
  const { annotations = {} } = service.metadata;
  const kept = Object.entries(annotations).filter(
    ([name]) => !errorAnnotations.includes(name) && !errorCountAnnotations.includes(name),
  );
  const isSigned = signedByAnnotations.every((name) => annotations[name] === authority.commonName);
  if (isSigned && kept.length === Object.keys(annotations).length) return [];
  const wanted = { ...Object.fromEntries(kept), ...annotated(signedByAnnotations, authority.commonName) };
  return [update(Services, withAnnotations(service, wanted))];
}

/** Annotated in the spelling in which the Service asked. */
function newSecret(service: Service, name: string): Secret {
  const spelling = (service.metadata.annotations?.[secretNameAnnotations[0]!] ?? '') === '' ? 1 : 0;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: service.metadata.namespace,
      name,
      annotations: {
        [serviceUidAnnotations[spelling]!]: service.metadata.uid!,
        [serviceNameAnnotations[spelling]!]: service.metadata.name!,
      },
    },
    type: 'kubernetes.io/tls',
  };
}
