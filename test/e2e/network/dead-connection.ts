// Both sides of dead-connection.test.ts. The client watches, and once the watch has begun asks again and again.
import http from 'node:http';
import { HttpsConnections } from '#host/https-client.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
if (process.argv[2] === 'server')
  http
    .createServer((request, response) => {
      if (request.url === '/watch') response.write('begins');
      else response.end('ok');
    })
    .listen(8080, '192.0.2.2', () => say('listens'));
else {
  const connections = new HttpsConnections({
    server: 'http://192.0.2.2:8080',
    credentials: () => ({}),
    keepAlive: { silentMs: 1_000, intervalMs: 1_000, probes: 2 },
  });
  const ask = (path: string, name: string, onEnd: (error: Error | undefined) => void) =>
    connections.open(
      { method: 'GET', pathAndQuery: path, headers: {} },
      {
        onHead() {},
        onData: () => say(`${name} began`),
        onEnd: (error) => {
          if (error !== undefined) say(`${name} ended: ${error.message}`);
          onEnd(error);
        },
      },
    );
  ask('/watch', 'watch', () => {});
  let failed = false;
  const again = () =>
    ask('/', 'request', (error) => {
      if (error !== undefined) failed = true;
      else if (failed) say('answered');
      setTimeout(again, 200);
    });
  setTimeout(again, 300);
}
