// Test endpoint: HTTP (HTTPS with a PEM file) and UDP on one port; answers `NAME CLIENT`.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

const [name, portText, pemFile] = process.argv.slice(2);
const port = Number(portText);
const answer: RequestListener = (request, response) => {
  const delayMs = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('delay') ?? 0);
  setTimeout(() => response.end(`${name} ${request.socket.remoteAddress?.replace(/^::ffff:/, '')}`), delayMs);
};
const pem = pemFile === undefined ? undefined : readFileSync(pemFile);
const server = pem === undefined ? createServer(answer) : createSecureServer({ cert: pem, key: pem }, answer);
server.listen(port, '::', () => {
  const udp = createSocket('udp4', (_message, from) => udp.send(`${name} ${from.address}`, from.port, from.address));
  udp.bind(port, () => process.stdout.write('ready\n'));
});
