// The front on a real loopback socket: HTTP/1.1, HTTP/2, client certificates, watch, large answers, orderly end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { mock, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { issueCertificate } from '#pki/certificate.ts';
import type { CertificateUse, KeyPair } from '#pki/certificate.ts';
import { StoredValue } from '#storage/stored-value.ts';
import { startHttpsFront } from './https-front.ts';
import { respondText } from './responses.ts';
import type { ApiServerOptions } from './options.ts';

const now = Date.now();
const issue = (
  commonName: string,
  use: CertificateUse,
  issuer?: KeyPair,
  organizations: string[] = [],
  notAfterMs = now + 3_600_000,
): KeyPair =>
  issueCertificate({
    subject: { commonName, organizations },
    use,
    names: use === 'serving' ? ['localhost', '127.0.0.1'] : [],
    notBeforeMs: now - 60_000,
    notAfterMs,
    serial: systemRandom.bytes(8),
    issuer,
  });

const authority = issue('authority', 'authority');
const serving = issue('server', 'serving', authority);
const administrator = issue('alice', 'client', authority, ['team', 'system:masters']);
const stranger = issue('mallory', 'client', issue('other', 'authority'), ['system:masters']);

async function start(options: Partial<ApiServerOptions> = {}) {
  const api = await startApiServer(options);
  const front = await startHttpsFront({
    address: '127.0.0.1',
    port: 0,
    certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
    clientAuthorities: authority.certificatePem,
    handler: api.server,
    logger: silentLogger,
  });
  const agent = new https.Agent({
    ca: authority.certificatePem,
    cert: administrator.certificatePem,
    key: administrator.keyPem,
    keepAlive: true,
  });
  const call = async (
    method: string,
    path: string,
    options: { agent?: https.Agent; body?: string; headers?: object } = {},
  ) => {
    const request = https.request({
      host: '127.0.0.1',
      port: front.port,
      method,
      path,
      agent: options.agent ?? agent,
      headers: { ...(options.body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
    });
    request.end(options.body);
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8');
    return { status: response.statusCode, headers: response.headers, text };
  };
  const close = async () => {
    agent.destroy();
    api.close();
    await front.close(1_000);
  };
  return { api, front, agent, call, close };
}

const base = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, data: Record<string, string> = {}) =>
  JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data });

test('a certificate of the client authority says who asks; others and none say nothing', async () => {
  const { front, call, close } = await start();
  const review = { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {} };
  const answer = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    body: JSON.stringify(review),
  });
  const { userInfo } = JSON.parse(answer.text).status;
  assert.equal(userInfo.username, 'alice');
  assert.deepEqual(userInfo.groups, ['team', 'system:masters', 'system:authenticated']);
  assert.equal(front.address, '127.0.0.1');

  const wrong = new https.Agent({ ca: authority.certificatePem, cert: stranger.certificatePem, key: stranger.keyPem });
  const none = new https.Agent({ ca: authority.certificatePem });
  for (const agent of [wrong, none]) {
    assert.equal((await call('GET', base, { agent })).status, 403);
    assert.equal((await call('GET', '/readyz', { agent })).text, 'ok');
    agent.destroy();
  }
  await close();
});

