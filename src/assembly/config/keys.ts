// Every key of the configuration: its name in the file, its environment variable, its type, its default, what it is for, and
// whether a change of it needs a restart. One row a key; parsing, `show-config`, and the documentation follow from it.
import { keyAliases } from './keys/aliases.ts';
import { apiServerKeys, clusterKeys } from './keys/cluster.ts';
import { backupKeys, datastoreKeys } from './keys/datastore.ts';
import { ingressKeys } from './keys/ingress.ts';
import type { ConfigurationKey, RawValue } from './keys/key.ts';
import { kubeletKeys, machineKeys, nodeKeys } from './keys/machine.ts';

export const configurationKeys: readonly ConfigurationKey[] = [
  ...machineKeys,
  ...clusterKeys,
  ...apiServerKeys,
  ...datastoreKeys,
  ...backupKeys,
  ...ingressKeys,
  ...nodeKeys,
  ...kubeletKeys,
];

export const keysByPath: ReadonlyMap<string, ConfigurationKey> = new Map(
  configurationKeys.map((key) => [key.path, key]),
);
export const aliasesByPath = new Map(keyAliases.map((alias) => [alias.path, alias]));

export interface RawEntry {
  readonly value: RawValue;
  /** `/etc/microshift/config.yaml:3:5`, a variable, or a flag. */
  readonly source: string;
  /** The key as it was written there: the path, or another name of it. */
  readonly name: string;
}
/** Values by path of the key, each with where it came from. */
export type RawConfiguration = ReadonlyMap<string, RawEntry>;
