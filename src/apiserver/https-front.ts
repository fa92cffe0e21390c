// Between the TLS listener and the API server: hands it requests (network-request.ts) and writes the answers, with back-pressure on every stream and a bound on what a slow watcher may leave behind.
import { once } from 'node:events';
import { watchBufferBytesMax, watchBufferEventsMax } from '#base/limits.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { listenHttps } from '#host/https-server.ts';
import type { HttpsRequest, HttpsResponse, HttpsServer, HttpsServerOptions } from '#host/https-server.ts';
import type { ApiRequest, ApiResponse, RequestHandler, ResponseBody } from '#api/request.ts';
import { goneError } from '#api/status.ts';
import type { Duplex } from 'node:stream';
import { eventLoopTurns } from './event-loop-turn.ts';
import { isPacked, pack, withAcceptEncoding } from './content/gzip.ts';
import { warningHeaders } from './content/warning-headers.ts';
import { leaveBody, networkRequest } from './network-request.ts';

const contentTypeOf = (body: ResponseBody): string | undefined =>
  body.type === 'object' || body.type === 'list'
    ? 'application/json'
    : body.type === 'bytes' || body.type === 'watch' || body.type === 'stream'
      ? body.contentType
      : undefined;

function writeHead(response: HttpsResponse, answer: ApiResponse, more: Record<string, string | number> = {}): void {
  const contentType = contentTypeOf(answer.body);
  const headers: Record<string, string | number | string[]> = { 'cache-control': 'no-cache, private' };
  if (contentType !== undefined) headers['content-type'] = contentType;
  Object.assign(headers, answer.headers, more);
  if (answer.warnings.length > 0) headers['warning'] = warningHeaders(answer.warnings);
  (response as unknown as { writeHead(status: number, headers: object): void }).writeHead(answer.status, headers);
}

/** Longer answers are not copied once more, and not given to the connection at once. */
const joinedBytesMax = 64 * 1024;

interface Writable {
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array): unknown;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly destroyed: boolean;
}

/** Undefined: it has been given to the connection, all of it. */
function writeParts(
  request: HttpsRequest,
  response: HttpsResponse,
  answer: ApiResponse,
  parts: readonly Uint8Array[],
): Promise<void> | undefined {
  const isHead = request.method === 'HEAD';
  let length = 0;
  for (const part of parts) length += part.length;
  // Part of a document is counted in its own bytes.
  if (isPacked(request.headers['accept-encoding'], length) && !isHead && answer.status !== 206)
    return writePacked(response, answer, parts);
  writeHead(response, answer, { 'content-length': length });
  answer.sizes?.observe(length);
  const writable = response as unknown as Writable;
  if (isHead) writable.end();
  else if (length > joinedBytesMax && parts.length > 1) return writeInTurn(response, parts);
  else writable.end(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  return undefined;
}

async function writePacked(response: HttpsResponse, answer: ApiResponse, parts: readonly Uint8Array[]): Promise<void> {
  const packed = await pack(parts);
  writeHead(response, answer, {
    'content-encoding': 'gzip',
    'content-length': packed.length,
    vary: withAcceptEncoding(answer.headers['vary']),
  });
  answer.sizes?.observe(packed.length);
  response.end(packed);
}

const hasRoomOrCloses = (writable: Writable): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      writable.off('drain', end);
      writable.off('close', end);
      resolve();
    };
    writable.once('drain', end);
    writable.once('close', end);
  });

/** Each when the connection has room again: others have the event loop in between. */
async function writeInTurn(response: HttpsResponse, parts: readonly Uint8Array[]): Promise<void> {
  const writable = response as unknown as Writable;
  for (const part of parts) {
    if (writable.destroyed) return;
    if (!writable.write(part)) await hasRoomOrCloses(writable);
  }
  writable.end();
}

