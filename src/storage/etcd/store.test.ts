import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, VirtualClock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import { EtcdServer } from '../../../test/kit/etcd-server.ts';
import { storeConformance } from '../conformance.ts';
import { createSealing } from '../sealing/sealing.ts';
import type { Store } from '../store.ts';
import { silentLogger } from '#base/log.ts';
import { EtcdClient, isCompacted } from './client.ts';
import { Compactor } from './compactor.ts';
import { readAll } from './read-all.ts';
import { type EtcdStoreOptions, openEtcdStore } from './store.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'etcd-'));
const server = new EtcdServer(folder);
before(() => server.start());
after(async () => {
  await server.signal('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const open = (more: Partial<EtcdStoreOptions> = {}) =>
  openEtcdStore({ members: [server.member], clock: systemClock, freeze: true, ...more });
const client = new EtcdClient({ members: [server.member] });
after(() => client.close());

const emptied = () => server.empty();

storeConformance('etcd', {
  async open(options) {
    await emptied();
    return open(options);
  },
});

const keyOf = (name: string) => `/registry/configmaps/default/${name}`;
const put = (store: Store, name: string, value = '') =>
  store.write({
    key: keyOf(name),
    expectedRevision: store.get(keyOf(name))?.revision ?? 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations: { value } } },
    durability: 'durable',
  });
const valueOf = (store: Store, name: string) => store.get(keyOf(name))?.object().metadata.annotations?.['value'];
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    assert.ok(waited < 15_000, `not in time: ${what}`);
    await sleep(10);
  }
}

test('two stores on one etcd see each other’s writes, in one order, and a consistent reader sees all of them', async () => {
  await emptied();
  const [one, two] = [await open(), await open()];
  const seen: [string[], string[]] = [[], []];
  for (const [index, store] of [one, two].entries())
    store.watch('/registry/', store.revision, {
      onEvents: (events) => seen[index]!.push(...events.map((event) => `${event.revision} ${event.stored.key}`)),
      onEnd() {},
    });
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const [writer, reader] = index % 2 === 0 ? [one, two] : [two, one];
      assert.ok((await put(writer, `c${index}`, String(index))).ok);
      await reader.consistent();
      assert.equal(valueOf(reader, `c${index}`), String(index));
    }),
  );
  assert.equal(seen[0].length, 200);
  assert.deepEqual(seen[0], seen[1]);
  // Both write one key: one of them wins, the other is told what is there.
  const results = await Promise.all([put(one, 'c0', 'one'), put(two, 'c0', 'two')]);
  assert.equal(results.filter((result) => result.ok).length, 1);
  const loser = results.find((result) => !result.ok)!;
  assert.equal(!loser.ok && loser.current?.revision, one.get(keyOf('c0'))!.revision);
  await Promise.all([one.close(), two.close()]);
});

test('what somebody else keeps in the same etcd is left alone, and does not hold up consistent readers', async () => {
  await emptied();
  const store = await open();
  await client.write('/others/a', 0, Buffer.from('theirs'));
  await store.consistent();
  assert.ok((await put(store, 'a')).ok);
  assert.equal((await put(store, 'a', 'b')).ok, true);
  await store.close();
  const others = await client.get('/others/a');
  assert.equal(Buffer.from(others!.value).toString(), 'theirs');
  await client.write('/others/a', others!.modRevision, undefined);
});

test('a consistent reader has no older revision than a store that was opened before it asked', async () => {
  await emptied();
  const first = await open();
  const others = await client.get('/others/b');
  await client.write('/others/b', others?.modRevision ?? 0, Buffer.from('theirs'));
  const second = await open();
  await first.consistent();
  assert.ok(first.list('/registry/').revision >= second.revision, `${first.revision} and ${second.revision}`);
  await Promise.all([first.close(), second.close()]);
});

test('everything is there after close and reopen, Secrets sealed; without the key it does not open', async () => {
  await emptied();
  const sealing = createSealing({
    prefixes: ['/registry/secrets/'],
    keys: [{ id: 1, secret: seededRandom(1).bytes(32) }],
    random: seededRandom(2),
  });
  const first = await open({ sealing });
  await put(first, 'a', '1');
  await first.write({
    key: '/registry/secrets/default/s',
    expectedRevision: 0,
    object: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', annotations: { value: 'hidden' } } },
    durability: 'durable',
  });
  const revision = first.revision;
  await first.close();
  const raw = await client.get('/registry/secrets/default/s');
  assert.equal(Buffer.from(raw!.value).includes('hidden'), false);
  const second = await open({ sealing });
  assert.equal(second.revision, revision);
  assert.equal(valueOf(second, 'a'), '1');
  assert.equal(second.get('/registry/secrets/default/s')!.object().metadata.annotations!['value'], 'hidden');
  await second.close();
  const says = /what etcd holds was encrypted with another key/;
  await assert.rejects(open(), says);
  const keyed = (...keys: [id: number, seed: number][]) =>
    createSealing({
      prefixes: ['/registry/secrets/'],
      keys: keys.map(([id, seed]) => ({ id, secret: seededRandom(seed).bytes(32) })),
      random: seededRandom(3),
    });
  await assert.rejects(open({ sealing: keyed([1, 7]) }), says);
  // A newer key beside the old one opens it, and from then on alone what it has sealed.
  await (await open({ sealing: keyed([2, 8], [1, 1]) })).close();
  await assert.rejects(open({ sealing: keyed([1, 1]) }), says);
});

