// A durable table of rows on a thread of its own. One step is under way at a time; the caller groups its writes.
import type {
  FileMeta,
  FileUsage,
  FromWorker,
  OpenOptions,
  PackedRows,
  RowFileFailure,
  ToWorker,
} from './linux/sqlite-protocol.ts';
import { startWorker } from './worker.ts';

export {
  type FileMeta,
  type FileUsage,
  type PackedRows,
  type RowFileFailure,
  rowNumbers,
} from './linux/sqlite-protocol.ts';

export class RowFileError extends Error {
  readonly failure: RowFileFailure;
  constructor(failure: RowFileFailure, message: string) {
    super(message);
    this.name = 'RowFileError';
    this.failure = failure;
  }
}

export interface RowFile {
  readonly meta: FileMeta;
  /** As it was at the end of the last step. */
  usage(): FileUsage;
  /** A step that only looks at `usage` again. */
  look(): Promise<void>;
  /** Resolves when the rows and `meta` are on disk, all of them; rejects with RowFileError. */
  commit(rows: PackedRows, meta: FileMeta | undefined): Promise<void>;
  /** Everything committed, as another file (which must not exist), on disk. */
  copyTo(target: string): Promise<void>;
  close(): Promise<void>;
}

export interface RowFileOptions extends OpenOptions {
  /** The log could not be worked into the file, or space not given back: tried again behind the next commit. Undefined: that is over. */
  readonly onMaintenance?: ((problem: string | undefined) => void) | undefined;
}

export type OpenRowFile = (options: RowFileOptions, onRows: (rows: PackedRows) => void) => Promise<RowFile>;

/** Opens or creates the file; `onRows` gets everything that is in it before this resolves. Rejects with RowFileError. */
export const openRowFile: OpenRowFile = async (options, onRows) => {
  const worker = startWorker('sqlite', {
    workerData: { path: options.path, pagesMax: options.pagesMax } satisfies OpenOptions,
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 },
  });
  let waiting: { resolve(meta: FileMeta | undefined): void; reject(error: RowFileError): void } | undefined;
  let usage: FileUsage = { usedBytes: 0, diskFreeBytes: Infinity };
  let ended: RowFileError | undefined;
  // The thread keeps the process alive only while something is under way.
  const next = (message?: ToWorker, transfer: ArrayBuffer[] = []): Promise<FileMeta | undefined> =>
    new Promise<FileMeta | undefined>((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      waiting = { resolve, reject };
      worker.ref();
      if (message !== undefined) worker.postMessage(message, transfer);
    }).finally(() => {
      waiting = undefined;
      worker.unref();
    });
  const end = (error: RowFileError): void => {
    ended ??= error;
    waiting?.reject(ended);
  };
  worker.on('message', (message: FromWorker) => {
    if (message.type === 'rows') onRows(message.rows);
    else if (message.type === 'opened') {
      usage = message.usage;
      waiting?.resolve(message.meta);
    } else if (message.type === 'done') {
      usage = message.usage ?? usage;
      waiting?.resolve(undefined);
    } else if (message.type === 'maintenance') options.onMaintenance?.(message.problem);
    else waiting?.reject(new RowFileError(message.failure, message.message));
  });
  worker.on('error', (error) =>
    end(new RowFileError('worker', error instanceof Error ? error.message : String(error))),
  );
  worker.on('exit', () => end(new RowFileError('worker', 'the thread of the data file has ended')));
  try {
    const meta = await next();
    if (meta === undefined) throw new RowFileError('worker', 'unexpected answer at the opening');
    return {
      meta,
      usage: () => usage,
      look: async () => void (await next({ type: 'look' })),
      commit: async (rows, newMeta) =>
        void (await next({ type: 'commit', rows, meta: newMeta }, [rows.payload.buffer, rows.numbers.buffer])),
      copyTo: async (target) => void (await next({ type: 'copy', target })),
      close: async () => {
        try {
          await next({ type: 'close' });
        } finally {
          await worker.terminate();
        }
      },
    };
  } catch (error) {
    await worker.terminate();
    throw error;
  }
};
