// One HTTPS request whose answer is a stream, and one that turns the connection into a raw one: how the API server
// reaches nodes' APIs. Every request has its own connection: these are long streams, not many small answers.
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { singleHeaders, type UpgradeAnswer, upgradeAnswer } from './upgrade-answer.ts';

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
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  readonly signal: AbortSignal;
}

const connectTimeoutMs = 10_000;

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
      resolve({ status: incoming.statusCode ?? 0, headers: singleHeaders(incoming.headers), stream: incoming }),
    );
    limitConnecting(outgoing, peer);
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

/** For an answer other than 101 `head` is its body and `socket` has ended. */
export function requestUpgrade(peer: Peer, request: StreamRequest): Promise<UpgradeAnswer> {
  const outgoing = httpsRequest(optionsOf(peer, request));
  limitConnecting(outgoing, peer);
  return upgradeAnswer(outgoing);
}
