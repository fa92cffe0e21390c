// What comes of a request to upgrade a connection: the raw connection, or the refusal with its body.
import type { ClientRequest } from 'node:http';
import type { Duplex } from 'node:stream';

export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** For an answer other than 101 it has ended. */
  readonly socket: Duplex;
  /** The first bytes behind the answer; for another than 101 its body. */
  readonly head: Uint8Array;
}

/** Of the answer to a refused upgrade: a Status or a line of text. */
const refusalBytesMax = 64 * 1024;
const keepAliveMs = 30_000;

/** One line a name. */
export const singleHeaders = (
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(',') : value]],
    ),
  );

/** The request must not be ended yet. */
export function upgradeAnswer(outgoing: ClientRequest): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('upgrade', (incoming, socket, head) => {
      socket.setKeepAlive(true, keepAliveMs);
      socket.setTimeout(0);
      resolve({ status: incoming.statusCode ?? 0, headers: singleHeaders(incoming.headers), socket, head });
    });
    outgoing.on('response', (incoming) => {
      const { socket } = incoming;
      const chunks: Uint8Array[] = [];
      let size = 0;
      incoming.on('data', (chunk: Uint8Array) => {
        size += chunk.length;
        if (size <= refusalBytesMax) chunks.push(chunk);
      });
      incoming.on('end', () => {
        const head = Buffer.concat(chunks);
        // The body is no longer in chunks.
        const { 'transfer-encoding': _, ...headers } = singleHeaders(incoming.headers);
        headers['content-length'] = String(head.length);
        resolve({ status: incoming.statusCode ?? 0, headers, socket, head });
      });
      incoming.on('error', reject);
    });
    outgoing.end();
  });
}
