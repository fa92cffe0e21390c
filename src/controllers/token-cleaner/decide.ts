// A bootstrap token is removed when its time is over.
import { Secrets } from '#api/generated/kind-references.ts';
import type { Secret } from '#api/generated/types.ts';
import { bootstrapTokenExpiry } from '#rules/bootstrap-token.ts';
import { nothing, remove, type Decision } from '../runtime/action.ts';

export function decide(secret: Secret, now: number): Decision {
  const expiry = bootstrapTokenExpiry(secret);
  if (expiry === undefined) return nothing;
  return expiry <= now ? { actions: [remove(Secrets, secret)] } : { ...nothing, wakeAfterMs: expiry - now };
}
