// Reads see everything that was acknowledged before; a version from the future is refused.
import { ApiError } from '#api/status.ts';
import type { RequestContext } from '../context.ts';

/**
 * Undefined: there is nothing to wait for. Throws or rejects with an ApiError (504), which says when to come back only to who may
 * come back: a state that is asked for exactly is asked of upstream's etcd, which does not.
 */
export function waitForRevision(
  context: RequestContext,
  atLeast: number,
  mayComeBack = true,
): Promise<void> | undefined {
  const { store } = context.server.options;
  const pending = store.consistent(context.request);
  if (pending !== undefined) return pending.then(() => check(context, atLeast, mayComeBack));
  check(context, atLeast, mayComeBack);
  return undefined;
}

function check({ server }: RequestContext, atLeast: number, mayComeBack: boolean): void {
  const { store } = server.options;
  if (atLeast > store.revision)
    throw new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${atLeast}, current: ${store.revision}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      ...(mayComeBack ? { retryAfterSeconds: 1 } : {}),
    });
}
