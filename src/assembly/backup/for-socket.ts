// The running process makes a backup for `microshift backup`: nobody else may read its data file.
import { messageOf, OperatorError } from '#base/errors.ts';
import type { AssemblyContext } from '../parts.ts';
import type { BackupManifest } from './contents.ts';
import { makeBackup } from './make.ts';

export type BackupAnswer =
  | { readonly manifest: BackupManifest }
  | { readonly message: string; readonly remedy: string };

export async function backupForSocket(context: AssemblyContext, target: string): Promise<BackupAnswer> {
  const { parts, configuration, logger } = context;
  if (!parts.has('copyStore'))
    return {
      message: 'There is nothing to back up: this MicroShift keeps no objects, or has not opened its store yet.',
      remedy: 'Try again when `microshift status` says that storage runs.',
    };
  const source = { dataDirectory: configuration.dataDirectory, copyStore: parts.take('copyStore') };
  try {
    const manifest = await makeBackup(target, source, context);
    logger.info('a backup was made', { target, revision: manifest.revision });
    return { manifest };
  } catch (error) {
    logger.error('a backup was not made', { target, error: messageOf(error) });
    return { message: messageOf(error), remedy: error instanceof OperatorError ? error.remedy : '' };
  }
}
