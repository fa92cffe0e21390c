// Answers in their few shapes.
import { ApiError, internalError } from '#api/status.ts';
import type { StatusObject } from '#api/status.ts';
import type { ApiResponse, ResponseBody } from '#api/request.ts';
import { StoreRefusedError, StoreUnavailableError } from '#storage/store.ts';

export const jsonContentType = 'application/json';
const encoder = new TextEncoder();
const none: readonly string[] = [];
const noHeaders: Readonly<Record<string, string>> = {};

export const respond = (
  status: number,
  body: ResponseBody,
  headers: Readonly<Record<string, string>> = noHeaders,
): ApiResponse => ({ status, headers, warnings: none, body });

/** An object made for this answer; encoded only if its reader wants bytes. */
export const objectBody = (object: unknown): ResponseBody => ({
  type: 'object',
  object,
  bytes: () => [encoder.encode(`${JSON.stringify(object)}\n`)],
});

export const respondObject = (object: unknown, status = 200): ApiResponse => respond(status, objectBody(object));

export const respondText = (text: string, status = 200, contentType = 'text/plain; charset=utf-8'): ApiResponse =>
  respond(
    status,
    { type: 'bytes', contentType, parts: [encoder.encode(text)] },
    { 'x-content-type-options': 'nosniff' },
  );

/** A text that is meant to be one; failures have a header that says so. */
export const respondPlain = (text: string): ApiResponse =>
  respond(200, { type: 'bytes', contentType: 'text/plain; charset=utf-8', parts: [encoder.encode(text)] });

export function respondStatus(status: StatusObject): ApiResponse {
  const retryAfter = status.details?.retryAfterSeconds;
  return respond(
    status.code,
    objectBody(status),
    retryAfter !== undefined && retryAfter > 0 ? { 'retry-after': String(retryAfter) } : noHeaders,
  );
}

/** What an error means to a client; undefined when it is a defect, which the boundary logs. */
export function expectedError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  // Without a word about trying again: clients that do so by themselves would meet what they wrote, or wait for minutes.
  if (error instanceof StoreUnavailableError && (error.isOutcomeUnknown || error.isSilent))
    return new ApiError(504, 'Timeout', `storage is unavailable: ${error.message}`);
  if (error instanceof StoreUnavailableError)
    return new ApiError(503, 'ServiceUnavailable', `storage is unavailable: ${error.message}`, {
      retryAfterSeconds: 5,
    });
  // As upstream: an error of its store that it has no word for.
  if (error instanceof StoreRefusedError) return new ApiError(500, '', error.message);
  return undefined;
}

export const unexpectedError = (): ApiError => internalError('the request failed for a reason that the log tells');

export const successStatus = (details?: StatusObject['details'], code?: number): Omit<StatusObject, 'code'> => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  ...(details === undefined ? {} : { details }),
  ...(code === undefined ? {} : { code }),
});
