// Requests that come as something else and take the right to `create` all the same.
import type { RequestContext } from '../context.ts';
import { attributesOf } from './attributes.ts';
import { accessForbidden } from './forbidden.ts';

/** Throws an ApiError (403). */
export async function checkMayCreate(context: RequestContext): Promise<void> {
  const attributes = { ...attributesOf(context), verb: 'create' };
  const { decision, reason } = await context.server.authorizer.authorize(attributes);
  if (decision !== 'allow') throw accessForbidden(attributes, reason);
}
