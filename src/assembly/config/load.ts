// Configuration of this machine: read, checked, frozen.
import type { Files } from '#host/files.ts';
import type { HostIdentity } from '#host/identity.ts';
import { checkConfiguration, type CheckedConfiguration, type ConfigurationHost } from './check.ts';
import type { ChosenFiles } from './files.ts';
import type { RawConfiguration } from './keys.ts';
import { nodeNamePath } from '../paths.ts';
import { ConfigurationError } from './problems.ts';
import { defaultDataDirectory } from './check-machine.ts';
import { readConfiguration, type ConfigurationFlags, type ReadConfiguration } from './read.ts';

export interface LoadOptions {
  readonly flags: ConfigurationFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly identity: HostIdentity;
  readonly files: Files;
  readonly nodeAddress: () => string;
  readonly networks?: ConfigurationHost['networks'];
  /** When it was found out before. */
  readonly host?: ConfigurationHost | undefined;
}

export interface LoadedConfiguration extends CheckedConfiguration {
  readonly raw: RawConfiguration;
  readonly files: ChosenFiles;
  /** What is accepted, and has no effect. */
  readonly warnings: readonly string[];
  readonly host: ConfigurationHost;
}

export async function loadConfiguration(options: LoadOptions): Promise<LoadedConfiguration> {
  const read = await readFor(options);
  if (read.incomplete) throw new ConfigurationError(read.problems);
  const host = options.host ?? (await hostFor(options, read));
  return {
    ...checkConfiguration(read.raw, host, read.problems),
    raw: read.raw,
    files: read.files,
    warnings: read.warnings,
    host,
  };
}

/** Where the state probably is, whatever else is wrong with the configuration: a process that runs on the one before is there. */
export async function likelyDataDirectory(options: LoadOptions): Promise<string> {
  const read = await readFor(options);
  return dataDirectoryOf(read, await hostFor(options, read));
}

function dataDirectoryOf(
  { raw }: ReadConfiguration,
  host: Pick<ConfigurationHost, 'isRoot' | 'homeDirectory' | 'homeDataExists'>,
): string {
  const given = raw.get('dataDir')?.value;
  return typeof given === 'string' && given.startsWith('/') ? given : defaultDataDirectory(host);
}

const readFor = ({ flags, environment, identity, files }: LoadOptions): Promise<ReadConfiguration> =>
  readConfiguration({
    flags,
    environment,
    homeDirectory: identity.homeDirectory,
    readText: (file) => files.readText(file),
    listNames: (directory) => files.list(directory),
  });

async function hostFor(
  { identity, files, nodeAddress, networks }: LoadOptions,
  read: ReadConfiguration,
): Promise<ConfigurationHost> {
  const host = {
    hostname: identity.hostname,
    isRoot: identity.isRoot,
    homeDirectory: identity.homeDirectory,
    homeDataExists: await files.exists(`${identity.homeDirectory}/.microshift/data`),
    nodeAddress,
    networks,
  };
  // Another user's directory says nothing.
  const before = await files.readText(nodeNamePath(dataDirectoryOf(read, host))).catch(() => undefined);
  return { ...host, nodeNameBefore: before?.trim() };
}