test('a server of another cluster is refused before it writes anything', async () => {
  await emptied();
  await (await open({ cluster: 'one' })).close();
  await (await open({ cluster: 'one' })).close();
  await assert.rejects(open({ cluster: 'two' }), (error: Error & { remedy?: string }) => {
    assert.match(error.message, /a cluster with other keys/);
    assert.match(error.remedy ?? '', /copy the directories certs and resources and the file secrets\.key/);
    return true;
  });
  // Two that begin at once are one cluster, or one of them is refused.
  await emptied();
  const both = await Promise.allSettled([open({ cluster: 'one' }), open({ cluster: 'two' })]);
  assert.equal(both.filter((one) => one.status === 'fulfilled').length, 1);
  for (const one of both) if (one.status === 'fulfilled') await one.value.close();
});

test('etcd is killed: writes are refused, reads go on; when it is back, what was missed comes, once and in order', async () => {
  await emptied();
  const store = await open();
  await put(store, 'a', '1');
  const events: number[] = [];
  const ends: string[] = [];
  store.watch('/registry/', store.revision, {
    onEvents: (more) => events.push(...more.map((event) => event.revision)),
    onEnd: (reason) => ends.push(reason),
  });
  await server.signal('SIGKILL');
  await assert.rejects(put(store, 'a', '2'), { name: 'StoreUnavailableError' });
  await assert.rejects(async () => store.consistent(), { name: 'StoreUnavailableError' });
  // A reader that has gone already hears of nothing, and nobody is left with the error.
  await assert.rejects(async () => store.consistent({ signal: AbortSignal.abort(new Error('gone')) }), /gone/);
  assert.equal(valueOf(store, 'a'), '1');
  await until(() => store.problems().length === 1, 'the problem is told');
  await server.start();
  await until(() => store.problems().length === 0, 'the store is well again');
  const other = await open();
  await put(other, 'b', '1');
  await store.consistent();
  assert.equal(valueOf(store, 'b'), '1');
  assert.ok((await put(store, 'a', '3')).ok);
  assert.deepEqual(
    events,
    [...new Set(events)].toSorted((a, b) => a - b),
  );
  assert.equal(events.at(-1), store.revision);
  assert.deepEqual(ends, []);
  await Promise.all([store.close(), other.close()]);
});

test('etcd has forgotten what a store missed: its watchers list again, and nothing that was removed stays', async () => {
  await emptied();
  const store = await open();
  await put(store, 'gone', '1');
  await put(store, 'kept', '1');
  const ends: string[] = [];
  store.watch('/registry/', store.revision, { onEvents() {}, onEnd: (reason) => ends.push(reason) });
  // Its watch is cut, and while it is away others write, remove and compact.
  const other = await open();
  await server.signal('SIGKILL');
  await until(() => store.problems().length === 1, 'the watch is cut');
  await server.start();
  await other.consistent();
  const gone = other.get(keyOf('gone'))!;
  await other.write({ key: gone.key, expectedRevision: gone.revision, object: undefined, durability: 'durable' });
  await put(other, 'kept', '2');
  await other.compact(other.revision);
  await until(() => store.problems().length === 0, 'the store is well again');
  await store.consistent();
  assert.equal(store.get(keyOf('gone')), undefined);
  assert.equal(valueOf(store, 'kept'), '2');
  // Whether it came before or after the compaction is a matter of milliseconds: either it has seen both changes, or it said so.
  assert.ok(ends.length === 0 || ends[0] === 'compacted');
  await Promise.all([store.close(), other.close()]);
});

test('a value that cannot be read hides nothing that came before or after it, and is over when it is gone', async () => {
  await emptied();
  const [store, other] = [await open(), await open()];
  const sizes: number[] = [];
  store.watch('/registry/', store.revision, {
    onEvents() {},
    onEnd: () => sizes.push(store.count('/registry/')),
  });
  await put(store, 'a', '1');
  // All three may come in one message.
  await Promise.all(
    [put(other, 'b', '1'), client.write(keyOf('odd'), 0, Buffer.from('odd'))].map((one) => one.catch(() => {})),
  );
  await client.write(keyOf('c'), 0, (await client.get(keyOf('b')))!.value);
  await until(() => store.problems().length === 1, 'the problem is told');
  assert.match(store.problems()[0]!, /configmaps\/default\/odd holds nothing that MicroShift wrote/);
  const odd = (await client.get(keyOf('odd')))!;
  await client.write(odd.key, odd.modRevision, undefined);
  await until(() => store.problems().length === 0, 'the store is well again');
  await store.consistent();
  assert.deepEqual(
    store.list('/registry/').items.map((item) => item.key),
    ['a', 'b', 'c'].map(keyOf),
  );
  // Who listed at once when its watch ended found everything.
  assert.deepEqual(sizes, [3]);
  await Promise.all([store.close(), other.close()]);
});

