// Calls the API server of this process as a function: no socket, no encoding, and the same chain of checks as for everybody.
import type { ApiRequest, ApiResponse, Identity, RequestHandler, WatchEvent } from '#api/request.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { ApiError, internalError, serviceUnavailableError, type StatusObject } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { unreachable } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { type Random, systemRandom } from '#base/random.ts';
import type { Client } from './client.ts';
import { ClusterClient } from './cluster-client.ts';
import { readStreamed, readStreamedWatch } from './streamed-answer.ts';
import { errorOf } from './resource-client.ts';
import type { Transport, TransportAnswer, TransportRequest, TransportWatchHandlers } from './transport.ts';

export interface InProcessClientOptions {
  readonly handler: RequestHandler;
  /** In whose name: its rights hold. */
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random?: Random | undefined;
  readonly logger?: Logger | undefined;
  /** The default field manager and the name in audit records. */
  readonly userAgent?: string | undefined;
  /** Default false. True where the handler is reached over something that can break unnoticed: watches get deadlines. */
  readonly remote?: boolean | undefined;
}

export function createInProcessClient(options: InProcessClientOptions): Client {
  return new ClusterClient({
    transport: new InProcessTransport(options),
    clock: options.clock,
    random: options.random ?? systemRandom,
    logger: options.logger ?? silentLogger,
  });
}

class InProcessTransport implements Transport {
  readonly remote: boolean;
  readonly #handler: RequestHandler;
  readonly #identity: Identity;
  readonly #userAgent: string;
  readonly #watches = new Set<Disposable>();
  #closed = false;

  constructor(options: InProcessClientOptions) {
    this.remote = options.remote === true;
    this.#handler = options.handler;
    this.#identity = options.identity;
    this.#userAgent = options.userAgent ?? 'microshift';
  }
  async send(request: TransportRequest): Promise<TransportAnswer> {
    if (this.#closed) throw serviceUnavailableError('the client is closed');
    return await answerOf(await this.#handler.handle(this.#request(request, new AbortController().signal)));
  }
  watch(request: TransportRequest, handlers: TransportWatchHandlers): Disposable {
    const stop = new AbortController();
    let over = false;
    let opened: Disposable | undefined;
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      this.#watches.delete(watch);
      opened?.[Symbol.dispose]();
      stop.abort();
      return true;
    };
    const end = (error: unknown): void => {
      if (finish()) handlers.onEnd(error);
    };
    const watch: Disposable = { [Symbol.dispose]: () => void finish() };
    this.#watches.add(watch);
    const start = async (): Promise<void> => {
      const response = await this.#handler.handle(this.#request(request, stop.signal));
      if (over) return;
      if (response.status >= 400) return end(errorOf(await answerOf(response)));
      if (response.body.type === 'stream') {
        await readStreamedWatch(response.body, deliver);
        return end(undefined);
      }
      if (response.body.type !== 'watch') return end(internalError('the answer is no watch'));
      const sink = { onEvent, onEnd: () => end(undefined) };
      const stream = response.body.open(sink);
      // The watch may have ended while it was opened.
      if (over) stream[Symbol.dispose]();
      else opened = stream;
    };
    const onEvent = (event: WatchEvent): void => {
      if (over) return;
      let object: KubernetesObject;
      try {
        object = event.object();
      } catch (error) {
        return end(error);
      }
      deliver(event.type, object);
    };
    const deliver = (type: WatchEvent['type'], object: KubernetesObject): void => {
      if (over) return;
      // An ERROR event carries a Status in place of an object.
      if (type === 'ERROR') return end(ApiError.fromStatus(object as unknown as Partial<StatusObject>));
      try {
        handlers.onEvent(type, object);
      } catch (error) {
        end(error);
      }
    };
    if (this.#closed) queueMicrotask(() => end(serviceUnavailableError('the client is closed')));
    else start().catch(end);
    return watch;
  }
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }
  #request({ method, path, query, contentType, body }: TransportRequest, signal: AbortSignal): ApiRequest {
    return {
      method,
      path: decodeURIComponent(path),
      query,
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      identity: this.#identity,
      remoteAddress: '127.0.0.1',
      body: body === undefined ? { type: 'none' } : { type: 'object', object: body },
      signal,
    };
  }
}

async function answerOf(response: ApiResponse): Promise<TransportAnswer> {
  const retryAfter = Number(response.headers['retry-after'] ?? response.headers['Retry-After']);
  return {
    status: response.status,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    object: response.body.type === 'stream' ? await readStreamed(response.body) : objectOf(response),
  };
}

function objectOf({ body }: ApiResponse): unknown {
  switch (body.type) {
    case 'none':
      return undefined;
    case 'object':
      return body.object;
    case 'list':
      return { metadata: body.metadata, items: body.objects() };
    case 'bytes': {
      const text = Buffer.concat(body.parts).toString('utf8');
      return body.contentType.startsWith('application/json') ? JSON.parse(text) : text;
    }
    case 'watch':
    case 'stream':
    case 'upgraded':
      throw internalError(`a plain request got an answer of the type ${body.type}`);
    default:
      return unreachable(body);
  }
}
