// ConfigMaps and Secrets that this node's Pods name, each read and watched by name: a node may not list all of them, and
// keeps only what it needs.
import { sleep, type Clock } from '#base/clock.ts';
import type { Scope } from '#base/scope.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { isNotFound } from '#api/status.ts';
import type { Client } from '#client/client.ts';

interface Entry<T> {
  readonly users: Set<string>;
  readonly abort: AbortController;
  /** Resolves at the first answer; undefined: there is no such object. */
  first: Promise<T | undefined>;
  current: T | undefined;
  known: boolean;
}

export interface ReferencedObjectsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly scope: Scope;
  /** Called with the uids of the Pods that use an object that changed. */
  readonly onChange: (podUids: readonly string[]) => void;
}

export class ReferencedObjects<T extends KubernetesObject> {
  readonly #kind: KindReference<T>;
  readonly #options: ReferencedObjectsOptions;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(kind: KindReference<T>, options: ReferencedObjectsOptions) {
    this.#kind = kind;
    this.#options = options;
  }

  /** The object as last seen; the first reader of a name waits for it. */
  async read(podUid: string, namespace: string, name: string): Promise<T | undefined> {
    const key = `${namespace}/${name}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = this.#follow(namespace, name);
      this.#entries.set(key, entry);
    }
    entry.users.add(podUid);
    return entry.known ? entry.current : entry.first;
  }

  /** The Pod is gone: what nobody else uses is no longer watched. */
  release(podUid: string): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.users.delete(podUid) || entry.users.size > 0) continue;
      entry.abort.abort();
      this.#entries.delete(key);
    }
  }

  #follow(namespace: string, name: string): Entry<T> {
    const { client, clock, scope, onChange } = this.#options;
    const resource = client.resource(this.#kind);
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, scope.signal]);
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const entry: Entry<T> = { users: new Set(), abort, first: promise, current: undefined, known: false };
    promise.catch(() => undefined);
    const set = (object: T | undefined) => {
      const changed = entry.known && entry.current?.metadata.resourceVersion !== object?.metadata.resourceVersion;
      entry.current = object;
      entry.known = true;
      resolve(object);
      if (changed) onChange([...entry.users]);
    };
    const options = { namespace, fieldSelector: `metadata.name=${name}` };
    scope.spawn(`watch ${this.#kind.resource} ${namespace}/${name}`, async () => {
      let failures = 0;
      while (!signal.aborted) {
        try {
          const list = await resource.list(options);
          set(list.items.find((one) => one.metadata.name === name));
          failures = 0;
          await new Promise<void>((ended) => {
            const watching = resource.watch(
              { ...options, resourceVersion: list.metadata.resourceVersion },
              {
                onEvent(event) {
                  if (event.type === 'BOOKMARK') return;
                  set(event.type === 'DELETED' ? undefined : event.object);
                },
                onEnd: () => ended(),
              },
            );
            signal.addEventListener(
              'abort',
              () => {
                watching[Symbol.dispose]();
                ended();
              },
              { once: true },
            );
          });
        } catch (error) {
          if (isNotFound(error)) set(undefined);
          else if (!entry.known) {
            // The reader is told, and asks again at its next try.
            reject(error);
            this.#entries.delete(`${namespace}/${name}`);
            return;
          }
          failures++;
        }
        if (signal.aborted) return;
        await sleep(clock, Math.min(30_000, 200 * 2 ** Math.min(failures, 8)), signal).catch(() => undefined);
      }
    });
    return entry;
  }
}
