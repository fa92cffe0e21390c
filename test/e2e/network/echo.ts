// Test endpoint that shows what it was asked: JSON of its name, the path and the headers. `/gzip` is long text; an Upgrade gets
// everything back. NAME PORT [PEM FILE]; with `h2c` as the file, HTTP/2 without TLS.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';

const [name, portText, file] = process.argv.slice(2);
const answer: RequestListener = (request, response) => {
  const delayMs = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('delay') ?? 0);
  response.setHeader('content-type', 'text/plain');
  response.setHeader('x-from', name ?? '');
  const body = JSON.stringify({
    name,
    url: request.url,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    version: request.httpVersion,
  });
  setTimeout(() => response.end(request.url === '/gzip' ? 'text '.repeat(2_000) : body), delayMs);
};
const echo = (_request: IncomingMessage, socket: Duplex): void => {
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.pipe(socket);
};
const pem = file === undefined || file === 'h2c' ? undefined : readFileSync(file);
const server =
  file === 'h2c'
    ? createHttp2Server((request, response) => response.end(JSON.stringify({ name, version: request.httpVersion })))
    : pem === undefined
      ? createServer(answer)
      : createSecureServer({ cert: pem, key: pem }, answer);
server.on('upgrade', echo);
server.listen(Number(portText), '0.0.0.0', () => process.stdout.write('ready\n'));
