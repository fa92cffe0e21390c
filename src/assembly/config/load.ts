// Configuration of this machine: read, checked, frozen.
import type { HostIdentity } from '#host/identity.ts';
import type { Files } from '#host/files.ts';
import { checkConfiguration } from './check.ts';
import type { Configuration } from './configuration.ts';
import { configurationKeys } from './keys.ts';
import { readConfiguration, type ConfigurationFlags } from './read.ts';

export interface LoadOptions {
  readonly flags: ConfigurationFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly identity: HostIdentity;
  readonly files: Files;
  readonly nodeAddress: () => string;
}

export async function loadConfiguration(options: LoadOptions): Promise<Configuration> {
  const { flags, environment, identity, files } = options;
  const raw = await readConfiguration({
    flags,
    environment,
    homeDirectory: identity.homeDirectory,
    readText: (file) => files.readText(file),
  });
  return checkConfiguration(raw, {
    hostname: identity.hostname,
    isRoot: identity.isRoot,
    homeDirectory: identity.homeDirectory,
    homeDataExists: await files.exists(`${identity.homeDirectory}/.microshift/data`),
    nodeAddress: options.nodeAddress,
  });
}

/** The configuration in the form of the file, one value a key: for `show-config`. */
export function configurationValues(configuration: Configuration): ReadonlyMap<string, unknown> {
  const { cluster, ingress, node } = configuration;
  const values: Readonly<Record<string, unknown>> = {
    dataDir: configuration.dataDirectory,
    auditLogDir: configuration.auditLogDirectory,
    logVLevel: configuration.logVerbosity,
    logFormat: configuration.logFormat,
    roles: configuration.roles,
    nodeName: configuration.nodeName,
    nodeIP: configuration.nodeIp,
    'cluster.url': cluster.url,
    'cluster.clusterCIDR': cluster.podRange,
    'cluster.serviceCIDR': cluster.serviceRange,
    'cluster.dns': cluster.dnsAddress,
    'cluster.domain': cluster.domain,
    'cluster.serviceNodePortRange': `${cluster.nodePorts.first}-${cluster.nodePorts.last}`,
    'dns.baseDomain': configuration.dns.baseDomain,
    'ingress.status': ingress.status,
    'ingress.ports.http': ingress.httpPort,
    'ingress.ports.https': ingress.httpsPort,
    'ingress.listenAddress': ingress.listenAddresses,
    'node.runtimeEndpoint': node.runtimeEndpoint,
    'node.cniConfigDir': node.cniConfigDirectory,
    'node.cniPluginDirs': node.cniPluginDirectories,
    'node.kubeletDir': node.kubeletDirectory,
    'node.podLogDir': node.podLogDirectory,
    'node.volumeDir': node.volumeDirectory,
    'node.imageDir': node.imageDirectory,
    'node.pauseImage': node.pauseImage,
    'node.pinnedImages': node.pinnedImages,
    'node.kubeletPort': node.kubeletPort,
  };
  return new Map(configurationKeys.map((key) => [key.path, values[key.path]]));
}
