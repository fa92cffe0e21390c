// May they: asks the authorizers and refuses with upstream's text.
import type { ApiResponse } from '#api/request.ts';
import { internalError } from '#api/status.ts';
import type { Next, RequestContext } from '../context.ts';
import { attributesOf } from '../authorization/attributes.ts';
import { accessForbidden } from '../authorization/forbidden.ts';

export async function authorize(context: RequestContext, next: Next): Promise<ApiResponse> {
  const attributes = attributesOf(context);
  const { options, metrics } = context.server;
  const startMs = options.clock.monotonicMs();
  const asked = context.server.authorizer.authorize(attributes);
  const decision = asked instanceof Promise ? await asked : asked;
  context.decision = decision;
  const isError = decision.error !== undefined && decision.decision !== 'allow';
  metrics.access.onDecision(decision.decision, isError, (options.clock.monotonicMs() - startMs) / 1000);
  if (isError) throw internalError(decision.error!);
  if (decision.decision !== 'allow') {
    // The text has the caller's words in it.
    context.answerHeaders = { ...context.answerHeaders, 'x-content-type-options': 'nosniff' };
    throw accessForbidden(attributes, decision.reason);
  }
  return next(context);
}
