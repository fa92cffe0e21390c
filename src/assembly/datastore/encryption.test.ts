import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { type Files, systemFiles } from '#host/files.ts';
import { openRowFile, type OpenRowFile, RowFileError } from '#host/row-file.ts';
import { openSealing } from '#storage/sealing/sealing-key.ts';
import { openSqliteStore, type SqliteStore } from '#storage/sqlite/store.ts';
import { encryptionKeyFile, storeDirectory, storeFile } from '../backup/contents.ts';
import { makeBackup } from '../backup/make.ts';
import { restoreBackup } from '../backup/restore.ts';
import { Encryption } from './encryption.ts';
import { findSnapshots, takeSnapshot } from './snapshots.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rotation-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const newPath = (): string => path.join(folder, String(count++));
const clock = new VirtualClock(Date.UTC(2026, 0, 1));
const machine = { files: systemFiles, clock };

interface Seams {
  readonly files?: Files;
  readonly open?: OpenRowFile;
  readonly reserveBytes?: () => number;
}

async function start(dataDirectory: string, { files = systemFiles, open, reserveBytes = () => 0 }: Seams = {}) {
  const directory = storeDirectory(dataDirectory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const keyFile = encryptionKeyFile(dataDirectory);
  const ring = await openSealing({ file: keyFile, files, random: systemRandom, clock });
  const store = await openSqliteStore({ path: storeFile(dataDirectory), clock, sealing: ring, open });
  await ring.keep();
  const own = { ring, keyFile, directory, store, files, clock, logger: silentLogger, reserveBytes };
  return { store, encryption: new Encryption(own) };
}

const secretKey = (name: string): string => `/registry/secrets/default/${name}`;
const put = (store: SqliteStore, name: string, text: string, durability: 'durable' | 'lazy' = 'durable') =>
  store.write({
    key: secretKey(name),
    expectedRevision: store.get(secretKey(name))?.revision ?? 0,
    object: { apiVersion: 'v1', kind: 'Secret', metadata: { name, annotations: { text } } },
    durability,
  });
const remove = (store: SqliteStore, name: string, durability: 'durable' | 'lazy') =>
  store.write({
    key: secretKey(name),
    expectedRevision: store.get(secretKey(name))!.revision,
    object: undefined,
    durability,
  });
const everything = (store: SqliteStore): string[] =>
  store
    .list('/registry/')
    .items.map(
      (item) => `${item.key} ${item.createRevision} ${item.revision} ${Buffer.from(item.bytes).toString('base64')}`,
    );

/** The numbers of the keys that Secrets in a data file are encrypted with; nobody may have it open. */
async function keysUsedIn(file: string): Promise<number[]> {
  const found = new Set<number>();
  const opened = await openRowFile({ path: file }, ({ keys, numbers, payload }) => {
    let at = 0;
    keys.forEach((key, index) => {
      if (key.startsWith('/registry/secrets/')) found.add(payload[at]!);
      at += numbers[index * (numbers.length / keys.length) + 4]!;
    });
  });
  await opened.close();
  return [...found].toSorted((a, b) => a - b);
}
const keysKeptIn = (dataDirectory: string): number[] =>
  readFileSync(encryptionKeyFile(dataDirectory), 'utf8')
    .trim()
    .split('\n')
    .map((line) => Number(line.split(' ')[0]));

/** Four Secrets that take two steps to encrypt again, a snapshot of them, and an object that nobody encrypts. */
async function prepared(): Promise<string> {
  const dataDirectory = newPath();
  const { store } = await start(dataDirectory);
  for (const name of ['a', 'b', 'c', 'd']) await put(store, name, name.repeat(400_000));
  await store.write({
    key: '/registry/configmaps/default/plain',
    expectedRevision: 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'plain' } },
    durability: 'durable',
  });
  await takeSnapshot(storeDirectory(dataDirectory), store, { ...machine, reserveBytes: 0 });
  await store.close();
  return dataDirectory;
}

