// Bootstrap tokens: of machines that join, kept in Secrets of kube-system that say until when and for which groups.
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { Secrets } from '#api/generated/kind-references.ts';
import type { Secret } from '#api/generated/types.ts';
import { storageKey } from '#api/kinds.ts';
import { secretText } from '#rules/secret-text.ts';
import { bootstrapTokenGroups, bootstrapTokenHasExpired, bootstrapTokenType } from '#rules/bootstrap-token.ts';
import type { Store } from '#storage/store.ts';
import type { TokenSource } from '../access/questions.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

export const sameText = (a: string, b: string): boolean => {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
};

export const bootstrapTokens = (options: {
  readonly store: Store;
  readonly clock: Clock;
  /** Of the API server: these tokens have no audience of their own. */
  readonly audiences: readonly string[];
}): TokenSource => ({
  name: 'bootstrap',
  authenticate(token, asked) {
    const [, id, value] = form.exec(token) ?? [];
    if (id === undefined || value === undefined) return undefined;
    const audiences = options.audiences.filter((one) => asked.includes(one));
    if (audiences.length === 0) return undefined;
    const key = storageKey(Secrets, 'kube-system', `bootstrap-token-${id}`);
    const secret = options.store.get(key)?.object() as Secret | undefined;
    if (secret === undefined || secret.type !== bootstrapTokenType) return undefined;
    if ((secret.metadata.deletionTimestamp ?? undefined) !== undefined) return undefined;
    if (!sameText(secretText(secret, 'token-secret'), value) || secretText(secret, 'token-id') !== id) return undefined;
    if (bootstrapTokenHasExpired(secret, options.clock.now())) return undefined;
    if (secretText(secret, 'usage-bootstrap-authentication') !== 'true') return undefined;
    const groups = bootstrapTokenGroups(secret);
    return groups === undefined ? undefined : { user: { name: `system:bootstrap:${id}`, groups }, audiences };
  },
});
