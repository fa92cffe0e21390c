// What a request asks to be allowed.
import type { AccessAttributes, RequestContext } from '../context.ts';

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
  labelSelector: context.request.query.get('labelSelector') ?? undefined,
});
