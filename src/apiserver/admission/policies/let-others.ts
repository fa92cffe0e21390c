// A pause between the parameters of a policy, of which there may be thousands.
import { setImmediate } from 'node:timers/promises';
import type { AdmissionAttributes } from '../../context.ts';

/** Throws when nobody waits for the answer any more. */
export async function letOthers({ signal }: AdmissionAttributes): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
