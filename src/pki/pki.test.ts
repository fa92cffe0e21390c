import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import { systemFiles } from '#host/files.ts';
import { Pki } from './pki.ts';
import { leaves, signers, type Names } from './plan.ts';

const names: Names = {
  nodeName: 'edge-1',
  apiServer: ['localhost', '127.0.0.1', '::1', 'kubernetes.default.svc'],
  external: ['edge-1', 'api.example.com'],
  kubeconfigs: ['edge-1'],
  node: ['edge-1', '10.0.0.1'],
  ingress: ['*.apps.example.com'],
  apiServerUrl: 'https://127.0.0.1:6443',
};

function directory(context: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'microshift-pki-'));
  context.after(() => rmSync(made, { recursive: true }));
  return made;
}
const open = (dataDirectory: string, clock = new VirtualClock(Date.now())) =>
  Pki.open({ dataDirectory, files: systemFiles, clock, random: systemRandom, logger: silentLogger, names });

test('a server and a client with these certificates trust each other', async (context) => {
  const pki = await open(directory(context));
  const server = createServer({
    key: pki.leaf('api-service-network-serving').keyPem,
    cert: pki.leaf('api-service-network-serving').certificatePem,
    ca: pki.bundle('client'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  const peer = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  const client = connect({
    host: '127.0.0.1',
    port: address.port,
    servername: 'kubernetes.default.svc',
    ca: pki.bundle('serving'),
    key: pki.leaf('admin').keyPem,
    cert: pki.leaf('admin').certificatePem,
  });
  await new Promise<void>((resolve, reject) => client.once('secureConnect', resolve).once('error', reject));
  const socket = await peer;
  const { subject } = socket.getPeerCertificate();
  assert.deepEqual({ ...subject }, { O: 'system:masters', CN: 'system:admin' });
  client.destroy();
  socket.destroy();
  server.close();
});

test('one signer cannot vouch for the identities of another', async (context) => {
  const pki = await open(directory(context));
  const admin = new X509Certificate(pki.leaf('admin').certificatePem);
  assert(admin.checkIssued(new X509Certificate(pki.signer('admin-kubeconfig-signer').certificatePem)));
  assert(!admin.checkIssued(new X509Certificate(pki.signer('kubelet-signer').certificatePem)));
  assert(!pki.bundle('client').includes(pki.signer('aggregator-signer').certificatePem));
});

test('every authority and certificate has an ECDSA key of its own on P-256, signed by its signer', async (context) => {
  const pki = await open(directory(context));
  const all = [
    ...signers.map((name) => ({ pair: pki.signer(name), signer: name })),
    ...leaves.map(({ name, signer }) => ({ pair: pki.leaf(name), signer })),
  ];
  const keys = new Set<string>();
  for (const { pair, signer } of all) {
    const certificate = new X509Certificate(pair.certificatePem);
    assert.equal(certificate.publicKey.asymmetricKeyType, 'ec', certificate.subject);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1', certificate.subject);
    assert(certificate.verify(new X509Certificate(pki.signer(signer).certificatePem).publicKey), certificate.subject);
    keys.add(pair.keyPem);
  }
  assert.equal(keys.size, all.length, 'no key is used twice');
});

test('files are private, and a second start changes none of them', async (context) => {
  const dataDirectory = directory(context);
  const first = await open(dataDirectory);
  const kubeconfig = first.kubeconfigPath();
  assert.equal(statSync(kubeconfig).mode & 0o777, 0o600);
  assert.equal(statSync(path.join(dataDirectory, 'certs')).mode & 0o777, 0o700);
  const before = readFileSync(kubeconfig, 'utf8');
  const second = await open(dataDirectory);
  assert.equal(readFileSync(kubeconfig, 'utf8'), before);
  assert.deepEqual(second.leaf('api-service-network-serving'), first.leaf('api-service-network-serving'));
  assert.deepEqual(second.serviceAccountKey, first.serviceAccountKey);
});

test('a damaged certificate is made new without touching the others', async (context) => {
  const dataDirectory = directory(context);
  const first = await open(dataDirectory);
  writeFileSync(
    path.join(
      dataDirectory,
      'certs/kube-apiserver-service-network-signer/kube-apiserver-service-network-serving/server.crt',
    ),
    'half',
  );
  const second = await open(dataDirectory);
  assert.notEqual(
    second.leaf('api-service-network-serving').certificatePem,
    first.leaf('api-service-network-serving').certificatePem,
  );
  assert.equal(second.leaf('admin').certificatePem, first.leaf('admin').certificatePem);
  assert.equal(second.bundle('serving'), first.bundle('serving'));
});

test('a changed name is issued while running, and listeners hear of it', async (context) => {
  const pki = await open(directory(context));
  let heard = 0;
  pki.onChange(() => heard++);
  await pki.changeNames(names);
  assert.equal(heard, 0);
  await pki.changeNames({ ...names, apiServer: [...names.apiServer, 'edge.example.com'] });
  assert.equal(heard, 1);
  const certificate = new X509Certificate(pki.leaf('api-service-network-serving').certificatePem);
  assert.equal(certificate.checkHost('edge.example.com'), 'edge.example.com');
  assert.equal(certificate.checkIP('::1'), '::1');
});

test('certificates are renewed on time while running, under the same authorities', async (context) => {
  const clock = new VirtualClock(Date.now());
  const pki = await open(directory(context), clock);
  const scope = new Scope('test', (name, error) => assert.fail(`${name}: ${String(error)}`));
  pki.keepRenewed(scope);
  const before = pki.leaf('api-service-network-serving').certificatePem;
  const changed = new Promise<void>((resolve) => void pki.onChange(resolve));
  clock.advance(242 * 86_400_000);
  assert.equal(pki.leaf('api-service-network-serving').certificatePem, before);
  clock.advance(2 * 86_400_000);
  await changed;
  const certificate = new X509Certificate(pki.leaf('api-service-network-serving').certificatePem);
  assert(certificate.validToDate.getTime() > clock.now() + 364 * 86_400_000);
  assert(
    certificate.checkIssued(new X509Certificate(pki.signer('kube-apiserver-service-network-signer').certificatePem)),
  );
  await scope.close();
});
