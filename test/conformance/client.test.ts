// The clients' suite against the real API server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ClusterRoles, ConfigMaps, Events } from '#api/generated/kind-references.ts';
import { systemClock, VirtualClock } from '#base/clock.ts';
import { clientConformance, serverHistoryEvents, until } from '#client/conformance.ts';
import { createEventRecorder } from '#client/event-recorder.ts';
import { createHttpsClient } from '#client/https.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { startHttpsFront } from '#apiserver/https-front.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { type CertificateUse, issueCertificate, type KeyPair } from '#pki/certificate.ts';
import { administrator, startApiServer } from '#kit/start-api-server.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { createMemoryStore } from '#storage/memory/store.ts';

async function startServer() {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const limit = serverHistoryEvents;
  const store = createMemoryStore({
    clock,
    history: { eventsMax: limit, eventsMin: limit, bytesMax: 1e9, ageMsMax: 1e9, pastListAgeMsMax: 1e9 },
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

test('events are accepted and counted by the real server', async () => {
  const server = await startServer();
  const client = createInProcessClient({ handler: server.handler, identity: administrator, clock: systemClock });
  const problems: string[] = [];
  const log = (message: string, fields?: unknown): void => void problems.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: log, info() {}, warn: log, error: log, named: () => logger };
  const recorder = createEventRecorder({ client, clock: systemClock, logger, component: 'kubelet', host: 'node-1' });
  const about = await client.resource(ConfigMaps).create({ metadata: { name: 'a', namespace: 'default' } });
  for (let count = 0; count < 3; count++) recorder.event(about, 'Warning', 'BackOff', 'Back-off restarting', 'data{a}');
  recorder.event(about, 'Normal', 'Pulled', 'Image is present');
  await recorder.whenIdle();
  assert.deepEqual(problems, []);
  const { items } = await client
    .resource(Events)
    .list({ namespace: 'default', fieldSelector: 'involvedObject.name=a' });
  assert.deepEqual(
    items.map(
      (event) => `${event.count} ${event.reason} ${event.involvedObject.fieldPath ?? '-'} ${event.source?.component}`,
    ),
    ['3 BackOff data{a} kubelet', '1 Pulled - kubelet'],
  );
  await recorder.close();
  await client.close();
  await server.close();
});

test('an informer elsewhere goes on over a restart of the control plane, with its state', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'restart-'));
  const start = async (port: number) => {
    const store = await openSqliteStore({ path: path.join(folder, 'state.db'), clock: systemClock });
    const kit = await startApiServer({ clock: systemClock, store });
    const front = await startHttpsFront({
      address: '127.0.0.1',
      port,
      certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
      clientAuthorities: authority.certificatePem,
      handler: kit.server,
      logger: silentLogger,
    });
    const stop = async () => {
      kit.server.close();
      await front.close(100);
      await store.close();
    };
    return { kit, front, stop };
  };
  const first = await start(0);
  await first.kit.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const client = createHttpsClient({
    server: `https://127.0.0.1:${first.front.port}`,
    certificateAuthority: authority.certificatePem,
    credentials: () => ({ certificate: user.certificatePem, key: user.keyPem }),
    clock: systemClock,
  });
  const maps = client.resource(ConfigMaps);
  for (const name of ['a', 'b']) await maps.create({ metadata: { name, namespace: 'default' } });
  const informer = client.informer(ConfigMaps);
  const changes: string[] = [];
  informer.onChange(({ previous, current }) => {
    changes.push(
      `${(current ?? previous)?.metadata.name} ${previous === undefined ? 'came' : current === undefined ? 'went' : 'changed'}`,
    );
  });
  await informer.whenSynced();
  await first.stop();
  const second = await start(first.front.port);
  await second.kit.delete('/api/v1/namespaces/default/configmaps/a');
  await second.kit.create('/api/v1/namespaces/default/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c' },
  });
  await until(() => informer.get('default', 'c') !== undefined, 'the change behind the restart');
  assert.deepEqual(changes.toSorted(), ['a came', 'a went', 'b came', 'c came']);
  await client.close();
  await second.stop();
  rmSync(folder, { recursive: true });
});
