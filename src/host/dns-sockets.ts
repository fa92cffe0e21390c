// UDP and TCP for DNS: a listener that hands over messages, and questions to other resolvers. Bytes only: wire/dns-message.ts
// knows what they mean.
import { createSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import type { Clock } from '#base/clock.ts';

export interface DnsListener {
  readonly port: number;
  close(): Promise<void>;
}

export interface DnsTransport {
  /** `answer` gives the bytes to send back, or undefined for none. `sizeMax` is undefined on TCP. */
  listen(
    address: string,
    port: number,
    answer: (message: Uint8Array, overTcp: boolean) => Promise<Uint8Array | undefined>,
  ): Promise<DnsListener>;
  /** Sends and waits for a reply that `accept` takes. Undefined: none in time. */
  ask<T>(
    resolver: string,
    message: Uint8Array,
    protocol: 'udp' | 'tcp',
    timeoutMs: number,
    accept: (reply: Uint8Array) => { readonly value: T } | false,
  ): Promise<T | undefined>;
  /** The name servers of this host, as its resolv.conf says now. */
  resolvers(): readonly string[];
}

const connectionsMax = 200;
const tcpIdleMs = 10_000;

export function createDnsTransport(clock: Clock, resolvConf = '/etc/resolv.conf'): DnsTransport {
  let known: { readonly stamp: number; readonly servers: readonly string[]; readonly lookedMs: number } | undefined;
  return {
    async listen(address, port, answer) {
      const family = address.includes(':') ? 'udp6' : 'udp4';
      const udp = createSocket({ type: family, recvBufferSize: 1 << 20 });
      const sockets = new Set<Socket>();
      const tcp = createServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        serveTcp(socket, answer);
      });
      tcp.maxConnections = connectionsMax;
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen(port, address, () => {
          tcp.removeListener('error', reject);
          resolve();
        });
      });
      const bound = tcp.address();
      const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
      await new Promise<void>((resolve, reject) => {
        udp.once('error', reject);
        udp.bind(actual, address, () => {
          udp.removeListener('error', reject);
          resolve();
        });
      });
      udp.on('error', () => undefined);
      tcp.on('error', () => undefined);
      udp.on('message', (message, from) => {
        void answer(message, false).then((reply) => {
          if (reply !== undefined) udp.send(reply, from.port, from.address, () => undefined);
        });
      });
      return {
        port: actual,
        close: () =>
          new Promise((resolve) => {
            for (const socket of sockets) socket.destroy();
            udp.close(() => tcp.close(() => resolve()));
          }),
      };
    },
    ask: (resolver, message, protocol, timeoutMs, accept) =>
      new Promise((resolve) => {
        let done = false;
        let end = (): void => undefined;
        const settle = (value: Parameters<typeof resolve>[0]): void => {
          if (done) return;
          done = true;
          timer.cancel();
          end();
          resolve(value);
        };
        const timer = clock.schedule(timeoutMs, () => settle(undefined));
        const over = protocol === 'udp' ? overUdp : overTcp;
        end = over(
          resolver,
          message,
          (reply) => {
            const accepted = accept(reply);
            if (accepted !== false) settle(accepted.value);
          },
          () => settle(undefined),
        );
      }),
    resolvers() {
      const now = clock.monotonicMs();
      if (known !== undefined && now - known.lookedMs < 2_000) return known.servers;
      try {
        const stamp = statSync(resolvConf).mtimeMs;
        known = {
          stamp,
          lookedMs: now,
          servers: known?.stamp === stamp ? known.servers : nameServers(readFileSync(resolvConf, 'utf8')),
        };
      } catch {
        known = { stamp: 0, lookedMs: now, servers: [] };
      }
      return known.servers;
    },
  };
}

/** Addresses of the `nameserver` lines. */
export const nameServers = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => {
    const [, server] = /^\s*nameserver\s+(\S+)/.exec(line) ?? [];
    return server === undefined ? [] : [server];
  });

function overUdp(resolver: string, message: Uint8Array, reply: (bytes: Uint8Array) => void, fail: () => void) {
  // A connected socket of its own for each question: a fresh source port, and replies from the resolver only.
  const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
  let open = true;
  const end = () => {
    if (open) socket.close();
    open = false;
  };
  socket.on('error', () => fail());
  socket.on('message', (bytes) => reply(bytes));
  // Not connect's callback: that is called for a failure, too, and a socket that is not connected cannot send.
  socket.once('connect', () => {
    if (open) socket.send(message, (error) => error !== null && fail());
  });
  socket.connect(53, resolver);
  return end;
}

function overTcp(resolver: string, message: Uint8Array, reply: (bytes: Uint8Array) => void, fail: () => void) {
  const socket = connect(53, resolver, () => socket.write(framed(message)));
  const read = frames();
  socket.on('data', (part) => {
    for (const frame of read(Buffer.from(part))) reply(frame);
  });
  socket.on('error', () => fail());
  socket.on('end', () => fail());
  return () => socket.destroy();
}

function serveTcp(
  socket: Socket,
  answer: (message: Uint8Array, overTcp: boolean) => Promise<Uint8Array | undefined>,
): void {
  const read = frames();
  socket.setTimeout(tcpIdleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (part) => {
    for (const frame of read(Buffer.from(part)))
      void answer(frame, true).then((reply) => {
        if (reply !== undefined && !socket.destroyed) socket.write(framed(reply));
      });
  });
}

const framed = (message: Uint8Array): Uint8Array => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.byteLength);
  return Buffer.concat([head, message]);
};

/** RFC 1035 4.2.2: each message behind its length. */
function frames(): (part: Uint8Array) => Uint8Array[] {
  let rest: Buffer = Buffer.alloc(0);
  return (part) => {
    rest = Buffer.concat([rest, part]);
    const whole: Uint8Array[] = [];
    while (rest.byteLength >= 2 && rest.byteLength >= 2 + rest.readUInt16BE(0)) {
      const length = rest.readUInt16BE(0);
      whole.push(rest.subarray(2, 2 + length));
      rest = rest.subarray(2 + length);
    }
    return whole;
  };
}
