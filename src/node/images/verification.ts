// Whose credentials are checked before a Pod gets an image that is already there: upstream's policies (KEP-2535). Pure.
import { withoutTag } from './image-name.ts';

export const verificationPolicies = [
  'NeverVerifyPreloadedImages',
  'NeverVerify',
  'NeverVerifyAllowlistedImages',
  'AlwaysVerify',
] as const;
export type VerificationPolicy = (typeof verificationPolicies)[number];

export interface Verification {
  readonly policy: VerificationPolicy;
  /** Names without tag and digest; one that ends in `/*` is for all below. */
  readonly allowed: readonly string[];
}

export const defaultVerification: Verification = { policy: 'NeverVerifyPreloadedImages', allowed: [] };

export function mustVerify({ policy, allowed }: Verification, image: string, pulledHere: boolean): boolean {
  switch (policy) {
    case 'NeverVerify':
      return false;
    case 'NeverVerifyPreloadedImages':
      return pulledHere;
    case 'NeverVerifyAllowlistedImages': {
      const name = withoutTag(image);
      return !allowed.some((one) => (one.endsWith('/*') ? name.startsWith(one.slice(0, -1)) : name === one));
    }
    case 'AlwaysVerify':
      return true;
  }
}

/** Undefined: it is a pattern. */
export function wrongPattern(pattern: string): string | undefined {
  const rest = pattern.endsWith('/*') ? pattern.slice(0, -1) : pattern;
  if (pattern !== pattern.trim() || rest === '' || rest === '/') return 'is no name of an image or registry';
  if (rest.includes('*')) return 'may have a star only at its end, after a slash';
  return !pattern.endsWith('/*') && withoutTag(rest) !== rest ? 'must not name a tag or digest' : undefined;
}
