// Requests for certificates on the real control plane: nodes get theirs at once, people's wait for an approval, and nobody gets
// what the signer does not give.
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CertificateSigningRequests, Nodes } from '#api/generated/kind-references.ts';
import { createInProcessClient } from '#client/in-process.ts';
import type { Client } from '#client/client.ts';
import { makeCertificateRequest } from '#pki/certificate-request.ts';
import type { Subject } from '#pki/certificate.ts';
import { startControlPlane, testSigner, type TestControlPlane } from '#kit/start-control-plane.ts';

const serving = 'kubernetes.io/kubelet-serving';
const nodeClient = 'kubernetes.io/kube-apiserver-client-kubelet';
const anyClient = 'kubernetes.io/kube-apiserver-client';
const nodeSubject: Subject = { commonName: 'system:node:edge-2', organizations: ['system:nodes'] };

let cluster: TestControlPlane;
let node: Client;
before(async () => {
  cluster = await startControlPlane();
  const groups = ['system:nodes', 'system:authenticated'];
  node = createInProcessClient({
    handler: cluster.api.server,
    identity: { name: 'system:node:edge-2', groups },
    clock: cluster.api.virtualClock,
  });
  await node.resource(Nodes).create({ metadata: { name: 'edge-2' }, spec: {} });
  const current = await node.resource(Nodes).get({ name: 'edge-2' });
  const status = { ...current.status, addresses: [{ type: 'InternalIP', address: '192.0.2.5' }] };
  await node.resource(Nodes).update({ ...current, status }, { subresource: 'status' });
});
after(() => cluster[Symbol.asyncDispose]());

let count = 0;
async function ask(client: Client, signerName: string, subject: Subject, usage: string, names: readonly string[] = []) {
  const { requestPem, keyPem } = makeCertificateRequest(subject, names);
  const name = `csr-${count++}`;
  await client.resource(CertificateSigningRequests).create({
    metadata: { name },
    spec: { request: Buffer.from(requestPem).toString('base64'), signerName, usages: ['digital signature', usage] },
  });
  return { name, keyPem };
}
const get = (name: string) => cluster.admin.resource(CertificateSigningRequests).get({ name });
const issued = (name: string) =>
  cluster.eventually(async () => {
    const { status } = await get(name);
    assert.ok(status?.certificate, JSON.stringify(status));
    return new X509Certificate(Buffer.from(status.certificate, 'base64'));
  });
async function approve(name: string) {
  const request = await get(name);
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test' }];
  await cluster.admin
    .resource(CertificateSigningRequests)
    .update({ ...request, status: { ...request.status, conditions } }, { subresource: 'approval' });
}
const conditionsOf = async (name: string) => ((await get(name)).status?.conditions ?? []).map((one) => one.type);

test('a node gets its client and its serving certificate without anybody', async () => {
  const client = await ask(node, nodeClient, nodeSubject, 'client auth');
  const certificate = await issued(client.name);
  assert.ok(certificate.publicKey.equals(createPublicKey(client.keyPem)));
  assert.ok(certificate.verify(new X509Certificate(testSigner().certificatePem).publicKey));
  assert.match(certificate.subject, /CN=system:node:edge-2/);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);

  const server = await ask(node, serving, nodeSubject, 'server auth', ['edge-2', '192.0.2.5']);
  const shown = await issued(server.name);
  assert.equal(shown.checkIP('192.0.2.5'), '192.0.2.5');
  assert.deepEqual(shown.keyUsage, ['1.3.6.1.5.5.7.3.1']);
});

test("a serving certificate for an address that is not the node's waits, and is given when the node has it", async () => {
  const { name } = await ask(node, serving, nodeSubject, 'server auth', ['edge-2', '192.0.2.6']);
  await cluster.pass(5_000);
  assert.deepEqual(await conditionsOf(name), []);
  const current = await node.resource(Nodes).get({ name: 'edge-2' });
  const addresses = [...(current.status?.addresses ?? []), { type: 'InternalIP', address: '192.0.2.6' }];
  await node
    .resource(Nodes)
    .update({ ...current, status: { ...current.status, addresses } }, { subresource: 'status' });
  assert.equal((await issued(name)).checkIP('192.0.2.6'), '192.0.2.6');
});