test('a rotation that is killed before or behind any step loses nothing, and the next start finishes it', async () => {
  const dataDirectory = await prepared();
  const images: string[] = [];
  const image = (): void => {
    const target = newPath();
    // The log first: what SQLite works into the file meanwhile is in both.
    const log = `${storeFile(dataDirectory)}-wal`;
    mkdirSync(storeDirectory(target), { recursive: true });
    if (existsSync(log)) cpSync(log, `${storeFile(target)}-wal`);
    cpSync(dataDirectory, target, { recursive: true, filter: (from) => from !== log });
    images.push(target);
  };
  const around = async <T>(step: () => Promise<T>): Promise<T> => {
    image();
    const result = await step();
    image();
    return result;
  };
  const files: Files = {
    ...systemFiles,
    writeAtomic: (...args) => around(() => systemFiles.writeAtomic(...args)),
    remove: (target) => around(() => systemFiles.remove(target)),
  };
  const open: OpenRowFile = async (...args) => {
    const file = await openRowFile(...args);
    return {
      ...file,
      commit: (...rows) => around(() => file.commit(...rows)),
      copyTo: (target) => around(() => file.copyTo(target)),
    };
  };
  const { store, encryption } = await start(dataDirectory, { files, open });
  const before = everything(store);
  const { revision } = store;
  const told: unknown[] = [];
  store.watch('/registry/', revision, { onEvents: (events) => told.push(...events), onEnd: () => told.push('end') });
  images.length = 0;
  const progress: unknown[] = [];
  const outcome = await encryption.rotate((step) => progress.push(step));
  const taken = [...images];
  assert.deepEqual(outcome, { keys: [{ id: 2, madeAt: '2026-01-01T00:00:00.000Z' }], objects: 4, isComplete: true });
  assert.deepEqual(progress, [
    { done: 3, total: 4 },
    { done: 4, total: 4 },
  ]);
  assert.deepEqual([everything(store), store.revision, told], [before, revision, []], 'nobody notices');
  await store.close();
  assert.deepEqual(keysKeptIn(dataDirectory), [2]);

  const states = new Set<string>();
  for (const [step, directory] of taken.entries()) {
    const kept = keysKeptIn(directory);
    const [snapshot] = await findSnapshots(storeDirectory(directory), systemFiles);
    const inSnapshot = await keysUsedIn(snapshot!.file);
    assert.ok(
      inSnapshot.every((id) => kept.includes(id)),
      `step ${step}: a snapshot that nobody can read`,
    );
    const used = await keysUsedIn(storeFile(directory));
    states.add(`${kept.join('+')} ${used.join('+')} ${inSnapshot.join('+')}`);
    const run = await start(directory);
    assert.deepEqual(everything(run.store), before, `step ${step}`);
    await run.encryption.finish();
    const [newest, ...older] = run.encryption.facts();
    assert.deepEqual(older, [], `step ${step}`);
    await run.store.close();
    assert.deepEqual(keysKeptIn(directory), [newest!.id]);
    const [renewed] = await findSnapshots(storeDirectory(directory), systemFiles);
    for (const file of [storeFile(directory), renewed!.file]) assert.deepEqual(await keysUsedIn(file), [newest!.id]);
    rmSync(directory, { recursive: true });
  }
  assert.deepEqual(
    [...states],
    ['1 1 1', '2+1 1 1', '2+1 1+2 1', '2+1 2 1', '2+1 2 2', '2 2 2'],
    'every state on the way was met',
  );
});

