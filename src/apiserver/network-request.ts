// One request of node's http or http2 as the API server sees it: path and query read once, its body as somebody wants it, an
// abort signal for who asks for one. Not here: answers (https-front.ts).
import type { Readable } from 'node:stream';
import type { ApiRequest, RequestBody } from '#api/request.ts';
import { requestEntityTooLargeError } from '#api/status.ts';
import { clientCertificateOf } from '#host/https-server.ts';
import type { ClientCertificate, HttpsRequest, HttpsResponse } from '#host/https-server.ts';

const headersOf = (request: HttpsRequest): Readonly<Record<string, string | undefined>> => {
  // Of HTTP/1.1 they are names and texts already, but for the one header that is a list.
  const own = request.headers;
  if (!('stream' in request) && own['set-cookie'] === undefined && own.host !== undefined)
    return own as Readonly<Record<string, string | undefined>>;
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

/** A body of HTTP/1.1 that has come as a whole, as small ones do; undefined: it has to be waited for. */
function wholeBody(request: HttpsRequest, length: number): Uint8Array | undefined {
  if ('stream' in request || !request.complete || request.readableLength !== length || request.aborted)
    return undefined;
  const chunks: Uint8Array[] = [];
  for (let size = 0; size < length; size += chunks.at(-1)!.length) chunks.push(request.read() as Uint8Array);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

const tooLarge = (limitBytes: number) => requestEntityTooLargeError(`Request entity too large: limit is ${limitBytes}`);

/** The rest of it is waited for. */
async function readAll(request: HttpsRequest, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // A refused body must not take the connection with it: the answer still has to go out.
  for await (const chunk of (request as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limitBytes) throw tooLarge(limitBytes);
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

/** What of its body a client still sends once it has its answer: nobody wants it, and who waits for it must not go on waiting. */
export function leaveBody(request: HttpsRequest, response: HttpsResponse): void {
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
const noQuery = new URLSearchParams();
const queryOf = (text: string): URLSearchParams =>
  text === ''
    ? noQuery
    : new URLSearchParams(
        unreadable.test(text)
          ? text
              .split('&')
              .filter((pair) => !unreadable.test(pair))
              .join('&')
          : text,
      );

const noBody: RequestBody = { type: 'none' };
const bodyOf = (request: HttpsRequest): RequestBody =>
  hasBody(request)
    ? {
        type: 'bytes',
        async read(limitBytes) {
          const length = Number(request.headers['content-length'] ?? 0);
          if (length > limitBytes) throw tooLarge(limitBytes);
          const whole = wholeBody(request, length);
          if (whole !== undefined) return whole;
          bodiesInReading.add(request);
          try {
            return await readAll(request, limitBytes);
          } finally {
            bodiesInReading.delete(request);
          }
        },
        stream: () => (request as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
      }
    : noBody;

export class NetworkRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly certificate: ClientCertificate | undefined;
  readonly frontProxyName: string | undefined;
  readonly remoteAddress: string;
  readonly body: RequestBody;
  readonly upgrade: ApiRequest['upgrade'];
  /** Made for who asks: most requests are answered before anybody could. */
  #gone: AbortController | undefined;
  #isGone = false;

  constructor(request: HttpsRequest, path: string, query: string, upgrade: ApiRequest['upgrade']) {
    const certificate = clientCertificateOf(request);
    this.method = request.method ?? 'GET';
    this.path = path;
    this.query = queryOf(query);
    this.headers = headersOf(request);
    this.rawHeaders = request.rawHeaders;
    this.certificate = certificate?.isClient === true ? certificate : undefined;
    this.frontProxyName = certificate?.isFrontProxy === true ? certificate.commonName : undefined;
    this.remoteAddress = request.socket.remoteAddress ?? '';
    this.body = bodyOf(request);
    this.upgrade = upgrade;
  }
  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      this.#gone = new AbortController();
      if (this.#isGone) this.#gone.abort(clientGone);
    }
    return this.#gone.signal;
  }
  abandon(): void {
    this.#isGone = true;
    this.#gone?.abort(clientGone);
  }
}

/** Undefined: the path cannot be read. */
export function networkRequest(request: HttpsRequest, upgrade?: ApiRequest['upgrade']): NetworkRequest | undefined {
  const target = request.url ?? '/';
  const at = target.indexOf('?');
  const path = at < 0 ? target : target.slice(0, at);
  const query = at < 0 ? '' : target.slice(at + 1);
  try {
    return new NetworkRequest(request, path.includes('%') ? decodeURIComponent(path) : path, query, upgrade);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
