// The configuration of this machine, for commands.
import { OperatorError } from '#base/errors.ts';
import {
  likelyDataDirectory,
  loadConfiguration,
  type LoadedConfiguration,
  type LoadOptions,
} from '#assembly/config/load.ts';
import type { DatastoreConfiguration } from '#assembly/config/configuration.ts';
import type { ConfigurationFlags } from '#assembly/config/read.ts';
import { systemFiles } from '#host/files.ts';
import { hostIdentity } from '#host/identity.ts';
import { detectNodeAddress, machineNetworks } from '#host/linux/addresses.ts';

export const loadOptionsHere = (
  flags: ConfigurationFlags,
  environment: LoadOptions['environment'] = process.env,
): LoadOptions => ({
  flags,
  environment,
  identity: hostIdentity(),
  files: systemFiles,
  nodeAddress: detectNodeAddress,
  networks: machineNetworks,
});

export type Loaded = LoadedConfiguration | { readonly mistake: OperatorError };

/** A mistake in the configuration is an answer, not a failure: nothing was changed yet. */
export async function loadHere(flags: ConfigurationFlags, environment?: LoadOptions['environment']): Promise<Loaded> {
  try {
    return await loadConfiguration(loadOptionsHere(flags, environment));
  } catch (error) {
    if (error instanceof OperatorError) return { mistake: error };
    throw error;
  }
}

const ofControlPlane = (flags: ConfigurationFlags): ConfigurationFlags => ({
  ...flags,
  roles: 'controlplane',
  kubeconfig: '',
});

/** Where objects are; throws when the configuration is wrong. */
export async function datastoreOrThrow(flags: ConfigurationFlags): Promise<DatastoreConfiguration> {
  const loaded = await loadHere(ofControlPlane(flags));
  if ('mistake' in loaded) throw loaded.mistake;
  return loaded.configuration.datastore;
}

/** Where objects are; undefined when the configuration is wrong. */
export async function datastoreHere(flags: ConfigurationFlags): Promise<DatastoreConfiguration | undefined> {
  const loaded = await loadHere(ofControlPlane(flags));
  return 'mistake' in loaded ? undefined : loaded.configuration.datastore;
}

/** For backups that were not told where to; undefined when the configuration is wrong. */
export async function backupsHere(
  flags: ConfigurationFlags,
): Promise<{ readonly folder: string; readonly nodeName: string } | undefined> {
  const loaded = await loadHere(ofControlPlane(flags));
  if ('mistake' in loaded) return undefined;
  const { backup, nodeName } = loaded.configuration;
  return { folder: backup.folder, nodeName };
}

/**
 * For commands about a running process: the role and other keys may not suit this user, or be wrong by now; the data
 * directory is needed all the same.
 */
export async function dataDirectoryHere(flags: ConfigurationFlags): Promise<string> {
  const options = loadOptionsHere(ofControlPlane(flags));
  const loaded = await loadHere(options.flags);
  if (!('mistake' in loaded)) return loaded.configuration.dataDirectory;
  const directory = await likelyDataDirectory(options);
  process.stderr.write(`microshift: ${loaded.mistake.message}\n  The data directory is taken to be ${directory}.\n`);
  return directory;
}
