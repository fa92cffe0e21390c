// May they: asks the authorizers and refuses with upstream's text.
import type { ApiResponse } from '#api/request.ts';
import type { AccessAttributes, Next, RequestContext } from '../context.ts';
import { accessForbidden } from '../authorization/forbidden.ts';

export const attributesOf = (context: RequestContext): AccessAttributes => ({
  user: context.user,
  verb: context.info.verb,
  isResource: context.info.isResource,
  group: context.info.group,
  version: context.info.version,
  resource: context.info.resource,
  subresource: context.info.subresource,
  namespace: context.info.namespace,
  name: context.info.name,
  path: context.info.path,
  fieldSelector: context.request.query.get('fieldSelector') ?? undefined,
});

export async function authorize(context: RequestContext, next: Next): Promise<ApiResponse> {
  const attributes = attributesOf(context);
  const decision = context.server.authorizer.authorize(attributes);
  if (decision.decision !== 'allow') throw accessForbidden(attributes, decision.reason);
  return next(context);
}
