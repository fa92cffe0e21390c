// One HTTPS request whose answer is a stream, and one that turns the connection into a raw one: how the API server
// reaches nodes' APIs. Every request has its own connection: these are long streams, not many small answers.
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';

export interface Peer {
  readonly host: string;
  readonly port: number;
  /** Name or address that the certificate must carry. */
  readonly expectedName: string;
  /** PEM. */
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

export interface StreamRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const connectTimeoutMs = 10_000;
/** Of the answer to a refused upgrade: a Status or a line of text. */
const refusalBytesMax = 64 * 1024;

const optionsOf = (peer: Peer, request: StreamRequest): RequestOptions => ({
  host: peer.host,
  port: peer.port,
  servername: /^[\d.]+$|:/.test(peer.expectedName) ? '' : peer.expectedName,
  ca: peer.authorities,
  cert: peer.certificate,
  key: peer.key,
  method: request.method,
  path: request.pathAndQuery,
  headers: request.headers ?? {},
  signal: request.signal,
  agent: false,
});

const single = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(',') : value]],
    ),
  );

/** Ends the attempt when no connection comes about in time. */
function limitConnecting(outgoing: ReturnType<typeof httpsRequest>, peer: Peer): void {
  const timer = setTimeout(
    () => outgoing.destroy(new Error(`no connection to ${peer.host}:${peer.port} within ${connectTimeoutMs / 1000} s`)),
    connectTimeoutMs,
  );
  timer.unref();
  const settled = () => clearTimeout(timer);
  outgoing.once('socket', (socket) => socket.once('secureConnect', settled));
  outgoing.once('close', settled);
}

export function requestStream(
  peer: Peer,
  request: StreamRequest,
): Promise<{ status: number; headers: Record<string, string>; stream: AsyncIterable<Uint8Array> }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(optionsOf(peer, request), (incoming) =>
      resolve({ status: incoming.statusCode ?? 0, headers: single(incoming.headers), stream: incoming }),
    );
    limitConnecting(outgoing, peer);
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** For an answer other than 101 `head` is its body and `socket` has ended. */
export function requestUpgrade(
  peer: Peer,
  request: StreamRequest,
): Promise<{ status: number; headers: Record<string, string>; socket: Duplex; head: Uint8Array }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(optionsOf(peer, request));
    limitConnecting(outgoing, peer);
    outgoing.on('error', reject);
    outgoing.on('upgrade', (incoming, socket, head) => {
      socket.setKeepAlive(true, 30_000);
      resolve({ status: incoming.statusCode ?? 0, headers: single(incoming.headers), socket, head });
    });
    outgoing.on('response', (incoming) => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      incoming.on('data', (chunk: Uint8Array) => {
        size += chunk.length;
        if (size <= refusalBytesMax) chunks.push(chunk);
      });
      incoming.on('end', () => {
        const head = Buffer.concat(chunks);
        // The body is no longer in chunks.
        const { 'transfer-encoding': _, ...headers } = single(incoming.headers);
        headers['content-length'] = String(head.length);
        resolve({ status: incoming.statusCode ?? 0, headers, socket: incoming.socket, head });
      });
      incoming.on('error', reject);
    });
    outgoing.end();
  });
}
