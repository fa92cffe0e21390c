// The certificates of a node that joined, over the years: asked for, renewed before they end, and asked for again for another
// address. The control plane is the real one; its clock is set.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Nodes } from '#api/generated/kind-references.ts';
import { NodeCredentials } from '#assembly/node-credentials.ts';
import { silentLogger } from '#base/log.ts';
import { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { systemFiles } from '#host/files.ts';
import { issueCertificate, type KeyPair } from '#pki/certificate.ts';
import { nodeSubject } from '#pki/plan.ts';
import { notAfterMs } from '#pki/renewal.ts';
import { startControlPlane, testSigner, type TestControlPlane } from '#kit/start-control-plane.ts';

const dayMs = 86_400_000;
const dataDirectory = mkdtempSync(path.join(tmpdir(), 'microshift-node-'));
let cluster: TestControlPlane;
let client: Client;
let given: KeyPair;
let address = '192.0.2.5';
const moved = new Set<() => void>();
const wake = {
  onChange(listener: () => void) {
    moved.add(listener);
    return { [Symbol.dispose]: () => void moved.delete(listener) };
  },
};
const scope = new Scope('test', (name, error) => assert.fail(`${name}: ${String(error)}`));
const make = () =>
  new NodeCredentials({
    dataDirectory,
    nodeName: 'edge-2',
    nodeIp: () => address,
    files: systemFiles,
    clock: cluster.api.virtualClock,
    logger: silentLogger,
  });
let credentials: NodeCredentials;
const serving = () => new X509Certificate(credentials.serving()!.certificatePem);

async function report(): Promise<void> {
  const addresses = [
    { type: 'InternalIP', address },
    { type: 'Hostname', address: 'edge-2' },
  ];
  // A patch: controllers write to the new node at the same time.
  await client
    .resource(Nodes)
    .patch({ name: 'edge-2' }, { type: 'merge', value: { status: { addresses } } }, { subresource: 'status' });
}

before(async () => {
  cluster = await startControlPlane();
  const identity = { name: 'system:node:edge-2', groups: ['system:nodes', 'system:authenticated'] };
  client = createInProcessClient({ handler: cluster.api.server, identity, clock: cluster.api.virtualClock });
  await client.resource(Nodes).create({ metadata: { name: 'edge-2' }, spec: {} });
  await report();
  given = issueCertificate({
    subject: nodeSubject('edge-2'),
    use: 'client',
    notBeforeMs: 0,
    notAfterMs: notAfterMs(cluster.api.virtualClock.now(), 'short'),
    serial: Uint8Array.of(3),
    issuer: testSigner(),
  });
  credentials = make();
  await credentials.load();
  scope.spawn('credentials', (signal) => credentials.keepRenewed(client, () => given, wake, signal));
});
after(async () => {
  await scope.close();
  await cluster[Symbol.asyncDispose]();
  rmSync(dataDirectory, { recursive: true });
});

test('the serving certificate is asked for at once; the client certificate of the kubeconfig is good for long', async () => {
  await cluster.eventually(async () => assert.ok(credentials.serving()));
  assert.equal(serving().checkIP('192.0.2.5'), '192.0.2.5');
  assert.equal(serving().checkHost('edge-2'), 'edge-2');
  assert.equal(credentials.clientPair(given), given);
  assert.equal(statSync(path.join(dataDirectory, 'certs/node-serving/serving.key')).mode & 0o777, 0o600);
});

test('another address is in a new certificate as soon as the Node has it, and the problem until then is told', async () => {
  let heard = 0;
  using _listening = credentials.onChange(() => heard++);
  address = '192.0.2.6';
  for (const listener of moved) listener();
  await cluster.eventually(async () => assert.match(credentials.problems().join(), /waits for an approval/), 60_000);
  assert.equal(heard, 0);
  await report();
  await cluster.eventually(async () => assert.equal(serving().checkIP('192.0.2.6'), '192.0.2.6'), 60_000);
  assert.equal(serving().checkIP('192.0.2.5'), undefined);
  assert.equal(heard, 1);
  await cluster.eventually(async () => assert.deepEqual(credentials.problems(), []), 60_000);
});

test('both are renewed four months before they end, and a restart goes on with the renewed ones', async () => {
  const first = serving().validToDate;
  const clock = cluster.api.virtualClock;
  clock.jump(new X509Certificate(given.certificatePem).validToDate.getTime() - 100 * dayMs - clock.now());
  await cluster.eventually(async () => assert.notEqual(credentials.clientPair(given), given), 90_000);
  await cluster.eventually(async () => assert.ok(serving().validToDate > first), 90_000);
  const renewed = credentials.clientPair(given)!;
  assert.ok(
    new X509Certificate(renewed.certificatePem).validToDate > new X509Certificate(given.certificatePem).validToDate,
  );
  const again = make();
  await again.load();
  assert.deepEqual(again.clientPair(given), renewed);
  // A newer kubeconfig, made with add-node, goes first.
  const newer = issueCertificate({
    subject: nodeSubject('edge-2'),
    use: 'client',
    notBeforeMs: 0,
    notAfterMs: cluster.api.virtualClock.now() + 400 * dayMs,
    serial: Uint8Array.of(4),
    issuer: testSigner(),
  });
  assert.equal(again.clientPair(newer), newer);
});
