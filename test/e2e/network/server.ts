// Test endpoint: HTTP (new connection a request or kept) and UDP on one port; answers `NAME CLIENT`.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';

const [name, portText] = process.argv.slice(2);
const port = Number(portText);
const server = createServer((request, response) => {
  const delayMs = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('delay') ?? 0);
  setTimeout(() => response.end(`${name} ${request.socket.remoteAddress}`), delayMs);
});
server.listen(port, '0.0.0.0', () => {
  const udp = createSocket('udp4', (_message, from) => udp.send(`${name} ${from.address}`, from.port, from.address));
  udp.bind(port, () => process.stdout.write('ready\n'));
});
