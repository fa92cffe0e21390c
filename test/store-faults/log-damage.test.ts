// What a killed process leaves: a file and a log with transactions in it. Bits of the log flipped, and the log cut short: what is
// read is exactly what was there behind some transaction, and it is the last one, or the damage is told. The last two transactions
// alone can be lost without a word, because a power failure that cuts the log looks the same.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { seededRandom } from '#base/random.ts';
import { failureOf, RowDatabase } from '#host/linux/row-database.ts';
import { logDamage } from '#host/linux/sqlite-log.ts';
import { rowNumbers } from '#host/linux/sqlite-protocol.ts';
import { below } from '../crash/disk.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'log-damage-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const random = seededRandom(Number(process.env['SEED'] ?? 3));
const frameBytes = 24 + 4_096;
const copy = path.join(folder, 'copy.db');

/** The row with the number `id` gets `length` bytes. */
function commit(database: RowDatabase, id: number, revision: number, length: number): void {
  const numbers = new Float64Array(rowNumbers);
  numbers.set([id, revision, 0, 60, length]);
  const payload = new Uint8Array(random.bytes(length));
  database.commit({ keys: [`/registry/configmaps/default/c${id}`], numbers, payload }, undefined);
}
function textOf(database: RowDatabase): string {
  return JSON.stringify([...database.rows()].map(({ keys, numbers }) => [keys, [...numbers]]));
}
interface Left {
  readonly file: Buffer;
  readonly log: Buffer;
}
/** What is read of it, or why not. */
function look({ file, log }: Left): { readonly text: string } | { readonly failure: string; readonly message: string } {
  writeFileSync(copy, file);
  writeFileSync(`${copy}-wal`, log);
  let database: RowDatabase | undefined;
  try {
    database = new RowDatabase({ path: copy });
    return { text: textOf(database) };
  } catch (error) {
    return { failure: failureOf(error), message: messageOf(error) };
  } finally {
    database?.close();
  }
}
interface Lives extends Left {
  /** Behind each transaction. */
  readonly states: readonly string[];
  /** Of the log, behind each transaction. */
  readonly ends: readonly number[];
}
function live(): Lives {
  const file = path.join(folder, 'cluster.db');
  const left = (): Left => ({ file: readFileSync(file), log: readFileSync(`${file}-wal`) });
  const database = new RowDatabase({ path: file });
  const states = [textOf(database)];
  const ends = [left().log.length];
  for (let count = 0; count < 40; count++) {
    commit(database, 1 + below(random, 12), 100 + count, count % 10 === 0 ? 30_000 : 50 + below(random, 900));
    states.push(textOf(database));
    ends.push(left().log.length);
  }
  const now = left();
  database.close();
  return { ...now, states, ends };
}

const lives = live();
const last = lives.states.at(-1)!;

test('flipped bits of the log', () => {
  assert.deepEqual(look(lives), { text: last });
  const counts = { told: 0, behind: 0 };
  // From here on a transaction or none comes behind.
  const tail = lives.ends.at(-3)!;
  for (let turn = 0; turn < 400; turn++) {
    const log = Buffer.from(lives.log);
    // Half of them where the structure is: in the header, and in those of the frames.
    const frame = 32 + frameBytes * below(random, Math.floor(log.length / frameBytes));
    const at =
      turn % 10 === 0 ? below(random, 32) : turn % 2 === 0 ? frame + below(random, 24) : below(random, log.length);
    log[at]! ^= 1 << below(random, 8);
    const found = look({ file: lives.file, log });
    if ('failure' in found) {
      assert.equal(found.failure, 'corrupt', `byte ${at}: ${found.message}`);
      assert.match(found.message, /log/);
      counts.told++;
      continue;
    }
    assert.ok(at >= tail, `byte ${at} of ${log.length}: nobody is told`);
    assert.ok(lives.states.slice(-3).includes(found.text), `byte ${at}: what is read was never there`);
    counts.behind++;
  }
  assert.ok(counts.told > 300 && counts.behind > 2, JSON.stringify(counts));
});

test('the log is not what SQLite keeps behind its end', () => {
  // A log is begun anew at its front when all of it is in the file: behind the new frames there are old ones, whole ones too.
  const file = path.join(folder, 'again.db');
  const database = new RowDatabase({ path: file });
  const log = `${file}-wal`;
  let revision = 1;
  while (readFileSync(log).length < 1_000 * frameBytes) {
    commit(database, 1 + (revision % 30), revision, 20_000);
    revision++;
  }
  while (database.maintain());
  commit(database, 1, revision, 100);
  const bytes = readFileSync(log);
  assert.ok(bytes.length > 1_000 * frameBytes);
  assert.equal(logDamage(log, 4_096), undefined);
  assert.deepEqual(look({ file: readFileSync(file), log: bytes }), { text: textOf(database) });
  database.close();
});

test('a log that is cut short is that of a power failure', () => {
  for (let turn = 0; turn < 60; turn++) {
    const length = lives.ends[0]! + below(random, lives.log.length - lives.ends[0]!);
    const found = look({ file: lives.file, log: lives.log.subarray(0, length) });
    const whole = lives.ends.findLastIndex((end) => end <= length);
    assert.deepEqual(found, { text: lives.states[whole] }, `cut at ${length}`);
  }
});

test('a transaction that was cut by a power failure, and others written over it, are no damage', () => {
  for (let turn = 0; turn < 40; turn++) {
    // The last one is torn anywhere, with all of its other bytes there; the next life writes over it, in other sizes.
    const log = Buffer.from(lives.log);
    const from = lives.ends.at(-2)!;
    log.fill(turn, from + below(random, log.length - from));
    writeFileSync(copy, lives.file);
    writeFileSync(`${copy}-wal`, log);
    const database = new RowDatabase({ path: copy });
    for (let count = 0; count < 1 + (turn % 3); count++)
      commit(database, 1, 1_000 + count, turn % 2 === 0 ? 10 : 40_000);
    const left = { file: readFileSync(copy), log: readFileSync(`${copy}-wal`) };
    const text = textOf(database);
    database.close();
    assert.deepEqual(look(left), { text });
  }
});
