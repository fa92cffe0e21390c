// The clients' suite against the real API server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterRoles } from '#api/generated/kind-references.ts';
import { systemClock, VirtualClock } from '#base/clock.ts';
import { clientConformance, serverHistoryEvents } from '#client/conformance.ts';
import { createHttpsClient } from '#client/https.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { startHttpsFront } from '#apiserver/https-front.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { type CertificateUse, issueCertificate, type KeyPair } from '#pki/certificate.ts';
import { administrator, startApiServer } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';

async function startServer() {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const limit = serverHistoryEvents;
  const store = createMemoryStore({
    clock,
    history: { eventsMax: limit, eventsMin: limit, bytesMax: 1e9, ageMsMax: 1e9 },
  });
  const kit = await startApiServer({ clock, store });
  await kit.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return {
    handler: kit.server,
    async close() {
      kit.server.close();
      await store.close();
    },
  };
}

clientConformance('in process, real server', {
  startServer,
  async connect(handler, logger) {
    const client = createInProcessClient({ handler, identity: administrator, clock: systemClock, logger });
    return { client, async close() {} };
  },
});

const issue = (commonName: string, use: CertificateUse, issuer?: KeyPair): KeyPair =>
  issueCertificate({
    subject: { commonName, organizations: use === 'client' ? ['system:masters'] : [] },
    use,
    names: use === 'serving' ? ['127.0.0.1'] : [],
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + 3_600_000,
    serial: systemRandom.bytes(8),
    issuer,
  });
const authority = issue('authority', 'authority');
const serving = issue('server', 'serving', authority);
const user = issue('tester', 'client', authority);

clientConformance('over HTTPS, real server', {
  startServer,
  async connect(handler, logger) {
    const front = await startHttpsFront({
      address: '127.0.0.1',
      port: 0,
      certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
      clientAuthorities: authority.certificatePem,
      handler,
      logger: silentLogger,
    });
    const client = createHttpsClient({
      server: `https://127.0.0.1:${front.port}`,
      certificateAuthority: authority.certificatePem,
      credentials: () => ({ certificate: user.certificatePem, key: user.keyPem }),
      clock: systemClock,
      logger,
    });
    return { client, close: () => front.close(100) };
  },
});

test('names with characters that a URL encodes arrive as they are', async () => {
  const server = await startServer();
  const client = createInProcessClient({ handler: server.handler, identity: administrator, clock: systemClock });
  await assert.rejects(client.resource(ClusterRoles).get({ name: 'system:test role' }), {
    message: 'clusterroles.rbac.authorization.k8s.io "system:test role" not found',
  });
  await client.close();
  await server.close();
});
