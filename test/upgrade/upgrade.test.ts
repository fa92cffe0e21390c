// Data of every earlier version is opened, with everything in it, and goes on; data of a newer one is refused and left alone.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { encryptionKeyFile, storeDirectory, storeFile } from '#assembly/backup/contents.ts';
import { restoreBackup } from '#assembly/backup/restore.ts';
import { Encryption } from '#assembly/datastore/encryption.ts';
import { openDatastore } from '#assembly/datastore/open.ts';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { systemFiles as files } from '#host/files.ts';
import { openSealing } from '#storage/sealing/sealing-key.ts';
import { openSqliteStore, type SqliteStore } from '#storage/sqlite/store.ts';
import { fixtureNames, type FixtureState, readFixture, unpack } from './fixture.ts';

const root = mkdtempSync(path.join(tmpdir(), 'upgrade-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newPath = (): string => path.join(root, String(count++));
const clock = new VirtualClock(Date.UTC(2027, 0, 1));

/** As a start of the product does it. */
async function start(dataDirectory: string) {
  const directory = storeDirectory(dataDirectory);
  const keyFile = encryptionKeyFile(dataDirectory);
  const stop = new AbortController();
  const ring = await openSealing({ file: keyFile, files, random: systemRandom, clock });
  const { store } = await openDatastore({
    directory,
    onDamage: 'stop',
    open: () => openSqliteStore({ path: storeFile(dataDirectory), clock, sealing: ring }),
    files,
    clock,
    logger: silentLogger,
    stopping: stop.signal,
    show: (problems) => assert.deepEqual(problems, []),
  });
  await ring.keep();
  const own = { ring, keyFile, directory, store, files, clock, logger: silentLogger, reserveBytes: () => 0 };
  return { store, encryption: new Encryption(own) };
}

const objectsOf = (store: SqliteStore): FixtureState['objects'] =>
  store.list('/registry/').items.map((item) => ({
    key: item.key,
    revision: item.revision,
    createRevision: item.createRevision,
    object: JSON.parse(JSON.stringify(item.object())) as unknown,
  }));

/** Written, removed, encrypted again, and there after another start. */
async function checkUse(dataDirectory: string, store: SqliteStore, encryption: Encryption): Promise<void> {
  const key = '/registry/secrets/default/one';
  const current = store.get(key)!;
  const object = { ...current.object(), type: 'example.com/new' };
  const written = await store.write({ key, expectedRevision: current.revision, object, durability: 'durable' });
  assert.ok(written.ok && written.stored.createRevision === current.createRevision);
  const large = store.get('/registry/configmaps/default/large')!;
  await store.write({ key: large.key, expectedRevision: large.revision, object: undefined, durability: 'durable' });
  assert.equal((await encryption.rotate(() => {})).isComplete, true);
  const last = objectsOf(store);
  await store.close();
  for (const name of ['aGlkZGVu', 'bmV3'])
    assert.equal(
      readFileSync(storeFile(dataDirectory)).includes(name),
      false,
      'no Secret is plain, also of the first versions',
    );
  const again = await start(dataDirectory);
  assert.deepEqual(objectsOf(again.store), last);
  await again.store.close();
}

for (const name of fixtureNames()) {
  const fixture = readFixture(name);
  for (const part of ['clean', 'crashed'] as const)
    test(`data of ${name} (${fixture.commit}) is opened and goes on: ${part}`, async () => {
      const dataDirectory = newPath();
      unpack(fixture, part, dataDirectory);
      const { store, encryption } = await start(dataDirectory);
      const expected = fixture[part];
      assert.ok(expected.objects.length >= 6);
      assert.deepEqual(objectsOf(store), expected.objects);
      if (part === 'clean') assert.equal(store.revision, expected.revision, 'no revision is lost');
      else assert.ok(store.revision > expected.revision, 'no revision is given twice');
      assert.equal(store.get('/registry/configmaps/default/removed'), undefined);
      await checkUse(dataDirectory, store, encryption);
    });
  const { backup: expected } = fixture;
  if (expected !== undefined)
    test(`a backup of ${name} (${fixture.commit}) is restored`, async () => {
      const [backup, dataDirectory] = [newPath(), newPath()];
      unpack(fixture, 'backup', backup);
      await restoreBackup(backup, dataDirectory, files);
      const { store, encryption } = await start(dataDirectory);
      assert.deepEqual(objectsOf(store), expected.objects);
      assert.ok(store.revision > expected.revision + 1e8);
      await checkUse(dataDirectory, store, encryption);
    });
}

test('there is data of every version that has left other data than the one before', () => {
  assert.deepEqual(fixtureNames(), [
    '1-plain',
    '2-sealed',
    '3-backup',
    '4-shrinking',
    '5-snapshots',
    '6-checksummed-revision',
  ]);
  assert.deepEqual(
    fixtureNames().filter((name) => readFixture(name).backup === undefined),
    ['1-plain', '2-sealed'],
  );
});

test('data of a newer version is refused with what to do, and is left as it is', async () => {
  const dataDirectory = newPath();
  mkdirSync(dataDirectory);
  unpack(readFixture('6-checksummed-revision'), 'clean', dataDirectory);
  const database = new DatabaseSync(storeFile(dataDirectory));
  database.exec('PRAGMA user_version = 2');
  database.close();
  const before = readFileSync(storeFile(dataDirectory));
  const problems: string[] = [];
  const stop = new AbortController();
  const ring = await openSealing({ file: encryptionKeyFile(dataDirectory), files, random: systemRandom, clock });
  let isOpen = false;
  void openDatastore({
    directory: storeDirectory(dataDirectory),
    onDamage: 'restore',
    open: () => openSqliteStore({ path: storeFile(dataDirectory), clock, sealing: ring }),
    files,
    clock,
    logger: silentLogger,
    stopping: stop.signal,
    show: (shown) => void problems.push(...shown),
  }).then(() => (isOpen = true));
  for (let turn = 0; problems.length === 0; turn++) {
    assert.ok(turn < 500);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  stop.abort();
  assert.equal(isOpen, false);
  assert.match(
    problems.join(),
    /cluster\.sqlite was written by a newer MicroShift: its format is 2\. Start the newer version again, or restore a backup that this version made/,
  );
  assert.deepEqual(readFileSync(storeFile(dataDirectory)), before);
  assert.equal(existsSync(path.join(storeDirectory(dataDirectory), 'repaired.json')), false);
});
