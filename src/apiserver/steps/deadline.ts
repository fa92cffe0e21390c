// How long a request may take: upstream's --request-timeout, or less where the client says so (?timeout=5s). After it the client
// gets its answer; what was begun may still complete. Watches, logs and tunnels have no deadline.
import { parseNanoseconds } from '#api/schema/duration.ts';
import { badRequestError, timeoutError } from '#api/status.ts';
import type { ApiResponse } from '#api/request.ts';
import { requestTimeoutSeconds } from '#base/limits.ts';
import type { Answered, Next, RequestContext } from '../context.ts';
import { isLongRunning } from './flow-control.ts';

const timeoutMsMax = requestTimeoutSeconds * 1000;

function timeoutMsOf(context: RequestContext): number {
  if (context.request.query.size === 0) return timeoutMsMax;
  const text = context.request.query.get('timeout') ?? '';
  if (text === '') return timeoutMsMax;
  const wanted = parseNanoseconds(text);
  if (typeof wanted !== 'bigint')
    throw badRequestError(`invalid timeout specified in the request URL - ${wanted.error}`);
  const wantedMs = Number(wanted) / 1e6;
  // 0 means that the client sets no limit of its own.
  return wantedMs > 0 && wantedMs < timeoutMsMax ? wantedMs : timeoutMsMax;
}

export function deadline(context: RequestContext, next: Next): Answered {
  if (isLongRunning(context.info)) return next(context);
  const timeoutMs = timeoutMsOf(context);
  const answered = next(context);
  return answered instanceof Promise ? within(context, answered, timeoutMs) : answered;
}

function within(context: RequestContext, answered: Promise<ApiResponse>, timeoutMs: number): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const timer = context.server.options.clock.schedule(timeoutMs, () => {
      reject(timeoutError('request did not complete within the allotted timeout'));
      // Webhooks that are still to be asked must not keep the request's seat.
      context.request.abandon?.();
    });
    answered.then(
      (response) => {
        timer.cancel();
        resolve(response);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error as Error);
      },
    );
  });
}
