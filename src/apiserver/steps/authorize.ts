// May they: asks the authorizers and refuses with upstream's text.
import type { ApiResponse } from '#api/request.ts';
import type { Next, RequestContext } from '../context.ts';
import { attributesOf } from '../authorization/attributes.ts';
import { accessForbidden } from '../authorization/forbidden.ts';

export async function authorize(context: RequestContext, next: Next): Promise<ApiResponse> {
  const attributes = attributesOf(context);
  const decision = context.server.authorizer.authorize(attributes);
  context.decision = decision;
  if (decision.decision !== 'allow') throw accessForbidden(attributes, decision.reason);
  return next(context);
}
