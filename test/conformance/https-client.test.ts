// The HTTPS client with real certificates (the client's own folder may not import those).
import assert from 'node:assert/strict';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { ConfigMaps } from '#api/generated/kind-references.ts';
import { systemClock } from '#base/clock.ts';
import { systemRandom } from '#base/random.ts';
import { until } from '#client/conformance.ts';
import { createHttpsClient } from '#client/https.ts';
import type { HttpsCredentials } from '#host/https-client.ts';
import { type CertificateUse, issueCertificate, type KeyPair } from '#pki/certificate.ts';

const issue = (commonName: string, use: CertificateUse, issuer?: KeyPair): KeyPair =>
  issueCertificate({
    subject: { commonName },
    use,
    ...(use === 'serving' ? { names: ['127.0.0.1'] } : {}),
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + 3_600_000,
    serial: systemRandom.bytes(16),
    issuer,
  });
const asClient = ({ certificatePem, keyPem }: KeyPair): HttpsCredentials => ({
  certificate: certificatePem,
  key: keyPem,
});

test('the server is verified; certificate and token are sent; renewed ones are used at once', async () => {
  const authority = issue('authority', 'authority');
  const serving = issue('server', 'serving', authority);
  const callers: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const options = {
    cert: serving.certificatePem,
    key: serving.keyPem,
    ca: authority.certificatePem,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = https.createServer(options, (incoming, outgoing) => {
    const socket = incoming.socket as TLSSocket;
    callers.push(
      `${String(socket.getPeerCertificate().subject?.CN)} ${socket.authorized} ${incoming.headers.authorization}`,
    );
    const answer = (): void => {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end('{"metadata":{"resourceVersion":"1"},"items":null}');
    };
    if (incoming.url?.includes('slow') !== true) return answer();
    arrived.resolve();
    void release.promise.then(answer);
  });
  const connections = new Set<unknown>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  const open = (): number => connections.size;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  let credentials = asClient(issue('one', 'client', authority));
  const common = { server: `https://127.0.0.1:${port}`, clock: systemClock, credentials: () => credentials };
  const client = createHttpsClient({ ...common, certificateAuthority: authority.certificatePem });
  assert.deepEqual(await client.resource(ConfigMaps).list(), { items: [], metadata: { resourceVersion: '1' } });
  credentials = { ...asClient(issue('two', 'client', authority)), token: 'secret' };
  await client.resource(ConfigMaps).list();
  assert.deepEqual(callers, ['one true undefined', 'two true Bearer secret']);

  const slow = client.resource(ConfigMaps).list({ labelSelector: 'slow' });
  await arrived.promise;
  credentials = asClient(issue('three', 'client', authority));
  await client.resource(ConfigMaps).list();
  release.resolve();
  assert.equal((await slow).items.length, 0, 'what was under way is not cut');
  await until(() => open() === 1, 'only the newest connection is kept');
  assert.equal(callers.splice(2).at(-1), 'three true undefined');

  const other = createHttpsClient({ ...common, certificateAuthority: issue('other', 'authority').certificatePem });
  await assert.rejects(other.resource(ConfigMaps).list(), { code: 503, message: /cannot reach https:.*certificate/ });
  assert.equal(callers.length, 2);
  const trusting = createHttpsClient({ ...common, insecureSkipVerify: true });
  await trusting.resource(ConfigMaps).list();
  assert.equal(callers.length, 3);

  credentials = { token: 'no\nheader' };
  await assert.rejects(client.resource(ConfigMaps).list(), { code: 503 });
  await Promise.all([client.close(), other.close(), trusting.close()]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  credentials = {};
  await assert.rejects(createHttpsClient(common).resource(ConfigMaps).list(), { message: /ECONNREFUSED/ });
});
