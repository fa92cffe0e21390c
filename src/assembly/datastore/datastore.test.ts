import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { systemFiles as files } from '#host/files.ts';
import { RowFileError } from '#host/row-file.ts';
import { openSqliteStore, type SqliteStore } from '#storage/sqlite/store.ts';
import { openDatastore, type OpenedDatastore } from './open.ts';
import { noticeFile, noticeText, readNotice } from './repair.ts';
import { findSnapshots, keepSnapshots, takeSnapshot } from './snapshots.ts';

const root = mkdtempSync(path.join(tmpdir(), 'datastore-'));
after(() => rmSync(root, { recursive: true, force: true }));
const clock = new VirtualClock(Date.UTC(2026, 0, 1));
let directories = 0;

class Machine {
  readonly directory = path.join(root, String(directories++));
  readonly file = path.join(this.directory, 'cluster.sqlite');
  readonly errors: string[] = [];
  readonly stop = new AbortController();
  problems: readonly string[] = [];

  open(onDamage: 'restore' | 'stop' = 'restore', open = () => openSqliteStore({ path: this.file, clock })) {
    const logger: Logger = {
      debug() {},
      info() {},
      warn() {},
      error: (message) => void this.errors.push(message),
      named: () => logger,
    };
    return openDatastore({
      directory: this.directory,
      onDamage,
      open: async () => {
        await files.makeDirectory(this.directory, 0o700);
        return open();
      },
      files,
      clock,
      logger,
      stopping: this.stop.signal,
      show: (problems) => (this.problems = problems),
    });
  }
  /** Opens, and must not come to an end; gives what is shown. */
  async held(onDamage?: 'restore' | 'stop'): Promise<string> {
    let isOpen = false;
    void this.open(onDamage).then(() => (isOpen = true));
    for (let turn = 0; this.problems.length === 0 && turn < 500; turn++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(isOpen, false);
    this.stop.abort();
    return this.problems.join();
  }
  /** One that has objects, a snapshot, and more objects. */
  async use(): Promise<number> {
    const { store } = await this.open();
    for (let count = 0; count < 50; count++) await put(store, `before-${count}`);
    await takeSnapshot(this.directory, store, { files, clock, reserveBytes: 0 });
    await put(store, 'behind');
    const { revision } = store;
    await store.close();
    return revision;
  }
  /** A row's bytes change. */
  damage(file = this.file): void {
    const bytes = readFileSync(file);
    // Pages that were split hold it twice.
    for (let at = -1; (at = bytes.indexOf('value of before-7"', at + 1)) >= 0;) bytes[at] = bytes[at]! ^ 1;
    writeFileSync(file, bytes);
  }
}

const keyOf = (name: string): string => `/registry/configmaps/default/${name}`;
const put = (store: SqliteStore, name: string) =>
  store.write({
    key: keyOf(name),
    expectedRevision: store.get(keyOf(name))?.revision ?? 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations: { text: `value of ${name}` } } },
    durability: 'durable',
  });

async function checkRepaired(machine: Machine, { store, notice }: OpenedDatastore<SqliteStore>, last: number) {
  assert.equal(store.count('/registry/'), 50);
  assert.equal(store.get(keyOf('behind')), undefined);
  assert.ok(store.revision > last + 1_000_000, 'no revision that anybody has seen is given out again');
  assert.ok(notice !== undefined && existsSync(path.join(notice.damaged, 'cluster.sqlite')));
  assert.match(
    noticeText(notice, machine.directory),
    /snapshot of 2026-01-01.* was put in its place: what was written after that is lost/,
  );
  await store.close();
}

test('a damaged file is kept, its snapshot takes its place, and that is told until somebody has read it', async () => {
  const machine = new Machine();
  const last = await machine.use();
  machine.damage();
  const damaged = readFileSync(machine.file);
  const opened = await machine.open();
  assert.equal(opened.isRepaired, true);
  assert.match(machine.errors.join(), /the checksum of .*before-7 is wrong.*is lost/);
  assert.deepEqual(readFileSync(path.join(opened.notice!.damaged, 'cluster.sqlite')), damaged);
  await checkRepaired(machine, opened, last);
  const again = await machine.open();
  assert.deepEqual([again.isRepaired, again.notice], [false, opened.notice]);
  await again.store.close();
  rmSync(noticeFile(machine.directory));
  const read = await machine.open();
  assert.equal(read.notice, undefined);
  await read.store.close();
});

