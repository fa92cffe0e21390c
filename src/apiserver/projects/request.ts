// ProjectRequest: who may not make namespaces asks for one of their own here, and becomes its administrator. The namespace and
// the binding are written in the server's name: the right to ask is the right to have them.
import {
  invalidError,
  alreadyExistsError,
  forbiddenError,
  internalError,
  isNotFound,
  methodNotSupportedError,
  ApiError,
} from '#api/status.ts';
import { Namespaces, RoleBindings } from '#api/generated/kind-references.ts';
import type { ProjectRequest } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject, Mutable } from '#api/kind.ts';
import { kindTable, storageKey } from '#api/kinds.ts';
import { validateObjectMeta } from '#api/meta/object-meta.ts';
import type { ApiResponse, Identity } from '#api/request.ts';
import { required } from '#api/field-error.ts';
import { messageOf } from '#base/errors.ts';
import { negotiateOutput } from '../content/negotiate.ts';
import { respondWith } from '../content/present.ts';
import { readCreated } from '../content/read-created.ts';
import { managerOf } from '../content/request-options.ts';
import { createObject, type Written } from '../registry/create-object.ts';
import { deleteObject } from '../registry/delete-object.ts';
import { groupKind, groupResource, type ResourceRequest } from '../registry/resource-request.ts';
import { respondObject, successStatus } from '../responses.ts';
import {
  descriptionAnnotation,
  displayNameAnnotation,
  newNamespace,
  projectErrors,
  projectOf,
  requesterAnnotation,
} from './conversion.ts';
import { isAllowed } from '../authorization/is-allowed.ts';

const project = { group: 'project.openshift.io', resource: 'projects' };
const reservedNames = ['openshift', 'kubernetes', 'kube'];
const reservedPrefixes = ['openshift-', 'kubernetes-', 'kube-'];
const serverItself: Identity = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

export function respondProjectRequest(request: ResourceRequest): Promise<ApiResponse> {
  switch (request.context.info.verb) {
    case 'list':
      return mayRequest(request);
    case 'create':
      return requestProject(request);
    default:
      throw methodNotSupportedError(groupResource(request.row), request.context.info.verb);
  }
}

/** What clients ask before they offer it. */
async function mayRequest({ context }: ResourceRequest): Promise<ApiResponse> {
  const asked = { verb: 'create', group: project.group, version: '', resource: 'projectrequests' };
  if (await isAllowed(context.server, context.user, asked)) return respondObject(successStatus());
  const { code, reason, details } = forbiddenError({ group: project.group, resource: 'projectrequest' }, '', '');
  throw new ApiError(code, reason, 'You may not request a new project via this API.', details);
}

async function requestProject(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const form = negotiateOutput(context.request);
  const { object, options } = await readCreated(request);
  const { metadata, displayName = '', description = '' } = object as ProjectRequest;
  const name = metadata.name ?? '';
  // Its other rules of metadata are the namespace's; a name is never generated here.
  const errors = [
    ...(name === '' ? [required('metadata.name', 'name or generateName is required')] : []),
    ...validateObjectMeta(
      { ...metadata, name: name === '' ? 'unnamed' : name },
      { namespaced: false, checkName: () => [] },
    ),
    ...projectErrors(object),
  ];
  if (errors.length > 0) throw invalidError(groupKind(row), name, errors);
  refuseReserved(name);
  if (context.server.options.store.get(storageKey(Namespaces, undefined, name)) !== undefined)
    throw alreadyExistsError(project, name);
  const settings = { dryRun: options.dryRun, fieldManager: managerOf(options, context.request) };
  const write = (kind: KindReference, namespace: string, wanted: object): Promise<Written> =>
    createObject(
      { context: { ...context, user: serverItself }, row: kindTable.row(kind)!, subresource: '', namespace, name: '' },
      wanted as Mutable<KubernetesObject>,
      settings,
    );
  const annotations = {
    [descriptionAnnotation]: description,
    [displayNameAnnotation]: displayName,
    [requesterAnnotation]: context.user.name,
  };
  const namespace = newNamespace({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations }, spec: {} });
  const written = await write(Namespaces, '', namespace).catch((error: unknown) => {
    throw isTaken(error) ? alreadyExistsError(project, name) : error;
  });
  if (!settings.dryRun)
    await write(RoleBindings, name, administratorOf(name, context.user)).catch(async (error: unknown) => {
      await removeAgain(request, name);
      throw internalError(messageOf(error));
    });
  const made = projectOf(written.type === 'stored' ? written.stored.object() : written.object);
  return respondWith(context, kindTable.findKind(project.group, 'v1', 'Project')!, made, form, 201);
}

function refuseReserved(name: string): void {
  if (reservedNames.includes(name))
    throw forbiddenError(project, name, `cannot request a project with the name ${JSON.stringify(name)}`);
  const prefix = reservedPrefixes.find((one) => name.startsWith(one));
  if (prefix !== undefined)
    throw forbiddenError(project, name, `cannot request a project starting with ${JSON.stringify(prefix)}`);
}

const isTaken = (error: unknown): boolean => error instanceof ApiError && error.reason === 'AlreadyExists';

const administratorOf = (namespace: string, user: Identity) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'admin', namespace },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user.name }],
});

async function removeAgain({ context }: ResourceRequest, name: string): Promise<void> {
  const row = kindTable.row(Namespaces)!;
  const request = { context: { ...context, user: serverItself }, row, subresource: '', namespace: '', name };
  try {
    await deleteObject(request, {
      dryRun: false,
      gracePeriodSeconds: undefined,
      propagationPolicy: undefined,
      preconditions: {},
    });
  } catch (error) {
    if (!isNotFound(error))
      context.server.options.logger.error('the namespace of a failed project request could not be removed', {
        namespace: name,
        error: messageOf(error),
      });
  }
}
