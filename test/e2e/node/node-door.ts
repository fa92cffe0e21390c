// Ways into a node's API without TLS: a request in process, and a port for what upgrades connections.
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Json } from '#kit/start-api-server.ts';
import type { NodeAgent } from '#node/agent.ts';

export const nodeRequest = (path: string, more: Json = {}) => {
  const url = new URL(path, 'https://node');
  return {
    method: 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: {},
    certificate: { commonName: 'api-server', organizations: [] },
    remoteAddress: '127.0.0.1',
    body: { type: 'none' as const },
    signal: new AbortController().signal,
    ...more,
  };
};

/** The node's API behind a port of the loopback, for what upgrades connections. */
export async function openNodePort(node: {
  readonly agent: NodeAgent;
}): Promise<{ readonly port: number; close(): void }> {
  const server = createServer();
  server.on('upgrade', (message, socket, head) => {
    void node.agent.api
      .handle(
        nodeRequest(message.url ?? '/', {
          method: message.method,
          headers: message.headers,
          upgrade: { socket, head },
        }),
      )
      .then((response) => {
        if (response.body.type === 'upgraded') return;
        const text = response.body.type === 'bytes' ? Buffer.concat(response.body.parts).toString() : '';
        socket.end(`HTTP/1.1 ${response.status} Error\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Upgrades a connection by hand to whatever protocol. */
export async function upgradeTo(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly socket: Duplex; readonly head: Buffer; readonly headers: IncomingHttpHeaders }> {
  const upgrade = request({ port, path, method: 'POST', headers: { connection: 'Upgrade', ...headers } });
  upgrade.end();
  return new Promise((resolve, reject) => {
    upgrade.once('error', reject);
    upgrade.once('response', (answer) => reject(new Error(`answered ${String(answer.statusCode)}`)));
    upgrade.once('upgrade', (answer, socket, head) => resolve({ socket, head, headers: answer.headers }));
  });
}
