import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock as clock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import { EtcdClient } from '#storage/etcd/client.ts';
import { type EtcdStore, openEtcdStore } from '#storage/etcd/store.ts';
import { EtcdServer } from '../../../../test/kit/etcd-server.ts';
import { startApiServer, type TestApiServer } from '../../../../test/kit/start-api-server.ts';

// Two API servers on one etcd, with so little to give away that they meet all the time.
const folder = mkdtempSync(path.join(tmpdir(), 'shared-'));
const etcd = new EtcdServer(folder);
const stores: EtcdStore[] = [];
const servers: TestApiServer[] = [];
before(async () => {
  await etcd.start();
  for (const seed of [1, 2]) {
    const store = await openEtcdStore({ members: [etcd.member], clock });
    stores.push(store);
    const random = seededRandom(seed);
    const nodePortRange = { from: 30_000, to: 30_063 };
    servers.push(await startApiServer({ store, clock, random, serviceCidrs: ['10.43.0.0/26'], nodePortRange }));
  }
  await servers[0]!.create('/api/v1/namespaces', { metadata: { name: 'default' } });
  for (const store of stores) await store.consistent();
});
after(async () => {
  for (const server of servers) server.close();
  await Promise.all(stores.map((store) => store.close()));
  await etcd.signal('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const services = '/api/v1/namespaces/default/services';
const service = (name: string, more: object = {}) => ({
  metadata: { name },
  spec: { type: 'NodePort', ports: [{ port: 80 }], ...more },
});
const claims = async (): Promise<readonly string[]> => {
  const client = new EtcdClient({ members: [etcd.member] });
  const { items } = await client.range('/registry/.claims/', { limit: 100 });
  await client.close();
  return items.map(({ key }) => key);
};

test('no address and no port is given to two Services', async () => {
  const made = await Promise.all(
    Array.from({ length: 50 }, (_, index) => servers[index % 2]!.create(services, service(`s${index}`))),
  );
  assert.equal(new Set(made.map(({ spec }) => spec.clusterIP)).size, 50);
  assert.equal(new Set(made.map(({ spec }) => spec.ports[0].nodePort)).size, 50);
  for (let left = 100; (await claims()).length > 0; left--) {
    assert.ok(left > 0, 'claims are given back');
    await sleep(20);
  }
});

test('one of two that ask for the same gets it, the other is told so', async () => {
  await servers[0]!.delete(`${services}/s0`);
  for (const store of stores) await store.consistent();
  const taken = new Set(
    (await servers[0]!.get(services)).items.map(({ spec }: { spec: { clusterIP: string } }) => spec.clusterIP),
  );
  const clusterIP = Array.from({ length: 62 }, (_, index) => `10.43.0.${index + 1}`).find((one) => !taken.has(one))!;
  const answers = await Promise.all(
    servers.map((server, index) => server.send('POST', services, { body: service(`wanted-${index}`, { clusterIP }) })),
  );
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [201, 422],
  );
  assert.match(answers.map(({ text }) => text).join(), /provided IP is already allocated/);
});

test('a claim of a server that died is free after its time, and removed at the next opening', async () => {
  const client = new EtcdClient({ members: [etcd.member] });
  const [store] = stores as [EtcdStore];
  await client.write('/registry/.claims/a', 0, Buffer.from(String(clock.now() + 60_000)));
  await client.write('/registry/.claims/b', 0, Buffer.from(String(clock.now() - 1)));
  await client.write('/registry/.claims/c', 0, Buffer.from(String(clock.now() - 1)));
  assert.equal(await store.claim!('a'), undefined);
  assert.ok((await store.claim!('b')) !== undefined);
  const next = await openEtcdStore({ members: [etcd.member], clock });
  for (let left = 100; (await claims()).length > 2; left--) {
    assert.ok(left > 0, 'it is removed');
    await sleep(20);
  }
  assert.deepEqual(await claims(), ['/registry/.claims/a', '/registry/.claims/b']);
  await next.close();
  await client.close();
});