test('what is written, renewed and removed while it runs is encrypted with the new key only', async () => {
  const dataDirectory = await prepared();
  const { store, encryption } = await start(dataDirectory);
  let isDone = false;
  const writer = async (own: string): Promise<void> => {
    for (let turn = 0; !isDone; turn++) {
      const durability = turn % 2 === 0 ? 'durable' : 'lazy';
      await put(store, `${own}-${turn}`, 'new', durability);
      if (turn > 0) await remove(store, `${own}-${turn - 1}`, durability);
      await put(store, own, `turn ${turn}`, durability);
      // Lazy ones are done without the event loop going round.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const writers = ['a', 'b', 'other'].map(writer);
  await encryption.rotate(() => {});
  isDone = true;
  await Promise.all(writers);
  const last = everything(store);
  await store.close();
  assert.deepEqual([keysKeptIn(dataDirectory), await keysUsedIn(storeFile(dataDirectory))], [[2], [2]]);
  const again = await start(dataDirectory);
  assert.deepEqual(everything(again.store), last);
  await again.store.close();
});

test('without room for a snapshot under the new key the old one stays, until there is', async () => {
  const dataDirectory = await prepared();
  let reserveBytes = Infinity;
  const { store, encryption } = await start(dataDirectory, { reserveBytes: () => reserveBytes });
  const outcome = await encryption.rotate(() => {});
  assert.deepEqual([outcome.isComplete, keysKeptIn(dataDirectory)], [false, [2, 1]]);
  assert.equal((await encryption.rotate(() => {})).isComplete, false);
  assert.deepEqual(keysKeptIn(dataDirectory), [2, 1], 'keys do not pile up');
  reserveBytes = 0;
  assert.equal((await encryption.rotate(() => {})).isComplete, true);
  await store.close();
  assert.deepEqual([keysKeptIn(dataDirectory), await keysUsedIn(storeFile(dataDirectory))], [[3], [3]]);
});

test('a disk that fills up in the middle: the reason is told, both keys stay, and it is done when there is room', async () => {
  const dataDirectory = await prepared();
  let commits = -Infinity;
  const open: OpenRowFile = async (...args) => {
    const file = await openRowFile(...args);
    const commit: typeof file.commit = (...rows) =>
      ++commits === 2 ? Promise.reject(new RowFileError('full', 'disk full')) : file.commit(...rows);
    return { ...file, commit };
  };
  const { store, encryption } = await start(dataDirectory, { open });
  const before = everything(store);
  commits = 0;
  await assert.rejects(
    encryption.rotate(() => {}),
    (error: Error & { remedy?: string }) =>
      /not rotated: the disk of the data file is full/.test(error.message) &&
      /nothing is lost/.test(error.remedy ?? ''),
  );
  assert.deepEqual(keysKeptIn(dataDirectory), [2, 1]);
  assert.deepEqual(everything(store), before);
  await encryption.finish();
  await store.close();
  assert.deepEqual([keysKeptIn(dataDirectory), await keysUsedIn(storeFile(dataDirectory))], [[2], [2]]);
});

test('a key that cannot be written changes nothing', async () => {
  const dataDirectory = await prepared();
  let isFull = false;
  const files: Files = {
    ...systemFiles,
    writeAtomic: (...args) =>
      isFull ? Promise.reject(new Error('no space left on device')) : systemFiles.writeAtomic(...args),
  };
  const { store, encryption } = await start(dataDirectory, { files });
  isFull = true;
  await assert.rejects(
    encryption.rotate(() => {}),
    /not rotated: no space left/,
  );
  await put(store, 'later', 'text');
  await store.close();
  assert.deepEqual([keysKeptIn(dataDirectory), await keysUsedIn(storeFile(dataDirectory))], [[1], [1]]);
});

test('a backup from before a rotation restores with its own key; without it, what is missing is named', async () => {
  const dataDirectory = await prepared();
  const backup = newPath();
  const { store, encryption } = await start(dataDirectory);
  const before = everything(store);
  await makeBackup(backup, { dataDirectory, copyStore: (target) => store.copyTo(target) }, machine);
  await encryption.rotate(() => {});
  await put(store, 'later', 'text');
  const newKey = readFileSync(encryptionKeyFile(dataDirectory));
  await store.close();
  await restoreBackup(backup, dataDirectory, systemFiles);
  const restored = await start(dataDirectory);
  assert.deepEqual(everything(restored.store), before);
  await restored.store.close();
  writeFileSync(encryptionKeyFile(dataDirectory), newKey);
  await assert.rejects(start(dataDirectory), {
    name: 'OperatorError',
    message: /\/registry\/secrets\/default\/a is encrypted with key 1, and the key file holds key 2/,
  });
});

test('numbers of keys come round; a key file that others may read is told', async () => {
  const dataDirectory = await prepared();
  const keyFile = encryptionKeyFile(dataDirectory);
  const { store, encryption } = await start(dataDirectory);
  await encryption.check();
  assert.deepEqual(encryption.problems(), []);
  for (let id = 2; id <= 5; id++) assert.equal((await encryption.rotate(() => {})).keys[0]!.id, id);
  await store.close();
  const secret = readFileSync(keyFile, 'utf8').split(' ')[1]!;
  rmSync(dataDirectory, { recursive: true });
  mkdirSync(dataDirectory);
  // As the first versions wrote it, without a time; and open to all.
  writeFileSync(keyFile, `100 ${secret}\n`, { mode: 0o644 });
  const old = await start(dataDirectory);
  assert.deepEqual(old.encryption.facts(), [{ id: 100, madeAt: undefined }]);
  await old.encryption.check();
  assert.match(old.encryption.problems().join(), /secrets\.key may be read or written by others.*chmod 600/);
  assert.equal((await old.encryption.rotate(() => {})).keys[0]!.id, 1);
  assert.deepEqual(old.encryption.problems(), [], 'a key file that is written anew is private');
  await old.store.close();
});
