import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { type Files, systemFiles } from '#host/files.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { storeDirectory, storeFile } from './contents.ts';
import { makeBackup } from './make.ts';
import { beforeRestore, finishRestore, restoreBackup } from './restore.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'backup-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const newPath = () => path.join(folder, String(count++));
const clock = new VirtualClock(Date.UTC(2026, 0, 1));
const machine = { files: systemFiles, clock };

async function openStore(dataDirectory: string) {
  mkdirSync(storeDirectory(dataDirectory), { recursive: true, mode: 0o700 });
  return openSqliteStore({ path: storeFile(dataDirectory), clock });
}
const keyOf = (name: string) => `/registry/configmaps/default/${name}`;
const put = (store: Awaited<ReturnType<typeof openStore>>, name: string, durability: 'durable' | 'lazy' = 'durable') =>
  store.write({
    key: keyOf(name),
    expectedRevision: store.get(keyOf(name))?.revision ?? 0,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
    durability,
  });
const namesIn = async (dataDirectory: string): Promise<string[]> => {
  const store = await openStore(dataDirectory);
  const names = store.list('/registry/').items.map((item) => path.basename(item.key));
  await store.close();
  return names;
};

/** A data directory that was backed up, and then went on. */
async function backedUp() {
  const [dataDirectory, backup] = [newPath(), newPath()];
  const store = await openStore(dataDirectory);
  writeFileSync(path.join(dataDirectory, 'secrets.key'), '1 old\n', { mode: 0o600 });
  mkdirSync(path.join(dataDirectory, 'certs/ca'), { recursive: true });
  writeFileSync(path.join(dataDirectory, 'certs/ca/key.pem'), 'key');
  await put(store, 'one');
  await put(store, 'lazily', 'lazy');
  const source = { dataDirectory, copyStore: (target: string) => store.copyTo(target) };
  const manifest = await makeBackup(backup, source, machine);
  await put(store, 'two');
  writeFileSync(path.join(dataDirectory, 'secrets.key'), '1 new\n');
  writeFileSync(path.join(dataDirectory, 'node-name'), 'later');
  const { revision } = store;
  await store.close();
  return { dataDirectory, backup, manifest, revision, source };
}

test('a backup holds what was visible when it was made, lazy writes too, while others write', async () => {
  const dataDirectory = newPath();
  const store = await openStore(dataDirectory);
  const names = Array.from({ length: 400 }, (_, index) => `c${index}`);
  for (const name of names.slice(0, 200)) await put(store, name, 'lazy');
  const rest = Promise.all(names.slice(200).map((name) => put(store, name)));
  const backup = newPath();
  const manifest = await makeBackup(backup, { dataDirectory, copyStore: (target) => store.copyTo(target) }, machine);
  await rest;
  const expected = store
    .listAt('/registry/', manifest.revision)!
    .items.map((item) => `${item.key} ${item.revision} ${Buffer.from(item.bytes).toString()}`);
  await store.close();
  const copy = await openStore(backup);
  const found = copy
    .list('/registry/')
    .items.map((item) => `${item.key} ${item.revision} ${Buffer.from(item.bytes).toString()}`);
  await copy.close();
  assert.ok(found.length >= 200);
  assert.deepEqual(found, expected);
});

test('a restore brings back everything, keeps what was there, and gives no revision twice', async () => {
  const { dataDirectory, backup, revision } = await backedUp();
  await restoreBackup(backup, dataDirectory, systemFiles);
  assert.equal(readFileSync(path.join(dataDirectory, 'secrets.key'), 'utf8'), '1 old\n');
  assert.equal(readFileSync(path.join(dataDirectory, 'certs/ca/key.pem'), 'utf8'), 'key');
  assert.equal(existsSync(path.join(dataDirectory, 'node-name')), false, 'the backup has none');
  assert.deepEqual(await namesIn(beforeRestore(dataDirectory)), ['lazily', 'one', 'two']);
  const store = await openStore(dataDirectory);
  assert.deepEqual(
    store.list('/registry/').items.map((item) => item.key),
    [keyOf('lazily'), keyOf('one')],
  );
  assert.ok(store.revision > revision);
  assert.equal(store.watch('/registry/', revision, { onEvents() {}, onEnd() {} }), undefined, 'old watches list again');
  await store.close();
});

