// Reads see everything that was acknowledged before; a version from the future is waited for and then refused.
import { ApiError } from '#api/status.ts';
import type { RequestContext } from '../context.ts';

export async function waitForRevision(context: RequestContext, atLeast: number): Promise<void> {
  const { store } = context.server.options;
  await store.consistent(context.request.signal);
  if (atLeast > store.revision)
    throw new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${atLeast}, current: ${store.revision}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
}
