// Makes a backup: a directory with a consistent copy of the objects and what is needed to read and serve them.
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Files } from '#host/files.ts';
import { copyTree, factsOfTree, isEmptyDirectory, rename, syncDirectory } from '#host/linux/tree-copy.ts';
import { productVersion } from '../version.ts';
import { backupEntries, manifestFileName, manifestFormat, storeFile, type BackupManifest } from './contents.ts';

export interface BackupSource {
  readonly dataDirectory: string;
  /** Copies the objects as they are now, and gives their revision. */
  readonly copyStore: (target: string) => Promise<number>;
  /** Asked for behind the copy. */
  readonly cluster?: () => string | undefined;
}

/** `target` must be absolute, and not there yet or empty. A backup that is killed leaves `target`.partial, which the next one removes. */
export async function makeBackup(
  target: string,
  { dataDirectory, copyStore, cluster }: BackupSource,
  { files, clock }: { readonly files: Files; readonly clock: Clock },
): Promise<BackupManifest> {
  const within = backupEntries.find((entry) => `${target}/`.startsWith(`${path.join(dataDirectory, entry)}/`));
  if (within !== undefined)
    throw new OperatorError(
      `${target} is within what is backed up.`,
      'Name a directory elsewhere, best on another disk.',
    );
  if ((await files.exists(target)) && !(await isEmptyDirectory(target)))
    throw new OperatorError(`There is something at ${target} already.`, 'Name a directory that does not exist yet.');
  const partial = `${target}.partial`;
  try {
    await files.remove(partial);
    await files.makeDirectory(path.join(partial, 'storage'), 0o700);
    const revision = await copyStore(storeFile(partial));
    for (const entry of backupEntries)
      if (entry !== 'storage' && (await files.exists(path.join(dataDirectory, entry))))
        await copyTree(path.join(dataDirectory, entry), path.join(partial, entry));
    const own = cluster?.();
    const manifest: BackupManifest = {
      format: manifestFormat,
      version: productVersion.version,
      createdAt: new Date(clock.now()).toISOString(),
      revision,
      ...(own === undefined ? {} : { cluster: own }),
      files: await factsOfTree(partial),
    };
    await files.writeAtomic(path.join(partial, manifestFileName), `${JSON.stringify(manifest, undefined, 2)}\n`, 0o600);
    await syncDirectory(partial);
    // Over an empty directory too; what came there meanwhile is not replaced.
    await rename(partial, target);
    await syncDirectory(path.dirname(target));
    return manifest;
  } catch (error) {
    // Private keys are in it, and it may be what has filled the disk.
    await files.remove(partial).catch(() => {});
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `The backup to ${target} was not made: ${messageOf(error)}.`,
      'Nothing was changed. Check that there is room, and that this user may write there.',
      { cause: error },
    );
  }
}
