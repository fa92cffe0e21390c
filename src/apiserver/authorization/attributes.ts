// What a request asks to be allowed.
import type { AccessAttributes, RequestContext } from '../context.ts';

const parameter = ({ request: { query } }: RequestContext, name: string): string | undefined =>
  query.size === 0 ? undefined : (query.get(name) ?? undefined);

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
  fieldSelector: parameter(context, 'fieldSelector'),
  labelSelector: parameter(context, 'labelSelector'),
});