/** Events wait here while the socket is full; too many of them end the watch with 410, and the client lists again. */
function writeWatch(response: HttpsResponse, answer: ApiResponse, body: ResponseBody & { type: 'watch' }): void {
  writeHead(response, answer, answer.headers);
  const writable = response as unknown as Writable;
  if ('flushHeaders' in response) response.flushHeaders();
  const waiting: Uint8Array[] = [];
  /** What waits is behind this index; sent ones are cut off now and then. */
  let sent = 0;
  let waitingBytes = 0;
  /** The state that a watch begins with counts for nothing: it is as large as it is. */
  let waitingMax = watchBufferEventsMax;
  let waitingBytesMax = watchBufferBytesMax;
  let isOpening = true;
  let isFull = false;
  let isOver = false;
  const opened: Disposable[] = [];
  const endWatch = (): void => {
    for (const watch of opened.splice(0)) watch[Symbol.dispose]();
  };
  const stop = (): void => {
    isOver = true;
    forget();
    endWatch();
  };
  const forget = (): void => {
    waiting.length = 0;
    sent = 0;
    waitingBytes = 0;
  };
  const keep = (bytes: Uint8Array): void => {
    waitingBytes += bytes.length;
    waiting.push(bytes);
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
    while (sent < waiting.length && !isFull) {
      const bytes = waiting[sent++]!;
      waitingBytes -= bytes.length;
      write(bytes);
    }
    if (sent === waiting.length || sent > 1_000) {
      waiting.splice(0, sent);
      sent = 0;
    }
    if (waiting.length === 0) {
      waitingMax = watchBufferEventsMax;
      waitingBytesMax = watchBufferBytesMax;
    }
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
      const bytes = event.bytes();
      if (isOpening) {
        waitingMax++;
        waitingBytesMax += bytes.length;
      }
      if (waiting.length - sent < waitingMax && waitingBytes + bytes.length <= waitingBytesMax) {
        keep(bytes);
        return;
      }
      endWatch();
      isOver = true;
      // Who does not read keeps nothing here: what it missed it lists again.
      forget();
      keep(body.failure(goneError('the watch is too slow: its buffer is full, list again')).bytes());
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

/** Undefined: it has been given to the connection, all of it. */
function writeAnswer(
  request: HttpsRequest,
  response: HttpsResponse,
  answer: ApiResponse,
  asked: ApiRequest,
): Promise<void> | undefined {
  const { body } = answer;
  switch (body.type) {
    case 'none':
      writeHead(response, answer, answer.status === 304 || answer.status === 204 ? {} : { 'content-length': 0 });
      response.end();
      return undefined;
    case 'bytes':
      return writeParts(request, response, answer, body.parts);
    case 'object':
    case 'list':
      return writeParts(request, response, answer, body.bytes());
    case 'watch':
      writeWatch(response, answer, body);
      return undefined;
    case 'stream':
      return writeStream(response, answer, body.stream, asked.signal);
    default:
      return undefined;
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
  const arrival = eventLoopTurns();
  const turn = eventLoopTurns();

  const serve = async (request: HttpsRequest, response: HttpsResponse): Promise<void> => {
    const asked = networkRequest(request);
    if (asked === undefined) {
      response.statusCode = 400;
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      if (request.httpVersionMajor === 1) response.setHeader('connection', 'close');
      response.end('400 Bad Request');
      return;
    }
    // Most answers are complete by then: an abort that nobody hears would cost an exception with its stack.
    response.on('close', () => {
      if (!response.writableFinished) asked.abandon();
    });
    await arrival();
    const answer = await handler.handle(asked);
    // Logs and proxies: as long as they like.
    if (answer.body.type === 'stream') listening.letGo(response);
    else if (answer.body.type !== 'watch') await turn();
    const written = writeAnswer(request, response, answer, asked);
    if (written !== undefined) await written;
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
      socket.on('error', failed);
      const asked = networkRequest(request, { socket, head });
      socket.once('close', () => asked?.abandon());
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
