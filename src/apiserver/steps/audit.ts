// Turns every failure into its Status, counts the request, and has it recorded in the audit log.
import { messageOf } from '#base/errors.ts';
import { uuid } from '#base/random.ts';
import type { ApiResponse } from '#api/request.ts';
import { recordRequest } from '../audit/recording.ts';
import type { Next, RequestContext } from '../context.ts';
import { expectedError, respondStatus, unexpectedError } from '../responses.ts';

/** Any other one is some client's own word, which HTTP/2 lets through. */
const methods = new Set(['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'connect', 'trace']);

const dryRunLabel = (values: readonly string[]): string =>
  values.length === 0 ? '' : values.every((one) => one === 'All') ? 'All' : 'invalid';

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
  const durationMs = clock.monotonicMs() - startMs;
  // Only of what is served: a path is anybody's text, and would fill the counters.
  const row = info.isResource ? server.kinds.find(info.group, info.version, info.resource) : undefined;
  server.metrics.record({
    verb: info.isResource ? (row === undefined ? '' : info.verb) : methods.has(info.verb) ? info.verb : 'other',
    group: row?.group ?? '',
    version: row?.version ?? '',
    resource: row?.resource ?? '',
    subresource: row !== undefined && Object.hasOwn(row.subresources, info.subresource) ? info.subresource : '',
    scope: !info.isResource ? '' : info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster',
    dryRun: request.query.size === 0 ? '' : dryRunLabel(request.query.getAll('dryRun')),
    code: response.status,
    durationSeconds: durationMs / 1000,
  });
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
