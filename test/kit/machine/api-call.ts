// Asks an API server as a client elsewhere does, with nothing but a kubeconfig: api-call.ts KUBECONFIG METHOD PATH [BODY].
// Prints the answer as it comes; the exit code is 1 for a status from 400 on. EXEC instead of a method runs a command over
// WebSocket and prints what it prints.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { WebSocket } from 'ws';

const [file = '', method = '', pathAndQuery = '', body] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const field = (name: string): string => new RegExp(`${name}: "?([^"\\n]+)`).exec(text)?.[1] ?? '';
const decoded = (name: string): Buffer => Buffer.from(field(`${name}-data`), 'base64');
const url = new URL(pathAndQuery, field('server'));
const tls = { ca: decoded('certificate-authority'), cert: decoded('client-certificate'), key: decoded('client-key') };

if (method === 'EXEC') {
  url.protocol = 'wss:';
  const socket = new WebSocket(url, ['v5.channel.k8s.io'], tls);
  socket.on('message', (data: Buffer) => {
    if (data[0] === 1 || data[0] === 2) process.stdout.write(data.subarray(1));
    if (data[0] === 3 && !data.subarray(1).toString().includes('Success')) {
      process.stderr.write(data.subarray(1));
      process.exitCode = 1;
    }
  });
  socket.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
} else {
  const patch = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const outgoing = request(url, { method, ...tls, headers: { 'content-type': patch } }, (answer) => {
    if ((answer.statusCode ?? 0) >= 400) process.exitCode = 1;
    answer.pipe(process.stdout);
  });
  outgoing.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  outgoing.end(body);
}
