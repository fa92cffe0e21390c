// The configuration of this machine, for commands.
import { OperatorError } from '#base/errors.ts';
import { loadConfiguration, type LoadedConfiguration } from '#assembly/config/load.ts';
import type { ConfigurationFlags } from '#assembly/config/read.ts';
import { systemFiles } from '#host/files.ts';
import { hostIdentity } from '#host/identity.ts';
import { detectNodeAddress } from '#host/linux/addresses.ts';
import { UsageError } from './command.ts';

export type Loaded = LoadedConfiguration | { readonly mistake: OperatorError };

/** A mistake in the configuration is an answer, not a failure: nothing was changed yet. */
export async function loadHere(flags: ConfigurationFlags): Promise<Loaded> {
  try {
    return await loadConfiguration({
      flags,
      environment: process.env,
      identity: hostIdentity(),
      files: systemFiles,
      nodeAddress: detectNodeAddress,
    });
  } catch (error) {
    if (error instanceof OperatorError) return { mistake: error };
    throw error;
  }
}

/** For commands about a running process: the role and other keys may not suit this user, the data directory is needed all the same. */
export async function dataDirectoryHere(flags: ConfigurationFlags): Promise<string> {
  const loaded = await loadHere({ ...flags, roles: 'controlplane' });
  if ('mistake' in loaded) throw new UsageError(loaded.mistake.message, loaded.mistake.remedy);
  return loaded.configuration.dataDirectory;
}
