// A small HTTP/1.1 listener without TLS for health and metrics of a part: whole answers, few connections. Who may ask is its user's question.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpQuestion {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}
export interface HttpAnswer {
  readonly status: number;
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body: string;
}
export interface HttpServerOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** Connections from other addresses end at once. IPv4 addresses come as such. */
  isAllowed(remoteAddress: string): boolean;
  answer(question: HttpQuestion): Promise<HttpAnswer>;
}
export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

const connectionsMax = 64;

/** Rejects when it cannot listen (EADDRINUSE, EACCES). */
export function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 60_000, maxHeaderSize: 32_768 },
    (request, response) => {
      request.resume();
      const question = {
        method: request.method ?? '',
        path: (request.url ?? '').split('?', 1)[0]!,
        headers: request.headers,
      };
      options.answer(question).then(
        ({ status, contentType = 'text/plain; charset=utf-8', headers, body }) => {
          response.writeHead(status, { ...headers, 'content-type': contentType, 'x-content-type-options': 'nosniff' });
          response.end(question.method === 'HEAD' ? undefined : body);
        },
        () => {
          response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
          response.end('internal error\n');
        },
      );
    },
  );
  server.maxConnections = connectionsMax;
  server.on('connection', (socket) => {
    if (!options.isAllowed((socket.remoteAddress ?? '').replace(/^::ffff:/, ''))) socket.resetAndDestroy();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.address }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {});
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
