import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
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
  if (request.url?.startsWith('/moved') === true)
    return void response.writeHead(307, { location: 'https://127.0.0.1:1/' }).end();
  response.end('{}');
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

test('a URL is called over one kept connection; a redirect is an answer', async () => {
  const url = `https://127.0.0.1:${port}/a/b`;
  for (let count = 0; count < 3; count++)
    assert.equal((await callOutgoing(options, { url, caBundle }, call)).body.toString(), '{}');
  assert.deepEqual(asked.splice(0), ['/a/b?timeout=1s', '/a/b?timeout=1s', '/a/b?timeout=1s']);
  assert.equal(connections, 1);
  const moved = await callOutgoing(options, { url: `https://127.0.0.1:${port}/moved`, caBundle }, call);
  assert.equal(moved.status, 307);
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
