import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#base/clock.ts';
import { EtcdServer, etcdClientTls, writeEtcdCertificates } from '../../../test/kit/etcd-server.ts';
import { type Store, StoreUnavailableError } from '../store.ts';
import { openEtcdStore } from './store.ts';

// Three members, with TLS on both sides.
const folder = mkdtempSync(path.join(tmpdir(), 'etcd-'));
const tls = writeEtcdCertificates(folder);
const names = ['a', 'b', 'c'];
const servers = names.map((name) => new EtcdServer(folder, { name, cluster: names, tls }));
const members = servers.map((server) => server.member);
before(() => Promise.all(servers.map((server) => server.start())));
after(async () => {
  await Promise.all(servers.map((server) => server.signal('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

const open = () =>
  openEtcdStore({ members, tls: etcdClientTls(tls), clock: systemClock, freeze: true, requestTimeoutMs: 2_000 });
const keyOf = (name: string) => `/registry/configmaps/default/${name}`;
const create = (store: Store, name: string) =>
  store.write({
    key: keyOf(name),
    expectedRevision: 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
    durability: 'durable',
  });

/** Writers that create one key after the other until they are stopped; what was acknowledged, and what nobody knows. */
function writers(store: Store, prefix: string, count: number) {
  const acknowledged = new Map<string, number>();
  const unknown = new Set<string>();
  let isStopped = false;
  const running = Promise.all(
    Array.from({ length: count }, async (_, writer) => {
      for (let index = 0; !isStopped; index++) {
        const name = `${prefix}-${writer}-${index}`;
        try {
          const result = await create(store, name);
          assert.ok(result.ok, `${name} was there`);
          acknowledged.set(name, result.stored.revision);
        } catch (error) {
          assert.ok(error instanceof StoreUnavailableError, String(error));
          if (error.isOutcomeUnknown) unknown.add(name);
          await sleep(20);
        }
      }
    }),
  );
  return {
    acknowledged,
    unknown,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** Everything acknowledged is there, once; what was refused is not. */
function check(store: Store, { acknowledged, unknown }: ReturnType<typeof writers>, prefix: string): void {
  const found = new Map(
    store.list(`/registry/configmaps/`).items.map((item) => [path.basename(item.key), item.revision]),
  );
  for (const [name, revision] of acknowledged) assert.equal(found.get(name), revision, `${name} was acknowledged`);
  for (const name of found.keys())
    if (name.startsWith(`${prefix}-`)) assert.ok(acknowledged.has(name) || unknown.has(name), `${name} was refused`);
}

async function until(holds: () => boolean, what: string, seconds = 30): Promise<void> {
  for (const end = performance.now() + seconds * 1_000; !holds(); await sleep(20))
    assert.ok(performance.now() < end, `not in time: ${what}`);
}

test('of three members one after the other is killed: writes go on at the others, nothing acknowledged is lost', async () => {
  const [store, other] = await Promise.all([open(), open()]);
  const seen: number[] = [];
  other.watch('/registry/', other.revision, {
    onEvents: (events) => seen.push(...events.map((event) => event.revision)),
    onEnd: (reason) => assert.fail(reason),
  });
  const load = writers(store, 'killed', 8);
  for (const server of servers) {
    const before = load.acknowledged.size;
    await until(() => load.acknowledged.size > before + 50, 'writes before the kill');
    await server.signal('SIGKILL');
    const killed = load.acknowledged.size;
    await until(() => load.acknowledged.size > killed + 50, 'writes while it is dead');
    await server.start();
  }
  await load.stop();
  await Promise.all([store.consistent(), other.consistent()]);
  check(store, load, 'killed');
  check(other, load, 'killed');
  const revisions = store.list('/registry/configmaps/').items.map((item) => item.revision);
  assert.deepEqual(
    seen,
    revisions.toSorted((a, b) => a - b),
  );
  await Promise.all([store.close(), other.close()]);
});

test('without a quorum writes are refused or unknown and readers know it; with one again everything goes on', async () => {
  const store = await open();
  const load = writers(store, 'quorum', 4);
  await until(() => load.acknowledged.size > 20, 'writes');
  const [first, second] = servers as [EtcdServer, EtcdServer];
  await Promise.all([first.signal('SIGKILL'), second.signal('SIGKILL')]);
  await until(() => store.problems().length === 1, 'the problem is told');
  const acknowledged = load.acknowledged.size;
  await assert.rejects(async () => store.consistent(), { name: 'StoreUnavailableError' });
  assert.equal(load.acknowledged.size, acknowledged);
  await Promise.all([first.start(), second.start()]);
  await until(() => load.acknowledged.size > acknowledged + 20, 'writes again');
  await load.stop();
  await store.consistent();
  assert.deepEqual(store.problems(), []);
  check(store, load, 'quorum');
  await store.close();
});

test('the member that is asked stalls: the others are asked instead, by the watch too', async () => {
  const store = await open();
  assert.ok((await create(store, 'before')).ok);
  const [first] = servers as [EtcdServer];
  await first.signal('SIGSTOP');
  // The first to be asked; after the deadline of that one call the others take over.
  const failed = await create(store, 'stalled').then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(failed === undefined || failed instanceof StoreUnavailableError);
  const began = performance.now();
  assert.ok((await create(store, 'behind')).ok);
  await store.consistent();
  assert.ok(performance.now() - began < 1_500, `${performance.now() - began}`);
  await first.signal('SIGCONT');
  await store.close();
});

test('who shows no certificate of the cluster, or finds another at it, is told so', async () => {
  const strangers = etcdClientTls(writeEtcdCertificates(folder, 'strangers'));
  const { authorities } = etcdClientTls(tls);
  for (const [given, says] of [
    [strangers, /certificate/],
    [{ ...strangers, authorities }, /the etcd cluster cannot be used/],
    [undefined, /the etcd cluster cannot be used/],
  ] as const)
    await assert.rejects(openEtcdStore({ members, tls: given, clock: systemClock }), says);
});

test('a member that is named by its address must have that in its certificate', async () => {
  for (const [named, isTaken] of [
    ['127.0.0.1', true],
    ['127.0.0.2', false],
  ] as const) {
    const port = await freePort();
    const certificates = writeEtcdCertificates(folder, named, ['localhost', named]);
    const server = new EtcdServer(folder, { name: named, tls: certificates, port });
    await server.start();
    const opening = openEtcdStore({
      members: [`127.0.0.1:${port}`],
      tls: etcdClientTls(certificates),
      clock: systemClock,
    });
    if (isTaken) await (await opening).close();
    else await assert.rejects(opening, /does not match certificate's altnames|127\.0\.0\.1 is not in the cert's list/);
    await server.signal('SIGKILL');
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
