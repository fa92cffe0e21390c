// Between the TLS listener and the API server: turns requests of node's http and http2 into ApiRequest and writes the
// answers, with back-pressure on every stream and a bound on what a slow watcher may leave behind.
import { once } from 'node:events';
import { watchBufferEventsMax } from '#base/limits.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { clientCertificateOf, listenHttps } from '#host/https-server.ts';
import type {
  ClientCertificate,
  HttpsRequest,
  HttpsResponse,
  HttpsServer,
  HttpsServerOptions,
} from '#host/https-server.ts';
import type { ApiRequest, ApiResponse, RequestBody, RequestHandler, ResponseBody } from '#api/request.ts';
import { requestEntityTooLargeError, goneError } from '#api/status.ts';
import type { Duplex, Readable } from 'node:stream';
import { isPacked, pack, withAcceptEncoding } from './content/gzip.ts';
import { warningHeaders } from './content/warning-headers.ts';

const headersOf = (request: HttpsRequest): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(':')) headers[name] = Array.isArray(value) ? value.join(',') : value;
  headers['host'] ??= String(request.headers[':authority'] ?? '');
  return headers;
};

const clientGone = new DOMException('the client has gone', 'AbortError');

/** Requests whose body somebody waits for, and those whose rest nobody takes any more. */
const bodiesInReading = new WeakSet<HttpsRequest>();
const bodiesLeft = new WeakSet<HttpsRequest>();