test('etcd stalls: a write fails in time or is done, and never both', async () => {
  await emptied();
  const clock = new VirtualClock(0);
  const store = await open({ clock });
  await put(store, 'a', '1');
  await server.signal('SIGSTOP');
  const write = put(store, 'a', '2');
  const settled = await Promise.race([
    write.then(
      () => 'done',
      () => 'refused',
    ),
    sleep(300, 'waits'),
  ]);
  assert.equal(settled, 'waits');
  await server.signal('SIGCONT');
  assert.ok((await write).ok);
  assert.equal(valueOf(store, 'a'), '2');
  await store.close();
});

test('an expired key is removed though etcd was away when its time came', async () => {
  await emptied();
  const clock = new VirtualClock(0);
  const store = await open({ clock });
  const written = await store.write({
    key: keyOf('short'),
    expectedRevision: 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'short' } },
    durability: 'lazy',
    timeToLiveSeconds: 5,
  });
  assert.ok(written.ok);
  await server.signal('SIGKILL');
  await until(() => store.problems().length === 1, 'the problem is told');
  clock.advance(20_000);
  await sleep(200);
  await server.start();
  await until(() => {
    clock.advance(500);
    return store.get(keyOf('short')) === undefined;
  }, 'it is removed');
  await store.close();
});

test('a number in etcd raises all revisions: what clients have seen before is over', async () => {
  await emptied();
  const first = await open();
  await put(first, 'a', '1');
  const { revision } = first;
  await first.close();
  const offset = await client.get('/registry/.offset');
  await client.write('/registry/.offset', offset?.modRevision ?? 0, Buffer.from('1000000000'));
  const second = await open();
  assert.equal(second.get(keyOf('a'))!.revision, revision + 1_000_000_000);
  assert.equal(second.watch('/registry/', revision, { onEvents() {}, onEnd() {} }), undefined);
  assert.ok((await put(second, 'a', '2')).ok);
  await second.consistent();
  assert.equal(valueOf(second, 'a'), '2');
  await second.close();
});

test('what etcd finds too large is refused in its words, and nothing else is held up', async () => {
  await emptied();
  const store = await open();
  await assert.rejects(put(store, 'large', 'x'.repeat(2 ** 21)), {
    name: 'StoreRefusedError',
    message: 'etcdserver: request is too large',
  });
  assert.ok((await put(store, 'small', 'x')).ok);
  assert.deepEqual(store.problems(), []);
  await store.close();
});

test('one of several servers compacts, and nothing that is younger than a turn', async () => {
  await emptied();
  const clock = new VirtualClock(0);
  using one = new Compactor({ client, clock, logger: silentLogger });
  using two = new Compactor({ client, clock, logger: silentLogger });
  const oldest = async (): Promise<boolean[]> =>
    Promise.all(
      revisions.map((revision) =>
        client.range('/registry/', { limit: 1, revision }).then(
          () => true,
          (error: unknown) => !isCompacted(error),
        ),
      ),
    );
  const revisions: number[] = [];
  const write = async (): Promise<void> => {
    const store = await open();
    await put(store, 'a', String(revisions.length));
    revisions.push(store.revision);
    await store.close();
  };
  await write();
  // What others have compacted before is no concern of theirs.
  for (const turn of [one, two]) await turn.turn();
  await write();
  await one.turn();
  await two.turn();
  await write();
  assert.deepEqual(await oldest(), [false, true, true]);
  await one.turn();
  await two.turn();
  assert.deepEqual(await oldest(), [false, false, true]);
  // The one that did it is gone: the other takes over.
  await write();
  await two.turn();
  assert.deepEqual(await oldest(), [false, false, false, true]);
});

test('a compaction between two pages begins the reading again', async () => {
  await emptied();
  const store = await open();
  for (const name of ['a', 'b', 'c']) await put(store, name);
  let pages = 0;
  const paged: Pick<EtcdClient, 'range'> = {
    async range(prefix, options) {
      if (pages++ === 1) {
        await put(store, 'b', 'changed');
        await store.compact(store.revision);
      }
      return client.range(prefix, { ...options, limit: 1 });
    },
  };
  const { items, revision } = await readAll(paged, '/registry/configmaps/', silentLogger);
  assert.deepEqual([items.map((item) => item.key), revision], [['a', 'b', 'c'].map(keyOf), store.revision]);
  await store.close();
});

test('no member answers: the opening says what to look at', async () => {
  await assert.rejects(
    openEtcdStore({ members: [`unix:${folder}/nobody`], clock: systemClock }),
    (error: Error & { remedy?: string }) =>
      /the etcd cluster cannot be used/.test(error.message) && /members run/.test(error.remedy ?? ''),
  );
});

test('certificates that are none: the opening says what to look at', async () => {
  await assert.rejects(
    openEtcdStore({
      members: ['127.0.0.1:1'],
      clock: systemClock,
      tls: { authorities: 'a', certificate: 'b', key: 'c' },
    }),
    /the etcd cluster cannot be used/,
  );
});
