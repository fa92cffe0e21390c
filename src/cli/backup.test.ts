import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { storeDirectory, storeFile } from '#assembly/backup/contents.ts';
import { makeBackup } from '#assembly/backup/make.ts';
import { restoreBackup } from '#assembly/backup/restore.ts';
import { VirtualClock } from '#base/clock.ts';
import { type Files, systemFiles } from '#host/files.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { backup } from './backup.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'backup-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a restore that was interrupted is finished before its result is backed up', async (context) => {
  context.mock.method(console, 'log', () => {});
  const [dataDir, first, second] = ['data', 'first', 'second'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const clock = new VirtualClock(0);
  mkdirSync(storeDirectory(dataDir), { recursive: true });
  const key = path.join(dataDir, 'secrets.key');
  writeFileSync(key, '1 old\n');
  const store = await openSqliteStore({ path: storeFile(dataDir), clock });
  await makeBackup(
    first,
    { dataDirectory: dataDir, copyStore: (to) => store.copyTo(to) },
    { files: systemFiles, clock },
  );
  await store.close();
  writeFileSync(key, '1 new\n');
  const interrupting: Files = Object.create(systemFiles, {
    writeAtomic: {
      async value(...parameters: Parameters<Files['writeAtomic']>) {
        await systemFiles.writeAtomic(...parameters);
        throw new Error('the power failed');
      },
    },
  }) as Files;
  await assert.rejects(restoreBackup(first, dataDir, interrupting), /the power failed/);
  assert.equal(readFileSync(key, 'utf8'), '1 new\n');
  assert.equal(await backup(second, { dataDir }), 0);
  assert.equal(readFileSync(path.join(second, 'secrets.key'), 'utf8'), '1 old\n');
});

test('a directory that holds nothing of a cluster is refused, and left as it is', async () => {
  await assert.rejects(backup(path.join(folder, 'none'), { dataDir: folder }), /nothing to back up/);
  assert.equal(existsSync(path.join(folder, 'microshift.lock')), false);
});