test('without a snapshot nothing is served and nothing is changed', async () => {
  const machine = new Machine();
  await machine.use();
  for (const { file } of await findSnapshots(machine.directory, files)) rmSync(file);
  machine.damage();
  const before = readFileSync(machine.file);
  assert.match(
    await machine.held(),
    /is damaged: .*there is no snapshot.*Nothing is served.*Restore the file from a backup/,
  );
  assert.deepEqual(readFileSync(machine.file), before);
  assert.equal(machine.errors.length, 1);
});

test('nor where the configuration says so', async () => {
  const machine = new Machine();
  await machine.use();
  machine.damage();
  assert.match(await machine.held('stop'), /by datastore.onDamage no snapshot is put in its place/);
  assert.equal(await readNotice(machine.directory, files), undefined);
});

test('nor when the snapshot is damaged too', async () => {
  const machine = new Machine();
  await machine.use();
  machine.damage();
  const [snapshot] = await findSnapshots(machine.directory, files);
  machine.damage(snapshot!.file);
  assert.match(await machine.held(), /the snapshot .* could not be put in its place: the checksum of/);
  assert.deepEqual(
    readdirSync(machine.directory).filter((name) => name.startsWith('damaged') || name.includes('restored')),
    [],
  );
});

test('a file that is gone or empty is no empty cluster', async () => {
  for (const lose of [(file: string) => rmSync(file), (file: string) => writeFileSync(file, '')]) {
    const machine = new Machine();
    await machine.use();
    lose(machine.file);
    const opened = await machine.open();
    assert.equal(opened.store.count('/registry/'), 50);
    assert.match(opened.notice!.reason, /is (empty|gone), and a cluster was in it/);
    await opened.store.close();
  }
});

test('a repair that was interrupted at any step is finished by the next start', async () => {
  // What the disk holds behind each step, made by undoing the later ones of a whole repair.
  for (const undone of [1, 2, 3]) {
    const machine = new Machine();
    const last = await machine.use();
    machine.damage();
    const { store, notice } = await machine.open();
    await store.close();
    const at = (name: string): string => path.join(machine.directory, name);
    renameSync(noticeFile(machine.directory), at('repair.pending'));
    if (undone >= 2) renameSync(machine.file, at('cluster.restored'));
    if (undone >= 3) renameSync(path.join(notice!.damaged, 'cluster.sqlite'), machine.file);
    const finished = await machine.open();
    assert.deepEqual([finished.notice, existsSync(at('repair.pending'))], [notice, false]);
    await checkRepaired(machine, finished, last);
  }
});

test('what may pass is waited for', async () => {
  const machine = new Machine();
  let tries = 0;
  const opening = machine.open('restore', async () => {
    if (tries++ < 2)
      throw new OperatorError('the disk is full', 'Make room.', { cause: new RowFileError('full', 'no room') });
    return openSqliteStore({ path: machine.file, clock });
  });
  for (let turn = 0; tries < 3 && turn < 500; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (tries > 0 && tries < 3) assert.deepEqual(machine.problems, ['the disk is full. Make room.']);
    clock.advance(10_000);
  }
  const { store } = await opening;
  assert.deepEqual([machine.problems, machine.errors], [[], ['the disk is full. Make room.']]);
  await store.close();
});

test('a snapshot is made ten minutes after the start and then daily, when something was written, and the last one is kept', async () => {
  const machine = new Machine();
  const { store } = await machine.open();
  await put(store, 'a');
  const time = new VirtualClock(Date.UTC(2026, 0, 1));
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (text) => assert.fail(text), named: () => logger };
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => work();
  const own = { files, clock: time, logger, reserveBytes: () => 0, exclusively };
  using _snapshots = keepSnapshots(machine.directory, store, own);
  const snapshots = async (revision: number) => {
    for (let turn = 0; ; turn++) {
      const found = await findSnapshots(machine.directory, files);
      if (found.length === 1 && found[0]!.revision === revision) return found;
      assert.ok(turn < 300, JSON.stringify(found));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  time.advance(599_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(await findSnapshots(machine.directory, files), []);
  time.advance(1_000);
  const [first] = await snapshots(store.revision);
  time.advance(86_400_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(await findSnapshots(machine.directory, files), [first], 'nothing was written');
  await put(store, 'b');
  time.advance(86_400_000);
  await snapshots(store.revision);
  assert.deepEqual(
    readdirSync(machine.directory).filter((name) => name.includes('partial')),
    [],
  );
  await store.close();
});