async function readAll(request: HttpsRequest, limitBytes: number): Promise<Uint8Array> {
  const length = Number(request.headers['content-length'] ?? 0);
  const tooLarge = () => requestEntityTooLargeError(`Request entity too large: limit is ${limitBytes}`);
  if (length > limitBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // A refused body must not take the connection with it: the answer still has to go out.
  for await (const chunk of (request as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  // Of HTTP/2 a body that was cut off looks like one that ended.
  if (request.aborted || bodiesLeft.has(request)) throw clientGone;
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

const hasBody = (request: HttpsRequest): boolean =>
  request.headers['content-length'] !== undefined
    ? request.headers['content-length'] !== '0'
    : request.headers['transfer-encoding'] !== undefined ||
      (request.httpVersionMajor === 2 && !['GET', 'HEAD'].includes(request.method ?? ''));

const certificatesOf = (
  certificate: ClientCertificate | undefined,
): Pick<ApiRequest, 'certificate' | 'frontProxyName'> =>
  certificate === undefined
    ? {}
    : {
        ...(certificate.isClient ? { certificate } : {}),
        ...(certificate.isFrontProxy ? { frontProxyName: certificate.commonName } : {}),
      };

/** What of its body a client still sends once it has its answer: nobody wants it, and who waits for it must not go on waiting. */
function leaveBody(request: HttpsRequest, response: HttpsResponse): void {
  if (request.complete) return;
  if (!bodiesInReading.has(request)) {
    // Unread it would hold the connection.
    request.resume();
    return;
  }
  bodiesLeft.add(request);
  if ('stream' in request) {
    // Once the answer has gone out.
    request.stream.close();
    return;
  }
  const end = (): void => void request.destroy();
  if (response.writableFinished) end();
  else response.once('finish', end);
}

/** Parameters that Go cannot read do not count, as at upstream. */
const unreadable = /;|%(?![0-9A-Fa-f]{2})/;
const queryOf = (text: string): URLSearchParams =>
  new URLSearchParams(
    unreadable.test(text)
      ? text
          .split('&')
          .filter((pair) => !unreadable.test(pair))
          .join('&')
      : text,
  );

function apiRequest(
  request: HttpsRequest,
  gone: AbortController,
  upgrade?: { readonly socket: Duplex; readonly head: Uint8Array },
): ApiRequest | undefined {
  const target = request.url ?? '/';
  const at = target.indexOf('?');
  let path: string;
  try {
    path = decodeURIComponent(at < 0 ? target : target.slice(0, at));
  } catch {
    return undefined;
  }
  const body: RequestBody = hasBody(request)
    ? {
        type: 'bytes',
        async read(limitBytes) {
          bodiesInReading.add(request);
          try {
            return await readAll(request, limitBytes);
          } finally {
            bodiesInReading.delete(request);
          }
        },
        stream: () => (request as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
      }
    : { type: 'none' };
  return {
    method: request.method ?? 'GET',
    path,
    query: queryOf(at < 0 ? '' : target.slice(at + 1)),
    headers: headersOf(request),
    rawHeaders: request.rawHeaders,
    ...certificatesOf(clientCertificateOf(request)),
    remoteAddress: request.socket.remoteAddress ?? '',
    body,
    signal: gone.signal,
    abandon: () => gone.abort(clientGone),
    ...(upgrade === undefined ? {} : { upgrade }),
  };
}

const contentTypeOf = (body: ResponseBody): string | undefined =>
  body.type === 'object' || body.type === 'list'
    ? 'application/json'
    : body.type === 'bytes' || body.type === 'watch' || body.type === 'stream'
      ? body.contentType
      : undefined;

function writeHead(response: HttpsResponse, answer: ApiResponse, more: Record<string, string | number> = {}): void {
  const contentType = contentTypeOf(answer.body);
  const headers: Record<string, string | number | string[]> = {
    'cache-control': 'no-cache, private',
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...answer.headers,
    ...more,
  };
  if (answer.warnings.length > 0) headers['warning'] = warningHeaders(answer.warnings);
  (response as unknown as { writeHead(status: number, headers: object): void }).writeHead(answer.status, headers);
}

interface Writable {
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array): unknown;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly destroyed: boolean;
}

async function writeParts(
  request: HttpsRequest,
  response: HttpsResponse,
  answer: ApiResponse,
  parts: readonly Uint8Array[],
): Promise<void> {
  const isHead = request.method === 'HEAD';
  let length = 0;
  for (const part of parts) length += part.length;
  // Part of a document is counted in its own bytes.
  if (isPacked(request.headers['accept-encoding'], length) && !isHead && answer.status !== 206) {
    const packed = await pack(parts);
    writeHead(response, answer, {
      'content-encoding': 'gzip',
      'content-length': packed.length,
      vary: withAcceptEncoding(answer.headers['vary']),
    });
    answer.sizes?.observe(packed.length);
    response.end(packed);
    return;
  }
  writeHead(response, answer, { 'content-length': length });
  answer.sizes?.observe(length);
  const writable = response as unknown as Writable;
  if (isHead) {
    writable.end();
    return;
  }
  writable.end(parts.length === 1 ? parts[0] : Buffer.concat(parts));
}

/** Events wait here while the socket is full; too many of them end the watch with 410, and the client lists again. */
function writeWatch(response: HttpsResponse, answer: ApiResponse, body: ResponseBody & { type: 'watch' }): void {
  writeHead(response, answer, answer.headers);
  const writable = response as unknown as Writable;
  if ('flushHeaders' in response) response.flushHeaders();
  const waiting: Uint8Array[] = [];
  /** What waits is behind this index; sent ones are cut off now and then. */
  let sent = 0;
  /** The state that a watch begins with counts for nothing: it is as large as it is. */
  let waitingMax = watchBufferEventsMax;
  let isOpening = true;
  let isFull = false;
  let isOver = false;
  const opened: Disposable[] = [];
  const endWatch = (): void => {
    for (const watch of opened.splice(0)) watch[Symbol.dispose]();
  };
  const stop = (): void => {
    isOver = true;
    waiting.length = 0;
    sent = 0;
    endWatch();
  };
  const waitForDrain = (): void => {
    isFull = true;
    writable.once('drain', drain);
  };
  const write = (bytes: Uint8Array): void => {
    answer.sizes?.observe(bytes.length);
    if (!writable.write(bytes)) waitForDrain();
  };
  function drain(): void {
    isFull = false;
    while (sent < waiting.length && !isFull) write(waiting[sent++]!);
    if (sent === waiting.length || sent > 1_000) {
      waiting.splice(0, sent);
      sent = 0;
    }
    if (waiting.length === 0) waitingMax = watchBufferEventsMax;
    if (waiting.length === 0 && isOver && !isFull && !writable.destroyed) writable.end();
  }
  response.once('close', stop);
  const watch = body.open({
    onEvent(event) {
      if (isOver) return;
      if (!isFull) {
        write(event.bytes());
        return;
      }
      if (isOpening) waitingMax++;
      if (waiting.length - sent < waitingMax) {
        waiting.push(event.bytes());
        return;
      }
      endWatch();
      isOver = true;
      waiting.push(body.failure(goneError('the watch is too slow: its buffer is full, list again')).bytes());
    },
    onEnd() {
      isOver = true;
      if (!isFull && !writable.destroyed) writable.end();
    },
  });
  isOpening = false;
  opened.push(watch);
  if (isOver) endWatch();
}

async function writeStream(
  response: HttpsResponse,
  answer: ApiResponse,
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  writeHead(response, answer);
  if ('flushHeaders' in response) response.flushHeaders();
  const writable = response as unknown as Writable;
  for await (const chunk of stream) {
    if (signal.aborted) return;
    if (!writable.write(chunk)) await once(response, 'drain', { signal });
  }
  writable.end();
}

async function writeAnswer(
  request: HttpsRequest,
  response: HttpsResponse,
  answer: ApiResponse,
  signal: AbortSignal,
): Promise<void> {
  const { body } = answer;
  switch (body.type) {
    case 'none':
      writeHead(response, answer, answer.status === 304 || answer.status === 204 ? {} : { 'content-length': 0 });
      response.end();
      return;
    case 'bytes':
      return writeParts(request, response, answer, body.parts);
    case 'object':
    case 'list':
      return writeParts(request, response, answer, body.bytes());
    case 'watch':
      writeWatch(response, answer, body);
      return;
    case 'stream':
      return writeStream(response, answer, body.stream, signal);
    default:
  }
}

/** An answer on a connection that was to be upgraded but is not. */
async function writeRaw(socket: Duplex, answer: ApiResponse): Promise<void> {
  const { body } = answer;
  const parts = body.type === 'bytes' ? body.parts : body.type === 'object' || body.type === 'list' ? body.bytes() : [];
  const bytes = Buffer.concat(parts);
  const lines = [
    `HTTP/1.1 ${answer.status} `,
    `content-type: ${contentTypeOf(body) ?? 'text/plain'}`,
    `content-length: ${bytes.length}`,
    'connection: close',
    ...Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]));
}

export interface HttpsFrontOptions extends Pick<
  HttpsServerOptions,
  'address' | 'port' | 'certificate' | 'namedCertificates' | 'clientAuthorities' | 'frontProxyAuthorities' | 'patience'
> {
  readonly handler: RequestHandler;
  readonly logger: Logger;
}

/** Serves the API over the network until the result is closed. */
export async function startHttpsFront({ handler, logger, ...listener }: HttpsFrontOptions): Promise<HttpsServer> {
  const failed = (error: unknown): void => logger.debug('connection failed', { error: messageOf(error) });

  const serve = async (request: HttpsRequest, response: HttpsResponse): Promise<void> => {
    const gone = new AbortController();
    // Most answers are complete by then: an abort that nobody hears would cost an exception with its stack.
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(clientGone);
    });
    const asked = apiRequest(request, gone);
    if (asked === undefined) {
      response.statusCode = 400;
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      if (request.httpVersionMajor === 1) response.setHeader('connection', 'close');
      response.end('400 Bad Request');
      return;
    }
    const answer = await handler.handle(asked);
    // Logs and proxies: as long as they like.
    if (answer.body.type === 'stream') listening.letGo(response);
    await writeAnswer(request, response, answer, gone.signal);
    leaveBody(request, response);
  };

  const listening: HttpsServer = await listenHttps({
    ...listener,
    onRequest(request, response) {
      response.on('error', failed);
      serve(request, response).catch((error: unknown) => {
        failed(error);
        (response as { destroy?: () => void }).destroy?.();
      });
    },
    onUpgrade(request, socket, head) {
      const gone = new AbortController();
      socket.on('error', failed);
      socket.once('close', () => gone.abort(clientGone));
      const asked = apiRequest(request, gone, { socket, head });
      if (asked === undefined) {
        socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
        return;
      }
      handler
        .handle(asked)
        .then((answer) => (answer.body.type === 'upgraded' ? undefined : writeRaw(socket, answer)))
        .catch((error: unknown) => {
          failed(error);
          socket.destroy();
        });
    },
    onConnectionError: failed,
  });
  return listening;
}
