// What many requests on one connection, and clients that never finish a request, do to the server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { test } from 'node:test';
import net from 'node:net';
import tls from 'node:tls';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { issueCertificate, type CertificateUse, type KeyPair } from '#pki/certificate.ts';
import type { Patience } from '#host/https-server.ts';
import { startHttpsFront } from './https-front.ts';

const now = Date.now();
const issue = (commonName: string, use: CertificateUse, issuer?: KeyPair, organizations: string[] = []): KeyPair =>
  issueCertificate({
    subject: { commonName, organizations },
    use,
    names: use === 'serving' ? ['127.0.0.1'] : [],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
    serial: systemRandom.bytes(8),
    issuer,
  });
const authority = issue('authority', 'authority');
const serving = issue('server', 'serving', authority);
const client = issue('alice', 'client', authority, ['system:masters']);
const credentials = { ca: authority.certificatePem, cert: client.certificatePem, key: client.keyPem };
const configMaps = '/api/v1/namespaces/default/configmaps';

async function start(patience?: Patience) {
  const api = await startApiServer({});
  const front = await startHttpsFront({
    address: '127.0.0.1',
    port: 0,
    certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
    clientAuthorities: authority.certificatePem,
    handler: api.server,
    logger: silentLogger,
    patience,
  });
  return {
    api,
    port: front.port,
    async [Symbol.asyncDispose]() {
      api.server.close();
      await front.close(100);
    },
  };
}

function warnings() {
  const seen: string[] = [];
  const listener = (warning: Error) => seen.push(`${warning.name}: ${warning.message}`);
  process.on('warning', listener);
  return { seen, [Symbol.dispose]: () => void process.off('warning', listener) };
}

test('many requests on one HTTP/1.1 connection leave no listeners behind', async () => {
  await using server = await start();
  using warned = warnings();
  const agent = new https.Agent({ ...credentials, keepAlive: true, maxSockets: 1 });
  const call = async (method: string, path: string, body?: string) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = https.request({ host: '127.0.0.1', port: server.port, method, path, agent, headers });
    request.end(body);
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode;
  };
  for (let index = 0; index < 40; index++) {
    assert.equal(await call('POST', configMaps, JSON.stringify({ metadata: { name: `one-${index}` } })), 201);
    assert.equal(await call('GET', `${configMaps}/one-${index}`), 200);
    assert.equal(await call('GET', `${configMaps}/none`), 404);
    // Refused unread.
    assert.equal(await call('POST', '/api/v1/nonsense', 'x'.repeat(50_000)), 404);
  }
  agent.destroy();
  // Pipelined: the next ones wait in the connection.
  const socket = tls.connect({ host: '127.0.0.1', port: server.port, ...credentials, ALPNProtocols: ['http/1.1'] });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  const one = `GET ${configMaps} HTTP/1.1\r\nhost: x\r\n\r\n`;
  socket.write(`${one.repeat(39)}${one.replace('host', 'connection: close\r\nhost')}`);
  await once(socket, 'close');
  assert.equal(text.split('HTTP/1.1 200').length - 1, 40);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warned.seen, []);
});

test('many streams and watches on one HTTP/2 connection leave no listeners behind', async () => {
  await using server = await start();
  using warned = warnings();
  const session = http2.connect(`https://127.0.0.1:${server.port}`, credentials);
  const ask = async (path: string) => {
    const stream = session.request({ ':path': path });
    stream.resume();
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    return { stream, status: headers[':status'] as unknown };
  };
  const watches = await Promise.all(Array.from({ length: 30 }, () => ask(`${configMaps}?watch=1&resourceVersion=0`)));
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask(configMaps)));
  assert.deepEqual(new Set([...watches, ...answers].map(({ status }) => status)), new Set([200]));
  for (const { stream } of watches) stream.close();
  await Promise.all(watches.filter(({ stream }) => !stream.closed).map(({ stream }) => once(stream, 'close')));
  session.close();
  await once(session, 'close');
  assert.deepEqual(warned.seen, []);
});

