// The running process makes a backup for `microshift backup`: nobody else may read its data file.
import path from 'node:path';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Configuration, DatastoreConfiguration } from '../config/configuration.ts';
import type { AssemblyContext } from '../parts.ts';
import { clusterKey, objectsAreOnEtcd, type BackupManifest } from './contents.ts';
import { makeBackup } from './make.ts';
import type { MadeBackup } from './scheduled.ts';

export type BackupAnswer = MadeBackup | { readonly message: string; readonly remedy: string };

type BackupContext = Pick<AssemblyContext, 'parts' | 'logger' | 'files' | 'clock'> & {
  readonly configuration: Pick<Configuration, 'dataDirectory'> & {
    readonly datastore: Pick<DatastoreConfiguration, 'etcd'>;
  };
};

/** Processes (in tests several in one) whose backup is under way: two to one place would remove each other's files. */
const busy = new WeakSet<BackupContext['parts']>();

/** To an absolute path; an empty one: into `backup.folder`, as the schedule does it. */
export async function backupForSocket(context: BackupContext, target: string): Promise<BackupAnswer> {
  try {
    if (target !== '') return { path: target, manifest: await makeBackupOfRunning(context, target), removed: [] };
    const { parts } = context;
    if (parts.has('scheduledBackups') && parts.take('scheduledBackups').state() !== undefined)
      return await parts.take('scheduledBackups').now();
    throw new OperatorError(
      'No directory was named, and the running MicroShift knows of no backup.folder.',
      'Name a directory, or set backup.folder in the configuration.',
    );
  } catch (error) {
    return { message: messageOf(error), remedy: error instanceof OperatorError ? error.remedy : '' };
  }
}

/** Throws OperatorError. */
export async function makeBackupOfRunning(context: BackupContext, target: string): Promise<BackupManifest> {
  const { parts, configuration, logger } = context;
  if (configuration.datastore.etcd !== undefined) throw objectsAreOnEtcd();
  if (!parts.has('copyStore'))
    throw new OperatorError(
      'There is nothing to back up: this MicroShift keeps no objects, or has not opened its store yet.',
      'Try again when `microshift status` says that storage runs.',
    );
  if (!path.isAbsolute(target))
    throw new OperatorError(`${target} is no absolute path.`, 'Name the directory from the root on.');
  if (busy.has(parts)) throw new OperatorError('Another backup is being made.', 'Try again when that one is done.');
  busy.add(parts);
  const source = {
    dataDirectory: configuration.dataDirectory,
    copyStore: parts.take('copyStore'),
    cluster: () => clusterOf(context),
  };
  try {
    const make = (): Promise<BackupManifest> => makeBackup(target, source, context);
    // The key file that is copied must fit the data.
    const manifest = await (parts.has('encryption') ? parts.take('encryption').exclusively(make) : make());
    logger.info('a backup was made', { target, revision: manifest.revision });
    return manifest;
  } catch (error) {
    logger.error('a backup was not made', { target, error: messageOf(error) });
    throw error;
  } finally {
    busy.delete(parts);
  }
}

/** The uid of the namespace kube-system; undefined: it is not there yet. */
export const clusterOf = ({ parts }: Pick<AssemblyContext, 'parts'>): string | undefined =>
  parts.has('store') ? parts.take('store').get(clusterKey)?.object().metadata.uid : undefined;