test('a restore that is interrupted anywhere is finished at the next start, or never began', async () => {
  for (let step = 1; ; step++) {
    const { dataDirectory, backup } = await backedUp();
    let steps = 0;
    const interrupting: Files = Object.create(systemFiles, {
      exists: {
        value: (target: string) => {
          if (++steps === step) throw new Error('the power failed');
          return systemFiles.exists(target);
        },
      },
      remove: {
        value: (target: string) => {
          if (++steps === step) throw new Error('the power failed');
          return systemFiles.remove(target);
        },
      },
    }) as Files;
    let done = true;
    await restoreBackup(backup, dataDirectory, interrupting).catch(() => (done = false));
    const mustBeNew = existsSync(path.join(dataDirectory, 'restore.pending')) || done;
    await finishRestore(dataDirectory, systemFiles);
    // All of it is the old state, or all of it the new one.
    const isNew = readFileSync(path.join(dataDirectory, 'secrets.key'), 'utf8') === '1 old\n';
    assert.ok(isNew || !mustBeNew, `step ${step}`);
    assert.deepEqual(
      await namesIn(dataDirectory),
      isNew ? ['lazily', 'one'] : ['lazily', 'one', 'two'],
      `step ${step}`,
    );
    if (isNew) assert.deepEqual(await namesIn(beforeRestore(dataDirectory)), ['lazily', 'one', 'two'], `step ${step}`);
    if (done) {
      assert.ok(step > 8, 'it was interrupted in many places');
      break;
    }
  }
});

test('what is no backup, was changed, or is of a newer MicroShift is refused, and nothing is touched', async () => {
  const { dataDirectory, backup, manifest } = await backedUp();
  const refused = async (pattern: RegExp) => {
    await assert.rejects(restoreBackup(backup, dataDirectory, systemFiles), pattern);
    assert.deepEqual(await namesIn(dataDirectory), ['lazily', 'one', 'two']);
  };
  const key = path.join(backup, 'secrets.key');
  writeFileSync(key, '1 odd\n');
  await refused(/secrets\.key in .* is not what it was/);
  writeFileSync(key, '1 old\n');
  writeFileSync(path.join(backup, 'certs/more'), '');
  await refused(/files that were not in it/);
  rmSync(path.join(backup, 'certs/more'));
  const manifestFile = path.join(backup, 'backup.json');
  writeFileSync(manifestFile, JSON.stringify({ ...manifest, format: 2 }));
  await refused(/made by a newer MicroShift/);
  for (const broken of ['{', 'null', '{"format":1,"files":[null]}', '{"format":1,"files":[]}']) {
    writeFileSync(manifestFile, broken);
    await refused(/is no backup/);
  }
});

test('a backup never replaces anything, and one that cannot be made leaves nothing under its name', async () => {
  const { dataDirectory, backup, source } = await backedUp();
  await assert.rejects(makeBackup(backup, source, machine), /There is something at/);
  const target = newPath();
  const failing = { dataDirectory, copyStore: () => Promise.reject(new Error('no room')) };
  await assert.rejects(makeBackup(target, failing, machine), /was not made: no room/);
  assert.equal(existsSync(target), false);
  assert.equal(
    existsSync(`${target}.partial`),
    false,
    'private keys are not left lying there, nor is the disk left full',
  );
  const again = await openStore(dataDirectory);
  await assert.rejects(
    makeBackup(
      target,
      {
        dataDirectory,
        copyStore: (to: string) => {
          mkdirSync(target);
          writeFileSync(path.join(target, 'theirs'), '');
          return again.copyTo(to);
        },
      },
      machine,
    ),
    /was not made/,
  );
  await again.close();
  assert.equal(existsSync(path.join(target, 'theirs')), true, 'what came there meanwhile stays');
  rmSync(target, { recursive: true });
  await assert.rejects(
    makeBackup(path.join(dataDirectory, 'certs/here'), failing, machine),
    /within what is backed up/,
  );
  mkdirSync(target);
  const store = await openStore(dataDirectory);
  await makeBackup(target, { dataDirectory, copyStore: (to) => store.copyTo(to) }, machine);
  await store.close();
  assert.equal(existsSync(path.join(target, 'backup.json')), true);
  assert.equal(existsSync(`${target}.partial`), false);
});

test('links lead to what they name: a folder of the data directory, and the backup that is restored', async () => {
  const { dataDirectory } = await backedUp();
  const elsewhere = newPath();
  renameSync(path.join(dataDirectory, 'certs'), elsewhere);
  symlinkSync(elsewhere, path.join(dataDirectory, 'certs'));
  const [backup, latest] = [newPath(), newPath()];
  const store = await openStore(dataDirectory);
  await makeBackup(backup, { dataDirectory, copyStore: (to) => store.copyTo(to) }, machine);
  await store.close();
  symlinkSync(backup, latest);
  const restored = newPath();
  await restoreBackup(latest, restored, systemFiles);
  assert.equal(readFileSync(path.join(restored, 'certs/ca/key.pem'), 'utf8'), 'key');
  assert.deepEqual(await namesIn(restored), ['lazily', 'one', 'two']);
});
