// A value of a Secret as text.
import type { Secret } from '#api/generated/types.ts';

/** '' when it is not there. */
export const secretText = (secret: Secret, key: string): string =>
  Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
