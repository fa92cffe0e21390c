// Puts a snapshot in the place of a damaged data file, which is kept. As with a restore, everything is made ready beside it, then a
// marker is written; from then on it is finished, by this process or at the next start: there is never a moment in which a start
// would find no file and begin an empty cluster.
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Files } from '#host/files.ts';
import { copyTree, rename, syncDirectory } from '#host/linux/tree-copy.ts';
import { raiseRevisions } from '../backup/restore.ts';
import { storeFileName } from '../backup/contents.ts';
import { findSnapshots } from './snapshots.ts';

/** What an operator must know: acknowledged writes are lost. */
export interface RepairNotice {
  /** RFC 3339. */
  readonly repairedAt: string;
  /** Writes behind this time are lost. */
  readonly snapshotAt: string;
  readonly revision: number;
  readonly reason: string;
  /** The directory where the damaged file is kept. */
  readonly damaged: string;
}

const restoredName = 'cluster.restored';
const markerName = 'repair.pending';
const noticeName = 'repaired.json';

export const noticeFile = (directory: string): string => path.join(directory, noticeName);

export async function readNotice(directory: string, files: Files): Promise<RepairNotice | undefined> {
  const text = await files.readText(noticeFile(directory));
  return text === undefined ? undefined : (JSON.parse(text) as RepairNotice);
}

export const noticeText = (notice: RepairNotice, directory: string): string =>
  `on ${notice.repairedAt} the data file was damaged (${notice.reason}), and the snapshot of ${notice.snapshotAt} was put in its place: ` +
  `what was written after that is lost; the damaged file is in ${notice.damaged}; remove ${noticeFile(directory)} when you have read this`;

/** Gives why there is nothing to go back to as a text; nothing was changed then. */
export async function restoreSnapshot(
  directory: string,
  reason: string,
  { files, clock }: { readonly files: Files; readonly clock: Clock },
): Promise<RepairNotice | string> {
  const restored = path.join(directory, restoredName);
  let problem = 'there is no snapshot to go back to';
  for (const snapshot of await findSnapshots(directory, files))
    try {
      await files.remove(restored);
      await copyTree(snapshot.file, restored);
      // Reads all of it.
      await raiseRevisions(restored);
      const repairedAt = new Date(clock.now()).toISOString();
      const notice: RepairNotice = {
        repairedAt,
        snapshotAt: new Date(snapshot.takenAtMs).toISOString(),
        revision: snapshot.revision,
        reason,
        damaged: path.join(directory, `damaged-${repairedAt.replaceAll(':', '')}`),
      };
      await files.makeDirectory(notice.damaged, 0o700);
      await syncDirectory(directory);
      await files.writeAtomic(path.join(directory, markerName), `${JSON.stringify(notice, undefined, 2)}\n`, 0o600);
      await finishRepair(directory, files);
      return notice;
    } catch (error) {
      await files.remove(restored).catch(() => {});
      problem = `the snapshot ${snapshot.file} could not be put in its place: ${messageOf(error)}`;
    }
  return problem;
}

/** Does what is left of a repair that was interrupted; nothing otherwise. */
export async function finishRepair(directory: string, files: Files): Promise<void> {
  const marker = path.join(directory, markerName);
  const restored = path.join(directory, restoredName);
  const text = await files.readText(marker);
  if (text === undefined) return files.remove(restored);
  const { damaged } = JSON.parse(text) as RepairNotice;
  // No longer beside it: it is in its place.
  if (await files.exists(restored)) {
    // The log first: it must never be taken for that of the other file.
    for (const name of [`${storeFileName}-wal`, storeFileName]) {
      const file = path.join(directory, name);
      if (await files.exists(file)) await rename(file, path.join(damaged, name));
      await syncDirectory(directory);
    }
    await rename(restored, path.join(directory, storeFileName));
    await syncDirectory(directory);
  }
  await files.writeAtomic(noticeFile(directory), text, 0o600);
  await files.remove(marker);
  await syncDirectory(directory);
}
