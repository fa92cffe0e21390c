// What the embedded store is given, what it gives beyond every store, and a write on its way.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { FileUsage, OpenRowFile } from '#host/row-file.ts';
import type { HistoryLimits } from '../history.ts';
import type { Resealed } from '../sealing/rotation.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { EncodedWrite } from '../state.ts';
import type { Revision, Store, StoreFullError, StoreUnavailableError, WriteResult } from '../store.ts';
import type { RoomLimits } from './room.ts';

export interface SqliteStoreOptions {
  /** The file; its folder must exist and be private. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger?: Logger | undefined;
  /** Default false; tests freeze. */
  readonly freeze?: boolean | undefined;
  readonly history?: HistoryLimits | undefined;
  /** Size limit of the file; absent: the disk's. */
  readonly pagesMax?: number | undefined;
  /** What the data may take; absent: everything. Asked for anew again and again. */
  readonly room?: (() => RoomLimits) | undefined;
  /** Encryption at rest; absent: none. */
  readonly sealing?: Sealing | undefined;
  /** Default: the real file. */
  readonly open?: OpenRowFile | undefined;
}

/** A store that can say what is wrong with its medium. */
export interface SqliteStore extends Store {
  /** Empty when all is well. */
  problems(): readonly string[];
  /** What the data takes, and whether nothing may grow. */
  room(): { readonly usage: FileUsage | undefined; readonly isShort: boolean };
  /** Writes what is below the prefixes again as it is, sealed by what seals now, on disk when this resolves. Nobody is told. Rejects with StoreUnavailableError. */
  reseal(prefixes: readonly string[], onProgress: (progress: Resealed) => void): Promise<void>;
  /** Everything that is visible now, lazy writes included, as a file of its own. Rejects with StoreUnavailableError. */
  copyTo(target: string): Promise<Revision>;
}

export interface PageOptions {
  readonly startAfter?: string | undefined;
  readonly limit?: number | undefined;
}

export interface WaitingWrite extends EncodedWrite {
  readonly expectedRevision: Revision;
  readonly lazy: boolean;
  /** Of the object, its removal has been asked for. */
  readonly isRemoved: boolean;
  resolve(result: WriteResult): void;
  reject(error: StoreUnavailableError | StoreFullError): void;
}
