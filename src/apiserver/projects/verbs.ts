// What is different about projects: lists and watches show each user their own, and a delete answers with a plain Status.
import { Namespaces } from '#api/generated/kind-references.ts';
import { kindTable } from '#api/kinds.ts';
import type { ApiResponse } from '#api/request.ts';
import { isNotFound, notFoundError } from '#api/status.ts';
import type { Answered } from '../context.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { deleteObject } from '../registry/delete-object.ts';
import { respondObject, successStatus } from '../responses.ts';
import { deleteSettings } from '../verbs/delete.ts';
import { get } from '../verbs/get.ts';
import { list } from '../verbs/list.ts';
import { watch } from '../verbs/watch.ts';
import { projectMembers, visibleProjects } from './members.ts';

/** What is not there is the namespace, in upstream's words. */
export async function getProject(request: ResourceRequest): Promise<ApiResponse> {
  try {
    return await get(request);
  } catch (error) {
    throw isNotFound(error) ? notFoundError({ group: '', resource: 'namespaces' }, request.name) : error;
  }
}

export const listProjects = (request: ResourceRequest): Answered =>
  list({ ...request, visible: visibleProjects(request.context) });

export const watchProjects = (request: ResourceRequest): Promise<ApiResponse> =>
  watch({ ...request, visible: visibleProjects(request.context) }, (selection) =>
    projectMembers(request.context, selection),
  );

export async function deleteProject(request: ResourceRequest): Promise<ApiResponse> {
  const settings = await deleteSettings(request.context.request);
  await deleteObject({ ...request, row: kindTable.row(Namespaces)! }, settings);
  return respondObject(successStatus());
}
