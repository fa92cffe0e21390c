// Impersonate-User and its companions: each claimed name needs the verb `impersonate` on users, groups, service accounts,
// uids and userextras. Source of rules: k8s.io/apiserver/pkg/endpoints/filters/impersonation.
import { badRequestError, forbiddenError, internalError } from '#api/status.ts';
import type { ApiResponse, Identity } from '#api/request.ts';
import type { AccessAttributes, Next, RequestContext } from '../context.ts';
import { forbiddenMessage } from '../authorization/forbidden.ts';
import { serviceAccountGroups, serviceAccountOf } from '../authentication/service-account-names.ts';

const extraPrefix = 'impersonate-extra-';

export async function impersonate(context: RequestContext, next: Next): Promise<ApiResponse> {
  const { headers } = context.request;
  const name = headers['impersonate-user'];
  const extraNames = Object.keys(headers).filter((header) => header.startsWith(extraPrefix));
  if (name === undefined || name === '') {
    if (headers['impersonate-group'] !== undefined || headers['impersonate-uid'] !== undefined || extraNames.length > 0)
      throw badRequestError('requested impersonation without impersonating a user');
    return next(context);
  }
  const check = async (
    group: string,
    resource: string,
    subresource: string,
    namespace: string,
    objectName: string,
  ): Promise<void> => {
    const attributes: AccessAttributes = {
      user: context.user,
      verb: 'impersonate',
      isResource: true,
      group,
      version: 'v1',
      resource,
      subresource,
      namespace,
      name: objectName,
      path: '',
    };
    const decision = await context.server.authorizer.authorize(attributes);
    if (decision.decision !== 'allow')
      throw forbiddenError({ group, resource }, objectName, forbiddenMessage(attributes, decision.reason));
  };

  const serviceAccount = serviceAccountOf(name);
  if (serviceAccount !== undefined)
    await check('', 'serviceaccounts', '', serviceAccount.namespace, serviceAccount.name);
  else await check('', 'users', '', '', name);

  const groups = (headers['impersonate-group'] ?? '').split(',').flatMap((group) => group.trim() || []);
  for (const group of groups) await check('', 'groups', '', '', group);
  const extra = new Map<string, string[]>();
  for (const header of extraNames) {
    let key: string;
    try {
      key = decodeURIComponent(header.slice(extraPrefix.length));
    } catch {
      throw internalError(`invalid impersonation header ${header}`);
    }
    const values = (headers[header] ?? '').split(',').map((value) => value.trim());
    for (const value of values) await check('authentication.k8s.io', 'userextras', key, '', value);
    extra.set(key, values);
  }
  const uid = headers['impersonate-uid'];
  if (uid !== undefined && uid !== '') await check('authentication.k8s.io', 'uids', '', '', uid);

  const finalGroups =
    serviceAccount !== undefined && groups.length === 0 ? [...serviceAccountGroups(serviceAccount.namespace)] : groups;
  if (name !== 'system:anonymous') {
    if (!finalGroups.includes('system:authenticated')) finalGroups.push('system:authenticated');
  } else if (!finalGroups.includes('system:unauthenticated')) finalGroups.push('system:unauthenticated');
  const impersonated: Identity = {
    name,
    groups: finalGroups,
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
  context.user = impersonated;
  return next(context);
}
