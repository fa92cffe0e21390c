// Between objects in memory and packed rows.
import { type PackedRows, rowNumbers } from '#host/row-file.ts';
import type { StoreState } from '../state.ts';
import type { StoredValue } from '../stored-value.ts';
import type { Sealing } from '../sealing/sealing.ts';

/** The newest state of a row that is not on disk yet. */
export interface DirtyRow {
  readonly value: StoredValue;
  readonly removed: boolean;
}

/** Rows by their creation. */
export type DirtyRows = Map<number, DirtyRow>;

export function packRows(dirty: DirtyRows, sealing: Sealing): PackedRows {
  const keys: string[] = [];
  const values: Uint8Array[] = [];
  const numbers = new Float64Array(dirty.size * rowNumbers);
  let size = 0;
  for (const { value, removed } of dirty.values()) {
    let length = -1;
    if (!removed) {
      const bytes = sealing.seal(value.key, value.bytes);
      values.push(bytes);
      length = bytes.length;
      size += length;
    }
    numbers.set(
      [value.createRevision, value.revision, value.expiresAt, value.versionOffset, length],
      keys.length * rowNumbers,
    );
    keys.push(value.key);
  }
  const payload = new Uint8Array(size);
  let at = 0;
  for (const bytes of values) {
    payload.set(bytes, at);
    at += bytes.length;
  }
  return { keys, numbers, payload };
}

/** Puts rows into memory and gives the highest revision among them. */
export function unpackRows(rows: PackedRows, state: StoreState, sealing: Sealing): number {
  let at = 0;
  let highest = 0;
  rows.keys.forEach((key, index) => {
    const from = index * rowNumbers;
    const [createRevision = 0, revision = 0, expiresAt = 0, versionOffset = 0, length = 0] = rows.numbers.subarray(
      from,
      from + rowNumbers,
    );
    const opened = sealing.open(key, rows.payload.subarray(at, at + length));
    at += length;
    // Memory of its own, or one object would keep the whole chunk.
    const bytes = Buffer.allocUnsafeSlow(opened.length);
    bytes.set(opened);
    state.load(key, revision, createRevision, { bytes, versionOffset }, expiresAt);
    highest = Math.max(highest, revision);
  });
  return highest;
}
