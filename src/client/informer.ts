// Keeps the objects of one kind current: list, then watch from there; resumes from the last revision seen, lists again when that
// is gone. A watch over the network that is silent for too long is taken for dead (bookmarks break the silence).
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { ApiError, isGone } from '#api/status.ts';
import { type Clock, sleep, type Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { listChunkItemsMax } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import { fraction, type Random } from '#base/random.ts';
import type { Informer, InformerChange, InformerIndex, InformerRestriction, ResourceClient } from './client.ts';
import { objectKey, ObjectStore } from './object-store.ts';

export interface InformerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The client's life. */
  readonly signal: AbortSignal;
  /** Watches may break unnoticed. */
  readonly remote: boolean;
}

const backoffBaseMs = 200;
const backoffMaxMs = 30_000;
/** A watch that lived so long was a good one. */
const goodWatchMs = 5_000;
/** As client-go: between five and ten minutes, so that watches do not all end at once. */
const watchSecondsMin = 300;
/** Upstream sends a bookmark about every minute. */
const silenceWithBookmarksMs = 150_000;
const endGraceMs = 30_000;

export class WatchingInformer<T extends KubernetesObject> implements Informer<T> {
  readonly kind: KindReference<T>;
  readonly #client: ResourceClient<T>;
  readonly #restriction: InformerRestriction;
  readonly #options: InformerOptions;
  readonly #objects = new ObjectStore<T>();
  readonly #listeners = new Set<(change: InformerChange<T>) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #started = false;
  #isSynced = false;
  /** Where the next watch starts; undefined: list first. */
  #version: string | undefined;
  #revision = 0;
  #failures = 0;
  #lastProblem = '';