test(
  'clients that do not go on lose their connection: in the handshake, in the headers, between requests',
  { timeout: 20_000 },
  async () => {
    await using server = await start({ handshakeMs: 1_000, headersMs: 100, idleMs: 100, checkMs: 50 });
    // How it ends is the system's matter: with an end or with a reset.
    const ended = (socket: net.Socket): Promise<void> =>
      new Promise((resolve) => {
        socket.on('error', () => {}).resume();
        socket.once('close', () => resolve());
      });
    const secure = (text: string) => {
      const options = { host: '127.0.0.1', port: server.port, ...credentials, ALPNProtocols: ['http/1.1'] };
      const socket = tls.connect(options, () => socket.write(text));
      return socket;
    };
    await Promise.all([
      ended(net.connect(server.port, '127.0.0.1')),
      ended(secure('GET /livez HTTP/1.1\r\nhost: x\r\n')),
      ended(secure('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')),
    ]);
  },
);

test("what is no request, too large or half a request gets upstream's status, and the server goes on", async () => {
  await using server = await start();
  const send = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: server.port, ...credentials, ALPNProtocols: ['http/1.1'] };
      const socket = tls.connect(options, () => socket.write(text));
      let answer = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
      socket.on('error', () => {});
      socket.once('close', () => resolve(answer.split('\r\n')[0]!));
    });
  const get = (rest: string, target = '/version') =>
    `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${rest}\r\n`;
  const post = (rest: string, body: string) =>
    `POST ${configMaps} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n${rest}\r\n${body}`;
  for (const [name, text, status] of [
    ['a long address', get('', `/version?a=${'a'.repeat(900_000)}`), 'HTTP/1.1 200 OK'],
    ['a long header', get(`x: ${'a'.repeat(900_000)}\r\n`), 'HTTP/1.1 200 OK'],
    [
      'a longer address',
      get('', `/version?a=${'a'.repeat(2_000_000)}`),
      'HTTP/1.1 431 Request Header Fields Too Large',
    ],
    ['a longer header', get(`x: ${'a'.repeat(2_000_000)}\r\n`), 'HTTP/1.1 431 Request Header Fields Too Large'],
    ['nonsense', 'NONSENSE\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    ['no host', 'GET /version HTTP/1.1\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    ['a bad escape', get('', '/api/%zz'), 'HTTP/1.1 400 Bad Request'],
    ['a bad escape in the query', get('', '/api/v1/namespaces?limit=%zz'), 'HTTP/1.1 200 OK'],
    ['half a query with a semicolon', get('', '/api/v1/namespaces?limit=x;a'), 'HTTP/1.1 200 OK'],
    ['a bad header', get('b ad: x\r\n'), 'HTTP/1.1 400 Bad Request'],
    ['another HTTP', 'GET /version HTTP/2.5\r\nhost: x\r\n\r\n', 'HTTP/1.1 505 HTTP Version Not Supported'],
    ['an unknown encoding', post('transfer-encoding: foo\r\n', ''), 'HTTP/1.1 501 Not Implemented'],
    ['no length', post('content-length: x\r\n', ''), 'HTTP/1.1 400 Bad Request'],
    ['a body too large', post('content-length: 9000000\r\n', '{'), 'HTTP/1.1 413'],
    ['an unknown expectation', post('expect: foo\r\ncontent-length: 2\r\n', '{}'), 'HTTP/1.1 417 Expectation Failed'],
  ] as const)
    assert((await send(text)).startsWith(status), `${name}: ${await send(text)}`);
  assert.equal(await send(get('')), 'HTTP/1.1 200 OK');
});