test('a certificate counts for clients only, and only while it is valid', async () => {
  const { api, front, call, close } = await start();
  const groups = ['system:masters'];
  const server = issue('server', 'serving', authority, groups);
  const old = issue('old', 'client', authority, groups, now - 1_000);
  for (const pair of [server, old]) {
    const agent = new https.Agent({ ca: authority.certificatePem, cert: pair.certificatePem, key: pair.keyPem });
    assert.equal((await call('GET', base, { agent })).status, 403);
    agent.destroy();
  }
  // Certificates end on whole seconds.
  const brief = issue('brief', 'client', authority, groups, Date.now() + 2_000);
  const agent = new https.Agent({
    ca: authority.certificatePem,
    cert: brief.certificatePem,
    key: brief.keyPem,
    keepAlive: true,
    maxSockets: 1,
  });
  assert.equal((await call('GET', base, { agent })).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  assert.equal((await call('GET', base, { agent })).status, 403, 'also on the connection that it opened');
  agent.destroy();
  assert.ok(front.port > 0 && api.store.revision > 0);
  await close();
});

test('warnings carry what the client sent without breaking the answer', async () => {
  const { call, close } = await start();
  const send = (name: string, unknown: object) =>
    call('POST', base, {
      body: JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, ...unknown }),
    });
  const odd = await send('odd', { 'ключ"\\': 1, 'line\r\nSet-Cookie: a=b': 1, plain: 1 });
  assert.equal(odd.status, 201);
  const text = Buffer.from(String(odd.headers['warning']), 'latin1').toString('utf8');
  assert.match(text, /299 - "unknown field .*ключ/);
  assert.match(text, /unknown field \\"plain\\"/);
  assert.equal(odd.headers['set-cookie'], undefined);
  const names = Array.from({ length: 3_000 }, (_, index) => [`unknown${index}`, 1]);
  const many = await send('many', Object.fromEntries(names));
  assert.equal(many.status, 201);
  assert.ok(String(many.headers['warning']).length < 8_000);
  await close();
});

test('objects go both ways, large answers are compressed, large requests refused', async () => {
  const { call, close } = await start();
  assert.equal((await call('POST', base, { body: configMap('one', { text: 'x'.repeat(200_000) }) })).status, 201);
  const packed = await call('GET', `${base}/one`, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(JSON.parse(packed.text).data.text.length, 200_000);
  const bad = await call('POST', base, { body: '{"kind": nope' });
  assert.equal(bad.status, 400);
  assert.match(JSON.parse(bad.text).message, /invalid character 'o' in literal null/);
  const large = await call('POST', base, { body: configMap('two', { text: 'x'.repeat(4_000_000) }) });
  assert.equal(large.status, 413);
  const chunked = await call('POST', base, {
    body: configMap('two', { text: 'x'.repeat(4_000_000) }),
    headers: { 'transfer-encoding': 'chunked' },
  });
  assert.equal(chunked.status, 413);
  await close();
});

test('HTTP/2 streams a watch while other requests run, and ends it when the server closes', async () => {
  const { api, front, call, close } = await start();
  const session = http2.connect(`https://127.0.0.1:${front.port}`, {
    ca: authority.certificatePem,
    cert: administrator.certificatePem,
    key: administrator.keyPem,
  });
  session.on('error', () => {});
  const stream = session.request({ ':path': `${base}?watch=1&resourceVersion=${api.store.revision}` });
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => (text += chunk));
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  await call('POST', base, { body: configMap('seen') });
  while (!text.includes('\n')) await once(stream, 'data');
  const event = JSON.parse(text.split('\n')[0]!);
  assert.equal(event.type, 'ADDED');
  assert.equal(event.object.metadata.name, 'seen');
  const ended = once(stream, 'close');
  await close();
  await ended;
  session.destroy();
});

test('at its end the front answers what is in work, ends idle connections, and says so to those that stay', async () => {
  const { api, front, call } = await start();
  const session = http2.connect(`https://127.0.0.1:${front.port}`, {
    ca: authority.certificatePem,
    cert: administrator.certificatePem,
    key: administrator.keyPem,
  });
  const slow = session.request({ ':method': 'POST', ':path': base, 'content-type': 'application/json' });
  const body = configMap('late');
  slow.write(body.slice(0, 10));
  // Kept alive, and idle from here on.
  assert.equal((await call('GET', '/readyz')).text, 'ok');
  const goneAway = once(session, 'goaway');
  const closed = front.close(5_000);
  await goneAway;
  await assert.rejects(call('GET', '/readyz', { agent: new https.Agent({ ca: authority.certificatePem }) }));
  slow.end(body.slice(10));
  const [headers] = (await once(slow, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 201);
  slow.resume();
  await closed;
  await once(session, 'close');
  assert.equal((await api.get(`${base}/late`)).metadata.name, 'late');
  api.close();
});

const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'web' },
  spec: { nodeName: 'one', containers: [{ name: 'app', image: 'example' }] },
};

