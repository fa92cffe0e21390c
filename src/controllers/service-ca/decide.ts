// The signing Secret is there, holds long enough, and what clients are to trust is published beside it.
import { ConfigMaps, Secrets } from '#api/generated/kind-references.ts';
import type { ConfigMap, Secret } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { create, nothing, update, type Action, type Decision, type EventRequest } from '../runtime/action.ts';
import {
  bundleConfigMapName,
  bundleKey,
  component,
  componentAnnotation,
  descriptionAnnotation,
  forcedRotationAnnotation,
  forceRotationAnnotation,
  intermediateKey,
  signerNamespace,
  signingSecretName,
} from './annotations.ts';
import { newAuthority, rotateAuthority, signerCommonName, type Serial } from './rotate.ts';
import {
  encoded,
  lookAgainMsMax,
  signingAuthority,
  textOf,
  trustAfterRotationMs,
  trustedNow,
  type SigningAuthority,
} from './signing.ts';

export interface SignerSnapshot {
  /** The namespace is there and stays. */
  readonly hasNamespace: boolean;
  readonly secret: Secret | undefined;
  readonly bundle: ConfigMap | undefined;
  readonly serial: Serial;
}

const secretMetadata = {
  namespace: signerNamespace,
  name: signingSecretName,
  annotations: {
    [componentAnnotation]: component,
    [descriptionAnnotation]:
      "Service CA secret contains a signing key that will be used to issue a signed serving certificate/key pair to services annotated with 'service.beta.openshift.io/serving-cert-secret-name'",
  },
};
const bundleMetadata = {
  namespace: signerNamespace,
  name: bundleConfigMapName,
  annotations: {
    [componentAnnotation]: component,
    [descriptionAnnotation]:
      "Service CA configmap contains the data for the PEM-encoded CA signing bundle which will be injected to resources annotated with 'service.beta.openshift.io/inject-cabundle=true'",
  },
};

export function decide(snapshot: SignerSnapshot, now: number): Decision {
  const { secret, serial } = snapshot;
  if (!snapshot.hasNamespace) return nothing;
  if (secret === undefined || textOf(secret, 'tls.crt') === undefined) return makeFirst(secret, now, serial);
  const authority = signingAuthority(secret);
  if (typeof authority === 'string') {
    const message = `Service certificates cannot be signed: ${authority}. Delete the Secret to have a new authority made; certificates of the old one are then no longer trusted.`;
    return { actions: [], events: [{ about: secret, type: 'Warning', reason: 'SigningKeyInvalid', message }] };
  }
  const rotation = rotationOf(secret, authority, now);
  if (rotation === undefined)
    return {
      actions: publish(snapshot.bundle, authority.bundlePem),
      wakeAfterMs: Math.min(
        Math.max(authority.certificate.validToDate.getTime() - trustAfterRotationMs - trustedNow(now), 60_000),
        lookAgainMsMax,
      ),
    };
  const rotated = rotateAuthority(authority, now, serial);
  const { annotations } = secret.metadata;
  const message = `${rotation.message}\nThe previous CA will be trusted until ${formatTime(rotated.oldTrustedUntilMs)}`;
  const event: EventRequest = { about: secret, type: 'Normal', reason: 'ServiceCARotated', message };
  return {
    actions: [
      update(
        Secrets,
        {
          ...secret,
          metadata: {
            ...secret.metadata,
            annotations: {
              ...annotations,
              ...(rotation.reason === undefined ? {} : { [forcedRotationAnnotation]: rotation.reason }),
            },
          },
          data: {
            ...secret.data,
            'tls.crt': encoded(rotated.pair.certificatePem),
            'tls.key': encoded(rotated.pair.keyPem),
            [bundleKey]: encoded(rotated.bundlePem),
            [intermediateKey]: encoded(rotated.intermediatePem),
          },
        },
        { onSuccess: () => event },
      ),
      ...publish(snapshot.bundle, rotated.bundlePem),
    ],
  };
}

function rotationOf(
  secret: Secret,
  authority: SigningAuthority,
  now: number,
): { readonly message: string; readonly reason?: string } | undefined {
  const reason = secret.metadata.annotations?.[forceRotationAnnotation] ?? '';
  if (reason !== '' && reason !== secret.metadata.annotations?.[forcedRotationAnnotation])
    return { message: `Forcing service CA rotation due to reason ${JSON.stringify(reason)}.`, reason };
  return authority.certificate.validToDate.getTime() < trustedNow(now) + trustAfterRotationMs
    ? { message: 'Rotating service CA due to the CA being past the mid-point of its validity.' }
    : undefined;
}

function makeFirst(secret: Secret | undefined, now: number, serial: Serial): Decision {
  const pair = newAuthority(signerCommonName(now), now, serial);
  const data = { 'tls.crt': encoded(pair.certificatePem), 'tls.key': encoded(pair.keyPem) };
  return {
    actions: [
      secret === undefined
        ? create(Secrets, {
            apiVersion: 'v1',
            kind: 'Secret',
            metadata: secretMetadata,
            type: 'kubernetes.io/tls',
            data,
          })
        : update(Secrets, { ...secret, data }),
    ],
  };
}

function publish(bundle: ConfigMap | undefined, pem: string): readonly Action[] {
  if (bundle === undefined)
    return [
      create(ConfigMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: bundleMetadata,
        data: { [bundleKey]: pem },
      }),
    ];
  if (bundle.data?.[bundleKey] === pem) return [];
  return [update(ConfigMaps, { ...bundle, data: { ...bundle.data, [bundleKey]: pem } })];
}
