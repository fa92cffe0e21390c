import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import { type FileUsage, openRowFile, RowFileError, type RowFile } from '#host/row-file.ts';
import { storeConformance } from '../conformance.ts';
import type { Durability, Store, StoredObject } from '../store.ts';
import { createSealing } from '../sealing/sealing.ts';
import { openSqliteStore, type SqliteStoreOptions } from './store.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'store-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = () => path.join(folder, `state-${files++}.db`);
const clock = () => new VirtualClock(Date.UTC(2026, 0, 1));
const open = (file: string, more: Partial<SqliteStoreOptions> = {}) =>
  openSqliteStore({ path: file, clock: clock(), freeze: true, ...more });

const keyOf = (name: string) => `/registry/configmaps/default/${name}`;
const prefix = '/registry/configmaps/';
const put = (store: Store, name: string, value = '', durability: Durability = 'durable') =>
  store.write({
    key: keyOf(name),
    expectedRevision: store.get(keyOf(name))?.revision ?? 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations: { value } } },
    durability,
  });
const valueOf = (stored: StoredObject | undefined) => stored?.object().metadata.annotations?.['value'];

async function waitFor(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    assert.ok(turn < 1_000, 'it does not come about within ten seconds');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A file whose commits can be held and failed. */
class FaultyFile {
  commits = 0;
  failure: RowFileError | undefined;
  hold: Promise<void> | undefined;
  /** Instead of what the file says. */
  usage: FileUsage | undefined;
  readonly open: typeof openRowFile = async (options, onRows) => {
    const file = await openRowFile(options, onRows);
    const faulty: RowFile = {
      meta: file.meta,
      usage: () => this.usage ?? file.usage(),
      look: () => file.look(),
      commit: async (rows, meta) => {
        this.commits++;
        await this.hold;
        if (this.failure !== undefined) throw this.failure;
        await file.commit(rows, meta);
      },
      copyTo: (target) => file.copyTo(target),
      close: () => file.close(),
    };
    return faulty;
  };
}

storeConformance('sqlite', {
  open: (options) => openSqliteStore({ ...options, path: newPath(), freeze: true }),
});

test('everything is there after close and reopen, and revisions go on', async () => {
  const file = newPath();
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const logger: Logger = { debug() {}, info() {}, warn, error: warn, named: () => logger };
  const first = await open(file, { logger });
  for (const name of ['b', 'a', 'c']) await put(first, name, name);
  await put(first, 'a', 'changed');
  const c = first.get(keyOf('c'))!;
  await first.write({ key: c.key, expectedRevision: c.revision, object: undefined, durability: 'durable' });
  await put(first, 'lazy', 'l', 'lazy');
  const before = first.list(prefix);
  await first.close();
  assert.deepEqual(warnings, []);
  assert.equal(existsSync(`${file}-wal`), false, 'the log was worked into the file');
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const second = await open(file);
  const after = second.list(prefix);
  assert.deepEqual(
    after.items.map((one) => [one.key, one.revision, one.createRevision, valueOf(one)]),
    before.items.map((one) => [one.key, one.revision, one.createRevision, valueOf(one)]),
  );
  assert.equal(second.revision, first.revision);
  assert.equal(second.compactedRevision, second.revision);
  assert.equal(second.watch(prefix, second.revision - 1, { onEvents() {}, onEnd() {} }), undefined);
  assert.ok(second.watch(prefix, second.revision, { onEvents() {}, onEnd() {} }));
  const written = await put(second, 'a', 'again');
  assert.ok(written.ok && written.stored.revision === first.revision + 1);
  await second.close();
});

test('a time to live goes on over a restart', async () => {
  const file = newPath();
  const time = clock();
  const request = { object: { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' } }, durability: 'lazy' } as const;
  const first = await open(file, { clock: time });
  await first.write({ key: keyOf('e'), expectedRevision: 0, ...request, timeToLiveSeconds: 3_600 });
  await first.close();
  time.advance(3_000_000);
  const second = await open(file, { clock: time });
  assert.ok(second.get(keyOf('e')));
  await put(second, 'x');
  time.advance(610_000);
  await put(second, 'y');
  assert.equal(second.get(keyOf('e')), undefined);
  await second.close();
});

test('neither readers nor watchers see a write before it is on disk', async () => {
  const faulty = new FaultyFile();
  const store = await open(newPath(), { open: faulty.open });
  await put(store, 'a', '1');
  const hold = Promise.withResolvers<void>();
  faulty.hold = hold.promise;
  let events = 0;
  store.watch(prefix, store.revision, { onEvents: (some) => void (events += some.length), onEnd() {} });
  const revision = store.revision;
  const results: string[] = [];
  const writes = [put(store, 'a', '2'), put(store, 'b', '2'), put(store, 'a', '3')].map((one, index) =>
    one.then((result) => results.push(`${index}:${result.ok}`)),
  );
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([store.revision, valueOf(store.get(keyOf('a'))), events, results], [revision, '1', 0, []]);
  hold.resolve();
  await Promise.all(writes);
  assert.deepEqual(results, ['0:true', '1:true', '2:false']);
  assert.equal(valueOf(store.get(keyOf('a'))), '2');
  assert.equal(events, 2);
  await store.close();
});

test('writes that wait share a transaction', async () => {
  const faulty = new FaultyFile();
  const store = await open(newPath(), { open: faulty.open });
  await put(store, 'first');
  const before = faulty.commits;
  await Promise.all(Array.from({ length: 100 }, (_, index) => put(store, `c${index}`)));
  assert.ok(faulty.commits - before <= 2, `${faulty.commits - before} transactions for 100 writes`);
  await store.close();
});

test('a lazy write costs no transaction of its own, goes with the next one, else within a minute', async () => {
  const file = newPath();
  const faulty = new FaultyFile();
  const time = clock();
  const store = await open(file, { open: faulty.open, clock: time });
  await put(store, 'a');
  const before = faulty.commits;
  for (let count = 0; count < 50; count++) assert.ok((await put(store, 'lease', String(count), 'lazy')).ok);
  assert.equal(faulty.commits, before);
  assert.equal(valueOf(store.get(keyOf('lease'))), '49');
  await put(store, 'b');
  assert.equal(faulty.commits, before + 1);
  assert.equal(time.nextTimerAt(), undefined, 'the durable write carried it');
  await put(store, 'lease', '50', 'lazy');
  time.advance(60_000);
  assert.equal(faulty.commits, before + 2);
  await put(store, 'c');
  assert.equal(time.nextTimerAt(), undefined);
  await store.close();
});

test('a copy that fails leaves lazy writes to be stored in time', async () => {
  const faulty = new FaultyFile();
  const time = clock();
  const file = newPath();
  const store = await openSqliteStore({ path: file, clock: time, open: faulty.open });
  await put(store, 'durable');
  await put(store, 'lazy', '', 'lazy');
  let release = (): void => {};
  faulty.hold = new Promise((resolve) => (release = resolve));
  faulty.failure = new RowFileError('full', 'no room');
  const copied = assert.rejects(store.copyTo(`${file}.copy`), { name: 'StoreUnavailableError' });
  await new Promise((resolve) => setImmediate(resolve));
  // Its time comes while the copy is under way.
  time.advance(120_000);
  release();
  await copied;
  faulty.failure = undefined;
  const { commits } = faulty;
  time.advance(120_000);
  assert.equal(faulty.commits, commits + 1);
  await store.close();
});

test('a full disk fails the write and nothing else, and is over when there is room', async () => {
  const faulty = new FaultyFile();
  const store = await open(newPath(), { open: faulty.open });
  await put(store, 'a', '1');
  const revision = store.revision;
  let events = 0;
  store.watch(prefix, revision, { onEvents: (some) => void (events += some.length), onEnd() {} });
  faulty.failure = new RowFileError('full', 'database or disk is full');
  const failed = await Promise.allSettled([put(store, 'a', '2'), put(store, 'b', '2')]);
  for (const one of failed) assert.equal(one.status === 'rejected' && one.reason.name, 'StoreUnavailableError');
  assert.deepEqual(
    [store.revision, valueOf(store.get(keyOf('a'))), store.get(keyOf('b')), events],
    [revision, '1', undefined, 0],
  );
  assert.match(store.problems()[0] ?? '', /disk of the data file is full/);
  faulty.failure = undefined;
  assert.ok((await put(store, 'a', '3')).ok);
  assert.deepEqual(store.problems(), []);
  assert.equal(events, 1);
  await store.close();
});

test('SQLite itself running out of pages is a full disk', async () => {
  const file = newPath();
  const store = await open(file, { pagesMax: 40 });
  let written = 0;
  await assert.rejects(
    async () => {
      for (; written < 100; written++) await put(store, `c${written}`, 'x'.repeat(4_000));
    },
    { name: 'StoreUnavailableError' },
  );
  assert.ok(written > 5 && written < 60, String(written));
  assert.equal(store.count(prefix), written);
  await store.close();
  const again = await open(file);
  assert.equal(again.count(prefix), written);
  await again.close();
});

test('space is given back while the store runs, without anybody asking for it', async () => {
  const file = newPath();
  const store = await open(file);
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => put(store, `c${index}`, 'x'.repeat(8_000))));
  await waitFor(() => statSync(file).size > 6_000_000);
  await Promise.all(
    store
      .list(prefix)
      .items.map(({ key, revision }) =>
        store.write({ key, expectedRevision: revision, object: undefined, durability: 'durable' }),
      ),
  );
  await waitFor(() => statSync(file).size < 1_500_000);
  await store.close();
});

test('without room nothing new is taken; what is there can be removed; it ends when there is room, also if nobody writes', async () => {
  const faulty = new FaultyFile();
  const time = clock();
  const room = () => ({ quotaBytes: 1_000_000, diskReserveBytes: 1_000 });
  const store = await open(newPath(), { open: faulty.open, clock: time, room });
  for (const name of ['a', 'b']) await put(store, name, 'value');
  faulty.usage = { usedBytes: 1_200_000, diskFreeBytes: 1_000_000 };
  await put(store, 'c', 'takes notice');
  const { revision } = store;
  const full = { name: 'StoreFullError', message: 'etcdserver: mvcc: database space exceeded' };
  await assert.rejects(put(store, 'new'), full);
  await assert.rejects(put(store, 'event', '', 'lazy'), full);
  await assert.rejects(put(store, 'a', 'a longer value'), full);
  assert.equal(store.revision, revision);
  assert.match(store.problems().join(), /datastore.quotaMB/);
  assert.deepEqual(store.room(), { usage: faulty.usage, isShort: true });
  assert.ok((await put(store, 'a', 'other')).ok);
  const b = store.get(keyOf('b'))!;
  assert.ok(
    (await store.write({ key: b.key, expectedRevision: b.revision, object: undefined, durability: 'durable' })).ok,
  );
  faulty.usage = { usedBytes: 900_000, diskFreeBytes: 1_000_000 };
  time.advance(5_000);
  await waitFor(() => store.problems().length === 0);
  assert.ok((await put(store, 'new')).ok);
  assert.equal(time.nextTimerAt(), undefined);
  await store.close();
});

test('the quota is that of the data in the file, and space that was freed counts as free', async () => {
  const room = () => ({ quotaBytes: 2_000_000, diskReserveBytes: 0 });
  const store = await open(newPath(), { room });
  let written = 0;
  await assert.rejects(
    async () => {
      for (; written < 100; written++) await put(store, `c${written}`, 'x'.repeat(50_000));
    },
    { name: 'StoreFullError' },
  );
  assert.ok(written > 30 && written < 42, `${written} of 50 kB`);
  for (const { key, revision } of store.list(prefix, { limit: 10 }).items)
    await store.write({ key, expectedRevision: revision, object: undefined, durability: 'durable' });
  assert.ok((await put(store, 'again')).ok);
  await store.close();
});

test('a failing medium stops all writes until a restart', async () => {
  const faulty = new FaultyFile();
  const store = await open(newPath(), { open: faulty.open });
  await put(store, 'a', '1');
  faulty.failure = new RowFileError('io', 'disk I/O error');
  await assert.rejects(put(store, 'a', '2'), { name: 'StoreUnavailableError' });
  faulty.failure = undefined;
  await assert.rejects(put(store, 'a', '3'), { name: 'StoreUnavailableError' });
  await assert.rejects(put(store, 'l', '3', 'lazy'), { name: 'StoreUnavailableError' });
  assert.equal(valueOf(store.get(keyOf('a'))), '1');
  await store.close();
});

test('a file that another process holds, or that is damaged, foreign, or out of reach, gives a clear error', async () => {
  const file = newPath();
  const holder = await open(file);
  await put(holder, 'secret-name', 'needle-in-the-file');
  await assert.rejects(open(file), { name: 'OperatorError', message: /in use by another process/ });
  await holder.close();

  const at = readFileSync(file).indexOf('needle-in-the-file');
  const handle = openSync(file, 'r+');
  writeSync(handle, 'N', at);
  closeSync(handle);
  await assert.rejects(open(file), { name: 'OperatorError', message: /damaged: the checksum of .*secret-name/ });

  const foreign = newPath();
  const other = openSync(foreign, 'w');
  writeSync(other, 'this is no database, but it is long enough to be taken for one'.repeat(100));
  closeSync(other);
  await assert.rejects(open(foreign), { name: 'OperatorError', message: /damaged/ });
  await assert.rejects(open(path.join(folder, 'missing', 'state.db')), {
    name: 'OperatorError',
    message: /cannot be opened/,
  });
});

test('what is sealed is not in the file, opens with its key only, and keys can be changed', async () => {
  const file = newPath();
  const random = seededRandom(1);
  const sealing = (...ids: number[]) =>
    createSealing({
      prefixes: [keyOf('secret')],
      keys: ids.map((id) => ({ id, secret: new Uint8Array(32).fill(id) })),
      random,
    });
  const plain = await open(file);
  await put(plain, 'secret-old', 'needle');
  await plain.close();
  const first = await open(file, { sealing: sealing(1) });
  assert.equal(valueOf(first.get(keyOf('secret-old'))), 'needle', 'sealing may begin later');
  await put(first, 'secret-old', 'needle-1');
  await put(first, 'secret', 'needle-2');
  await put(first, 'open', 'no-needle');
  await first.close();
  const bytes = readFileSync(file);
  assert.equal(bytes.includes('needle-'), false);
  assert.ok(bytes.includes('no-needle'));
  await assert.rejects(open(file), { name: 'OperatorError', message: /is encrypted, and no key was given/ });
  await assert.rejects(open(file, { sealing: sealing(2) }), {
    name: 'OperatorError',
    message: /secret-old is encrypted with key 1, and the key file holds key 2/,
  });
  const wrong = createSealing({ prefixes: [], keys: [{ id: 1, secret: new Uint8Array(32) }], random });
  await assert.rejects(open(file, { sealing: wrong }), { name: 'OperatorError', message: /sealed with another key/ });
  const second = await open(file, { sealing: sealing(2, 1) });
  assert.equal(valueOf(second.get(keyOf('secret'))), 'needle-2');
  assert.equal(valueOf(second.get(keyOf('secret-old'))), 'needle-1');
  await put(second, 'secret', 'needle-3');
  await put(second, 'secret-old', 'needle-3');
  await second.close();
  const third = await open(file, { sealing: sealing(2) });
  assert.equal(valueOf(third.get(keyOf('secret'))), 'needle-3');
  await third.close();
});

test('after kill -9 every acknowledged durable write is there and no revision is given twice', async () => {
  const file = newPath();
  /** Newest acknowledged state of each key, over all lives. */
  const acknowledged = new Map<string, { revision: number; value: string }>();
  let highest = 0;
  for (let life = 0; life < 3; life++) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(import.meta.dirname, 'crash-child.ts'), file, String(life)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    const exited = new Promise((resolve) => child.on('close', resolve));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > 20_000 + life * 7_000) child.kill('SIGKILL');
    });
    await exited;
    const lines = output.split('\n').slice(0, -1);
    const start = Number(lines.shift()?.split(' ')[1]);
    assert.ok(lines.length > 100 && start >= highest, `life ${life} starts at ${start}, behind ${highest}`);
    for (const line of lines) {
      const [durability = '', key = '', revision = '', value = ''] = line.split(' ');
      assert.ok(Number(revision) > start);
      highest = Math.max(highest, Number(revision));
      if (durability === 'durable') acknowledged.set(key, { revision: Number(revision), value });
    }
    const store = await open(file);
    assert.ok(store.revision >= highest);
    for (const [key, { revision, value }] of acknowledged) {
      const found = store.get(key);
      assert.ok(found !== undefined && found.revision >= revision, `${key} is at ${found?.revision}, not ${revision}`);
      if (found.revision === revision) assert.equal(valueOf(found), value);
    }
    highest = store.revision;
    await store.close();
  }
});
