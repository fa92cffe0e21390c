// An IPAddress for each cluster IP, as upstream's allocator makes them: what Services have is the truth, these objects follow it.
// The server's own work, through its own request chain.
import type { IPAddress, Service } from '#api/generated/types.ts';
import { IPAddresses, Services } from '#api/generated/kind-references.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { isAlreadyExists, isConflict, isNotFound } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Client } from '#client/client.ts';
import { familyOf, formatAddress, parseAddress } from '#rules/addresses.ts';
import type { StoredObject } from '#storage/store.ts';
import type { Server } from '../../context.ts';

const familyLabel = 'ipaddress.kubernetes.io/ip-family';
const managedLabel = 'ipaddress.kubernetes.io/managed-by';
const allocator = 'ipallocator.k8s.io';
const fieldManager = 'kube-apiserver';
const concurrency = 32;

const addressesOf = ({ spec }: Service): readonly string[] =>
  spec?.type === 'ExternalName' ? [] : (spec?.clusterIPs ?? []).filter((one) => one !== '' && one !== 'None');

/** The one text that an address has as a name. */
function nameOf(address: string): string {
  const value = parseAddress(address);
  return value === undefined ? address : formatAddress(value, familyOf(address));
}

const wanted = (name: string, { metadata }: Service): IPAddress => ({
  metadata: { name, labels: { [familyLabel]: familyOf(name), [managedLabel]: allocator } },
  spec: {
    parentRef: { group: '', resource: 'services', namespace: metadata.namespace ?? '', name: metadata.name ?? '' },
  },
});
const isManaged = ({ metadata }: IPAddress): boolean => metadata.labels?.[managedLabel] === allocator;

/** Until the result is disposed of. */
export function keepIpAddresses({ metrics, options }: Pick<Server, 'metrics' | 'options'>, client: Client): Disposable {
  const { store, clock, logger } = options;
  const resource = client.resource(IPAddresses);
  /** Which Service has it. */
  const owners = new Map<string, string>();
  const watches: Disposable[] = [];
  let isClosed = false;
  const serviceAt = (key: string | undefined): Service | undefined =>
    key === undefined ? undefined : (store.get(key)?.object() as Service | undefined);

  const queue = new WorkQueue({
    clock,
    observer: metrics.queue('ipallocator.k8s.io'),
    concurrency,
    async work(name) {
      if (isClosed) return;
      const service = serviceAt(owners.get(name));
      const current = store.get(storageKey(IPAddresses, undefined, name))?.object() as IPAddress | undefined;
      try {
        if (service === undefined) {
          owners.delete(name);
          if (current !== undefined && isManaged(current))
            await resource.delete({ name }, { preconditions: { uid: current.metadata.uid } });
          return;
        }
        const object = wanted(name, service);
        const parent = current?.spec?.parentRef;
        const isRight =
          parent?.resource === 'services' &&
          parent.namespace === service.metadata.namespace &&
          parent.name === service.metadata.name;
        if (isRight) return;
        // Whose it is cannot be changed: it is made anew. What is somebody else's is not touched.
        if (current !== undefined && !isManaged(current)) return;
        if (current !== undefined) await resource.delete({ name }, { preconditions: { uid: current.metadata.uid } });
        await resource.create(object, { fieldManager });
      } catch (error) {
        // Changed meanwhile: its event comes here.
        if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
      }
    },
    onError: (name, error, retryInMs) => {
      if (!isClosed)
        logger.warn('the IPAddress of a Service could not be written, will retry', {
          name,
          error: messageOf(error),
          retryInMs,
        });
    },
  });
  const give = (stored: StoredObject): void => {
    for (const address of addressesOf(stored.object() as Service)) {
      const name = nameOf(address);
      owners.set(name, stored.key);
      queue.add(name);
    }
  };
  const release = (stored: StoredObject): void => {
    for (const address of addressesOf(stored.object() as Service)) {
      const name = nameOf(address);
      if (owners.get(name) !== stored.key) continue;
      owners.delete(name);
      queue.add(name);
    }
  };
  const sameAddresses = (one: StoredObject, other: StoredObject): boolean =>
    addressesOf(one.object() as Service).join() === addressesOf(other.object() as Service).join();

  const followServices = (): void => {
    const page = store.list(storagePrefix(Services));
    owners.clear();
    for (const one of page.items) give(one);
    const subscription = store.watch(storagePrefix(Services), page.revision, {
      onEvents(events) {
        for (const { type, stored, previous } of events) {
          if (type === 'put' && previous !== undefined && sameAddresses(previous, stored)) continue;
          if (previous !== undefined) release(previous);
          if (type === 'put') give(stored);
        }
      },
      onEnd: (reason) => {
        if (reason === 'compacted' && !isClosed) followServices();
      },
    });
    if (subscription !== undefined) watches.push(subscription);
  };
  const followAddresses = (): void => {
    const prefix = storagePrefix(IPAddresses);
    const page = store.list(prefix);
    for (const one of page.items) queue.add(one.key.slice(prefix.length));
    const subscription = store.watch(prefix, page.revision, {
      onEvents(events) {
        for (const { stored } of events) queue.add(stored.key.slice(prefix.length));
      },
      onEnd: (reason) => {
        if (reason === 'compacted' && !isClosed) followAddresses();
      },
    });
    if (subscription !== undefined) watches.push(subscription);
  };
  followServices();
  followAddresses();
  return {
    [Symbol.dispose]() {
      isClosed = true;
      for (const one of watches) one[Symbol.dispose]();
      queue.close().catch(() => {});
    },
  };
}
