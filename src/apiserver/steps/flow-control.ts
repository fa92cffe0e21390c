// Limits on requests in work: above them 429 with Retry-After instead of growing queues. Long-running requests (watch, exec,
// logs) do not count, nor do the system's own identities, so that a flood of clients cannot stop the cluster.
import { readsInFlightMax, writesInFlightMax } from '#base/limits.ts';
import { tooManyRequestsError } from '#api/status.ts';
import type { RequestContext, Step } from '../context.ts';
import type { RequestInfo } from '../request-info.ts';

const longRunningSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
export const isLongRunning = (info: RequestInfo): boolean =>
  info.verb === 'watch' || (info.isResource && longRunningSubresources.has(info.subresource));

const readVerbs = new Set(['get', 'list', 'watch']);

const isExempt = (context: RequestContext): boolean =>
  context.request.identity !== undefined ||
  context.user.groups.includes('system:masters') ||
  (!context.info.isResource && /^\/(healthz|livez|readyz)(\/|$)/.test(context.info.path));

export function flowControl(): Step {
  let reads = 0;
  let writes = 0;
  return async (context, next) => {
    if (isLongRunning(context.info) || isExempt(context)) return next(context);
    const limits = context.server.options.limits;
    const isRead = readVerbs.has(context.info.verb);
    const tooMany = isRead
      ? reads >= (limits?.readsInFlight ?? readsInFlightMax)
      : writes >= (limits?.writesInFlight ?? writesInFlightMax);
    if (tooMany) throw tooManyRequestsError('too many requests, please try again later', 1);
    if (isRead) reads++;
    else writes++;
    try {
      return await next(context);
    } finally {
      if (isRead) reads--;
      else writes--;
    }
  };
}
