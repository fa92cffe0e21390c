// Once a day, a copy of the data file beside it: what is gone back to when the file is found to be damaged. It is checked before it
// takes the place of the one before. No backup: it is on the same disk, and whoever removes the directory removes both.
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { snapshotFirstMs, snapshotIntervalMs } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import { rename, syncDirectory } from '#host/linux/tree-copy.ts';
import { openRowFile } from '#host/row-file.ts';
import type { SqliteStore } from '#storage/sqlite/store.ts';

export interface Snapshot {
  readonly file: string;
  readonly takenAtMs: number;
  readonly revision: number;
}

const nameForm = /^snapshot-(\d+)-(\d+)\.sqlite$/;

/** The newest first; one, unless a power failure came in between. */
export async function findSnapshots(directory: string, files: Files): Promise<readonly Snapshot[]> {
  const found: Snapshot[] = [];
  for (const name of await files.list(directory)) {
    const [, takenAtMs, revision] = nameForm.exec(name) ?? [];
    if (takenAtMs !== undefined && revision !== undefined)
      found.push({ file: path.join(directory, name), takenAtMs: Number(takenAtMs), revision: Number(revision) });
  }
  // Of the same revision, an older one may need a key that is gone.
  return found.toSorted((a, b) => b.revision - a.revision || b.takenAtMs - a.takenAtMs);
}

/** Throws when it cannot be read to its end. */
export async function checkCopy(file: string): Promise<void> {
  const opened = await openRowFile({ path: file }, () => {});
  await opened.close();
}

/** Makes one now, unless there is no room; gives the file. */
export async function takeSnapshot(
  directory: string,
  store: Pick<SqliteStore, 'copyTo' | 'room'>,
  { files, clock, reserveBytes }: { readonly files: Files; readonly clock: Clock; readonly reserveBytes: number },
): Promise<string | undefined> {
  const { usage, isShort } = store.room();
  if (isShort || usage === undefined || usage.diskFreeBytes < 2 * reserveBytes + usage.usedBytes) return undefined;
  const partial = path.join(directory, 'snapshot.partial');
  try {
    await files.remove(partial);
    const revision = await store.copyTo(partial);
    await checkCopy(partial);
    const before = await findSnapshots(directory, files);
    const file = path.join(directory, `snapshot-${clock.now()}-${revision}.sqlite`);
    await rename(partial, file);
    await syncDirectory(directory);
    for (const old of before) if (old.file !== file) await files.remove(old.file);
    return file;
  } catch (error) {
    await files.remove(partial).catch(() => {});
    throw error;
  }
}

/** One ten minutes after the start, unless the last one is of this day, then one a day when something was written. */
export function keepSnapshots(
  directory: string,
  store: Pick<SqliteStore, 'copyTo' | 'room' | 'revision'>,
  options: {
    readonly files: Files;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly reserveBytes: () => number;
    /** No key is changed meanwhile. */
    readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  },
): Disposable {
  const { files, clock, logger, reserveBytes, exclusively } = options;
  const look = async (): Promise<void> => {
    const [last] = await findSnapshots(directory, files);
    const ageMs = last === undefined ? Infinity : Math.abs(clock.now() - last.takenAtMs);
    if (last?.revision === store.revision || ageMs < snapshotIntervalMs - snapshotFirstMs) return;
    const file = await takeSnapshot(directory, store, { files, clock, reserveBytes: reserveBytes() });
    if (file === undefined) logger.warn('there is no room for a snapshot of the data file; the last one stays');
  };
  const plan = (delayMs: number): void => {
    timer = clock.schedule(delayMs, () => {
      plan(snapshotIntervalMs);
      exclusively(look).catch((error: unknown) =>
        logger.error('the snapshot of the data file was not made; the last one stays', { error: messageOf(error) }),
      );
    });
  };
  let timer = { cancel(): void {} };
  plan(snapshotFirstMs);
  return { [Symbol.dispose]: () => timer.cancel() };
}
