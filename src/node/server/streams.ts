// exec, attach and port-forward: joins the caller's connection to the runtime's streaming server (SPDY/3.1).
// A SPDY caller is passed through byte by byte; a WebSocket caller (channels, all versions) is translated; a tunnelled
// port-forward carries SPDY bytes inside WebSocket messages.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { badRequestError } from '#api/status.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { SpdyConnection, type SpdyStream } from '#wire/spdy.ts';
import { type AcceptedWebSocket, acceptWebSocket, offeredProtocols } from '#wire/websocket.ts';
import { closeWhenIdle } from './idle-connection.ts';

export interface StreamsOptions {
  readonly clock: Clock;
  readonly machine: NodeMachine;
  readonly logger: Logger;
  /** A connection over which nothing goes for so long is closed; 0: never. */
  readonly streamIdleMs: number;
}

export type StreamTarget =
  | {
      readonly kind: 'remote-command';
      readonly url: string;
      readonly tty: boolean;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
    }
  | { readonly kind: 'port-forward'; readonly url: string; readonly ports: readonly number[] };

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
/** Port-forward with a pair of channels a port, as clients before the tunnel speak it: the runtime itself knows these. */
const channelForwardProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];
/**
 * How channels are written into messages (upstream's wsstream and remotecommand), in order of preference. Before v4 the error
 * channel carried the text of a failure, and nothing on success, instead of a Status.
 */
const commandProtocols: Readonly<Record<string, ChannelCoding>> = {
  'v5.channel.k8s.io': { base64: false, statusObjects: true },
  'v4.channel.k8s.io': { base64: false, statusObjects: true },
  'v4.base64.channel.k8s.io': { base64: true, statusObjects: true },
  'channel.k8s.io': { base64: false, statusObjects: false },
  'base64.channel.k8s.io': { base64: true, statusObjects: false },
};
/** A client that offers no subprotocol speaks the oldest. */
const unnamedCoding: ChannelCoding = { base64: false, statusObjects: false };

interface ChannelCoding {
  /** Text messages: the channel's digit, then base64. Else binary ones: the channel's byte, then the data. */
  readonly base64: boolean;
  readonly statusObjects: boolean;
}

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

const zeroDigit = 0x30;
const statusBytesMax = 64 * 1024;

const upgraded: ApiResponse = { status: 101, headers: {}, warnings: [], body: { type: 'upgraded' } };

export async function serveStreams(
  options: StreamsOptions,
  request: ApiRequest,
  target: StreamTarget,
): Promise<ApiResponse> {
  const { upgrade, headers } = request;
  if (upgrade === undefined) throw badRequestError('Upgrade request required');
  const wanted = (headers['upgrade'] ?? '').toLowerCase();
  if (wanted.startsWith('spdy/')) return passThrough(options, request, target, 'SPDY/3.1');
  if (wanted !== 'websocket') throw badRequestError(`unknown upgrade ${JSON.stringify(wanted)}`);
  const isForward = target.kind === 'port-forward';
  const supported = isForward ? [tunnelProtocol, ...channelForwardProtocols] : Object.keys(commandProtocols);
  const offered = offeredProtocols(headers);
  if (offered.length > 0 && !offered.some((one) => supported.includes(one)))
    throw badRequestError(`none of the offered WebSocket subprotocols is supported; use ${supported.join(' or ')}`);
  if (isForward && !offered.includes(tunnelProtocol)) {
    if (target.ports.length === 0) throw badRequestError('query parameter "port" is required');
    return passThrough(options, request, target, 'websocket');
  }
  // The runtime is asked first: its refusal can still be told as an HTTP answer.
  const runtime = await options.machine.upgrade(target.url, {
    connection: 'Upgrade',
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': target.kind === 'port-forward' ? 'portforward.k8s.io' : 'v4.channel.k8s.io',
  });
  closeWhenIdle(runtime.socket, options.streamIdleMs, options.clock);
  let socket: AcceptedWebSocket;
  try {
    socket = await acceptWebSocket(
      { method: 'GET', url: request.path, headers, socket: upgrade.socket, head: upgrade.head },
      isForward ? [tunnelProtocol] : supported,
      options.clock,
    );
  } catch (error) {
    runtime.socket.destroy();
    throw error;
  }
  if (target.kind === 'port-forward') tunnel(socket, runtime);
  else await translate(options, socket, runtime, target);
  return upgraded;
}

type RuntimeConnection = Awaited<ReturnType<NodeMachine['upgrade']>>;

/** So long may a client of exec and attach take until it opens its streams: upstream's stream creation timeout. */
const firstWordMs = 30_000;

/** Byte by byte: versions, channels and streams are between the client and the runtime. */
async function passThrough(
  { machine, clock, streamIdleMs }: StreamsOptions,
  request: ApiRequest,
  { url, kind }: StreamTarget,
  protocol: 'SPDY/3.1' | 'websocket',
): Promise<ApiResponse> {
  const { upgrade, headers } = request;
  if (upgrade === undefined) throw badRequestError('Upgrade request required');
  const isOfUpgrade = (name: string) => name === 'x-stream-protocol-version' || name.startsWith('sec-websocket-');
  const forwarded: Record<string, string> = { connection: 'Upgrade', upgrade: protocol };
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && isOfUpgrade(name)) forwarded[name] = value;
  const runtime = await machine.upgrade(url, forwarded, protocol === 'websocket' ? 'GET' : 'POST');
  closeWhenIdle(runtime.socket, streamIdleMs, clock);
  const client = upgrade.socket;
  const chosen = Object.entries(runtime.headers).filter(([name]) => isOfUpgrade(name));
  client.write(
    [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      `Upgrade: ${protocol}`,
      ...chosen.map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  );
  if (runtime.head.length > 0) client.write(runtime.head);
  if (upgrade.head.length > 0) runtime.socket.write(upgrade.head);
  client.pipe(runtime.socket);
  runtime.socket.pipe(client);
  // The runtime's server gives up waiting, too, and then keeps the connection. A port-forward may stay silent.
  if (kind === 'remote-command' && upgrade.head.length === 0) {
    const timer = clock.schedule(firstWordMs, () => client.destroy());
    client.once('data', () => timer.cancel());
    client.once('close', () => timer.cancel());
  }
  const end = () => {
    client.destroy();
    runtime.socket.destroy();
  };
  for (const one of [client, runtime.socket]) {
    one.once('error', end);
    one.once('close', end);
  }
  // Gone while the runtime was asked: that is not told again.
  if (client.destroyed) end();
  return upgraded;
}

