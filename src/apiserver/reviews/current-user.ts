// user.openshift.io users/~: who asks, for clients of OpenShift. No users are stored: there is no identity provider.
import { methodNotSupportedError, notFoundError } from '#api/status.ts';
import type { ApiResponse } from '#api/request.ts';
import { negotiateOutput } from '../content/negotiate.ts';
import { respondWith } from '../content/present.ts';
import { groupResource, type ResourceRequest } from '../registry/resource-request.ts';

export function respondCurrentUser(request: ResourceRequest): ApiResponse {
  const { context, row, name } = request;
  if (context.info.verb !== 'get') throw methodNotSupportedError(groupResource(row), context.info.verb);
  if (name !== '~') throw notFoundError(groupResource(row), name);
  const { user } = context;
  const object = {
    kind: 'User',
    apiVersion: 'user.openshift.io/v1',
    metadata: { name: user.name, ...(user.uid === undefined ? {} : { uid: user.uid }) },
    identities: null,
    groups: user.groups.toSorted(),
  };
  return respondWith(context, row, object, negotiateOutput(context.request));
}
