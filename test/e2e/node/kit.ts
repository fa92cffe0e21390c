// What the tests of this folder say often.
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { busyboxImageName } from '../../../scripts/images/stock-images.ts';
import type { Json } from '#kit/start-api-server.ts';
import type { TestNode } from './cluster.ts';

export const shell = (script: string, more: Json = {}): Json => ({
  name: 'main',
  image: busyboxImageName,
  command: ['sh', '-c', script],
  ...more,
});
export const condition = (pod: Json, type: string): string | undefined =>
  pod.status.conditions?.find((one: Json) => one.type === type)?.status;

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

/** What is asked of one node, all over. `node` is a function, as it exists only when the tests run. */
export function onNode(node: () => TestNode) {
  const until = (name: string, what: string, check: (pod: Json) => unknown, timeoutMs?: number): Promise<Json> =>
    node().until(
      `${name} ${what}`,
      async () => {
        const pod = await node().pod(name);
        return check(pod) ? pod : undefined;
      },
      timeoutMs,
    );
  return {
    until,
    running: (name: string) => until(name, 'ready', (pod) => condition(pod, 'Ready') === 'True'),
    ended: (name: string) =>
      until(name, 'ended', (pod) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'),
    event: (name: string, pattern: RegExp) =>
      node().until(`${name}: event ${pattern}`, async () =>
        (await node().events(name)).find((one) => pattern.test(one)),
      ),
    remove: async (name: string) => {
      await node().api.delete(`/api/v1/namespaces/default/pods/${name}`);
    },
    gone: (name: string) =>
      node().until(`${name} gone`, async () => {
        const answer = await node().api.send('GET', `/api/v1/namespaces/default/pods/${name}`);
        return answer.status === 404;
      }),
    logs: async (path: string): Promise<string> => {
      const { body } = await node().agent.api.handle(nodeRequest(`/containerLogs/${path}`));
      let text = '';
      if (body.type === 'bytes') for (const part of body.parts) text += Buffer.from(part).toString();
      if (body.type === 'stream') for await (const chunk of body.stream) text += Buffer.from(chunk).toString();
      return text;
    },
  };
}

/** The node's API behind a port of the loopback, for what upgrades connections. */
export async function openNodePort(node: TestNode): Promise<{ readonly port: number; close(): void }> {
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
