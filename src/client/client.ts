// How every part of the process reaches the cluster: in process or over HTTPS, the same interface (DESIGN decision 1).
// Objects that come out are shared: never change them. All failures are ApiError (api/status.ts).
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { ListMetadata } from '#api/request.ts';

export interface ObjectKey {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ListOptions {
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface WatchOptions extends ListOptions {
  /** Events behind this one. */
  readonly resourceVersion: string;
  /** The server ends the watch in order after so long; absent: the server decides. */
  readonly timeoutSeconds?: number | undefined;
  /** The server says now and then up to which revision it has told everything. */
  readonly allowBookmarks?: boolean | undefined;
}

export interface WriteOptions {
  /** Such as `status`, `scale`, `binding`. */
  readonly subresource?: string | undefined;
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground' | undefined;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
}

export type Patch =
  | { readonly type: 'json'; readonly operations: readonly unknown[] }
  | { readonly type: 'merge'; readonly value: unknown }
  | { readonly type: 'strategic'; readonly value: unknown }
  | { readonly type: 'apply'; readonly value: unknown; readonly force: boolean };

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly metadata: ListMetadata;
}

export interface WatchHandlers<T> {
  onEvent(event: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }): void;
  /** Error: an ApiError (410: list again) or a broken connection; undefined: the server ended it in order. */
  onEnd(error: unknown): void;
}

export interface ResourceClient<T extends KubernetesObject> {
  readonly kind: KindReference<T>;
  get(key: ObjectKey): Promise<T>;
  /** Undefined instead of a NotFound error. */
  find(key: ObjectKey): Promise<T | undefined>;
  list(options?: ListOptions): Promise<ObjectList<T>>;
  create(object: T, options?: WriteOptions): Promise<T>;
  /** POST to a subresource of a named object (binding, eviction, token); the answer's shape is the subresource's. */
  createSubresource<S extends object, R extends object = S>(key: ObjectKey, subresource: string, object: S): Promise<R>;
  /** With metadata.resourceVersion: conditioned on it. */
  update(object: T, options?: WriteOptions): Promise<T>;
  patch(key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>;
  delete(key: ObjectKey, options?: DeleteOptions): Promise<void>;
  watch(options: WatchOptions, handlers: WatchHandlers<T>): Disposable;
}

/** Of an APIResourceList; subresources have a slash in their name. */
export interface DiscoveredResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

export interface Client {
  resource<T extends KubernetesObject>(kind: KindReference<T>): ResourceClient<T>;
  /** The process-wide informer of this kind and restriction; the first call makes it. It starts at its first use and lives as long as the client. */
  informer<T extends KubernetesObject>(kind: KindReference<T>, restriction?: InformerRestriction): Informer<T>;
  /** GET of any path, for what no kind describes, such as a metric of many objects. `path` is percent-encoded, without the query. */
  read(path: string, query?: Readonly<Record<string, string>>): Promise<unknown>;
  /** What the server says that it serves in this group version. */
  discover(group: string, version: string): Promise<readonly DiscoveredResource[]>;
  /** Ends the informers of a kind that is no longer served; asked for again, they begin anew. */
  forget(kind: KindReference): void;
  close(): Promise<void>;
}

export interface InformerRestriction {
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export interface InformerChange<T> {
  /** Absent: the object is new here. */
  readonly previous: T | undefined;
  /** Absent: the object is gone. */
  readonly current: T | undefined;
}

/** Current objects of one kind, kept up to date by a watch. Reads are synchronous and share objects. */
export interface Informer<T extends KubernetesObject> {
  readonly kind: KindReference<T>;
  readonly synced: boolean;
  /** The resource version up to which this informer is current: of its list, its newest event or its newest bookmark. 0 before the first list. */
  readonly revision: number;
  whenSynced(signal?: AbortSignal): Promise<void>;
  get(namespace: string | undefined, name: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** Objects for which `keysOf` gives `value`. The index is made at the first call with this name and kept. */
  byIndex(index: InformerIndex<T>, value: string): readonly T[];
  /** Called for every change after it is visible; objects that are there already come first, synchronously. */
  onChange(listener: (change: InformerChange<T>) => void): Disposable;
}

export interface InformerIndex<T> {
  readonly name: string;
  readonly keysOf: (object: T) => readonly string[];
}

/** Writes events.k8s.io-compatible core/v1 Events: same reason and object within the hour are counted, not repeated. */
export interface EventRecorder {
  event(
    about: KubernetesObject & { kind?: string | undefined; apiVersion?: string | undefined },
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    /** The part of the object, such as `spec.containers{web}`. */
    fieldPath?: string,
    annotations?: Readonly<Record<string, string>>,
  ): void;
}
