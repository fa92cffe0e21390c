// The text of a refusal, as upstream's responsewriters.Forbidden: clients and people parse it.
import { ApiError, forbiddenError } from '#api/status.ts';
import type { AccessAttributes } from '../context.ts';

export function forbiddenMessage(attributes: AccessAttributes, reason: string): string {
  const { user, verb, group, namespace } = attributes;
  const suffix = reason === '' ? '' : `: ${reason}`;
  if (!attributes.isResource)
    return `User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(attributes.path)}${suffix}`;
  const resource =
    attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}${suffix}`;
}

export function accessForbidden(attributes: AccessAttributes, reason: string): ApiError {
  const message = forbiddenMessage(attributes, reason);
  return attributes.isResource
    ? forbiddenError({ group: attributes.group, resource: attributes.resource }, attributes.name, message)
    : new ApiError(403, 'Forbidden', `forbidden: ${message}`, {});
}
