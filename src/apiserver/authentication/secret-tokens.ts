// Tokens kept in Secrets of the type kubernetes.io/service-account-token: they hold as long as the Secret does, and the Secret tells
// on which day they were last used. Texts of upstream's legacy validator.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { Secrets, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { Secret, ServiceAccount } from '#api/generated/types.ts';
import { storageKey } from '#api/kinds.ts';
import { secretText } from '#rules/secret-text.ts';
import type { Store } from '#storage/store.ts';
import type { TokenAnswer } from '../context.ts';
import type { ServiceAccountTokenOptions } from '../options.ts';
import { sameText } from './bootstrap-tokens.ts';
import { serviceAccountGroups, serviceAccountOf, serviceAccountUser } from './service-account-names.ts';
import { audiencesOf, goQuoted } from './service-account-tokens.ts';
import { type Claims, type TokenVerifier } from './signed-token.ts';
import type { TokenSource } from '../access/questions.ts';

export const secretTokenIssuer = 'kubernetes/serviceaccount';
const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since';
const dayMs = 86_400_000;

export function secretTokens(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly tokens: ServiceAccountTokenOptions;
  readonly verifier: TokenVerifier;
  readonly logger: Logger;
}): TokenSource {
  const { store, clock, tokens, verifier, logger } = options;

  const text = (claims: Claims, name: string): string => {
    const value = claims[name];
    return typeof value === 'string' ? value : '';
  };

  const answer = (token: string, claims: Claims): TokenAnswer => {
    const claim = (name: string): string => text(claims, `kubernetes.io/serviceaccount/${name}`);
    const namespace = claim('namespace');
    const secretName = claim('secret.name');
    const accountName = claim('service-account.name');
    const accountUid = claim('service-account.uid');
    const subject = text(claims, 'sub');
    if (subject === '') return { error: 'sub claim is missing' };
    if (namespace === '') return { error: 'namespace claim is missing' };
    if (secretName === '') return { error: 'secretName claim is missing' };
    if (accountName === '') return { error: 'serviceAccountName claim is missing' };
    if (accountUid === '') return { error: 'serviceAccountUID claim is missing' };
    const named = serviceAccountOf(subject);
    if (named?.namespace !== namespace || named.name !== accountName) return { error: 'sub claim is invalid' };
    const secret = store.get(storageKey(Secrets, namespace, secretName))?.object() as Secret | undefined;
    if (secret === undefined || (secret.metadata.deletionTimestamp ?? undefined) !== undefined)
      return { error: 'Token has been invalidated' };
    if (!sameText(secretText(secret, 'token'), token)) return { error: "Token does not match server's copy" };
    const account = store.get(storageKey(ServiceAccounts, namespace, accountName))?.object() as
      | ServiceAccount
      | undefined;
    if (account === undefined) return { error: `serviceaccounts ${JSON.stringify(accountName)} not found` };
    if ((account.metadata.deletionTimestamp ?? undefined) !== undefined)
      return { error: `ServiceAccount ${namespace}/${accountName} has been deleted` };
    if (account.metadata.uid !== accountUid)
      return { error: `ServiceAccount UID (${account.metadata.uid ?? ''}) does not match claim (${accountUid})` };
    noteUse(namespace, secretName);
    if ((secret.metadata.labels?.[invalidSinceLabel] ?? '') !== '')
      return {
        error: `the token in secret ${namespace}/${secretName} for service account ${namespace}/${accountName} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSinceLabel}' label from the secret to temporarily allow use of this token`,
      };
    return {
      user: {
        name: serviceAccountUser(namespace, accountName),
        uid: accountUid,
        groups: serviceAccountGroups(namespace),
      },
      audiences: tokens.audiences,
    };
  };

  /** Once a day; who uses it does not wait for that. */
  function noteUse(namespace: string, name: string): void {
    const key = storageKey(Secrets, namespace, name);
    const stored = store.get(key);
    if (stored === undefined) return;
    const secret = stored.object() as Secret;
    const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
    const today = dayOf(clock.now());
    const noted = secret.metadata.labels?.[lastUsedLabel];
    if (noted === today || noted === dayOf(clock.now() + dayMs)) return;
    const labels = { ...secret.metadata.labels, [lastUsedLabel]: today };
    const { resourceVersion: _, ...metadata } = secret.metadata;
    const object = { ...secret, metadata: { ...metadata, labels } };
    store.write({ key, expectedRevision: stored.revision, object, durability: 'lazy' }).catch((error: unknown) =>
      logger.warn('the day on which a token was used could not be noted on its Secret', {
        secret: `${namespace}/${name}`,
        error: messageOf(error),
      }),
    );
  }

  return {
    name: 'service account Secret',
    authenticate(token, asked) {
      if (verifier.issuerOf(token) !== secretTokenIssuer) return undefined;
      const verified = verifier.verified(token);
      if ('error' in verified) return verified;
      const aud = audiencesOf(verified.claims['aud'] as string | undefined);
      const own = aud.length === 0 ? tokens.audiences : aud;
      const audiences = own.filter((one) => asked.includes(one));
      if (audiences.length === 0)
        return { error: `token audiences ${goQuoted(own)} is invalid for the target audiences ${goQuoted(asked)}` };
      const result = answer(token, verified.claims);
      return 'user' in result ? { ...result, audiences } : result;
    },
  };
}
