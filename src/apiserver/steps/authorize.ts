// May they: asks the authorizers and refuses with upstream's text.
import { internalError } from '#api/status.ts';
import type { AccessAttributes, AccessDecision, Answered, Next, RequestContext } from '../context.ts';
import { attributesOf } from '../authorization/attributes.ts';
import { accessForbidden } from '../authorization/forbidden.ts';

export function authorize(context: RequestContext, next: Next): Answered {
  const attributes = attributesOf(context);
  const startMs = context.server.options.clock.monotonicMs();
  const asked = context.server.authorizer.authorize(attributes);
  return asked instanceof Promise
    ? asked.then((decision) => goOn(context, next, attributes, startMs, decision))
    : goOn(context, next, attributes, startMs, asked);
}

function goOn(
  context: RequestContext,
  next: Next,
  attributes: AccessAttributes,
  startMs: number,
  decision: AccessDecision,
): Answered {
  const { options, metrics } = context.server;
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
