// Renewal under real TLS connections: the clock is set, the authorities themselves are certified again, and nobody is cut off.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import { systemFiles } from '#host/files.ts';
import { clientCertificateOf, listenHttps } from '#host/https-server.ts';
import type { KeyPair } from './certificate.ts';
import { Pki } from './pki.ts';

const yearMs = 365 * 86_400_000;

async function startServer(context: TestContext) {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'microshift-renewal-'));
  const clock = new VirtualClock(Date.now());
  const pki = await Pki.open({
    dataDirectory,
    files: systemFiles,
    clock,
    random: systemRandom,
    logger: silentLogger,
    names: {
      nodeName: 'edge-1',
      apiServer: ['127.0.0.1'],
      external: ['edge-1'],
      kubeconfigs: [],
      node: ['edge-1'],
      ingress: ['*.apps.example.com'],
      apiServerUrl: 'https://127.0.0.1:6443',
    },
  });
  const scope = new Scope('test', (name, error) => assert.fail(`${name}: ${String(error)}`));
  pki.keepRenewed(scope);
  const serving = () => {
    const { certificatePem, keyPem } = pki.leaf('api-service-network-serving');
    const external = pki.leaf('api-external-serving');
    return {
      certificate: { certificateChain: certificatePem, privateKey: keyPem },
      namedCertificates: [
        { certificateChain: external.certificatePem, privateKey: external.keyPem, names: ['edge-1'] },
      ],
      clientAuthorities: pki.bundle('client'),
    };
  };
  const server = await listenHttps({
    address: '127.0.0.1',
    port: 0,
    ...serving(),
    onRequest: (incoming, response) => response.end(clientCertificateOf(incoming)?.commonName ?? 'nobody'),
    onUpgrade: (_request, socket) => socket.destroy(),
  });
  pki.onChange(() => server.reload(serving()));
  context.after(async () => {
    await scope.close();
    await server.close(0);
    rmSync(dataDirectory, { recursive: true });
  });
  return { pki, clock, port: server.port };
}

interface Seen {
  readonly user: string;
  readonly serial: string;
  readonly localPort: number | undefined;
}
const ask = (port: number, agent: Agent): Promise<Seen> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, agent }, (answer) => {
      const socket = answer.socket as TLSSocket;
      const { serialNumber } = socket.getPeerCertificate();
      const { localPort } = socket;
      answer.on('data', (user: Buffer) => resolve({ user: user.toString(), serial: serialNumber, localPort }));
    });
    outgoing.on('error', reject).end();
  });

test('open connections go on over a renewal, new ones are shown the new certificate, and who has the old credentials stays welcome', async (context) => {
  const { pki, clock, port } = await startServer(context);
  const client = (pair: KeyPair, ca: string, servername?: string) =>
    new Agent({
      keepAlive: true,
      ca,
      cert: pair.certificatePem,
      key: pair.keyPem,
      ...(servername === undefined ? {} : { servername }),
    });
  const old = { admin: pki.leaf('admin'), scheduler: pki.leaf('kube-scheduler'), bundle: pki.bundle('serving') };
  const kept = client(old.admin, old.bundle);
  const first = await ask(port, kept);
  assert.equal(first.user, 'system:admin');
  const session = http2.connect(`https://127.0.0.1:${port}`, {
    ca: old.bundle,
    cert: old.scheduler.certificatePem,
    key: old.scheduler.keyPem,
  });
  const overHttp2 = (): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      const stream = session.request({ ':path': '/' });
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => resolve(text)).on('error', reject);
    });
  assert.equal(await overHttp2(), 'system:kube-scheduler');

  // So far that leaves and authorities are due.
  const changed = new Promise<void>((resolve) => void pki.onChange(resolve));
  clock.jump(9 * yearMs + yearMs / 12);
  clock.advance(60_000);
  await changed;
  assert.notEqual(pki.bundle('client'), old.bundle);
  assert.notEqual(pki.leaf('admin').certificatePem, old.admin.certificatePem);

  const second = await ask(port, kept);
  assert.deepEqual(second, first, 'the same connection, with the certificate that it began with');
  assert.equal(await overHttp2(), 'system:kube-scheduler');

  const fresh = client(pki.leaf('admin'), pki.bundle('serving'));
  const third = await ask(port, fresh);
  assert.equal(third.user, 'system:admin');
  assert.notEqual(third.serial, first.serial);
  assert.notEqual(third.localPort, first.localPort);
  const named = client(pki.leaf('kubelet-client'), pki.bundle('serving'), 'edge-1');
  assert.equal((await ask(port, named)).user, 'system:node:edge-1');

  // A kubeconfig from before: its authority was certified again with the same key.
  const before = client(old.admin, old.bundle);
  assert.equal((await ask(port, before)).user, 'system:admin');
  session.close();
  for (const agent of [kept, fresh, named, before]) agent.destroy();
});
