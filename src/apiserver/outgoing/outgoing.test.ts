import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '#base/clock.ts';
import { OutgoingConnections } from '#host/outgoing-connector.ts';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { issueCertificate } from '#pki/certificate.ts';
import type { ApiServerOptions } from '../options.ts';
import type { OutgoingConnector } from '../ports.ts';
import { callOutgoing, type ClientConfig, type OutgoingCall } from './call.ts';

const authority = issueCertificate({
  subject: { commonName: 'authority' },
  use: 'authority',
  notBeforeMs: 0,
  notAfterMs: Date.UTC(2099, 0),
  serial: Uint8Array.of(1),
});
const serving = issueCertificate({
  subject: { commonName: 'hook' },
  use: 'serving',
  names: ['hook.default.svc', '127.0.0.1'],
  notBeforeMs: 0,
  notAfterMs: Date.UTC(2099, 0),
  serial: Uint8Array.of(2),
  issuer: authority,
});
const caBundle = Buffer.from(authority.certificatePem).toString('base64');

let port = 0;
let connections = 0;
const asked: (string | undefined)[] = [];
const requests: string[] = [];
const bomb = 2_000_000;

function respond(path: string, response: ServerResponse): void {
  const count = Number(path.split('/')[2]);
  const packed = { 'content-encoding': 'gzip' };
  if (path === '/redirect/nowhere') response.writeHead(307).end();
  else if (path.startsWith('/redirect/')) response.writeHead(count, { location: '/end' }).end();
  else if (path === '/loop') response.writeHead(307, { location: '/loop' }).end();
  else if (path.startsWith('/to/')) response.writeHead(307, { location: decodeURIComponent(path.slice(4)) }).end();
  else if (path.startsWith('/busy/') && requests.length <= count)
    response.writeHead(503, { 'retry-after': '0' }).end('busy');
  else if (path === '/unclear') response.writeHead(503, { 'retry-after': 'soon' }).end();
  else if (path === '/later') response.writeHead(429, { 'retry-after': '3600' }).end();
  else if (path === '/packed') response.writeHead(200, packed).end(gzipSync('{"packed":true}'));
  else if (path === '/packed/cut') response.writeHead(200, packed).end(gzipSync('{"packed":true}').subarray(0, 20));
  else if (path === '/packed/not') response.writeHead(200, packed).end('this was never compressed');
  else if (path === '/packed/bomb') response.writeHead(200, packed).end(gzipSync(Buffer.alloc(bomb)));
  else response.end('{}');
}

const hook = https.createServer({ cert: serving.certificatePem, key: serving.keyPem }, (request, response) => {
  asked.push(request.url);
  request.resume();
  if (request.url?.startsWith('/silent') === true) return;
  if (request.url?.startsWith('/huge') === true) {
    // Ends only because the reader does.
    response.on('error', () => {});
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    return more();
  }
  const { headers, method, url = '' } = request;
  const path = url.split('?', 1)[0]!;
  const referer = headers.referer === undefined ? 'no referer' : headers.referer.replace(/^https:\/\/[^/]+/, '');
  requests.push(`${method} ${url} ${headers['content-length'] ?? 0} ${referer}`);
  respond(path, response);
});
hook.on('secureConnection', () => connections++);
let api: TestApiServer;
let options: ApiServerOptions;
const sockets = new OutgoingConnections();
/** What the connector was asked to reach; the address does not exist here. */
const reached: string[] = [];
const connector: OutgoingConnector = {
  request(target, request) {
    reached.push(`${target.host}:${target.port}`);
    return sockets.request(target.host.startsWith('10.') ? { ...target, host: '127.0.0.1', port } : target, request);
  },
  upgrade: () => assert.fail('no upgrade is asked for'),
};

before(async () => {
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  ({ port } = hook.address() as AddressInfo);
  api = await startApiServer({ clock: systemClock, outgoing: connector });
  options = {
    store: api.store,
    clock: systemClock,
    outgoing: connector,
    random: { bytes: () => Buffer.alloc(8) },
  } as never;
});
after(() => {
  sockets.close();
  hook.closeAllConnections();
  hook.close();
  api.close();
});

const call: OutgoingCall = {
  method: 'POST',
  headers: {},
  body: Buffer.from('{}'),
  query: 'timeout=1s',
  timeoutMs: 5_000,
  signal: new AbortController().signal,
  answerBytesMax: 1_000_000,
};
const failure = (config: ClientConfig, more: Partial<OutgoingCall> = {}): Promise<string> =>
  callOutgoing(options, { caBundle, ...config }, { ...call, ...more }).then(
    () => 'it answered',
    (error: unknown) => (error as Error).message,
  );

test('a URL is called over one kept connection', async () => {
  const url = `https://127.0.0.1:${port}/a/b`;
  for (let count = 0; count < 3; count++)
    assert.equal((await callOutgoing(options, { url, caBundle }, call)).body.toString(), '{}');
  assert.deepEqual(asked.splice(0), ['/a/b?timeout=1s', '/a/b?timeout=1s', '/a/b?timeout=1s']);
  assert.equal(connections, 1);
});

/** What the server has seen of a call by its path. */
async function seen(path: string): Promise<{ status: number; body: string; requests: string[] }> {
  requests.length = 0;
  const answer = await callOutgoing(options, { url: `https://127.0.0.1:${port}${path}`, caBundle }, call);
  return { status: answer.status, body: Buffer.from(answer.body).toString(), requests: requests.splice(0) };
}

