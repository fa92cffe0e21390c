// Bits flipped in every page of a data file, and the file cut short at every page and within: it opens with exactly what was in it,
// or says that it is damaged. There is no third way: no row less, no other value, no revision that was given out already.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { seededRandom, type Random } from '#base/random.ts';
import { failureOf, RowDatabase } from '#host/linux/row-database.ts';
import { rowNumbers } from '#host/linux/sqlite-protocol.ts';
import { below } from '../crash/disk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'damage-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const pageBytes = 4_096;

function commit(database: RowDatabase, ids: readonly number[], lengthOf: (id: number) => number, random: Random): void {
  const numbers = new Float64Array(ids.length * rowNumbers);
  let size = 0;
  ids.forEach((id, index) => {
    const length = lengthOf(id);
    numbers.set([id, id + 10, 0, 60, length], index * rowNumbers);
    size += Math.max(0, length);
  });
  const payload = new Uint8Array(random.bytes(size));
  const keys = ids.map((id) => `/registry/configmaps/default/c${id}`);
  database.commit({ keys, numbers, payload }, { reservedRevision: 10_000, clean: true });
}

/** With every kind of page: trees of two levels, chains of long values, free pages, the map of pages. */
function makeFile(): Buffer {
  const file = path.join(folder, 'whole.db');
  const random = seededRandom(1);
  const database = new RowDatabase({ path: file });
  const ids = Array.from({ length: 400 }, (_, index) => index + 1);
  commit(database, ids, (id) => (id % 50 === 0 ? 20_000 : 200 + below(random, 400)), random);
  commit(
    database,
    ids.filter((id) => id > 100 && id < 220),
    () => -1,
    random,
  );
  database.close();
  return readFileSync(file);
}

type Found = { readonly text: string } | { readonly failure: string; readonly message: string };

/** Everything that a store would take from it. */
function look(bytes: Uint8Array): Found {
  const file = path.join(folder, 'damaged.db');
  for (const suffix of ['', '-wal']) rmSync(`${file}${suffix}`, { force: true });
  writeFileSync(file, bytes);
  let database: RowDatabase | undefined;
  try {
    database = new RowDatabase({ path: file });
    const meta = database.meta();
    const rows = [...database.rows()].map(({ keys, numbers, payload }) => [
      keys,
      [...numbers],
      Buffer.from(payload).toString('base64'),
    ]);
    return { text: JSON.stringify([meta, rows]) };
  } catch (error) {
    return { failure: failureOf(error), message: messageOf(error) };
  } finally {
    database?.close();
  }
}

const whole = makeFile();
const pages = whole.length / pageBytes;
const right = look(whole);

function check(damaged: Uint8Array, name: string, counts: { same: number; refused: number }): void {
  const found = look(damaged);
  if ('text' in found) {
    assert.ok('text' in right && found.text === right.text, `${name}: something else is read, and nobody is told`);
    counts.same++;
    return;
  }
  assert.ok(['corrupt', 'newer'].includes(found.failure), `${name}: ${found.failure}: ${found.message}`);
  counts.refused++;
}

test('flipped bits', () => {
  assert.ok('text' in right && pages > 50, `${pages} pages`);
  const random = seededRandom(Number(process.env['SEED'] ?? 2));
  const counts = { same: 0, refused: 0 };
  for (let page = 0; page < pages; page++)
    for (let turn = 0; turn < (page < 5 ? 40 : 5); turn++) {
      // Half of them where the structure of a page is.
      const within = turn % 2 === 0 ? below(random, 100) : below(random, pageBytes);
      const damaged = Buffer.from(whole);
      damaged[page * pageBytes + within]! ^= 1 << below(random, 8);
      check(damaged, `page ${page}, byte ${within}`, counts);
    }
  assert.ok(counts.refused > 150 && counts.same > 10, JSON.stringify(counts));
});

test('pages of zeros, and pages that are at another place', () => {
  const counts = { same: 0, refused: 0 };
  for (let page = 0; page < pages; page++) {
    const zeros = Buffer.from(whole);
    zeros.fill(0, page * pageBytes, (page + 1) * pageBytes);
    check(zeros, `page ${page} is zeros`, counts);
    const other = Buffer.from(whole);
    whole.copy(other, page * pageBytes, ((page + 7) % pages) * pageBytes, ((page + 7) % pages) * pageBytes + pageBytes);
    check(other, `page ${page} is another`, counts);
  }
  assert.ok(counts.refused > pages, JSON.stringify(counts));
});

test('a file that is cut short', () => {
  const counts = { same: 0, refused: 0 };
  for (let page = 1; page < pages; page++)
    for (const within of [0, 1_000]) check(whole.subarray(0, page * pageBytes - within), `cut at page ${page}`, counts);
  assert.deepEqual(counts, { same: 0, refused: 2 * (pages - 1) });
});
