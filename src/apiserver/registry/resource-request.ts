// A request whose kind is known: what every verb takes.
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import type { GroupKind, GroupResource } from '#api/status.ts';
import { badRequestError, notFoundError } from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import type { RequestContext } from '../context.ts';

export interface ResourceRequest {
  readonly context: RequestContext;
  readonly row: KindRow;
  /** Where `row` is the stored version: the one that was asked for. */
  readonly served?: KindRow | undefined;
  readonly subresource: string;
  /** '' for kinds of the cluster and for lists of all namespaces. */
  readonly namespace: string;
  readonly name: string;
  /** Absent: every object of the kind may be seen by who may list it. */
  readonly visible?: ((stored: StoredObject) => boolean) | undefined;
}

export const groupResource = (row: KindRow): GroupResource => ({ group: row.group, resource: row.resource });
export const groupKind = (row: KindRow): GroupKind => ({ group: row.group, kind: row.kind });

export const keyOf = (request: Pick<ResourceRequest, 'row' | 'namespace'>, name: string): string =>
  storageKey(request.row, request.namespace, name);
export const prefixOf = (request: Pick<ResourceRequest, 'row' | 'namespace'>): string =>
  storagePrefix(request.row, request.namespace);

export function storedOf(request: ResourceRequest): StoredObject {
  const stored = request.context.server.options.store.get(keyOf(request, request.name));
  if (stored === undefined) throw notFoundError(groupResource(request.row), request.name);
  return stored;
}

/** Of an object that is written to a path that names it. Throws 400. */
export function checkName(request: Pick<ResourceRequest, 'name'>, object: KubernetesObject): void {
  const { name = '' } = object.metadata;
  if (name === '')
    throw badRequestError(
      `the name of the object (${request.name} based on URL) was undeterminable: name must be provided`,
    );
  if (name !== request.name)
    throw badRequestError(`the name of the object (${name}) does not match the name on the URL (${request.name})`);
}

export const isTerminating = (object: KubernetesObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && object.metadata.deletionTimestamp !== null;
