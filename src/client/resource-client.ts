// Requests for one kind, the same over every transport: paths, queries, bodies, errors.
import { ApiError, badRequestError, internalError, isNotFound, type StatusObject } from '#api/status.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { ListMetadata } from '#api/request.ts';
import { type Clock, sleep } from '#base/clock.ts';
import { requestRetriesMax } from '#base/limits.ts';
import type {
  DeleteOptions,
  ListOptions,
  ObjectKey,
  ObjectList,
  Patch,
  ResourceClient,
  WatchHandlers,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport.ts';

const jsonType = 'application/json';
const patchTypes: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export const apiVersionOf = (kind: KindReference): string =>
  kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;

export interface RequestContext {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Aborted when the client closes. */
  readonly signal: AbortSignal;
}

export class KindClient<T extends KubernetesObject> implements ResourceClient<T> {
  readonly kind: KindReference<T>;
  readonly #context: RequestContext;
  readonly #base: string;
  readonly #apiVersion: string;

  constructor(kind: KindReference<T>, context: RequestContext) {
    this.kind = kind;
    this.#context = context;
    this.#base = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
    this.#apiVersion = apiVersionOf(kind);
  }
  async get(key: ObjectKey): Promise<T> {
    return this.#object(await this.#call({ method: 'GET', path: this.#named(key), query: new URLSearchParams() }));
  }
  async find(key: ObjectKey): Promise<T | undefined> {
    try {
      return await this.get(key);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
  async list(options: ListOptions = {}): Promise<ObjectList<T>> {
    const answer = await this.#call({
      method: 'GET',
      path: this.#collection(options.namespace),
      query: listQuery(options),
    });
    // The API server's answer for this kind; items of built-in kinds come without kind and apiVersion over the network.
    const list = answer.object as { readonly items?: readonly T[] | null; readonly metadata: ListMetadata };
    const items = list.items ?? [];
    return {
      items: items.every((item) => item.kind !== undefined) ? items : items.map((one) => this.#typed(one)),
      metadata: list.metadata,
    };
  }
  async create(object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    const path =
      options.subresource === undefined
        ? this.#collection(this.#requiredNamespace(namespace))
        : this.#named({ namespace, name: name ?? '' }, options.subresource);
    return this.#object(
      await this.#call({
        method: 'POST',
        path,
        query: writeQuery(options),
        contentType: jsonType,
        body: options.subresource === undefined ? this.#typed(object) : object,
      }),
    );
  }
  async createSubresource<S extends object, R extends object = S>(
    key: ObjectKey,
    subresource: string,
    object: S,
  ): Promise<R> {
    const answer = await this.#call({
      method: 'POST',
      path: this.#named(key, subresource),
      query: new URLSearchParams(),
      contentType: jsonType,
      body: object,
    });
    return answer.object as R;
  }
  async update(object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name = '' } = object.metadata;
    return this.#object(
      await this.#call({
        method: 'PUT',
        path: this.#named({ namespace, name }, options.subresource),
        query: writeQuery(options),
        contentType: jsonType,
        body: this.#typed(object),
      }),
    );
  }
  async patch(key: ObjectKey, patch: Patch, options: WriteOptions = {}): Promise<T> {
    const query = writeQuery(options);
    if (patch.type === 'apply' && patch.force) query.set('force', 'true');
    return this.#object(
      await this.#call({
        method: 'PATCH',
        path: this.#named(key, options.subresource),
        query,
        contentType: patchTypes[patch.type],
        body: patch.type === 'json' ? patch.operations : patch.value,
      }),
    );
  }
  async delete(key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#call({
      method: 'DELETE',
      path: this.#named(key),
      query: new URLSearchParams(),
      contentType: jsonType,
      body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
    });
  }
  watch(options: WatchOptions, handlers: WatchHandlers<T>): Disposable {
    const query = listQuery(options);
    query.set('watch', 'true');
    if (options.allowBookmarks === true) query.set('allowWatchBookmarks', 'true');
    if (options.timeoutSeconds !== undefined) query.set('timeoutSeconds', String(Math.ceil(options.timeoutSeconds)));
    const request: TransportRequest = { method: 'GET', path: this.#collection(options.namespace), query };
    return this.#context.transport.watch(request, {
      onEvent: (type, object) => handlers.onEvent({ type, object: object as T }),
      onEnd: (error) => handlers.onEnd(error),
    });
  }

  #collection(namespace: string | undefined): string {
    return namespace === undefined || namespace === '' || !this.kind.namespaced
      ? `${this.#base}/${this.kind.resource}`
      : `${this.#base}/namespaces/${encodeURIComponent(namespace)}/${this.kind.resource}`;
  }
  #requiredNamespace(namespace: string | undefined): string | undefined {
    if (this.kind.namespaced && (namespace === undefined || namespace === ''))
      throw badRequestError('an empty namespace may not be set when a resource name is provided');
    return namespace;
  }
  #named({ namespace, name }: ObjectKey, subresource?: string): string {
    if (name === '') throw badRequestError('resource name may not be empty');
    // Upstream's IsValidPathSegmentName: such a name would lead to another path.
    if (name === '.' || name === '..' || /[/%]/.test(name))
      throw badRequestError(`invalid resource name ${JSON.stringify(name)}`);
    const path = `${this.#collection(this.#requiredNamespace(namespace))}/${encodeURIComponent(name)}`;
    return subresource === undefined ? path : `${path}/${subresource}`;
  }
  #typed(object: T): T {
    if (object.kind !== undefined && object.apiVersion !== undefined) return object;
    return { ...object, kind: this.kind.kind, apiVersion: this.#apiVersion };
  }
  #object(answer: TransportAnswer): T {
    return answer.object as T;
  }
  async #call(request: TransportRequest): Promise<TransportAnswer> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#context.transport.send(request);
      if (answer.status < 400) return answer;
      const error = errorOf(answer);
      if (answer.status !== 429 || answer.retryAfterSeconds === undefined || attempt >= requestRetriesMax) throw error;
      await sleep(this.#context.clock, answer.retryAfterSeconds * 1_000, this.#context.signal);
    }
  }
}

/** The error that an answer stands for, also where the server (or a proxy before it) sent no Status. */
export function errorOf(answer: { readonly status: number; readonly object: unknown }): ApiError {
  const { status, object } = answer;
  if (typeof object === 'object' && object !== null && (object as Partial<StatusObject>).kind === 'Status')
    return ApiError.fromStatus({ code: status, ...(object as Partial<StatusObject>) });
  if (status === 500) return internalError('the server gave no reason');
  return new ApiError(
    status,
    '',
    typeof object === 'string' && object !== '' ? object : `the server answered ${status}`,
  );
}

function listQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
  if (options.limit !== undefined) query.set('limit', String(options.limit));
  if (options.continue !== undefined) query.set('continue', options.continue);
  if (options.resourceVersion !== undefined) query.set('resourceVersion', options.resourceVersion);
  return query;
}
function writeQuery(options: WriteOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.fieldManager !== undefined) query.set('fieldManager', options.fieldManager);
  if (options.dryRun === true) query.set('dryRun', 'All');
  return query;
}