test("a node cannot have another node's certificate", async () => {
  const other = { commonName: 'system:node:edge-9', organizations: ['system:nodes'] };
  await assert.rejects(
    ask(node, nodeClient, other, 'client auth'),
    /can only create a node CSR with CN=system:node:edge-2/,
  );
  // Of somebody else it waits for a person to decide.
  const { name } = await ask(cluster.admin, nodeClient, other, 'client auth');
  await cluster.pass(5_000);
  assert.deepEqual(await conditionsOf(name), []);
});

test("an address that another node has as well is not a node's to prove, though it says so itself", async () => {
  const nodes = cluster.admin.resource(Nodes);
  const address = { type: 'InternalIP', address: '192.0.2.9' };
  await nodes.create({ metadata: { name: 'edge-9' }, spec: {} });
  const status = [{ op: 'add', path: '/status/addresses', value: [address] }];
  await nodes.patch({ name: 'edge-9' }, { type: 'json', operations: status }, { subresource: 'status' });
  const current = await node.resource(Nodes).get({ name: 'edge-2' });
  const addresses = [...(current.status?.addresses ?? []), address];
  await node
    .resource(Nodes)
    .update({ ...current, status: { ...current.status, addresses } }, { subresource: 'status' });
  const { name } = await ask(node, serving, nodeSubject, 'server auth', ['edge-2', '192.0.2.9']);
  await cluster.pass(5_000);
  assert.deepEqual(await conditionsOf(name), []);
  await nodes.delete({ name: 'edge-9' });
});

test("a person's request is signed once it is approved, with the name asked for", async () => {
  const { name } = await ask(cluster.admin, anyClient, { commonName: 'jane', organizations: ['dev'] }, 'client auth');
  await cluster.pass(5_000);
  assert.deepEqual(await conditionsOf(name), []);
  await approve(name);
  assert.match((await issued(name)).subject, /O=dev\nCN=jane/);
});

test('what a signer does not give fails with the reason, approved or not', async () => {
  const cases: readonly (readonly [string, Subject, string, readonly string[], RegExp])[] = [
    [anyClient, { commonName: 'jane' }, 'server auth', [], /usages must be client auth/],
    [anyClient, { commonName: 'jane' }, 'client auth', ['jane.example.com'], /no alternative names/],
    [serving, { commonName: 'jane' }, 'server auth', ['edge-2'], /must be system:node:NAME/],
    [serving, nodeSubject, 'server auth', [], /needs a DNS name or an IP/],
  ];
  for (const [signer, subject, usage, names, expected] of cases) {
    const { name } = await ask(cluster.admin, signer, subject, usage, names);
    await approve(name);
    await cluster.eventually(async () => assert.deepEqual(await conditionsOf(name), ['Approved', 'Failed']));
    const request = await get(name);
    assert.match(request.status?.conditions?.[1]?.message ?? '', expected);
    assert.equal(request.status?.certificate, undefined);
  }
});

test('a request for the group of administrators is refused when it is made', async () => {
  await assert.rejects(
    ask(cluster.admin, anyClient, { commonName: 'eve', organizations: ['system:masters'] }, 'client auth'),
    /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed/,
  );
});

test('signed and refused requests are removed after an hour, undecided ones after a day', async () => {
  const waiting = await ask(cluster.admin, anyClient, { commonName: 'late' }, 'client auth');
  await cluster.pass(3_700_000);
  const left = (await cluster.list(CertificateSigningRequests)).map((one) => one.metadata.name as string);
  assert.ok(left.includes(waiting.name));
  assert.ok(!left.includes('csr-0'), left.join());
  await cluster.pass(24 * 3_600_000);
  assert.deepEqual(await cluster.list(CertificateSigningRequests), []);
});
