// Between objects in memory and packed rows.
import { type PackedRows, rowNumbers } from '#host/row-file.ts';
import type { StoreState } from '../state.ts';
import type { StoredValue } from '../stored-value.ts';

/** The newest state of a row that is not on disk yet. */
export interface DirtyRow {
  readonly value: StoredValue;
  readonly removed: boolean;
}

/** Rows by their creation. */
export type DirtyRows = Map<number, DirtyRow>;

export function packRows(dirty: DirtyRows): PackedRows {
  const keys: string[] = [];
  const numbers = new Float64Array(dirty.size * rowNumbers);
  let size = 0;
  for (const { value, removed } of dirty.values()) if (!removed) size += value.bytes.length;
  const payload = new Uint8Array(size);
  let at = 0;
  for (const { value, removed } of dirty.values()) {
    const length = removed ? -1 : value.bytes.length;
    numbers.set(
      [value.createRevision, value.revision, value.expiresAt, value.versionOffset, length],
      keys.length * rowNumbers,
    );
    keys.push(value.key);
    if (removed) continue;
    payload.set(value.bytes, at);
    at += length;
  }
  return { keys, numbers, payload };
}

/** Puts rows into memory and gives the highest revision among them. */
export function unpackRows(rows: PackedRows, state: StoreState): number {
  let at = 0;
  let highest = 0;
  rows.keys.forEach((key, index) => {
    const from = index * rowNumbers;
    const [createRevision = 0, revision = 0, expiresAt = 0, versionOffset = 0, length = 0] = rows.numbers.subarray(
      from,
      from + rowNumbers,
    );
    // Memory of its own, or one object would keep the whole chunk.
    const bytes = Buffer.allocUnsafeSlow(length);
    bytes.set(rows.payload.subarray(at, at + length));
    at += length;
    state.load(key, revision, createRevision, { bytes, versionOffset }, expiresAt);
    highest = Math.max(highest, revision);
  });
  return highest;
}
