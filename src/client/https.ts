// Reaches an API server on another machine (or in another process) over HTTPS with JSON.
import { ApiError, internalError, serviceUnavailableError, type StatusObject } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { requestTimeoutSeconds, responseBytesMax, watchLineBytesMax } from '#base/limits.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { type Random, systemRandom } from '#base/random.ts';
import { HttpsConnections, type HttpsHead, type HttpsRequest, type HttpsServer } from '#host/https-client.ts';
import type { Client } from './client.ts';
import { ClusterClient } from './cluster-client.ts';
import { errorOf } from './resource-client.ts';
import type { Transport, TransportAnswer, TransportRequest, TransportWatchHandlers } from './transport.ts';
import { WatchLines } from './watch-lines.ts';

export interface HttpsClientOptions extends HttpsServer {
  readonly clock: Clock;
  readonly random?: Random | undefined;
  readonly logger?: Logger | undefined;
  readonly userAgent?: string | undefined;
}

export interface HttpsClient extends Client {
  /** For a machine whose addresses change: ends connections from those that it no longer has. */
  endLost(addresses: ReadonlySet<string>): void;
}

export function createHttpsClient(options: HttpsClientOptions): HttpsClient {
  const transport = new HttpsTransport(options);
  const client = new ClusterClient({
    transport,
    clock: options.clock,
    random: options.random ?? systemRandom,
    logger: options.logger ?? silentLogger,
  });
  return Object.assign(client, { endLost: (addresses: ReadonlySet<string>) => transport.endLost(addresses) });
}

/** The server answers within its own timeout; this is for one that is gone. */
const answerTimeoutMs = (requestTimeoutSeconds + 10) * 1_000;

class HttpsTransport implements Transport {
  readonly remote = true;
  readonly #connections: HttpsConnections;
  readonly #options: HttpsClientOptions;
  readonly #userAgent: string;
  readonly #underWay = new Map<Disposable, (error: ApiError) => void>();
  #closed = false;

  constructor(options: HttpsClientOptions) {
    this.#connections = new HttpsConnections(options);
    this.#options = options;
    this.#userAgent = options.userAgent ?? 'microshift';
  }
  endLost(addresses: ReadonlySet<string>): void {
    this.#connections.endLost(addresses);
  }
  async send(request: TransportRequest): Promise<TransportAnswer> {
    try {
      return await this.#exchange(request);
    } catch (error) {
      // A kept connection may be closed by the server just as it is used; reading again is harmless.
      if (request.method === 'GET' && error instanceof LostConnection) return await this.#exchange(request);
      throw error;
    }
  }
  #exchange(request: TransportRequest): Promise<TransportAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(serviceUnavailableError('the client is closed'));
      let head: HttpsHead | undefined;
      const parts: Uint8Array[] = [];
      let size = 0;
      const settle = (run: () => void): void => {
        this.#underWay.delete(exchange);
        run();
      };
      const exchange = this.#connections.open(
        this.#request(request),
        {
          onHead: (received) => void (head = received),
          onData: (bytes) => {
            parts.push(bytes);
            size += bytes.length;
            if (size <= responseBytesMax) return;
            exchange[Symbol.dispose]();
            settle(() => reject(internalError(`the answer is longer than ${responseBytesMax} bytes`)));
          },
          onEnd: (error) =>
            settle(() => {
              if (error !== undefined || head === undefined) return reject(this.#unreachable(error));
              try {
                resolve(answerOf(head, parts));
              } catch (problem) {
                reject(internalError(`the answer of ${this.#options.server} cannot be read: ${messageOf(problem)}`));
              }
            }),
        },
        answerTimeoutMs,
      );
      this.#underWay.set(exchange, reject);
    });
  }
  watch(request: TransportRequest, handlers: TransportWatchHandlers): Disposable {
    let over = false;
    let head: HttpsHead | undefined;
    const refusal: Uint8Array[] = [];
    const lines = new WatchLines(watchLineBytesMax);
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      this.#underWay.delete(watch);
      exchange[Symbol.dispose]();
      return true;
    };
    const end = (error: unknown): void => {
      if (finish()) handlers.onEnd(error);
    };
    const watch: Disposable = { [Symbol.dispose]: () => void finish() };
    if (this.#closed) {
      queueMicrotask(() => {
        if (!over) handlers.onEnd(serviceUnavailableError('the client is closed'));
      });
      return { [Symbol.dispose]: () => void (over = true) };
    }
    this.#underWay.set(watch, end);
    const exchange = this.#connections.open(this.#request(request), {
      onHead: (received) => void (head = received),
      onData: (bytes) => {
        try {
          if (head?.status !== 200) {
            if (refusal.length < 64) refusal.push(Buffer.from(bytes));
            return;
          }
          for (const line of lines.push(bytes)) {
            if (over) return;
            const event = JSON.parse(line) as { type: string; object: unknown };
            if (event.type === 'ERROR') return end(ApiError.fromStatus(event.object as Partial<StatusObject>));
            if (isEventType(event.type)) handlers.onEvent(event.type, event.object);
          }
        } catch (error) {
          end(error);
        }
      },
      onEnd: (error) => {
        if (error !== undefined || head === undefined) return end(this.#unreachable(error));
        try {
          end(head.status === 200 ? undefined : errorOf(answerOf(head, refusal)));
        } catch (problem) {
          end(internalError(`the answer of ${this.#options.server} cannot be read: ${messageOf(problem)}`));
        }
      },
    });
    return watch;
  }
  async close(): Promise<void> {
    this.#closed = true;
    for (const [request, reject] of this.#underWay) {
      request[Symbol.dispose]();
      reject(serviceUnavailableError('the client is closed'));
    }
    this.#underWay.clear();
    this.#connections.close();
  }
  #request({ method, path, query, contentType, body }: TransportRequest): HttpsRequest {
    const text = query.toString();
    return {
      method,
      pathAndQuery: text === '' ? path : `${path}?${text}`,
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    };
  }
  #unreachable(error: Error | undefined): LostConnection {
    return new LostConnection(`cannot reach ${this.#options.server}: ${error?.message ?? 'no answer'}`);
  }
}

/** No answer, or not all of it: whether the request had an effect is unknown. */
class LostConnection extends ApiError {
  constructor(message: string) {
    super(503, 'ServiceUnavailable', message);
  }
}

const isEventType = (type: string): type is 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' =>
  type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK';

function answerOf({ status, headers }: HttpsHead, parts: readonly Uint8Array[]): TransportAnswer {
  const retryAfter = Number(headers['retry-after']);
  const text = Buffer.concat(parts).toString('utf8');
  const isJson = headers['content-type']?.startsWith('application/json') === true;
  return {
    status,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    object: isJson && text !== '' ? (JSON.parse(text) as unknown) : text,
  };
}
