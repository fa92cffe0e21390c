// The clients' suite against the real API server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterRoles } from '#api/generated/kind-references.ts';
import { systemClock, VirtualClock } from '#base/clock.ts';
import { clientConformance, serverHistoryEvents } from '#client/conformance.ts';
import { createInProcessClient } from '#client/in-process.ts';
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

test('names with characters that a URL encodes arrive as they are', async () => {
  const server = await startServer();
  const client = createInProcessClient({ handler: server.handler, identity: administrator, clock: systemClock });
  await assert.rejects(client.resource(ClusterRoles).get({ name: 'system:test role' }), {
    message: 'clusterroles.rbac.authorization.k8s.io "system:test role" not found',
  });
  await client.close();
  await server.close();
});
