// Keeps the APIServices of what this server answers itself, and says that they are available: the server's own work, as
// upstream's, through its own request chain. Not here: APIServices of other servers (availability.ts).
import type { APIService, CustomResourceDefinition } from '#api/generated/types.ts';
import { APIServices, CustomResourceDefinitions } from '#api/generated/kind-references.ts';
import { localAvailable } from '#api/kinds/apiregistration/api-service.ts';
import { kindTable, storageKey, storagePrefix } from '#api/kinds.ts';
import { isAlreadyExists, isConflict, isNotFound } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Client } from '#client/client.ts';
import type { AggregationParts } from './parts.ts';
import { statusWith } from './judge-availability.ts';
import { builtInServices, customService, decideRegistration, serviceNames } from './local-services.ts';

const fieldManager = 'kube-apiserver';
/** All of a first start side by side: they become one or two commits. */
const concurrency = 32;

export interface LocalServices extends Disposable {
  /** Those of the built-in groups are there. */
  readonly registered: Promise<void>;
}

/** Until the result is disposed of. */
export function keepLocalServices(server: AggregationParts, client: Client): LocalServices {
  const { store, clock, logger } = server.options;
  const { kinds, apiServices } = server;
  const definitions = storagePrefix(CustomResourceDefinitions);
  const builtIn = builtInServices(kindTable.groups, (group, version) =>
    kinds.rows.some((row) => row.group === group && row.version === version && row.custom === undefined),
  );
  const atStart = new Set(apiServices.all.keys());
  const done = new Set<string>();
  const registered = Promise.withResolvers<void>();
  const missing = new Set(builtIn.keys());
  const resource = client.resource(APIServices);
  let isClosed = false;
  let watch: Disposable | undefined;

  const definitionsThere = (): CustomResourceDefinition[] =>
    store.list(definitions).items.map((one) => one.object() as CustomResourceDefinition);
  const currentOf = (name: string) =>
    store.get(storageKey(APIServices, undefined, name))?.object() as APIService | undefined;

  const queue = new WorkQueue({
    clock,
    observer: server.metrics.queue('autoregister'),
    concurrency,
    async work(name) {
      if (isClosed) return;
      const wanted = builtIn.get(name) ?? customService(name, definitionsThere());
      const registration = decideRegistration(wanted, currentOf(name), {
        atStart: atStart.has(name),
        done: done.has(name),
      });
      try {
        if (registration.type === 'create') await resource.create(registration.object, { fieldManager });
        if (registration.type === 'update') await resource.update(registration.object, { fieldManager });
        if (registration.type === 'delete') {
          const { uid } = registration.object.metadata;
          await resource.delete({ name }, { preconditions: { uid } });
        }
        await markAvailable(name);
      } catch (error) {
        // Somebody else was faster: its event comes here.
        if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
      }
      done.add(name);
      if (missing.delete(name) && missing.size === 0) registered.resolve();
    },
    onError: (name, error, retryInMs) => {
      if (!isClosed)
        logger.warn('an APIService could not be registered, will retry', {
          name,
          error: messageOf(error),
          retryInMs,
        });
    },
  });
  const markAvailable = async (name: string): Promise<void> => {
    const current = currentOf(name);
    if (current === undefined || (current.spec?.service ?? undefined) !== undefined) return;
    const status = statusWith(current, localAvailable, clock.now());
    if (status !== undefined) await resource.update({ ...current, status }, { fieldManager, subresource: 'status' });
  };
  const addAll = (definition: CustomResourceDefinition): void => {
    for (const name of serviceNames(definition)) queue.add(name);
  };
  const start = (): void => {
    const page = store.list(definitions);
    for (const one of page.items) addAll(one.object() as CustomResourceDefinition);
    watch = store.watch(definitions, page.revision, {
      onEvents(events) {
        for (const { stored, previous } of events) {
          addAll(stored.object() as CustomResourceDefinition);
          if (previous !== undefined) addAll(previous.object() as CustomResourceDefinition);
        }
      },
      onEnd(reason) {
        if (reason === 'compacted' && !isClosed) start();
      },
    });
  };
  start();
  for (const name of [...builtIn.keys(), ...atStart]) queue.add(name);
  const changes = apiServices.onChange((name) => queue.add(name));
  return {
    registered: registered.promise,
    [Symbol.dispose]() {
      isClosed = true;
      registered.resolve();
      changes[Symbol.dispose]();
      watch?.[Symbol.dispose]();
      queue.close().catch(() => {});
    },
  };
}