  constructor(client: ResourceClient<T>, restriction: InformerRestriction, options: InformerOptions) {
    this.kind = client.kind;
    this.#client = client;
    this.#restriction = restriction;
    this.#options = options;
    this.#synced.promise.catch(() => {});
  }
  get synced(): boolean {
    return this.#isSynced;
  }
  get revision(): number {
    return this.#revision;
  }
  whenSynced(signal?: AbortSignal): Promise<void> {
    this.#start();
    if (signal === undefined || this.#isSynced) return this.#synced.promise;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#synced.promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }
  get(namespace: string | undefined, name: string): T | undefined {
    this.#start();
    return this.#objects.get(namespace, name);
  }
  list(namespace?: string): readonly T[] {
    this.#start();
    return this.#objects.list(namespace);
  }
  byIndex(index: InformerIndex<T>, value: string): readonly T[] {
    this.#start();
    return this.#objects.byIndex(index, value);
  }
  onChange(listener: (change: InformerChange<T>) => void): Disposable {
    this.#start();
    // Its own function object: the same listener may be added twice.
    const own = (change: InformerChange<T>): void => listener(change);
    const present = this.#objects.list();
    this.#listeners.add(own);
    for (const current of present) this.#call(own, { previous: undefined, current });
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#run().catch((error: unknown) => {
      this.#synced.reject(error);
      if (!this.#options.signal.aborted)
        this.#options.logger.error('an informer has ended', { resource: this.kind.resource, error: messageOf(error) });
    });
  }
  async #run(): Promise<never> {
    const { signal, clock } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      let startedMs = clock.monotonicMs();
      try {
        if (this.#version === undefined) await this.#list();
        startedMs = clock.monotonicMs();
        await this.#watch(this.#version!);
        // An end in order; a server that ends every watch at once must not be asked in a loop.
        if (clock.monotonicMs() - startedMs < goodWatchMs) await this.#pause();
      } catch (error) {
        signal.throwIfAborted();
        if (isGone(error)) this.#version = undefined;
        else this.#report(error);
        if (clock.monotonicMs() - startedMs >= goodWatchMs) this.#failures = 0;
        await this.#pause();
      }
    }
  }
  /** Full jitter: many informers lose the same server at the same moment. */
  #pause(): Promise<void> {
    const { clock, random, signal } = this.#options;
    const longestMs = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    return sleep(clock, longestMs * fraction(random), signal);
  }
  #report(error: unknown): void {
    const problem = messageOf(error);
    const fields = { resource: this.kind.resource, error: problem };
    // Kinds go with their definition, and whoever watched them is told a little later.
    if (error instanceof ApiError && error.code === 404)
      this.#options.logger.info('an informer finds its kind gone', fields);
    else if (problem === this.#lastProblem) this.#options.logger.debug('an informer cannot list or watch', fields);
    else this.#options.logger.warn('an informer cannot list or watch', fields);
    this.#lastProblem = problem;
  }
  #works(): void {
    this.#failures = 0;
    this.#lastProblem = '';
  }

  async #list(): Promise<void> {
    const found = new Map<string, T>();
    let next: string | undefined;
    let version = '';
    do {
      const page = await this.#client.list({ ...this.#restriction, limit: listChunkItemsMax, continue: next });
      for (const item of page.items) found.set(objectKey(item), item);
      version = page.metadata.resourceVersion;
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (next !== undefined);
    this.#options.signal.throwIfAborted();
    const changes: InformerChange<T>[] = [];
    for (const known of this.#objects.list()) {
      if (found.has(objectKey(known))) continue;
      const change = this.#objects.remove(known);
      if (change !== undefined) changes.push(change);
    }
    for (const object of found.values()) {
      const { namespace, name = '', resourceVersion } = object.metadata;
      if (this.#objects.get(namespace, name)?.metadata.resourceVersion !== resourceVersion)
        changes.push(this.#objects.put(object));
    }
    this.#seen(version);
    this.#lastProblem = '';
    if (!this.#isSynced) {
      this.#isSynced = true;
      this.#synced.resolve();
    }
    this.#tell(changes);
  }
  #watch(from: string): Promise<void> {
    const { clock, random, signal, remote } = this.#options;
    const timeoutSeconds = remote ? Math.ceil(watchSecondsMin * (1 + fraction(random))) : undefined;
    return new Promise((resolve, reject) => {
      let heardMs = clock.monotonicMs();
      let silenceMs = timeoutSeconds === undefined ? 0 : timeoutSeconds * 1_000 + endGraceMs;
      let timer: Timer | undefined;
      const finish = (settle: () => void): void => {
        timer?.cancel();
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const guard = (): void => {
        const leftMs = heardMs + silenceMs - clock.monotonicMs();
        if (leftMs > 0) timer = clock.schedule(leftMs, guard);
        else {
          watch[Symbol.dispose]();
          finish(() => reject(new Error('the watch was silent for too long')));
        }
      };
      const watch = this.#client.watch(
        { ...this.#restriction, resourceVersion: from, timeoutSeconds, allowBookmarks: remote },
        {
          onEvent: ({ type, object }) => {
            heardMs = clock.monotonicMs();
            this.#works();
            if (type === 'BOOKMARK' && remote && silenceMs > silenceWithBookmarksMs) {
              silenceMs = silenceWithBookmarksMs;
              timer?.cancel();
              guard();
            }
            this.#apply(type, object);
          },
          onEnd: (error) => finish(error === undefined ? resolve : () => reject(error)),
        },
      );
      const onAbort = (): void => {
        watch[Symbol.dispose]();
        finish(() => reject(signal.reason));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (silenceMs > 0) guard();
    });
  }
  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: T): void {
    const change =
      type === 'BOOKMARK' ? undefined : type === 'DELETED' ? this.#objects.remove(object) : this.#objects.put(object);
    this.#seen(object.metadata.resourceVersion ?? '');
    if (change !== undefined) this.#tell([change]);
  }
  #seen(version: string): void {
    if (version === '') return;
    this.#version = version;
    this.#revision = Number(version);
  }
  #tell(changes: readonly InformerChange<T>[]): void {
    if (changes.length === 0) return;
    // A listener that is added meanwhile has seen the state with all of these changes.
    const listeners = [...this.#listeners];
    for (const change of changes)
      for (const listener of listeners) if (this.#listeners.has(listener)) this.#call(listener, change);
  }
  #call(listener: (change: InformerChange<T>) => void, change: InformerChange<T>): void {
    try {
      listener(change);
    } catch (error) {
      const { namespace = '', name = '' } = (change.current ?? change.previous)?.metadata ?? {};
      const fields = { resource: this.kind.resource, namespace, name, error: messageOf(error) };
      this.#options.logger.error('a listener of an informer failed', fields);
    }
  }
}
