// Brings each custom resource definition to where it is served, and its instances away before it goes: conditions, accepted
// names and the cleanup finalizer are the server's own work, as upstream's, so that no controller needs rights for it.
import type { CustomResourceDefinition } from '#api/generated/types.ts';
import { CustomResourceDefinitions } from '#api/generated/kind-references.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { kindTable, storageKey, storagePrefix } from '#api/kinds.ts';
import { trackUpdate } from '#api/managed-fields/track-update.ts';
import { isConflict, isNotFound, notFoundError } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { StoredObject } from '#storage/store.ts';
import type { RequestContext, Server } from '../context.ts';
import { deleteObject } from '../registry/delete-object.ts';
import { groupResource } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { updateObject } from '../registry/update-object.ts';
import { requestInfo } from '../request-info.ts';
import { cleanupFinalizer, conditionOf, nextStatus, terminating, withoutCleanup } from './conditions.ts';
import { isBuiltIn } from './served-kinds.ts';

const prefix = storagePrefix(CustomResourceDefinitions);
const manager = 'kube-apiserver';

export function startDefinitionController(server: Server): Disposable {
  const { store, clock, logger } = server.options;
  const instanceWatches = new Map<string, Disposable>();
  let watch: Disposable | undefined;
  let isClosed = false;
  const queue = new WorkQueue({
    clock,
    observer: server.metrics.queue('crd_naming_condition_controller'),
    concurrency: 1,
    work: (name) => reconcile(name),
    onError: (name, error, retryInMs) => {
      if (!isConflict(error) && !isNotFound(error))
        logger.warn('a custom resource definition could not be brought on, will retry', {
          name,
          error: messageOf(error),
          retryInMs,
        });
    },
  });
  const nameOf = (stored: StoredObject): string => stored.key.slice(prefix.length);
  const definitionOf = (stored: StoredObject) => stored.object() as CustomResourceDefinition;

  /** Who waits for a name looks again when somebody else of the group changes. */
  const wakeGroup = (definition: CustomResourceDefinition): void => {
    for (const stored of store.list(prefix).items) {
      const other = definitionOf(stored);
      if (other.spec.group === definition.spec.group && conditionOf(other, 'NamesAccepted')?.status !== 'True')
        queue.add(nameOf(stored));
    }
  };
  const start = (): void => {
    const page = store.list(prefix);
    for (const stored of page.items) queue.add(nameOf(stored));
    watch = store.watch(prefix, page.revision, {
      onEvents(events) {
        for (const event of events) {
          if (event.type === 'put') queue.add(nameOf(event.stored));
          else stopWaiting(nameOf(event.stored));
          wakeGroup(definitionOf(event.stored));
        }
      },
      onEnd(reason) {
        if (reason === 'compacted' && !isClosed) start();
      },
    });
  };
  const stopWaiting = (name: string): void => {
    instanceWatches.get(name)?.[Symbol.dispose]();
    instanceWatches.delete(name);
  };

  const contextOf = (): RequestContext => ({
    server,
    row: undefined,
    request: {
      method: 'PUT',
      path: '/',
      query: new URLSearchParams(),
      headers: {},
      identity: { name: 'system:apiserver', groups: ['system:masters'] },
      remoteAddress: '127.0.0.1',
      body: { type: 'none' },
      signal: server.closing,
    },
    info: requestInfo('PUT', '/', new URLSearchParams()),
    user: { name: 'system:apiserver', groups: ['system:masters'] },
    warnings: [],
  });

  const change = async (
    name: string,
    subresource: '' | 'status',
    next: (current: CustomResourceDefinition) => CustomResourceDefinition,
  ): Promise<void> => {
    const row = kindTable.row(CustomResourceDefinitions)!;
    const request: ResourceRequest = { context: contextOf(), row, subresource, namespace: '', name };
    await updateObject(
      request,
      (current) => {
        if (current === undefined) throw notFoundError(groupResource(row), name);
        const object = structuredClone(next(current as CustomResourceDefinition)) as Mutable<KubernetesObject>;
        trackUpdate(row, current, object, { manager, subresource, now: clock.now() });
        return object;
      },
      { dryRun: false, createWhenAbsent: false, retriesConflicts: false, fieldManager: manager },
    );
  };

  async function reconcile(name: string): Promise<void> {
    if (isClosed) return;
    const stored = store.get(storageKey(CustomResourceDefinitions, undefined, name));
    if (stored === undefined) return;
    const definition = definitionOf(stored);
    if (definition.metadata.deletionTimestamp !== undefined) {
      if (definition.metadata.finalizers?.includes(cleanupFinalizer) === true) await cleanUp(name, definition);
      return;
    }
    const others = store.list(prefix).items.flatMap((one) => (one.key === stored.key ? [] : [definitionOf(one)]));
    const status = nextStatus(definition, others, clock.now());
    if (status !== undefined) await change(name, 'status', (current) => ({ ...current, status }));
  }

  async function cleanUp(name: string, definition: CustomResourceDefinition): Promise<void> {
    const { group, names } = definition.spec;
    const now = clock.now();
    const finish = (reason: string, message: string): Promise<void> =>
      change(name, 'status', (current) =>
        withoutCleanup(terminating(current, { status: 'False', reason, message }, now)),
      );
    if (isBuiltIn(group, names.plural))
      return finish('OverlappingBuiltInResource', 'instances overlap with built-in resources in storage');
    if (conditionOf(definition, 'Established')?.status !== 'True')
      return finish('NeverEstablished', 'resource was never established');
    const begun = terminating(
      definition,
      { status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' },
      now,
    );
    if (begun !== definition)
      await change(name, 'status', (current) => terminating(current, conditionOf(begun, 'Terminating')!, now));
    const instances = storagePrefix({
      group,
      version: '',
      resource: names.plural,
      kind: names.kind,
      namespaced: definition.spec.scope === 'Namespaced',
    });
    await deleteInstances(definition, instances);
    if (store.count(instances) === 0) {
      stopWaiting(name);
      return finish('InstanceDeletionCompleted', 'removed all instances');
    }
    // The rest has finalizers: whoever holds them lets go, and the last one wakes this.
    if (!instanceWatches.has(name)) {
      const subscription = store.watch(instances, store.revision, {
        onEvents: () => {
          if (store.count(instances) === 0) queue.add(name);
        },
        onEnd: () => {
          instanceWatches.delete(name);
          if (!isClosed) queue.add(name);
        },
      });
      if (subscription !== undefined) instanceWatches.set(name, subscription);
      if (store.count(instances) === 0) queue.add(name);
    }
  }

  async function deleteInstances(definition: CustomResourceDefinition, instances: string): Promise<void> {
    const { customRow } = await import('#api/custom/custom-kind.ts');
    const version = definition.spec.versions.find((one) => one.storage);
    if (version === undefined) return;
    const row = customRow(definition, version);
    for (const stored of store.list(instances).items) {
      const { name = '', namespace = '', deletionTimestamp } = stored.object().metadata;
      if (deletionTimestamp !== undefined) continue;
      try {
        await deleteObject(
          { context: contextOf(), row, subresource: '', name, namespace },
          { dryRun: false, gracePeriodSeconds: undefined, propagationPolicy: undefined, preconditions: {} },
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  start();
  return {
    [Symbol.dispose]() {
      isClosed = true;
      watch?.[Symbol.dispose]();
      queue.close().catch(() => {});
      for (const name of instanceWatches.keys()) stopWaiting(name);
    },
  };
}