test('exec joins the client with the node, byte by byte, in both directions', async () => {
  const [near, far] = duplexPair();
  const asked: { node: string; path: string; headers: Readonly<Record<string, string>> }[] = [];
  const { api, front, close } = await start({
    nodes: {
      request: () => Promise.reject(new Error('not asked for')),
      async upgrade(node, { pathAndQuery, headers }) {
        asked.push({ node, path: pathAndQuery, headers });
        return {
          status: 101,
          headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': 'v5.channel.k8s.io' },
          socket: near,
          head: Buffer.from('early'),
        };
      },
    },
  });
  await api.create('/api/v1/namespaces/default/pods', pod);
  const request = https.request({
    host: '127.0.0.1',
    port: front.port,
    path: '/api/v1/namespaces/default/pods/web/exec?command=ls&command=-l&stdout=true&tty=true&container=app',
    ca: authority.certificatePem,
    cert: administrator.certificatePem,
    key: administrator.keyPem,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'a2V5',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    },
  });
  request.end();
  const [answer, socket, head] = (await once(request, 'upgrade')) as [
    import('node:http').IncomingMessage,
    Duplex,
    Buffer,
  ];
  assert.equal(answer.statusCode, 101);
  assert.equal(answer.headers['sec-websocket-protocol'], 'v5.channel.k8s.io');
  assert.deepEqual(asked[0], {
    node: 'one',
    path: '/exec/default/web/app?output=1&tty=1&command=ls&command=-l',
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'a2V5',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    },
  });
  let received = head.toString();
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  far.write(' late');
  while (received !== 'early late') await once(socket, 'data');
  socket.write('input');
  const [input] = (await once(far, 'data')) as [Buffer];
  assert.equal(input.toString(), 'input');
  far.end();
  await once(socket, 'end');
  socket.destroy();
  await close();
});

test('logs stream while the container writes; a wrong container is refused here', async () => {
  const { api, call, front, close } = await start({
    nodes: {
      async request(node, { pathAndQuery }) {
        const lines = async function* () {
          yield Buffer.from(`${node} `);
          yield Buffer.from(pathAndQuery);
        };
        return { status: 200, contentType: 'text/plain', stream: lines() };
      },
      upgrade: () => Promise.reject(new Error('not asked for')),
    },
  });
  await api.create('/api/v1/namespaces/default/pods', pod);
  const path = '/api/v1/namespaces/default/pods/web/log';
  assert.equal(
    (await call('GET', `${path}?tailLines=5&follow=true`)).text,
    'one /containerLogs/default/web/app?follow=true&tailLines=5',
  );
  const { WebSocket } = await import('ws');
  for (const [protocol, decode] of [
    ['binary.k8s.io', (bytes: Buffer) => bytes.toString()],
    ['base64.binary.k8s.io', (bytes: Buffer) => Buffer.from(bytes.toString(), 'base64').toString()],
  ] as const) {
    const socket = new WebSocket(`wss://127.0.0.1:${front.port}${path}`, protocol, {
      ca: authority.certificatePem,
      cert: administrator.certificatePem,
      key: administrator.keyPem,
    });
    let text = '';
    socket.on('message', (bytes: Buffer) => (text += decode(bytes)));
    const [code] = (await once(socket, 'close')) as [number];
    assert.deepEqual([socket.protocol, text, code], [protocol, 'one /containerLogs/default/web/app', 1000]);
  }
  const wrong = await call('GET', `${path}?container=other`);
  assert.equal(JSON.parse(wrong.text).message, 'container other is not valid for pod web');
  await close();
});

test('a body that does not end is given up with the answer: nobody waits for it behind a deadline', async () => {
  const read: Promise<string>[] = [];
  const front = await startHttpsFront({
    address: '127.0.0.1',
    port: 0,
    certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
    clientAuthorities: authority.certificatePem,
    handler: {
      async handle({ body }) {
        assert.ok(body.type === 'bytes');
        read.push(
          body.read(1_000).then(
            () => 'read',
            () => 'given up',
          ),
        );
        return respondText('too late', 504);
      },
    },
    logger: silentLogger,
  });
  const session = http2.connect(`https://127.0.0.1:${front.port}`, { ca: authority.certificatePem });
  const stream = session.request({ ':method': 'POST', ':path': '/apis/x/v1/y' });
  stream.on('error', () => {});
  stream.write('{');
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 504);
  assert.equal(await read[0], 'given up');
  session.destroy();

  const request = https.request({
    host: '127.0.0.1',
    port: front.port,
    method: 'POST',
    path: '/apis/x/v1/y',
    ca: authority.certificatePem,
  });
  request.on('error', () => {});
  request.write('{');
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  assert.equal(response.statusCode, 504);
  assert.equal(await read[1], 'given up');
  request.destroy();
  await front.close(1_000);
});

