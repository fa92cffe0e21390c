// Identities that a front proxy gives, over real TLS: to whom they are believed.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { startApiServer, type Json } from '#kit/start-api-server.ts';
import { issueCertificate, type CertificateUse, type KeyPair } from '#pki/certificate.ts';
import { startHttpsFront } from './https-front.ts';

const now = Date.now();
const issue = (commonName: string, use: CertificateUse, issuer?: KeyPair): KeyPair =>
  issueCertificate({
    subject: { commonName, organizations: use === 'client' ? ['team'] : [] },
    use,
    names: use === 'serving' ? ['localhost', '127.0.0.1'] : [],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
    serial: systemRandom.bytes(8),
    issuer,
  });
const clients = issue('clients', 'authority');
const proxies = issue('proxies', 'authority');
const serving = issue('server', 'serving', clients);
const alice = issue('alice', 'client', clients);
const proxy = issue('system:openshift-aggregator', 'client', proxies);
const otherProxy = issue('somebody', 'client', proxies);
/** The allowed name, from the clients' authority: no front proxy. */
const pretender = issue('system:openshift-aggregator', 'client', clients);

async function start() {
  const api = await startApiServer();
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await api.create(`${rbac}/clusterroles`, {
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'whoami' },
    rules: [{ apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] }],
  });
  await api.create(`${rbac}/clusterrolebindings`, {
    kind: 'ClusterRoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'whoami' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'whoami' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  });
  const front = await startHttpsFront({
    address: '127.0.0.1',
    port: 0,
    certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
    clientAuthorities: clients.certificatePem,
    frontProxyAuthorities: proxies.certificatePem,
    handler: api.server,
    logger: silentLogger,
  });
  const body = JSON.stringify({ kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' });
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const whoAmI = async (pair: KeyPair, headers: Readonly<Record<string, string | string[]>> = {}): Promise<Json> => {
    const request = https.request({
      host: '127.0.0.1',
      port: front.port,
      method: 'POST',
      path,
      ca: clients.certificatePem,
      cert: pair.certificatePem,
      key: pair.keyPem,
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json;
    return answer.status?.userInfo ?? answer.code;
  };
  return {
    whoAmI,
    port: front.port,
    path,
    body,
    async [Symbol.asyncDispose]() {
      api.close();
      await front.close(0);
    },
  };
}

test('a front proxy says who asks; every header is a value of its own', async () => {
  await using server = await start();
  assert.deepEqual(
    await server.whoAmI(proxy, {
      'X-Remote-User': 'bob',
      'X-Remote-Uid': '7',
      'X-Remote-Group': ['one,two', 'three'],
      'X-Remote-Extra-Example.com%2fScope': ['a', 'b'],
    }),
    {
      username: 'bob',
      uid: '7',
      groups: ['one,two', 'three', 'system:authenticated'],
      extra: { 'example.com/scope': ['a', 'b'] },
    },
  );
  assert.equal(await server.whoAmI(proxy), 403, 'the certificate itself is nobody');
});

test('nobody else is believed: not clients, not other names, not the name from another authority', async () => {
  await using server = await start();
  const claim = { 'X-Remote-User': 'bob', 'X-Remote-Group': 'system:masters' };
  const own = (username: string, { certificatePem }: KeyPair) => {
    const fingerprint = new X509Certificate(certificatePem).fingerprint256.replaceAll(':', '').toLowerCase();
    const extra = { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] };
    return { username, groups: ['team', 'system:authenticated'], extra };
  };
  assert.deepEqual(await server.whoAmI(alice, claim), own('alice', alice));
  assert.deepEqual(await server.whoAmI(pretender, claim), own('system:openshift-aggregator', pretender));
  assert.equal(await server.whoAmI(otherProxy, claim), 403);
  assert.equal(await server.whoAmI(issue('alice', 'client', issue('clients', 'authority')), claim), 403);
});

test('the same over HTTP/2, request by request of one connection', async () => {
  await using server = await start();
  const session = http2.connect(`https://127.0.0.1:${server.port}`, {
    ca: clients.certificatePem,
    cert: proxy.certificatePem,
    key: proxy.keyPem,
  });
  const ask = async (user: string): Promise<string> => {
    const stream = session.request({
      ':method': 'POST',
      ':path': server.path,
      'content-type': 'application/json',
      'x-remote-user': user,
    });
    stream.end(server.body);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return (JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json).status.userInfo.username as string;
  };
  assert.deepEqual([await ask('ann'), await ask('ben')], ['ann', 'ben']);
  session.close();
});
