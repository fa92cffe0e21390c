// What the store's thread and the thread of SQLite say to each other. Rows travel packed: a few arrays instead of an object
// each, the bytes moved and not copied.

/** Numbers of a row, in this order: createRevision, revision, expiresAt, versionOffset, byte length (-1: the row is removed). */
export const rowNumbers = 5;

export interface PackedRows {
  readonly keys: readonly string[];
  /** `rowNumbers` for each key. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** The rows' bytes, one behind the other. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface FileMeta {
  /** No revision above this was ever given to anybody; with `clean`, this is the last revision. */
  readonly reservedRevision: number;
  /** Closed in order, nothing is missing. */
  readonly clean: boolean;
}

export interface FileUsage {
  /** Of the data, without free pages and the log. */
  readonly usedBytes: number;
  /** What this user may still take of the disk. */
  readonly diskFreeBytes: number;
}

export interface OpenOptions {
  readonly path: string;
  /** Size limit of the file in pages of 4 KiB; absent: the disk's. */
  readonly pagesMax?: number | undefined;
}

/** full: no room; nothing was written. io: the medium failed, what it holds is uncertain. */
export type RowFileFailure = 'full' | 'io' | 'busy' | 'corrupt' | 'newer' | 'cannot-open' | 'worker';

export type ToWorker =
  | { readonly type: 'commit'; readonly rows: PackedRows; readonly meta: FileMeta | undefined }
  /** Only looks at the room that is left. */
  | { readonly type: 'look' }
  | { readonly type: 'copy'; readonly target: string }
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'rows'; readonly rows: PackedRows }
  | { readonly type: 'opened'; readonly meta: FileMeta; readonly usage: FileUsage }
  | { readonly type: 'done'; readonly usage?: FileUsage | undefined }
  /** The log could not be worked into the file, or space not given back; undefined: that is over. */
  | { readonly type: 'maintenance'; readonly problem: string | undefined }
  | { readonly type: 'failed'; readonly failure: RowFileFailure; readonly message: string };
