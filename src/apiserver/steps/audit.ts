// Turns every failure into its Status, measures the request, and has it recorded in the audit log.
import { messageOf } from '#base/errors.ts';
import { uuid } from '#base/random.ts';
import type { ApiResponse } from '#api/request.ts';
import { recordRequest, withEnd } from '../audit/recording.ts';
import type { Next, RequestContext } from '../context.ts';
import { expectedError, respondStatus, unexpectedError } from '../responses.ts';

export async function audit(context: RequestContext, next: Next): Promise<ApiResponse> {
  const { server, request, info } = context;
  const { clock, random, logger, audit: sink } = server.options;
  // Callers inside the process have no use for it.
  if (request.identity === undefined) context.auditId = request.headers['audit-id'] || uuid(random);
  const recording = sink === undefined ? undefined : recordRequest(context, sink);
  const startMs = clock.monotonicMs();
  const inner = recording?.context ?? context;
  let response: ApiResponse;
  try {
    response = await next(inner);
  } catch (error) {
    const expected = expectedError(error);
    if (expected === undefined)
      logger.error('request failed', {
        method: request.method,
        path: info.path,
        error: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    response = respondStatus((expected ?? unexpectedError()).toStatus());
  }
  response = measured(inner, response, startMs);
  if (recording !== undefined) response = await recording.finish(response);
  if (context.warnings.length === 0 && inner.answerHeaders === undefined && context.auditId === undefined)
    return response;
  const headers =
    context.auditId === undefined
      ? { ...response.headers, ...inner.answerHeaders }
      : { 'audit-id': context.auditId, ...response.headers, ...inner.answerHeaders };
  return {
    ...response,
    headers,
    warnings: context.warnings.length === 0 ? response.warnings : [...response.warnings, ...new Set(context.warnings)],
  };
}

/** Counts what was let in: who may not ask is told in the metrics of access. Watches and streams are counted when they end. */
function measured(context: RequestContext, response: ApiResponse, startMs: number): ApiResponse {
  const { server, request, info } = context;
  const isRefused = context.decision?.decision !== 'allow';
  // Nearly every refusal is one of access; flow control and deadlines protect the server.
  if (isRefused && response.status !== 429 && response.status !== 504) return response;
  const row = info.isResource ? server.kinds.find(info.group, info.version, info.resource) : undefined;
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
  return series.sizes === undefined || request.identity !== undefined ? response : { ...response, sizes: series.sizes };
}
