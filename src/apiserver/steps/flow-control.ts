// Priority and fairness: every request that comes over a socket runs, waits for its turn, or is told to come back. Long-running
// ones (exec, logs, proxies) pass; a watch is counted while it is set up. The system's own parts are in this process and pass.
import type { ApiResponse } from '#api/request.ts';
import { requestTimeoutSeconds } from '#base/limits.ts';
import type { Answered, Next, RequestContext } from '../context.ts';
import type { Admitted } from '../flow-control/flow-control.ts';
import type { RequestInfo } from '../request-info.ts';
import { respondText } from '../responses.ts';

const longRunningSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
export const isLongRunning = (info: RequestInfo): boolean =>
  info.verb === 'watch' || (info.isResource && longRunningSubresources.has(info.subresource));

/** A quarter of the time that a request has: upstream's. */
const waitLimitMs = (requestTimeoutSeconds * 1000) / 4;

export function flowControl(context: RequestContext, next: Next): Answered {
  const { info, request, server } = context;
  if (request.identity !== undefined) return info.verb === 'watch' ? counted(context, next) : next(context);
  if (isLongRunning(info) && info.verb !== 'watch') return next(context);
  const admitted = server.flowControl.admit(context, waitLimitMs);
  return admitted instanceof Promise
    ? admitted.then((one) => serve(one, context, next))
    : serve(admitted, context, next);
}

const counted = async (context: RequestContext, next: Next): Promise<ApiResponse> =>
  context.server.watches.counting(context.info, await next(context));

function serve({ headers, ticket, retryAfterSeconds }: Admitted, context: RequestContext, next: Next): Answered {
  context.answerHeaders = headers;
  if (ticket === undefined) {
    const refused = respondText('Too many requests, please try again later.\n', 429);
    return { ...refused, headers: { ...refused.headers, 'retry-after': String(retryAfterSeconds) } };
  }
  const { metrics } = context.server;
  metrics.requests.onInFlight(context.info.verb, 1);
  if (ticket.waitedMs > 0) context.othersMs = (context.othersMs ?? 0) + ticket.waitedMs;
  const finish = (): void => {
    metrics.requests.onInFlight(context.info.verb, -1);
    ticket.finish();
  };
  let isWaitedFor = false;
  try {
    const answered = context.info.verb === 'watch' ? counted(context, next) : next(context);
    isWaitedFor = answered instanceof Promise;
    return answered instanceof Promise ? answered.finally(finish) : answered;
  } finally {
    if (!isWaitedFor) finish();
  }
}
