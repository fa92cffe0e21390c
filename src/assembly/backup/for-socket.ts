// The running process makes a backup for `microshift backup`: nobody else may read its data file.
import path from 'node:path';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Configuration, DatastoreConfiguration } from '../config/configuration.ts';
import type { AssemblyContext } from '../parts.ts';
import { objectsAreOnEtcd, type BackupManifest } from './contents.ts';
import { makeBackup } from './make.ts';

export type BackupAnswer =
  | { readonly manifest: BackupManifest }
  | { readonly message: string; readonly remedy: string };

type BackupContext = Pick<AssemblyContext, 'parts' | 'logger' | 'files' | 'clock'> & {
  readonly configuration: Pick<Configuration, 'dataDirectory'> & {
    readonly datastore: Pick<DatastoreConfiguration, 'etcd'>;
  };
};

/** Processes (in tests several in one) whose backup is under way: two to one place would remove each other's files. */
const busy = new WeakSet<BackupContext['parts']>();

export async function backupForSocket(context: BackupContext, target: string): Promise<BackupAnswer> {
  const { parts, configuration, logger } = context;
  if (configuration.datastore.etcd !== undefined) {
    const { message, remedy } = objectsAreOnEtcd();
    return { message, remedy };
  }
  if (!parts.has('copyStore'))
    return {
      message: 'There is nothing to back up: this MicroShift keeps no objects, or has not opened its store yet.',
      remedy: 'Try again when `microshift status` says that storage runs.',
    };
  if (!path.isAbsolute(target))
    return { message: `${target} is no absolute path.`, remedy: 'Name the directory from the root on.' };
  if (busy.has(parts)) return { message: 'Another backup is being made.', remedy: 'Try again when that one is done.' };
  busy.add(parts);
  const source = { dataDirectory: configuration.dataDirectory, copyStore: parts.take('copyStore') };
  try {
    const make = (): Promise<BackupManifest> => makeBackup(target, source, context);
    // The key file that is copied must fit the data.
    const manifest = await (parts.has('encryption') ? parts.take('encryption').exclusively(make) : make());
    logger.info('a backup was made', { target, revision: manifest.revision });
    return { manifest };
  } catch (error) {
    logger.error('a backup was not made', { target, error: messageOf(error) });
    return { message: messageOf(error), remedy: error instanceof OperatorError ? error.remedy : '' };
  } finally {
    busy.delete(parts);
  }
}
