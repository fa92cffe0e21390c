// A Secret of the type kubernetes.io/service-account-token gets the token of its account, and goes with the account. Rules of
// upstream's pkg/controller/serviceaccount.
import { Secrets } from '#api/generated/kind-references.ts';
import type { Secret, ServiceAccount } from '#api/generated/types.ts';
import { nothing, remove, update, type Decision } from '../runtime/action.ts';

export const tokenSecretType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';
/** A new account may be on its way when its Secret is already there. */
const patienceMs = 10_000;

export interface TokenSecretSnapshot {
  readonly secret: Secret;
  readonly account: ServiceAccount | undefined;
  /** PEM. */
  readonly certificates: string;
  readonly sign: (claims: Readonly<Record<string, unknown>>) => string;
}

export const accountNameOf = ({ type, metadata }: Secret): string =>
  type === tokenSecretType ? (metadata.annotations?.[nameAnnotation] ?? '') : '';

export function decide({ secret, account, certificates, sign }: TokenSecretSnapshot, now: number): Decision {
  const { metadata, data = {} } = secret;
  const uid = metadata.annotations?.[uidAnnotation] ?? '';
  const isOther = account !== undefined && uid !== '' && uid !== account.metadata.uid;
  if (account === undefined || isOther) {
    const leftMs = Date.parse(metadata.creationTimestamp ?? '') + patienceMs - now;
    if (leftMs > 0 && uid === '') return { ...nothing, wakeAfterMs: leftMs };
    return { actions: [remove(Secrets, secret)] };
  }
  const ca = Buffer.from(certificates).toString('base64');
  const hasNamespace = (data['namespace'] ?? '') !== '';
  const hasToken = (data['token'] ?? '') !== '';
  if (data['ca.crt'] === ca && hasNamespace && hasToken) return nothing;
  const namespace = metadata.namespace!;
  const claim = (name: string): string => `kubernetes.io/serviceaccount/${name}`;
  const token = () =>
    sign({
      iss: 'kubernetes/serviceaccount',
      [claim('namespace')]: namespace,
      [claim('secret.name')]: metadata.name,
      [claim('service-account.name')]: account.metadata.name,
      [claim('service-account.uid')]: account.metadata.uid,
      sub: `system:serviceaccount:${namespace}:${account.metadata.name!}`,
    });
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const filled: Secret = {
    ...secret,
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        [nameAnnotation]: account.metadata.name!,
        [uidAnnotation]: account.metadata.uid!,
      },
    },
    data: {
      ...data,
      'ca.crt': ca,
      ...(hasNamespace ? {} : { namespace: encoded(namespace) }),
      ...(hasToken ? {} : { token: encoded(token()) }),
    },
  };
  return { actions: [update(Secrets, filled)] };
}
