// Turns every failure into its Status, measures the request, and has it recorded in the audit log.
import { messageOf } from '#base/errors.ts';
import { uuid } from '#base/random.ts';
import type { ApiResponse } from '#api/request.ts';
import { recordRequest, withEnd, type AuditRecording } from '../audit/recording.ts';
import type { Answered, Next, RequestContext } from '../context.ts';
import { expectedError, respondStatus, unexpectedError } from '../responses.ts';

export function audit(context: RequestContext, next: Next): Answered {
  const { server, request } = context;
  const { clock, random, audit: sink } = server.options;
  // Callers inside the process have no use for it.
  if (request.identity === undefined) context.auditId = request.headers['audit-id'] || uuid(random);
  const recording = sink === undefined ? undefined : recordRequest(context, sink);
  const startMs = clock.monotonicMs();
  const inner = recording?.context ?? context;
  let answered: Answered;
  try {
    answered = next(inner);
  } catch (error) {
    answered = failure(context, error);
  }
  return answered instanceof Promise
    ? answered
        .catch((error: unknown) => failure(context, error))
        .then((response) => finish(context, inner, recording, startMs, response))
    : finish(context, inner, recording, startMs, answered);
}

function failure({ server, request, info }: RequestContext, error: unknown): ApiResponse {
  const expected = expectedError(error);
  if (expected === undefined)
    server.options.logger.error('request failed', {
      method: request.method,
      path: info.path,
      error: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  return respondStatus((expected ?? unexpectedError()).toStatus());
}

function finish(
  context: RequestContext,
  inner: RequestContext,
  recording: AuditRecording | undefined,
  startMs: number,
  response: ApiResponse,
): Answered {
  const counted = measured(inner, response, startMs);
  if (recording === undefined) return withHeaders(context, inner, counted);
  const recorded = recording.finish(counted);
  return recorded instanceof Promise
    ? recorded.then((one) => withHeaders(context, inner, one))
    : withHeaders(context, inner, recorded);
}

function withHeaders(context: RequestContext, inner: RequestContext, response: ApiResponse): ApiResponse {
  const { auditId, warnings } = context;
  const { answerHeaders } = inner;
  if (warnings.length === 0 && answerHeaders === undefined && auditId === undefined) return response;
  return {
    status: response.status,
    headers:
      auditId === undefined
        ? { ...response.headers, ...answerHeaders }
        : { 'audit-id': auditId, ...response.headers, ...answerHeaders },
    warnings: warnings.length === 0 ? response.warnings : [...response.warnings, ...new Set(warnings)],
    body: response.body,
    sizes: response.sizes,
  };
}

/** Counts what was let in: who may not ask is told in the metrics of access. Watches and streams are counted when they end. */
function measured(context: RequestContext, response: ApiResponse, startMs: number): ApiResponse {
  const { server, request, info, row } = context;
  const isRefused = context.decision?.decision !== 'allow';
  // Nearly every refusal is one of access; flow control and deadlines protect the server.
  if (isRefused && response.status !== 429 && response.status !== 504) return response;
  const { requests } = server.metrics;
  if (request.body.type === 'bytes' && row !== undefined) {
    const length = Number(request.headers['content-length']);
    if (length > 0) requests.onBody(info, length);
  }
  const series = requests.seriesOf(request, info, row);
  if (series === undefined) return response;
  if (response.status === 504 || (isRefused && response.status === 429))
    requests.onTerminated(request, info, row, response.status);
  const done = (): void => {
    const durationMs = server.options.clock.monotonicMs() - startMs;
    series.done(request, response.status, durationMs / 1000, (durationMs - (context.othersMs ?? 0)) / 1000);
  };
  const { type } = response.body;
  const longRunning =
    type === 'watch' || type === 'stream' || type === 'upgraded' ? withEnd(request, response, done) : undefined;
  if (longRunning !== undefined) {
    if (type !== 'watch' || row === undefined || request.identity !== undefined) return longRunning;
    return { ...longRunning, sizes: requests.watchEvents(row) };
  }
  done();
  return series.sizes === undefined || request.identity !== undefined
    ? response
    : { ...response, sizes: series.sizes() };
}
