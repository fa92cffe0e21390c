// The judge can fail: each store that breaks a promise is found, by what clients of a whole API server see of it; one that keeps
// them all is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { VirtualClock } from '#base/clock.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';
import { broken, faults } from './broken-store.ts';
import { inProcessTransport } from './in-process-transport.ts';
import { namespace } from './recording-client.ts';
import { runTraffic, type TrafficResult } from './traffic.ts';

async function trafficOn(wrap: (store: Store) => Store): Promise<TrafficResult> {
  const clock = new VirtualClock(Date.parse('2026-01-02T03:04:05Z'));
  const store = createMemoryStore({ clock });
  const api = await startApiServer({ clock, store: wrap(store) });
  await api.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: namespace } });
  try {
    return await runTraffic({
      seed: 1,
      connect: () => inProcessTransport(() => api),
      clients: 4,
      keys: 4,
      sessionMs: 100,
      settleMs: 1_000,
      async during() {
        for (let count = 0; count < 6; count++) {
          // A busy machine takes longer for as much.
          const enough = store.revision + 30;
          for (let waited = 0; waited < 40 || (store.revision < enough && waited < 3_000); waited += 10)
            await sleep(10);
          // When bookmarks are due.
          clock.advance(60_000);
        }
      },
    });
  } finally {
    api.close();
  }
}

test('a store that keeps its promises', async () => {
  const { problems, history: _, ...counts } = await trafficOn((store) => store);
  assert.deepEqual(problems, []);
  assert.equal(counts.unknown, 0);
  const { operations, lists, resumed, bookmarks } = counts;
  assert.ok(operations > 50 && lists > 5 && resumed > 0 && bookmarks > 0, JSON.stringify(counts));
});
for (const [name, { fault, says }] of Object.entries(faults))
  test(`${name}: found`, async () => {
    const { problems } = await trafficOn((store) => broken(store, fault));
    assert.match(problems.join('\n'), says);
  });
