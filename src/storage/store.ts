// The one storage interface. A store holds JSON objects under string keys, counts revisions, and tells watchers.
//
// Every implementation keeps current objects in this process, so reads are synchronous and share one copy (DESIGN decisions
// 2 and 3); `consistent()` is what a reader awaits first where writers in other processes exist (etcd). Keys look like
// `/registry/pods/default/web-0`; a prefix ends with `/`.
import type { KubernetesObject } from '#api/kind.ts';

/** Grows by one a write, over all keys; never repeats, also after a crash. */
export type Revision = number;

/** One object at one revision; immutable, shared by every reader. */
export interface StoredObject {
  readonly key: string;
  /** Revision of the write that made this. Sent as metadata.resourceVersion. */
  readonly revision: Revision;
  readonly createRevision: Revision;
  /** JSON text in UTF-8, beginning with kind and apiVersion, without metadata.resourceVersion. */
  readonly bytes: Uint8Array;
  /** Offset in `bytes` at which `"resourceVersion":"N",` belongs: right behind `"metadata":{`. */
  readonly versionOffset: number;
  /** Somebody holds it decoded: `object()` costs nothing. */
  readonly isDecoded: boolean;
  /** Wall clock milliseconds at which the store removes it by itself; 0: never. */
  readonly expiresAt: number;
  /** Decoded at first use, then shared; deeply frozen in tests. Has metadata.resourceVersion. */
  object(): KubernetesObject;
}

/** `durable`: acknowledged means on disk. `lazy` (node Lease renewals, node heartbeats, Events): acknowledged at once, on disk with the next durable write or within 60 s. */
export type Durability = 'durable' | 'lazy';

export interface WriteRequest {
  readonly key: string;
  /** The revision that the key must have now; 0: must not exist. A write never goes unconditioned. */
  readonly expectedRevision: Revision;
  /** Without metadata.resourceVersion; undefined removes the key. Not changed and not kept by the caller afterwards. */
  readonly object: KubernetesObject | undefined;
  /** No part of the object is, or ever will be, anybody else's to change, nor a piece of a longer text: readers may share it. Default false. */
  readonly isGiven?: boolean | undefined;
  readonly durability: Durability;
  /** The key is removed by the store after so many seconds (Events). */
  readonly timeToLiveSeconds?: number | undefined;
}

export type WriteResult =
  /** `stored` is the new state; for a removal the last state, its `revision` being the revision of the removal. */
  | { readonly ok: true; readonly stored: StoredObject }
  /** The key is at another revision; `current` is what is there now. */
  | { readonly ok: false; readonly current: StoredObject | undefined };

export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly revision: Revision;
  /** put: the new state. delete: the last state with the revision of the delete. */
  readonly stored: StoredObject;
  /** The state before; absent when the key was created. */
  readonly previous: StoredObject | undefined;
}

export interface ListPage {
  /** In key order. */
  readonly items: readonly StoredObject[];
  /** Revision at which this is the state. */
  readonly revision: Revision;
  /** Items behind the last one returned. */
  readonly remaining: number;
}

export interface StoreWatcher {
  /** Events in revision order, each once. Called synchronously after a commit; must not throw and not block. */
  onEvents(events: readonly StoreEvent[]): void;
  /** The watch is over: the store closes, or history no longer reaches back (`compacted`). */
  onEnd(reason: 'closed' | 'compacted'): void;
}

export interface Store {
  /** The newest revision visible here. */
  readonly revision: Revision;
  /** The oldest revision from which a watch or an exact list may start. */
  readonly compactedRevision: Revision;
  get(key: string): StoredObject | undefined;
  /** Objects below `prefix`, behind key `startAfter`, at most `limit`; `at`: as they were at that revision, undefined when compacted or too long ago. */
  list(prefix: string, options?: { startAfter?: string | undefined; limit?: number | undefined }): ListPage;
  listAt(
    prefix: string,
    at: Revision,
    options?: { startAfter?: string | undefined; limit?: number | undefined },
  ): ListPage | undefined;
  count(prefix: string): number;
  /** Resolves once this process sees everything that was acknowledged anywhere before the call. Undefined: it does, as embedded stores always do. */
  consistent(request?: { readonly signal: AbortSignal }): Promise<void> | undefined;
  /** Rejects with StoreUnavailableError when the medium fails, StoreRefusedError when it has no room for it; then nothing of it was acknowledged. */
  write(request: WriteRequest): Promise<WriteResult>;
  /** All events below `prefix` with a revision above `after`. Undefined: that is compacted, list again. */
  watch(prefix: string, after: Revision, watcher: StoreWatcher): Disposable | undefined;
  /**
   * `name` is this process's until the answer is disposed of, or for a minute; undefined: another process has it. What was acknowledged
   * anywhere before is visible here when this resolves. Absent: there are no other processes.
   */
  claim?(name: string): Promise<Disposable | undefined>;
  /** Makes every lazy write durable, then closes. */
  close(): Promise<void>;
}

/** The store does not take this, now or ever. The message is upstream's, by which clients know it. */
export class StoreRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreRefusedError';
  }
}

/** There is no room for what would grow; removals go on. */
export class StoreFullError extends StoreRefusedError {
  constructor() {
    super('etcdserver: mvcc: database space exceeded');
    this.name = 'StoreFullError';
  }
}

/** The medium refuses: disk full, I/O error, remote store away. */
export class StoreUnavailableError extends Error {
  /** Nobody knows whether the write was done: whoever repeats it blindly may meet what he wrote himself. */
  readonly isOutcomeUnknown: boolean;
  /** It did not answer for a long time: to ask again soon helps nobody. */
  readonly isSilent: boolean;
  constructor(
    message: string,
    options?: ErrorOptions & { readonly isOutcomeUnknown?: boolean; readonly isSilent?: boolean },
  ) {
    super(message, options);
    this.name = 'StoreUnavailableError';
    this.isOutcomeUnknown = options?.isOutcomeUnknown ?? false;
    this.isSilent = options?.isSilent ?? false;
  }
}
