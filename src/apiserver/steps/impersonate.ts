// Impersonate-User and its companions: who may, goes on as somebody else.
import { attributesOf } from '../authorization/attributes.ts';
import type { Answered, Next, RequestContext } from '../context.ts';

export function impersonate(context: RequestContext, next: Next): Answered {
  for (const header in context.request.headers)
    if (header.startsWith('impersonate-')) return become(context).then(() => next(context));
  return next(context);
}

async function become(context: RequestContext): Promise<void> {
  const [{ wantedUser }, { impersonated }] = await Promise.all([
    import('../impersonation/headers.ts'),
    import('../impersonation/check.ts'),
  ]);
  const wanted = wantedUser(context.request);
  if (wanted === undefined) return;
  const { user, constraint } = await impersonated(context.server.authorizer, wanted, attributesOf(context));
  context.user = user;
  context.impersonationConstraint = constraint;
}