function tunnel(socket: AcceptedWebSocket, runtime: RuntimeConnection): void {
  const { socket: inner, head } = runtime;
  const forward = (bytes: Uint8Array) => {
    if (socket.send(bytes)) return;
    inner.pause();
    socket.whenDrained(() => inner.resume());
  };
  if (head.length > 0) forward(head);
  inner.on('data', forward);
  inner.once('error', () => socket.close(1011, 'the runtime closed the connection'));
  inner.once('close', () => socket.close(1000, ''));
  socket.onMessage((data) => {
    if (inner.write(data)) return;
    socket.pause();
    inner.once('drain', () => socket.resume());
  });
  socket.onClose(() => inner.destroy());
}

async function translate(
  { logger }: StreamsOptions,
  socket: AcceptedWebSocket,
  runtime: RuntimeConnection,
  target: Extract<StreamTarget, { kind: 'remote-command' }>,
): Promise<void> {
  /** What came before the runtime's streams are open: no more than had arrived already. */
  const pending: { channel: number; data: Buffer }[] = [];
  socket.pause();
  const joined: { streams?: ReadonlyMap<number, SpdyStream> } = {};
  const connection = new SpdyConnection(runtime.socket, runtime.head, (error) => {
    if (error !== undefined) logger.debug('remote command connection', { error: messageOf(error) });
    socket.close(1000, '');
  });
  socket.onClose(() => connection.close());

  const coding = Object.hasOwn(commandProtocols, socket.protocol) ? commandProtocols[socket.protocol]! : unnamedCoding;
  const send = (number: number, data: Uint8Array): boolean =>
    coding.base64
      ? socket.sendText(`${number}${Buffer.from(data).toString('base64')}`)
      : socket.send(Buffer.concat([Buffer.of(number), data]));

  const onInput = (number: number, data: Buffer): void => {
    const { streams } = joined;
    if (streams === undefined) {
      pending.push({ channel: number, data });
      return;
    }
    if (number === channel.close) {
      // v5: the caller's input on this channel is over; the output goes on.
      streams.get(data[0] ?? -1)?.end();
      return;
    }
    if (number !== channel.stdin && number !== channel.resize) return;
    const stream = streams.get(number);
    if (stream === undefined || data.length === 0 || stream.write(data)) return;
    socket.pause();
    connection.whenDrained(() => socket.resume());
  };
  socket.onMessage((data) => {
    if (data.length === 0) return;
    if (coding.base64) onInput(data[0]! - zeroDigit, Buffer.from(data.subarray(1).toString('latin1'), 'base64'));
    else onInput(data[0]!, data.subarray(1));
  });

  const names: readonly [number, string, boolean][] = [
    [channel.error, 'error', true],
    [channel.stdin, 'stdin', target.stdin],
    [channel.stdout, 'stdout', target.stdout],
    [channel.stderr, 'stderr', target.stderr],
    [channel.resize, 'resize', target.tty],
  ];
  const wanted = names.filter(([, , use]) => use);
  /** Output streams that are still open; the caller is told of the end when all of them ended. */
  const open = new Set(
    wanted.map(([number]) => number).filter((one) => one !== channel.stdin && one !== channel.resize),
  );
  let failure = '';
  /** From v4 on every command ends with a Status: without one the connection broke, which must not look like success. */
  let isTold = !coding.statusObjects;
  const opened = new Map<number, SpdyStream>();
  for (const [number, name] of wanted)
    opened.set(
      number,
      await connection.open(
        { streamtype: name },
        {
          onData(data) {
            if (number === channel.error) isTold = true;
            if (number === channel.error && !coding.statusObjects) {
              failure += failure.length < statusBytesMax ? data.toString() : '';
              return;
            }
            if (send(number, data)) return;
            connection.pause();
            socket.whenDrained(() => connection.resume());
          },
          onEnd() {
            open.delete(number);
            if (number === channel.error && failure !== '') send(number, Buffer.from(failureText(failure)));
            if (open.size > 0) return;
            if (isTold) socket.close(1000, '');
            else socket.close(1011, 'the connection to the container runtime ended before the command did');
            connection.close();
          },
        },
      ),
    );
  // Callers wait for the first message to know that all is joined (upstream's server sends it too).
  send(target.stdout ? channel.stdout : target.stderr ? channel.stderr : channel.error, Buffer.alloc(0));
  joined.streams = opened;
  socket.resume();
  for (const { channel: number, data } of pending.splice(0)) onInput(number, data);
}

/** The runtime's Status as clients before v4 read it: empty on success, else its message. */
function failureText(text: string): string {
  try {
    const status = JSON.parse(text) as { readonly status?: string; readonly message?: string };
    return status.status === 'Success' ? '' : (status.message ?? text);
  } catch {
    return text;
  }
}
