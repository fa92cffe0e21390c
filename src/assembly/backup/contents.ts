// What a backup of a data directory holds, and what is said about it in its manifest.
import path from 'node:path';
import { OperatorError } from '#base/errors.ts';
import type { FileFacts } from '#host/linux/tree-copy.ts';

/** Below the data directory. Logs, images and container state are none of it: they are made anew. */
export const backupEntries = ['storage', 'secrets.key', 'certs', 'resources', 'node-name', 'cluster-id'] as const;

export const storeFileName = 'cluster.sqlite';
export const storeDirectory = (dataDirectory: string): string => path.join(dataDirectory, 'storage');
export const storeFile = (dataDirectory: string): string => path.join(storeDirectory(dataDirectory), storeFileName);

export const encryptionKeyFile = (dataDirectory: string): string => path.join(dataDirectory, 'secrets.key');

/** In the store: the object whose uid says which cluster it is. */
export const clusterKey = '/registry/namespaces/kube-system';

export const manifestFileName = 'backup.json';
/** Raised when an older MicroShift could not restore what this one backs up. */
export const manifestFormat = 1;

export interface BackupManifest {
  readonly format: number;
  /** Of the MicroShift that made it. */
  readonly version: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Of the objects. */
  readonly revision: number;
  /** The uid of its namespace kube-system; absent: of a version that did not note it. */
  readonly cluster?: string | undefined;
  readonly files: readonly FileFacts[];
}

/** Why there is no backup and no restore of a cluster whose objects are on etcd. */
export const objectsAreOnEtcd = (): OperatorError =>
  new OperatorError(
    'The objects of this cluster are on etcd (datastore.endpoint), not in the data directory.',
    'Take and restore snapshots of etcd (etcdctl snapshot save), and keep the directories certs and resources and the file secrets.key of the data directory with them: docs/how-to/etcd.md.',
  );