test('a long list is packed as it is made, and waits for a reader who does not read', async () => {
  const { api, front, agent, call, close } = await start();
  const text = 'x'.repeat(100_000);
  for (let index = 0; index < 200; index++)
    await api.create(base, { metadata: { name: `long-${index}` }, data: { text } });
  const plain = await call('GET', base);
  assert.equal(plain.headers['content-length'], String(Buffer.byteLength(plain.text)));
  assert.equal(JSON.parse(plain.text).items.length, 200);
  const packed = await call('GET', base, { headers: { 'accept-encoding': 'gzip' } });
  assert.deepEqual(
    [packed.headers['content-encoding'], packed.headers['content-length'], packed.headers['transfer-encoding']],
    ['gzip', undefined, 'chunked'],
  );
  assert.equal(packed.text, plain.text);
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const decoded = mock.method(StoredValue.prototype, 'object');
  const path = `${base}?includeObject=Object`;
  const request = https.request({ host: '127.0.0.1', port: front.port, path, agent, headers: { accept: table } });
  request.end();
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  // The kernel and both ends of the connection take some megabytes of the twenty.
  let before = -1;
  while (decoded.mock.callCount() !== before) {
    before = decoded.mock.callCount();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(before < 180, `${before} of 200 rows were made for a reader who does not read`);
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  assert.ok(bytes > 20_000_000);
  assert.ok(decoded.mock.callCount() >= 200);
  mock.restoreAll();
  await close();
});

test('readers of long lists side by side, fast, slow and gone, each get their own bytes: parts are made in memory that is used again', async () => {
  const { api, front, agent, call, close } = await start();
  const namespaces = ['a', 'b', 'c'];
  for (const namespace of namespaces) {
    await api.create('/api/v1/namespaces', { metadata: { name: namespace } });
    for (let index = 0; index < 500; index++)
      await api.create(`/api/v1/namespaces/${namespace}/configmaps`, {
        metadata: { name: `map-${index}` },
        data: { text: namespace.repeat(2_000 + index) },
      });
  }
  const session = http2.connect(`https://127.0.0.1:${front.port}`, {
    ca: authority.certificatePem,
    cert: administrator.certificatePem,
    key: administrator.keyPem,
  });
  const pathOf = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;
  /** Reads a chunk each so many milliseconds; with `goesAfter` it hangs up after so many chunks. */
  const read = async (namespace: string, everyMs: number, goesAfter = Infinity): Promise<string | undefined> => {
    const request = https.request({ host: '127.0.0.1', port: front.port, path: pathOf(namespace), agent });
    request.on('error', () => {});
    request.end();
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      if (chunks.length >= goesAfter) {
        response.destroy();
        return undefined;
      }
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    return Buffer.concat(chunks).toString();
  };
  const readHttp2 = async (namespace: string): Promise<string> => {
    const stream = session.request({ ':path': pathOf(namespace) });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  };
  const expected = new Map<string, string>();
  for (const namespace of namespaces) expected.set(namespace, (await call('GET', pathOf(namespace))).text);
  assert.equal(new Set(expected.values()).size, 3);
  for (let round = 0; round < 3; round++)
    await Promise.all(
      namespaces.flatMap((namespace) => [
        ...[0, 0, 1].map(async (everyMs) => assert.ok((await read(namespace, everyMs)) === expected.get(namespace))),
        read(namespace, 1, 5),
        readHttp2(namespace).then((text) => assert.ok(text === expected.get(namespace))),
      ]),
    );
  session.destroy();
  await close();
});
