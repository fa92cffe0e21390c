// WebSocket servers over connections that somebody else accepted: a thin adapter over ws, loaded at the first use.
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Clock, Timer } from '#base/clock.ts';

export interface WebSocketRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

export interface AcceptedWebSocket {
  /** The chosen subprotocol. */
  readonly protocol: string;
  /** False: much is waiting to be sent; `whenDrained` tells when to go on. */
  send(data: Uint8Array): boolean;
  sendText(text: string): boolean;
  whenDrained(run: () => void): void;
  onMessage(listener: (data: Buffer, isBinary: boolean) => void): void;
  onClose(listener: () => void): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}

const bufferedBytesMax = 1 << 20;
const messageBytesMax = 32 * 1024 * 1024;
/** Keeps the connection of a silent command alive through proxies. */
const pingMs = 30_000;

export const offeredProtocols = (headers: Readonly<Record<string, string | undefined>>): string[] =>
  (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/** Answers the handshake. `supported`: in order of preference; the first that the client offers is taken. */
export async function acceptWebSocket(
  request: WebSocketRequest,
  supported: readonly string[],
  clock: Clock,
): Promise<AcceptedWebSocket> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
  });
  // Chosen here: ws refuses the slash in Kubernetes' `SPDY/3.1+portforward.k8s.io`, as RFC 6455 would have it.
  const offered = offeredProtocols(request.headers);
  const protocol = supported.find((one) => offered.includes(one)) ?? '';
  if (protocol !== '') server.on('headers', (lines) => void lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  const headers = { ...request.headers };
  delete headers['sec-websocket-protocol'];
  // All that ws reads of the message: it is not ours to construct a whole one.
  const message = { method: request.method, url: request.url, headers } as unknown as Parameters<
    WebSocketServer['handleUpgrade']
  >[0];
  const socket = await new Promise<WebSocket>((resolve, reject) => {
    request.socket.once('close', () => reject(new Error('the connection closed during the handshake')));
    server.handleUpgrade(message, request.socket, Buffer.from(request.head), resolve);
  });
  const drained: (() => void)[] = [];
  let timer: Timer;
  const ping = () => {
    socket.ping();
    timer = clock.schedule(pingMs, ping);
  };
  timer = clock.schedule(pingMs, ping);
  socket.on('close', () => timer.cancel());
  socket.on('error', () => socket.terminate());
  const send = (data: Uint8Array | string): boolean => {
    if (socket.readyState !== socket.OPEN) return true;
    socket.send(data, { binary: typeof data !== 'string' }, () => {
      if (socket.bufferedAmount <= bufferedBytesMax) for (const run of drained.splice(0)) run();
    });
    return socket.bufferedAmount <= bufferedBytesMax;
  };
  return {
    protocol,
    send,
    sendText: send,
    whenDrained: (run) => void drained.push(run),
    onMessage: (listener) => void socket.on('message', (data, isBinary) => listener(data as Buffer, isBinary)),
    onClose: (listener) => void socket.on('close', listener),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close(code, reason) {
      if (socket.readyState === socket.OPEN) socket.close(code, reason);
    },
  };
}
