// What a Secret that holds a bootstrap token says. Source of rules: k8s.io/cluster-bootstrap.
import type { Secret } from '#api/generated/types.ts';
import { secretText } from './secret-text.ts';

export const bootstrapTokenType = 'bootstrap.kubernetes.io/token';
const defaultGroup = 'system:bootstrappers';
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Milliseconds; undefined: it says none. A time that cannot be read counts as over. */
export function bootstrapTokenExpiry(secret: Secret): number | undefined {
  const text = secretText(secret, 'expiration');
  if (text === '') return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
}

export const bootstrapTokenHasExpired = (secret: Secret, now: number): boolean => {
  const expiry = bootstrapTokenExpiry(secret);
  return expiry !== undefined && expiry <= now;
};

/** Undefined: it names a group that such tokens may not have. */
export function bootstrapTokenGroups(secret: Secret): readonly string[] | undefined {
  const more = secretText(secret, 'auth-extra-groups')
    .split(',')
    .filter((one) => one !== '');
  return more.every((one) => groupForm.test(one)) ? [...new Set([defaultGroup, ...more])].toSorted() : undefined;
}
