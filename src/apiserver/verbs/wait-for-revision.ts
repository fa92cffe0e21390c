// Reads see everything that was acknowledged before; a version from the future is waited for and then refused.
import { ApiError } from '#api/status.ts';
import type { RequestContext } from '../context.ts';

/** Undefined: there is nothing to wait for. Throws or rejects with an ApiError (504). */
export function waitForRevision(context: RequestContext, atLeast: number): Promise<void> | undefined {
  const { store } = context.server.options;
  const pending = store.consistent(context.request);
  if (pending !== undefined) return pending.then(() => check(context, atLeast));
  check(context, atLeast);
  return undefined;
}

function check({ server }: RequestContext, atLeast: number): void {
  const { store } = server.options;
  if (atLeast > store.revision)
    throw new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${atLeast}, current: ${store.revision}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
}
