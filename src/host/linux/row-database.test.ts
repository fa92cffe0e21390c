import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { RowDatabase } from './row-database.ts';
import { type PackedRows, rowNumbers } from './sqlite-protocol.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rows-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = () => path.join(folder, `${files++}.db`);
const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
const megabyte = 1024 * 1024;

/** Length -1: removed. */
function rows(from: number, until: number, length: number): PackedRows {
  const ids = Array.from({ length: until - from }, (_, index) => from + index);
  const numbers = new Float64Array(ids.length * rowNumbers);
  ids.forEach((id, index) => numbers.set([id, id, 0, 0, length], index * rowNumbers));
  return {
    keys: ids.map((id) => `/registry/x/${id}`),
    numbers,
    payload: new Uint8Array(ids.length * Math.max(0, length)),
  };
}
function fill(database: RowDatabase, count: number, length: number): void {
  for (let id = 1; id <= count; id += 500) database.commit(rows(id, Math.min(id + 500, count + 1), length), undefined);
}
function maintain(database: RowDatabase): number {
  let steps = 1;
  while (database.maintain()) assert.ok(steps++ < 10_000, 'maintenance comes to an end');
  return steps;
}
const countOf = (database: RowDatabase): number =>
  [...database.rows()].reduce((sum, chunk) => sum + chunk.keys.length, 0);

test('the file shrinks when much was removed, in many steps, and holds what is left', () => {
  const file = newPath();
  const database = new RowDatabase({ path: file });
  fill(database, 4_000, 3_000);
  maintain(database);
  const full = sizeOf(file);
  assert.ok(full > 11 * megabyte, String(full));
  database.commit(rows(1, 3_901, -1), undefined);
  const steps = maintain(database);
  assert.ok(steps > 20, `${steps} steps`);
  assert.ok(sizeOf(file) < full / 10, String(sizeOf(file)));
  assert.equal(countOf(database), 100);
  assert.equal(maintain(database), 1, 'nothing is left to be done');
  database.close();
  const again = new RowDatabase({ path: file });
  assert.equal(countOf(again), 100);
  again.close();
});

test('a few free pages are kept for what is written next', () => {
  const file = newPath();
  const database = new RowDatabase({ path: file });
  fill(database, 4_000, 3_000);
  maintain(database);
  const full = sizeOf(file);
  database.commit(rows(1, 501, -1), undefined);
  maintain(database);
  assert.equal(sizeOf(file), full);
  database.close();
});

test('a log that has grown long is cut back', () => {
  const file = newPath();
  const database = new RowDatabase({ path: file });
  database.commit(rows(1, 5_001, 3_000), undefined);
  assert.ok(sizeOf(`${file}-wal`) > 10 * megabyte);
  maintain(database);
  assert.equal(sizeOf(`${file}-wal`), 0);
  assert.equal(countOf(database), 5_000);
  database.close();
});

/** As the first versions made it. */
function oldFile(removed: number): string {
  const file = newPath();
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL; PRAGMA application_id = ${0x4d536866};
    PRAGMA user_version = 1;
    CREATE TABLE object (create_revision INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, version_offset INTEGER NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL);
    CREATE TABLE meta (one INTEGER PRIMARY KEY, reserved_revision INTEGER NOT NULL, clean INTEGER NOT NULL);
    INSERT INTO meta VALUES (0, 0, 1);`);
  database.close();
  const rowsOf = new RowDatabase({ path: file });
  fill(rowsOf, 1_000, 3_000);
  rowsOf.commit(rows(1, removed + 1, -1), undefined);
  rowsOf.close();
  return file;
}
function vacuumMode(file: string): unknown {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum'];
  } finally {
    database.close();
  }
}

test('an older file is made anew once, when much of it is free', () => {
  const file = oldFile(800);
  assert.equal(vacuumMode(file), 0);
  const full = sizeOf(file);
  const database = new RowDatabase({ path: file });
  assert.equal(countOf(database), 200);
  assert.deepEqual(database.meta(), { reservedRevision: 0, clean: true });
  database.close();
  assert.equal(vacuumMode(file), 2);
  assert.ok(sizeOf(file) < full / 3, `${sizeOf(file)} of ${full}`);
});

test('an older file that is full of data is left as it is', () => {
  const file = oldFile(100);
  const full = sizeOf(file);
  const database = new RowDatabase({ path: file });
  database.commit(rows(200, 900, -1), undefined);
  assert.equal(maintain(database), 1);
  database.close();
  assert.deepEqual([vacuumMode(file), sizeOf(file)], [0, full]);
});
