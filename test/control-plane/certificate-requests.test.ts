// Requests for certificates on the real control plane: nodes get theirs at once, people's wait for an approval, and nobody gets
// what the signer does not give.
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CertificateSigningRequests, ClusterRoleBindings, Nodes } from '#api/generated/kind-references.ts';
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
  // A patch: controllers write to the new node at the same time.
  const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.5' }] };
  await node.resource(Nodes).patch({ name: 'edge-2' }, { type: 'merge', value: { status } }, { subresource: 'status' });
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
});

test("who may have any node's certificate gets it: a bootstrap token; of others it waits until they may, or somebody decides", async () => {
  const subject = { commonName: 'system:node:edge-3', organizations: ['system:nodes'] };
  const clientOf = (name: string, groups: readonly string[]) =>
    createInProcessClient({
      handler: cluster.api.server,
      identity: { name, groups: [...groups, 'system:authenticated'] },
      clock: cluster.api.virtualClock,
    });
  const token = clientOf('system:bootstrap:abcdef', ['system:bootstrappers']);
  const { name } = await ask(token, nodeClient, subject, 'client auth');
  assert.match((await issued(name)).subject, /CN=system:node:edge-3/);
  assert.deepEqual(
    ((await get(name)).status?.conditions ?? []).map((one) => [one.type, one.reason, one.message]),
    [['Approved', 'AutoApproved', 'Auto approving kubelet client certificate after SubjectAccessReview.']],
  );
  // Not a serving certificate, and not a client certificate of another kind.
  const wrong = await ask(token, nodeClient, { ...subject, organizations: ['system:masters'] }, 'client auth').catch(
    () => undefined,
  );
  const server = await ask(token, serving, subject, 'server auth', ['edge-3']);
  await cluster.admin.resource(ClusterRoleBindings).create({
    metadata: { name: 'ann-asks' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-bootstrapper' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
  });
  const waits = await ask(clientOf('ann', []), nodeClient, subject, 'client auth');
  await cluster.pass(5_000);
  for (const one of [wrong, server, waits]) if (one !== undefined) assert.deepEqual(await conditionsOf(one.name), []);
  await cluster.admin.resource(ClusterRoleBindings).create({
    metadata: { name: 'ann-may' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
  });
  await cluster.pass(60_000);
  await issued(waits.name);
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

/** Of OpenSSL: /O=dev/O=ops/CN=jane/OU=unit/C=CH with names of all sorts. */
const elaborate = `-----BEGIN CERTIFICATE REQUEST-----
MIIBRzCB7wIBADBHMQwwCgYDVQQKDANkZXYxDDAKBgNVBAoMA29wczENMAsGA1UE
AwwEamFuZTENMAsGA1UECwwEdW5pdDELMAkGA1UEBhMCQ0gwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATTRZbnQLNgK31f39YfJ+kJT3jZG7hFVa92bgJ/yU04zOnA
vQASBKU+3ZBC/QumXUtwUn8NYOiiXPuBEcy89Wt5oEYwRAYJKoZIhvcNAQkOMTcw
NTAzBgNVHREELDAqgg1hLmV4YW1wbGUuY29thwQBAgMEgQVhQGIuY4YMc3BpZmZl
Oi8veC95MAoGCCqGSM49BAMCA0cAMEQCIHADpPom5iq9OzZugsNMxCDtiIowH0T8
t/kzKLltgHinAiBX5wosyHuwksW380c+TAFnKjMDyf+hjOBY52+GMax6kg==
-----END CERTIFICATE REQUEST-----`;
async function askWith(signerName: string, request: string, usages: readonly string[], expirationSeconds?: number) {
  const name = `csr-${count++}`;
  await cluster.create(CertificateSigningRequests, {
    metadata: { name },
    spec: { request: Buffer.from(request).toString('base64'), signerName, usages, expirationSeconds },
  });
  await approve(name);
  return name;
}
const lifetimeSeconds = ({ validTo }: X509Certificate, since: number): number => (Date.parse(validTo) - since) / 1000;

test('a client certificate has the subject and all names of the request, and the usages that were asked for', async () => {
  const asked = cluster.api.virtualClock.now();
  const name = await askWith(anyClient, elaborate, ['digital signature', 'client auth'], 3600);
  const certificate = await issued(name);
  assert.deepEqual(certificate.subject.split('\n').toSorted(), ['C=CH', 'CN=jane', 'O=dev + O=ops', 'OU=unit']);
  assert.equal(certificate.subjectAltName, 'DNS:a.example.com, IP Address:1.2.3.4, email:a@b.c, URI:spiffe://x/y');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.ca, false);
  // Short ones are given in full; the clock of the test is before the time that certificates count from at least.
  const floor = Math.max(asked, Date.UTC(2026, 7, 1));
  assert.ok(Math.abs(lifetimeSeconds(certificate, floor) - 3600) < 30);
});

test('a certificate is valid for ten minutes at least, and for a year at most', async () => {
  const request = makeCertificateRequest({ commonName: 'jane' }).requestPem;
  const floor = Math.max(cluster.api.virtualClock.now(), Date.UTC(2026, 7, 1));
  const year = 365 * 86_400 - 300;
  for (const [wanted, given] of [
    [600, 600],
    [86_400, 86_100],
    [86_400 * 1000, year],
    [undefined, year],
  ] as const) {
    const certificate = await issued(await askWith(anyClient, request, ['client auth'], wanted));
    assert.ok(Math.abs(lifetimeSeconds(certificate, floor) - given) < 60, `${wanted}`);
  }
});

test('what a signer does not give fails with its reason, approved or not', async () => {
  const sign = 'digital signature';
  const names = ['edge-2', '192.0.2.5'];
  const others = { organizations: ['system:nodes'] };
  const cases: readonly (readonly [string, Subject, readonly string[], readonly string[], string])[] = [
    [anyClient, { commonName: 'jane' }, ['server auth'], [], 'invalid usage for client certificate: server auth'],
    [anyClient, { commonName: 'jane' }, [sign], [], 'missing required usage for client certificate: client auth'],
    [
      anyClient,
      { commonName: 'jane' },
      ['client auth', 'server auth'],
      [],
      'invalid usage for client certificate: server auth',
    ],
    [
      serving,
      nodeSubject,
      ['server auth'],
      names,
      'usages did not match [digital signature key encipherment server auth]',
    ],
    [
      serving,
      { commonName: 'jane', ...others },
      [sign, 'server auth'],
      names,
      'subject common name does not begin with system:node:',
    ],
    [
      serving,
      { commonName: 'system:node:edge-2' },
      [sign, 'server auth'],
      names,
      'subject organization is not system:nodes',
    ],
    [serving, nodeSubject, [sign, 'server auth'], [], 'DNS or IP subjectAltName is required'],
    [nodeClient, nodeSubject, [sign, 'client auth'], ['edge-2'], 'DNS subjectAltNames are not allowed'],
    [nodeClient, nodeSubject, [sign, 'client auth'], ['192.0.2.5'], 'IP subjectAltNames are not allowed'],
    [
      nodeClient,
      nodeSubject,
      ['client auth'],
      [],
      'usages did not match [client auth digital signature key encipherment]',
    ],
  ];
  for (const [signer, subject, usages, alternatives, expected] of cases) {
    const name = await askWith(signer, makeCertificateRequest(subject, alternatives).requestPem, usages);
    await cluster.eventually(async () => assert.deepEqual(await conditionsOf(name), ['Approved', 'Failed']));
    const request = await get(name);
    const failed = request.status?.conditions?.[1];
    assert.deepEqual([failed?.reason, failed?.message], ['SignerValidationFailure', expected]);
    assert.equal(request.status?.certificate, undefined);
  }
});

test('signers of others are left to them, and nobody asks for the one of the first version', async () => {
  const request = makeCertificateRequest({ commonName: 'x' }).requestPem;
  for (const signer of ['kubernetes.io/other', 'example.com/other']) {
    const name = await askWith(signer, request, ['client auth']);
    await cluster.pass(5_000);
    assert.deepEqual(await conditionsOf(name), ['Approved']);
    assert.equal((await get(name)).status?.certificate, undefined);
  }
  await assert.rejects(
    askWith('kubernetes.io/legacy-unknown', request, ['client auth']),
    /spec\.signerName: Invalid value: "kubernetes\.io\/legacy-unknown": the legacy signerName is not allowed via this API version/,
  );
});

test('a request for the group of administrators is refused when it is made', async () => {
  await assert.rejects(
    ask(cluster.admin, anyClient, { commonName: 'eve', organizations: ['system:masters'] }, 'client auth'),
    /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed/,
  );
});

test('requests are removed an hour after they were signed or refused, a day after they came undecided or were approved in vain', async () => {
  const hourMs = 3_600_000;
  const request = makeCertificateRequest({ commonName: 'late' }).requestPem;
  const has = async (...names: string[]): Promise<boolean[]> => {
    const left = (await cluster.list(CertificateSigningRequests)).map((one) => one.metadata.name as string);
    return names.map((one) => left.includes(one));
  };
  const waiting = await ask(cluster.admin, anyClient, { commonName: 'late' }, 'client auth');
  const late = await ask(cluster.admin, anyClient, { commonName: 'late' }, 'client auth');
  const inVain = await askWith('example.com/other', request, ['client auth']);
  await cluster.pass(5 * hourMs);
  await approve(late.name);
  await issued(late.name);
  const fails = await askWith(anyClient, request, ['server auth']);
  const brief = await askWith(anyClient, request, ['client auth'], 600);
  await cluster.pass(0.9 * hourMs);
  assert.deepEqual(await has(waiting.name, inVain, late.name, fails), [true, true, true, true]);
  await cluster.pass(0.2 * hourMs);
  assert.deepEqual(await has(waiting.name, inVain, late.name, fails, brief), [true, true, false, false, false]);
  await cluster.pass(19 * hourMs);
  assert.deepEqual(await cluster.list(CertificateSigningRequests), []);
});