test('redirects are followed as by Go: with the body where the code says so, ten at most', async () => {
  assert.deepEqual(await seen('/redirect/307'), {
    status: 200,
    body: '{}',
    requests: ['POST /redirect/307?timeout=1s 2 no referer', `POST /end 2 /redirect/307?timeout=1s`],
  });
  assert.deepEqual(await seen('/redirect/302'), {
    status: 200,
    body: '{}',
    requests: ['POST /redirect/302?timeout=1s 2 no referer', 'GET /end 0 /redirect/302?timeout=1s'],
  });
  const url = `https://127.0.0.1:${port}`;
  assert.equal(await failure({ url: `${url}/loop` }), 'Post "/loop": stopped after 10 redirects');
  assert.equal(requests.splice(0).length, 10);
  assert.equal(
    await failure({ url: `${url}/to/${encodeURIComponent('http://127.0.0.1:1/x')}` }),
    'Post "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
  );
  assert.equal(
    await failure({ url: `${url}/to/${encodeURIComponent('ftp://x/y')}` }),
    'Post "ftp://x/y": unsupported protocol scheme "ftp"',
  );
  assert.equal((await seen('/redirect/nowhere')).status, 307);
});

test('who says Retry-After is asked again, as long as there is time', async () => {
  assert.deepEqual((await seen('/busy/2')).requests.length, 3);
  const always = await seen('/busy/100');
  assert.deepEqual([always.status, always.requests.length], [503, 11]);
  assert.deepEqual((await seen('/unclear')).requests.length, 1);
  const url = `https://127.0.0.1:${port}/later`;
  assert.equal(await failure({ url }, { timeoutMs: 50 }), `Post "${url}?timeout=1s": context deadline exceeded`);
  assert.equal(requests.splice(0).length, 1);
});

test('answers may come compressed, and are no larger for that', async () => {
  assert.equal((await seen('/packed')).body, '{"packed":true}');
  const url = `https://127.0.0.1:${port}`;
  const unreadable = 'unexpected error when reading response body. Please retry. Original error:';
  assert.equal(await failure({ url: `${url}/packed/cut` }), `${unreadable} unexpected EOF`);
  assert.equal(await failure({ url: `${url}/packed/not` }), `${unreadable} gzip: invalid header`);
  assert.equal(
    await failure({ url: `${url}/packed/bomb` }),
    `Post "${url}/packed/bomb?timeout=1s": http: response body too large: more than 1000000 bytes`,
  );
});

test('what goes wrong is told in the words of upstream', async () => {
  const url = `https://127.0.0.1:${port}`;
  assert.equal(
    await failure({ url: `${url}/silent` }, { timeoutMs: 30 }),
    `Post "${url}/silent?timeout=1s": context deadline exceeded`,
  );
  assert.equal(
    await failure({ url: `${url}/huge` }),
    `Post "${url}/huge?timeout=1s": http: response body too large: more than 1000000 bytes`,
  );
  assert.equal(
    await failure({ url, caBundle: undefined }),
    `Post "${url}/?timeout=1s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  );
  assert.equal(
    await failure({ url: 'https://127.0.0.1:1' }),
    'Post "https://127.0.0.1:1/?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused',
  );
  assert.equal(
    await failure({ url: `https://localhost:${port}` }),
    `Post "https://localhost:${port}/?timeout=1s": tls: failed to verify certificate: x509: certificate is valid for hook.default.svc, 127.0.0.1, not localhost`,
  );
  const bundle = (text: string) => Buffer.from(text).toString('base64');
  assert.equal(
    await failure({ url, caBundle: bundle('hello') }),
    'unable to load root certificates: unable to parse bytes as PEM block',
  );
  assert.equal(
    await failure({ url, caBundle: bundle('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n') }),
    'unable to load root certificates: failed to parse certificate',
  );
  const gone = new AbortController();
  gone.abort();
  assert.equal(await failure({ url }, { signal: gone.signal }), `Post "${url}/?timeout=1s": context canceled`);
});

test('a Service is reached at a ready endpoint, else at its address, by its name in the certificate', async () => {
  const service = { namespace: 'default', name: 'hook', path: '/x' };
  assert.equal(
    await failure({ service }),
    'Post "https://hook.default.svc:443/x?timeout=1s": service "hook" not found',
  );
  await api.create('/api/v1/namespaces/default/services', {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 'hook' },
    spec: { ports: [{ name: 'web', port: 443, targetPort: 9443 }], selector: { app: 'hook' }, clusterIP: '10.43.0.77' },
  });
  assert.equal(
    await failure({ service: { ...service, port: 8443 } }),
    'Post "https://hook.default.svc:8443/x?timeout=1s": no service port 8443 found for service "hook"',
  );
  reached.length = 0;
  assert.equal(await failure({ service }), 'it answered');
  assert.deepEqual(reached, ['10.43.0.77:443']);
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  await api.create(slices, {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: { name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 9443, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.42.0.3'], conditions: { ready: false } },
      { addresses: ['10.42.0.4'], conditions: { ready: true } },
    ],
  });
  reached.length = 0;
  assert.equal(await failure({ service }), 'it answered');
  assert.deepEqual(reached, ['10.42.0.4:9443']);
  await api.patch(`${slices}/hook-1`, 'json', [{ op: 'replace', path: '/endpoints/1/conditions/ready', value: false }]);
  assert.equal(
    await failure({ service }),
    'Post "https://hook.default.svc:443/x?timeout=1s": no endpoints available for service "hook"',
  );
});
