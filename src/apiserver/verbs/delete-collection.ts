// DELETE on a collection: every object that the selectors choose, one by one.
import type { ApiResponse } from '#api/request.ts';
import { isNotFound } from '#api/status.ts';
import { collectionOf, negotiateOutput } from '../content/negotiate.ts';
import { respondList } from '../content/present.ts';
import { deleteObject } from '../registry/delete-object.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { deleteSettings } from './delete.ts';
import { selectedObjects } from './list.ts';

/** How many deletes are under way at once: enough to share the store's group commits. */
const concurrency = 16;

/** DELETE of all selected objects of a namespace (or of the cluster's kind). Answers with what it found. */
export async function deleteCollection(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const form = negotiateOutput(context.request, collectionOf(row));
  const settings = { ...(await deleteSettings(context.request)), isOfCollection: true };
  const { items: found, metadata } = await selectedObjects(request);
  const rest = found.values();
  const work = async (): Promise<void> => {
    for (const stored of rest) {
      const { name = '', namespace = '' } = stored.object().metadata;
      try {
        await deleteObject({ ...request, name, namespace }, settings);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, found.length) }, work));
  return respondList(context, row, found, metadata, form);
}
