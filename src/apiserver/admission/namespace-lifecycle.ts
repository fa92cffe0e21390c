// Nothing is created in a namespace that is not there or is going away; the first namespaces stay.
import type { Namespace } from '#api/generated/types.ts';
import { Namespaces } from '#api/generated/kind-references.ts';
import { storageKey } from '#api/kinds.ts';
import { ApiError, forbiddenError, notFoundError } from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { refusedName } from './refused-name.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);
/** Asked about an access, not about the namespace. */
const exemptResources = new Set(['localsubjectaccessreviews']);

function check(attributes: AdmissionAttributes, server: Server): void | Promise<void> {
  const { operation, row, namespace, name } = attributes;
  if (row.group === '' && row.resource === 'namespaces') {
    if (operation === 'DELETE' && immortal.has(name))
      throw forbiddenError({ group: '', resource: 'namespaces' }, name, 'this namespace may not be deleted');
    return;
  }
  if (namespace === '' || operation !== 'CREATE' || exemptResources.has(row.resource)) return;
  const { store } = server.options;
  const key = storageKey(Namespaces, undefined, namespace);
  const stored = store.get(key);
  if (stored !== undefined) return checkThere(attributes, stored);
  const missing = notFoundError({ group: '', resource: 'namespaces' }, namespace);
  // Another server may have made it just now.
  const pending = store.consistent(attributes);
  if (pending === undefined) throw missing;
  return pending.then(() => {
    const now = store.get(key);
    if (now === undefined) throw missing;
    checkThere(attributes, now);
  });
}

function checkThere({ row, namespace, name, object }: AdmissionAttributes, stored: StoredObject): void {
  if ((stored.object() as Namespace).status?.phase !== 'Terminating') return;
  const text = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const error = forbiddenError(
    { group: row.group, resource: row.resource },
    object === undefined ? name : refusedName('', object),
    text,
  );
  throw new ApiError(error.code, error.reason, error.message, {
    ...error.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}

export const namespaceLifecycle: AdmissionPlugin = { name: 'NamespaceLifecycle', seesActions: true, mutate: check };
