// Configuration of this machine: read, checked, frozen.
import type { Files } from '#host/files.ts';
import type { HostIdentity } from '#host/identity.ts';
import { checkConfiguration, type CheckedConfiguration, type ConfigurationHost } from './check.ts';
import type { ChosenFiles } from './files.ts';
import type { RawConfiguration } from './keys.ts';
import { ConfigurationError } from './problems.ts';
import { readConfiguration, type ConfigurationFlags } from './read.ts';

export interface LoadOptions {
  readonly flags: ConfigurationFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly identity: HostIdentity;
  readonly files: Files;
  readonly nodeAddress: () => string;
}

export interface LoadedConfiguration extends CheckedConfiguration {
  readonly raw: RawConfiguration;
  readonly files: ChosenFiles;
}

export async function loadConfiguration(options: LoadOptions): Promise<LoadedConfiguration> {
  const { flags, environment, identity, files } = options;
  const read = await readConfiguration({
    flags,
    environment,
    homeDirectory: identity.homeDirectory,
    readText: (file) => files.readText(file),
    listNames: (directory) => files.list(directory),
  });
  if (read.incomplete) throw new ConfigurationError(read.problems);
  const host = await configurationHost(options);
  return { ...checkConfiguration(read.raw, host, read.problems), raw: read.raw, files: read.files };
}

export const configurationHost = async ({ identity, files, nodeAddress }: LoadOptions): Promise<ConfigurationHost> => ({
  hostname: identity.hostname,
  isRoot: identity.isRoot,
  homeDirectory: identity.homeDirectory,
  homeDataExists: await files.exists(`${identity.homeDirectory}/.microshift/data`),
  nodeAddress,
});
