// The last step: which verb on which kind, or which of the paths that are no resources.
import type { KindRow } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { methodNotAllowedError, methodNotSupportedError, badRequestError, unknownResourceError } from '#api/status.ts';
import type { Answered, RequestContext } from '../context.ts';
import type { RemoteApiService } from '../aggregation/api-services.ts';
import { noteDeprecated } from '../metrics/deprecated.ts';
import { respondNonResource } from '../non-resource.ts';
import { groupResource } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { isAnswered, respondAnswered } from '../reviews/answered.ts';
import { respondText } from '../responses.ts';
import { respondSubresource } from '../subresources/subresources.ts';
import { create } from '../verbs/create.ts';
import { deleteCollection } from '../verbs/delete-collection.ts';
import { deleteOne } from '../verbs/delete.ts';
import { get } from '../verbs/get.ts';
import { list } from '../verbs/list.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';
import { watch } from '../verbs/watch.ts';

type VerbHandler = (request: ResourceRequest) => Answered;

const verbs: Readonly<Record<string, VerbHandler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

async function proxied(context: RequestContext, remote: RemoteApiService): Promise<ApiResponse> {
  const { proxyToServer } = await import('../aggregation/proxy.ts');
  return proxyToServer(context, remote);
}

const isProjects = (row: KindRow): boolean => row.group === 'project.openshift.io' && row.resource === 'projects';
const projectVerbs: Readonly<Record<string, VerbHandler>> = {
  get: async (request) => (await import('../projects/verbs.ts')).getProject(request),
  list: async (request) => (await import('../projects/verbs.ts')).listProjects(request),
  watch: async (request) => (await import('../projects/verbs.ts')).watchProjects(request),
  delete: async (request) => (await import('../projects/verbs.ts')).deleteProject(request),
};

export function route(context: RequestContext): Answered {
  const { info, server } = context;
  // A definition may have changed while the request waited.
  const row =
    context.row?.custom === undefined ? context.row : server.kinds.find(info.group, info.version, info.resource);
  const remote = context.server.aggregation.remoteOfPath(info.path);
  if (remote !== undefined) return proxied(context, remote);
  if (!info.isResource) return respondNonResource(context);
  if (row === undefined) {
    const isKnown = context.server.aggregation.served().groups.some((one) => one.name === info.group);
    if (isKnown) throw unknownResourceError();
    return respondText('404 page not found\n', 404);
  }
  if (row.deprecation !== undefined) {
    context.warnings.push(row.deprecation);
    noteDeprecated(context, row, row.deprecation);
  }
  if (row.custom !== undefined) context.warnings.push(...row.custom.warnings);
  // A namespace is itself the namespace of its own requests, and so is a project.
  const isNamespaces =
    (info.resource === 'namespaces' && info.group === '') ||
    (isProjects(row) && info.namespace === info.name && !info.path.includes('/namespaces/'));
  if (!row.namespaced && info.namespace !== '' && !isNamespaces) throw unknownResourceError();
  const request: ResourceRequest = {
    context,
    row,
    subresource: info.subresource,
    namespace: row.namespaced ? info.namespace : '',
    name: info.name,
  };
  if (
    row.namespaced &&
    info.namespace === '' &&
    ['get', 'create', 'update', 'patch', 'delete', 'deletecollection'].includes(info.verb)
  ) {
    // Of a custom resource, only lists and watches go over all namespaces; of the others, paths say what there is.
    if (row.custom !== undefined) return respondText('404 page not found\n', 404);
    if (row.storage !== undefined || info.verb !== 'create')
      throw info.name === '' ? methodNotAllowedError() : unknownResourceError();
    throw badRequestError('an empty namespace may not be set during creation');
  }
  context.isRouted = info.subresource !== '' || isAnswered(row);
  if (info.subresource !== '') return respondSubresource(request);
  if (context.isRouted) return respondAnswered(request);
  const handler = (isProjects(row) ? projectVerbs[info.verb] : undefined) ?? verbs[info.verb];
  const isListed = row.verbs.some((verb) => verb === info.verb);
  const isOnCollection = info.name === '' && ['get', 'update', 'patch', 'delete'].includes(info.verb);
  const isCreatedByName = info.verb === 'create' && info.name !== '';
  if (row.custom !== undefined && isOnCollection && ['update', 'patch'].includes(info.verb))
    throw badRequestError('name must be provided');
  if (handler === undefined || !isListed || isOnCollection || (isCreatedByName && row.custom === undefined))
    throw row.custom === undefined
      ? methodNotAllowedError()
      : methodNotSupportedError(groupResource(row), info.verb === '' ? context.request.method : info.verb);
  context.isRouted = true;
  return handler(request);
}
