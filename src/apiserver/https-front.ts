// Between the TLS listener and the API server: hands it requests (network-request.ts) and writes the answers, with back-pressure on every stream and a bound on what a slow watcher may leave behind.
import { once } from 'node:events';
import { watchBufferBytesMax, watchBufferEventsMax } from '#base/limits.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { listenHttps } from '#host/https-server.ts';
import type { HttpsRequest, HttpsResponse, HttpsServer, HttpsServerOptions } from '#host/https-server.ts';
import type { ApiRequest, ApiResponse, Pieces, RequestHandler, ResponseBody } from '#api/request.ts';
import { goneError } from '#api/status.ts';
import type { Duplex } from 'node:stream';
import { eventLoopTurns } from './event-loop-turn.ts';
import { FanOut } from './fan-out.ts';
import { isPacked, withAcceptEncoding } from './content/gzip.ts';
import { warningHeaders } from './content/warning-headers.ts';
import { isPackedAtOnce, streamPacked, writeInTurn, writePacked } from './long-answer.ts';
import { leaveBody, networkRequest } from './network-request.ts';
import { PartBuffers } from './part-buffers.ts';

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

/** Of all connections of the process. */
const partBuffers = new PartBuffers();

/** Longer answers are not copied once more, and not given to the connection at once. */
const joinedBytesMax = 64 * 1024;

interface Writable {
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array): unknown;
  once(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly destroyed: boolean;
}

const piecesOf = (parts: readonly Uint8Array[]): Pieces => {
  let length = 0;
  for (const part of parts) length += part.length;
  return { length, parts: () => parts };
};

/** Undefined: it has been given to the connection, all of it. */
function writePieces(
  request: HttpsRequest,
  response: HttpsResponse,
  answer: ApiResponse,
  pieces: Pieces,
  breathe: () => Promise<void>,
): Promise<void> | undefined {
  const { length } = pieces;
  // Part of a document is counted in its own bytes.
  if (isPacked(request.headers['accept-encoding'], length) && request.method !== 'HEAD' && answer.status !== 206) {
    const begin = (headers: Readonly<Record<string, string | number>>): void =>
      writeHead(response, answer, { ...headers, vary: withAcceptEncoding(answer.headers['vary']) });
    const packed = isPackedAtOnce(length)
      ? writePacked(response, pieces.parts(), begin)
      : streamPacked(response, pieces.parts(), begin);
    return packed.then((bytes) => answer.sizes?.observe(bytes));
  }
  writeHead(response, answer, length === undefined ? {} : { 'content-length': length });
  const writable = response as unknown as Writable;
  if (request.method === 'HEAD') {
    writable.end();
    if (length !== undefined) answer.sizes?.observe(length);
    return undefined;
  }
  if (length === undefined || length > joinedBytesMax) {
    let written = 0;
    const parts = pieces.parts(partBuffers);
    const counted = writeInTurn(response, parts, breathe, partBuffers, (bytes) => (written += bytes));
    return counted.then(() => answer.sizes?.observe(written));
  }
  answer.sizes?.observe(length);
  const all = [...pieces.parts()];
  writable.end(all.length === 1 ? all[0] : Buffer.concat(all));
  return undefined;
}

/** Events wait here while the socket is full; too many of them end the watch with 410, and the client lists again. */
function writeWatch(
  response: HttpsResponse,
  answer: ApiResponse,
  body: ResponseBody & { type: 'watch' },
  fanOut: FanOut,
): void {
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
  /** Of who waits until everything is written. */
  let whenRead: (() => void) | undefined;
  const stop = (): void => {
    isOver = true;
    forget();
    endWatch();
    whenRead?.();
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
    if (waiting.length > 0 || isFull) return;
    if (isOver && !writable.destroyed) writable.end();
    whenRead?.();
  }
  response.once('close', stop);
  const watch = body.open({
    onEvent(event) {
      if (isOver) return;
      if (!isFull && !fanOut.mayWrite()) {
        isFull = true;
        fanOut.later(drain);
      }
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
    room: () => (isFull ? new Promise((resolve) => (whenRead = resolve)) : undefined),
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

/** How the connections of a front share the event loop. */
interface Turns {
  /** Before the next part of a long answer. */
  readonly breathe: () => Promise<void>;
  readonly fanOut: FanOut;
}

/** Undefined: it has been given to the connection, all of it. */
function writeAnswer(
  request: HttpsRequest,
  response: HttpsResponse,
  answer: ApiResponse,
  asked: ApiRequest,
  { breathe, fanOut }: Turns,
): Promise<void> | undefined {
  const { body } = answer;
  switch (body.type) {
    case 'none':
      writeHead(response, answer, answer.status === 304 || answer.status === 204 ? {} : { 'content-length': 0 });
      response.end();
      return undefined;
    case 'bytes':
      return writePieces(request, response, answer, piecesOf(body.parts), breathe);
    case 'object':
    case 'list': {
      // How long it is must be known where nothing of it follows.
      const pieces = request.method === 'HEAD' ? undefined : body.pieces?.();
      return writePieces(request, response, answer, pieces ?? piecesOf(body.bytes()), breathe);
    }
    case 'watch':
      writeWatch(response, answer, body, fanOut);
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
  const turns: Turns = { breathe: turn, fanOut: new FanOut() };

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
    const written = writeAnswer(request, response, answer, asked, turns);
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