test('who still sends when the answer comes reads it', async () => {
  await using server = await start();
  const options = { host: '127.0.0.1', port: server.port, ...credentials, allowHalfOpen: true };
  const socket = tls.connect(options);
  await once(socket, 'secureConnect');
  let answer = '';
  const closed = new Promise<string>((resolve) => {
    socket.on('error', (error) => resolve(String(error)));
    socket.once('close', () => resolve(answer));
  });
  socket.write('GET /version?a=');
  // The limit is one of the first two; the answer waits while the others are sent.
  for (let count = 0; count < 6; count++) {
    socket.write('a'.repeat(700_000));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  socket.once('end', () => socket.end());
  assert.match(await closed, /^HTTP\/1.1 431 Request Header Fields Too Large\r\n/);
});

test('a watch that nobody reads ends, and what waited for it is let go', { timeout: 30_000 }, async () => {
  await using server = await start();
  const { api } = server;
  const large = (seed: number) => ({ metadata: { name: 'large' }, data: { text: String(seed).repeat(1024 * 1024) } });
  await api.create(configMaps, large(1));
  const options = { host: '127.0.0.1', port: server.port, ...credentials, ALPNProtocols: ['http/1.1'] };
  const socket = tls.connect(options);
  await once(socket, 'secureConnect');
  socket.write(`GET ${configMaps}?watch=1 HTTP/1.1\r\nhost: x\r\n\r\n`);
  socket.once('readable', () => {});
  await new Promise((resolve) => setTimeout(resolve, 100));
  const changes = 60;
  for (let count = 0; count < changes; count++) {
    await api.update(`${configMaps}/large`, large(count % 10));
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Had all of it been kept, all of it would come now.
  let bytes = 0;
  let tail = '';
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    tail = (tail + chunk.toString('latin1')).slice(-600);
  });
  for (let turn = 0; turn < 500 && !tail.includes('"code":410'); turn++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(tail, /"type":"ERROR".*the watch is too slow: its buffer is full, list again.*"code":410/s);
  assert.ok(bytes < (changes / 2) * 1024 * 1024, `${bytes} bytes`);
  socket.destroy();
  assert.equal((await api.get(`${configMaps}/large`)).data.text.length, 1024 * 1024);
});

test('a large request that comes while the last answer still waits for the connection is read', async () => {
  await using server = await start();
  const text = 'x'.repeat(1024 * 1024);
  for (let count = 0; count < 16; count++)
    await server.api.create(configMaps, { metadata: { name: `large-${count}` }, data: { text } });
  const options = { host: '127.0.0.1', port: server.port, ...credentials, ALPNProtocols: ['http/1.1'] };
  const socket = tls.connect(options);
  await once(socket, 'secureConnect');
  socket.write(`GET ${configMaps} HTTP/1.1\r\nhost: x\r\n\r\n`);
  // It has begun to come, and nobody reads the rest.
  socket.once('readable', () => {});
  await once(socket, 'readable');
  const body = JSON.stringify({ metadata: { name: 'next' }, data: { text: text.slice(0, 300_000) } });
  const head = `POST ${configMaps} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.write(`${head}\r\n\r\n${body}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  let bytes = 0;
  let tail = '';
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    tail = (tail + chunk.toString('latin1')).slice(-400_000);
  });
  await once(socket, 'close');
  assert.ok(bytes > 16 * 1024 * 1024, `${bytes} bytes`);
  assert.match(tail, /HTTP\/1\.1 201 Created\r\n/);
});

test('many watches of one collection get every change in its order', async () => {
  await using server = await start();
  const session = http2.connect(`https://127.0.0.1:${server.port}`, credentials);
  const watches = Array.from({ length: 200 }, () => {
    const stream = session.request({ ':path': `${configMaps}?watch=1&resourceVersion=0` });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    return { begun: once(stream, 'response'), lines: () => text.split('\n').slice(0, -1) };
  });
  await Promise.all(watches.map(({ begun }) => begun));
  const changes = Array.from({ length: 5 }, (_, index) => `change-${index}`);
  for (const name of changes) await server.api.create(configMaps, { metadata: { name } });
  for (let turn = 0; turn < 500 && watches.some(({ lines }) => lines().length < changes.length); turn++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  for (const { lines } of watches)
    assert.deepEqual(
      lines().map((line) => (JSON.parse(line) as { object: { metadata: { name: string } } }).object.metadata.name),
      changes,
    );
  session.destroy();
});
