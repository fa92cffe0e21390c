// A start on an emptied data directory is a new cluster: what the old one left on the machine is removed before anything starts,
// instead of being adopted. A cluster of another data directory is not touched, and neither are data of its volumes.
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import type { Configuration } from './config/configuration.ts';
import { clusterIdPath, privateContainerdPlaces, runDirectory, taskDirectory } from './paths.ts';

/** Which cluster this machine's containers, mounts and addresses are of. In /run: a reboot takes it away with them. */
const ownerFile = path.join(runDirectory, 'owner.json');
const graceMs = 5_000;

export interface OldClusterOptions {
  readonly configuration: Configuration;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
}

export const noteOwner = (files: Files, dataDirectory: string, clusterId: string): Promise<void> =>
  files.writeAtomic(ownerFile, JSON.stringify({ dataDirectory, clusterId }), 0o600);

/** Whether what runs here is of a cluster that this data directory held before. Pure. */
export function isOldCluster(
  owner: string | undefined,
  dataDirectory: string,
  clusterIdThere: string | undefined,
): boolean {
  if (owner === undefined) return false;
  try {
    const value = JSON.parse(owner) as { readonly dataDirectory?: unknown; readonly clusterId?: unknown };
    return value.dataDirectory === dataDirectory && value.clusterId !== clusterIdThere?.trim();
  } catch {
    return false;
  }
}

export async function removeOldCluster({ configuration, files, clock, logger }: OldClusterOptions): Promise<void> {
  const { dataDirectory, node } = configuration;
  const [owner, clusterId] = await Promise.all([
    files.readText(ownerFile),
    files.readText(clusterIdPath(dataDirectory)),
  ]);
  if (!isOldCluster(owner, dataDirectory, clusterId)) return;
  logger.warn('the data directory is new, and an older cluster of it left containers here: they are removed');
  const [{ endProcesses, removeDeadNamespaces, removePodCgroups }, { linuxMounts }, { endRecordedProcess }] =
    await Promise.all([
      import('#host/linux/container-leftovers.ts'),
      import('#host/linux/mounts.ts'),
      import('#host/recorded-process.ts'),
    ]);
  const { stateDirectory } = privateContainerdPlaces(configuration);
  const attempt = async (what: string, act: () => void | Promise<unknown>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      logger.warn(`of the older cluster stays: ${what}`, { error: messageOf(error) });
    }
  };
  await attempt('containerd', () => endRecordedProcess(path.join(stateDirectory, 'process.json'), clock, graceMs));
  await attempt('processes', () => endProcesses(runDirectory, taskDirectory(stateDirectory), clock));
  const roots = [dataDirectory, node.kubeletDirectory, runDirectory];
  for (const target of linuxMounts.list().toReversed())
    if (roots.some((root) => target.startsWith(`${root}/`))) await attempt(target, () => linuxMounts.unmount(target));
  await attempt('cgroups', () => void removePodCgroups());
  await attempt('network namespaces', removeDeadNamespaces);
  const below = async (directory: string) => (await files.list(directory)).map((name) => path.join(directory, name));
  const trees = [
    path.join(node.kubeletDirectory, 'pods'),
    ...(await below(node.podLogDirectory)),
    // Addresses that were given to Pods, state of containerd and router, the note of the owner.
    ...(await below(runDirectory)),
  ];
  for (const tree of trees) await attempt(tree, () => files.remove(tree));
  logger.info('the older cluster is removed; the data of its volumes stay', { volumes: node.volumeDirectory });
}
