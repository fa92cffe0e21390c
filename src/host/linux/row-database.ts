// The SQLite file: every row at the opening, then one batch after the other, each in one transaction that is on disk (WAL, full
// synchronous) when `commit` returns. It decides nothing, and it blocks: the product uses it on a thread of its own.
import { closeSync, fsyncSync, openSync, statfsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { logDamage } from './sqlite-log.ts';
import {
  type FileMeta,
  type FileUsage,
  type OpenOptions,
  type PackedRows,
  type RowFileFailure,
  rowNumbers,
} from './sqlite-protocol.ts';

/** 'MShf': tells this file from other SQLite files. */
const applicationId = 0x4d536866;
const formatVersion = 1;
/** SQLite's default. */
const pageBytes = 4_096;
const chunkBytes = 1024 * 1024;
const chunkRows = 2_000;
/** Pages in the log from which it is worked into the file: 4 MiB, as SQLite's own default. */
const logPages = 1_000;
/** Where it is done within a commit, because commits leave no moment between them. */
const logPagesMax = 4_000;
/** A log that has grown longer is cut back to nothing. */
const logBytesKept = 8 * 1024 * 1024;
/** Pages that are given back in one step: a millisecond. */
const stepPages = 64;
/** Of 4 and 256 MiB. */
const checkedPages = 1_024;
const checkedPagesAfterCrash = 65_536;
/** Fewer free pages than this (1 MiB) are kept for what is written next. */
const freePagesKept = 256;

class FileProblem extends Error {
  readonly failure: RowFileFailure;
  constructor(failure: RowFileFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

function checksum(key: string, numbers: readonly number[], value: Uint8Array): number {
  return crc32(value, crc32(`${key}\0${numbers.join(',')}`));
}

/** Whether it is clean in the last bit, a checksum of both in the others. Versions that know 0 and 1 only take it for not clean, which is safe. */
const metaState = (reservedRevision: number, clean: boolean): number =>
  (crc32(`${reservedRevision}\0${clean}`) + 1) * 2 + (clean ? 1 : 0);

/** What an error of this file means, by SQLite's primary result codes. */
export function failureOf(error: unknown): RowFileFailure {
  if (error instanceof FileProblem) return error.failure;
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : -1;
  if (code === 5 || code === 6) return 'busy';
  // 1: a statement of ours makes no sense to this file's schema.
  if (code === 11 || code === 26 || code === 1) return 'corrupt';
  if (code === 13) return 'full';
  if (code === 8 || code === 14) return 'cannot-open';
  return 'io';
}

export class RowDatabase {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #put;
  readonly #remove;
  readonly #putMeta;
  readonly #countPages;
  readonly #countFree;
  readonly #lookAtLog;
  readonly #canShrink: boolean;
  /** Space is being given back, down to less than where that begins. */
  #isShrinking = false;

  constructor(options: OpenOptions) {
    try {
      // Secrets are in it: readable by its owner only, and so is the log that SQLite makes beside it.
      closeSync(openSync(options.path, 'a', 0o600));
    } catch (error) {
      throw new FileProblem('cannot-open', error instanceof Error ? error.message : String(error));
    }
    const database = new DatabaseSync(options.path, { timeout: 250 });
    this.#database = database;
    this.#path = options.path;
    try {
      // Of a new file, before the log is there; in another it would be a write.
      if (database.prepare('PRAGMA page_count').get()?.['page_count'] === 0)
        database.exec('PRAGMA auto_vacuum = INCREMENTAL');
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      database.exec(`PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = ${logBytesKept};
        PRAGMA wal_autocheckpoint = ${logPagesMax};`);
      if (options.pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${options.pagesMax}`);
      this.#prepareSchema();
      this.#countPages = database.prepare('PRAGMA page_count');
      this.#countFree = database.prepare('PRAGMA freelist_count');
      this.#lookAtLog = database.prepare('PRAGMA wal_checkpoint(NOOP)');
      this.#check();
      this.#canShrink = this.#convert();
      this.#put = database.prepare('INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?, ?)');
      this.#remove = database.prepare('DELETE FROM object WHERE create_revision = ?');
      this.#putMeta = database.prepare('INSERT OR REPLACE INTO meta VALUES (0, ?, ?)');
    } catch (error) {
      database.close();
      throw error;
    }
  }
  #prepareSchema(): void {
    const database = this.#database;
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    // From here on the file is ours alone; SQLite has read the log, and has not gone on with it.
    if (this.#logBytes() > 0) {
      const damage = logDamage(`${this.#path}-wal`, pageBytes);
      if (damage !== undefined) throw new FileProblem('corrupt', damage);
      // A process that was killed may have left a transaction that is not on disk. It counts now: readers are about to see it.
      const log = openSync(`${this.#path}-wal`, 'r');
      try {
        fsyncSync(log);
      } finally {
        closeSync(log);
      }
    }
    if (version > formatVersion) throw new FileProblem('newer', `its format is ${version}`);
    if (version === formatVersion) return;
    const tables = Number(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables']);
    if (tables > 0) throw new FileProblem('corrupt', 'it holds tables of something else');
    // No index on the key: the store keeps keys in memory and names a row by its creation.
    database.exec(`BEGIN IMMEDIATE;
      CREATE TABLE object (create_revision INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, version_offset INTEGER NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL);
      CREATE TABLE meta (one INTEGER PRIMARY KEY, reserved_revision INTEGER NOT NULL, clean INTEGER NOT NULL);
      INSERT INTO meta VALUES (0, 0, 1);
      PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}; COMMIT;`);
  }
  /** Files of the first versions do not shrink. Such a file is made anew once, when that gives back a quarter of it or more. */
  #convert(): boolean {
    const database = this.#database;
    const shrinks = (): boolean => database.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum'] === 2;
    if (shrinks() || !this.#isShrinkingDue()) return shrinks();
    try {
      // In files of the system's temporary directory, which have no name, and not in memory.
      database.exec('PRAGMA temp_store = FILE; PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA temp_store = MEMORY');
    } catch (error) {
      if (failureOf(error) !== 'full') throw error;
      // Not now, then: it needs as much room as there is data.
      database.exec('PRAGMA temp_store = MEMORY');
    }
    return shrinks();
  }
  #pages(): { total: number; free: number } {
    return {
      total: Number(this.#countPages.get()?.['page_count']),
      free: Number(this.#countFree.get()?.['freelist_count']),
    };
  }
  usage(): FileUsage {
    const { total, free } = this.#pages();
    const { bavail, bsize } = statfsSync(this.#path);
    return { usedBytes: (total - free) * pageBytes, diskFreeBytes: bavail * bsize };
  }
  #isShrinkingDue(): boolean {
    const { total, free } = this.#pages();
    return this.#isShrinking ? free > Math.max(stepPages, total / 16) : free > Math.max(freePagesKept, total / 4);
  }
  /**
   * A small part of what is to be done behind commits, a few milliseconds: gives pages back, works the log into the file. False:
   * nothing is left to be done.
   */
  maintain(): boolean {
    const database = this.#database;
    const log = this.#lookAtLog.get();
    const waiting = Number(log?.['log']) - Number(log?.['checkpointed']);
    const isLong = this.#logBytes() > logBytesKept;
    if (waiting >= logPages || isLong) {
      this.#database.exec(`PRAGMA wal_checkpoint(${isLong ? 'TRUNCATE' : 'PASSIVE'})`);
      return true;
    }
    if (!this.#canShrink) return false;
    if (this.#isShrinkingDue()) {
      this.#isShrinking = true;
      // On disk before the next commit, though nobody waits for it: a log in which a later transaction is there and not this one is damaged.
      database.exec(`PRAGMA incremental_vacuum(${stepPages})`);
      return true;
    }
    if (!this.#isShrinking) return false;
    this.#isShrinking = false;
    // The file itself is cut by this.
    database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    return false;
  }
  #logBytes(): number {
    return statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
  /**
   * Rows have checksums, but a damaged tree may hide some. The larger the file, the longer that takes (about 1.2 ms a megabyte): always
   * looked for in a small one, in others when the last end was none.
   */
  #check(): void {
    const { total } = this.#pages();
    if (total > (this.meta().clean ? checkedPages : checkedPagesAfterCrash)) return;
    const found = this.#database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found === 'ok') return;
    throw new FileProblem(
      'corrupt',
      String(found).replace('*** in database main ***', '').trim().replaceAll('\n', '; '),
    );
  }
  meta(): FileMeta {
    const row = this.#database.prepare('SELECT reserved_revision, clean FROM meta').get();
    if (row === undefined) throw new FileProblem('corrupt', 'its table meta is empty');
    const [reservedRevision, state] = [Number(row['reserved_revision']), Number(row['clean'])];
    // Files of the first versions say 0 or 1, without a checksum.
    if (state > 1 && state !== metaState(reservedRevision, state % 2 === 1))
      throw new FileProblem('corrupt', 'the checksum of its last revision is wrong');
    return { reservedRevision, clean: state % 2 === 1 };
  }
  /** Every row, checked, in chunks. */
  *rows(): Generator<PackedRows> {
    const select = this.#database.prepare(
      'SELECT create_revision, revision, expires_at, version_offset, checksum, key, value FROM object',
    );
    let keys: string[] = [];
    let numbers: number[] = [];
    let values: Uint8Array[] = [];
    let size = 0;
    const pack = (): PackedRows => {
      const payload = new Uint8Array(size);
      let at = 0;
      for (const value of values) {
        payload.set(value, at);
        at += value.length;
      }
      return { keys, numbers: Float64Array.from(numbers), payload };
    };
    for (const row of select.iterate()) {
      const { key, value } = row;
      const four = [row['create_revision'], row['revision'], row['expires_at'], row['version_offset']].map(Number);
      if (typeof key !== 'string' || !(value instanceof Uint8Array) || checksum(key, four, value) !== row['checksum'])
        throw new FileProblem('corrupt', `the checksum of ${String(key)} is wrong`);
      keys.push(key);
      numbers.push(...four, value.length);
      values.push(value);
      size += value.length;
      if (size >= chunkBytes || keys.length >= chunkRows) {
        yield pack();
        [keys, numbers, values, size] = [[], [], [], 0];
      }
    }
    if (keys.length > 0) yield pack();
  }
  commit(rows: PackedRows, meta: FileMeta | undefined): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      let at = 0;
      rows.keys.forEach((key, index) => {
        const from = index * rowNumbers;
        const four = [...rows.numbers.subarray(from, from + 4)];
        const [createRevision = 0, revision = 0, expiresAt = 0, versionOffset = 0] = four;
        const length = rows.numbers[from + 4]!;
        if (length < 0) {
          this.#remove.run(createRevision);
          return;
        }
        const value = rows.payload.subarray(at, at + length);
        at += length;
        this.#put.run(createRevision, key, revision, expiresAt, versionOffset, checksum(key, four, value), value);
      });
      if (meta !== undefined) this.#putMeta.run(meta.reservedRevision, metaState(meta.reservedRevision, meta.clean));
      this.#database.exec('COMMIT');
    } catch (error) {
      // SQLite rolls back by itself after some errors.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
  /** What is committed, as a file of its own that is on disk; `target` must not exist. */
  copyTo(target: string): void {
    // Readable by its owner only; SQLite takes an empty file for none.
    closeSync(openSync(target, 'wx', 0o600));
    this.#database.prepare('VACUUM INTO ?').run(target);
    const copy = openSync(target, 'r');
    try {
      fsyncSync(copy);
    } finally {
      closeSync(copy);
    }
  }
  close(): void {
    this.#database.close();
  }
}
