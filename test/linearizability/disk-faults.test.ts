// The faults happen, to the files that are concerned and to no others, and they end.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { DiskFaults } from './disk-faults.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'linear-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const folder = path.join(scratch, 'data');
const other = path.join(scratch, 'data-other');
for (const one of [folder, other]) mkdirSync(one);
const disk = new DiskFaults(scratch, folder);

/** How SQLite fares that writes there, and how long its commits take. */
async function use(where: string): Promise<{ error: string | undefined; tookMs: number }> {
  const program = `
    const { DatabaseSync } = require('node:sqlite');
    let error, began;
    try {
      const database = new DatabaseSync(process.argv[1]);
      database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t (a)');
      began = performance.now();
      for (let count = 0; count < 3; count++) database.exec("INSERT INTO t VALUES (hex(zeroblob(5000)))");
    } catch (thrown) {
      error = thrown.errstr;
    }
    console.log(JSON.stringify({ error, tookMs: performance.now() - began }));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '-e', program, path.join(where, 'file.db')],
    { env: { ...process.env, ...disk.environment } },
  );
  return JSON.parse(stdout);
}

test('a full disk, syncs that fail, and slow ones', async () => {
  const errorsDuring = (fault: 'full' | 'fail' | number) =>
    disk.during(fault, async () => [(await use(folder)).error, (await use(other)).error]);
  assert.deepEqual([(await use(folder)).error, (await use(other)).error], [undefined, undefined]);
  assert.deepEqual(await errorsDuring('full'), ['database or disk is full', undefined]);
  assert.deepEqual(await errorsDuring('fail'), ['disk I/O error', undefined]);
  assert.equal((await use(folder)).error, undefined);
  await disk.during(100, async () => assert.ok((await use(folder)).tookMs > 300));
});
