// Whether somebody may do something with a resource, asked by the server itself: admission, and answers that depend on rights.
import type { Identity } from '#api/request.ts';
import type { AccessAttributes, Server } from '../context.ts';

type Asked = Pick<AccessAttributes, 'verb' | 'group' | 'resource'> &
  Partial<Pick<AccessAttributes, 'version' | 'subresource' | 'namespace' | 'name'>>;

/** What is not named is any version, no subresource, no namespace, no name. */
export async function isAllowed(server: Pick<Server, 'authorizer'>, user: Identity, asked: Asked): Promise<boolean> {
  const { decision } = await server.authorizer.authorize({
    version: '*',
    subresource: '',
    namespace: '',
    name: '',
    ...asked,
    user,
    isResource: true,
    path: '',
  });
  return decision === 'allow';
}
