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
  const { server, create } = await startApiServer({ clock, store });
  await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return {
    handler: server,
    async close() {
      server.close();
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
  const { handler, close } = await startServer();
  const client = createInProcessClient({ handler, identity: administrator, clock: systemClock });
  const roles = client.resource(ClusterRoles);
  const created = await roles.create({ metadata: { name: 'system:test role' }, rules: [] });
  assert.equal((await roles.get({ name: 'system:test role' })).metadata.uid, created.metadata.uid);
  await roles.delete({ name: 'system:test role' });
  assert.equal(await roles.find({ name: 'system:test role' }), undefined);
  await client.close();
  await close();
});
