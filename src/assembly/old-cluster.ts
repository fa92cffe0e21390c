// A start on an emptied data directory is a new cluster: what the old one left on the machine is removed before anything starts,
// instead of being adopted. A cluster of another data directory is not touched, and neither are data of its volumes.
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import type { Configuration } from './config/configuration.ts';
import { clusterIdPath, podAddressDirectory, privateContainerdPlaces, runDirectory, taskDirectory } from './paths.ts';

/** Which cluster this machine's containers, mounts and addresses are of. In /run: a reboot takes it away with them. */
const ownerFile = path.join(runDirectory, 'owner.json');
const graceMs = 5_000;

export interface OldClusterOptions {
  readonly configuration: Configuration;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Owner {
  readonly dataDirectory: string;
  readonly clusterId: string;
  /** The containers are in a private containerd; else the host's has them, and the node agent removes them there. */
  readonly ownRuntime: boolean;
}

export const noteOwner = (files: Files, owner: Owner): Promise<void> =>
  files.writeAtomic(ownerFile, JSON.stringify(owner), 0o600);

/** The cluster that this data directory held before, if what runs here is of it. Pure. */
export function oldCluster(
  noted: string | undefined,
  dataDirectory: string,
  clusterIdThere: string | undefined,
): Owner | undefined {
  try {
    const owner = JSON.parse(noted ?? '') as Owner;
    return owner.dataDirectory === dataDirectory && owner.clusterId !== clusterIdThere?.trim() ? owner : undefined;
  } catch {
    return undefined;
  }
}

export async function removeOldCluster({ configuration, files, clock, logger }: OldClusterOptions): Promise<void> {
  const { dataDirectory, node } = configuration;
  const [noted, clusterId] = await Promise.all([
    files.readText(ownerFile),
    files.readText(clusterIdPath(dataDirectory)),
  ]);
  const owner = oldCluster(noted, dataDirectory, clusterId);
  if (owner === undefined) return;
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
  // Of Pods in the host's runtime the agent removes volumes and addresses with the Pods, which go on until then.
  const { ownRuntime } = owner;
  const roots = [runDirectory, ...(ownRuntime ? [dataDirectory, node.kubeletDirectory] : [])];
  for (const target of linuxMounts.list().toReversed())
    if (roots.some((root) => target.startsWith(`${root}/`))) await attempt(target, () => linuxMounts.unmount(target));
  await attempt('cgroups', () => void removePodCgroups());
  await attempt('network namespaces', removeDeadNamespaces);
  const below = async (directory: string) => (await files.list(directory)).map((name) => path.join(directory, name));
  const ofPods = [path.join(node.kubeletDirectory, 'pods'), ...(await below(node.podLogDirectory))];
  const trees = [
    ...(ownRuntime ? ofPods : []),
    // State of containerd and router, the note of the owner.
    ...(await below(runDirectory)).filter((one) => ownRuntime || one !== podAddressDirectory),
  ];
  for (const tree of trees) await attempt(tree, () => files.remove(tree));
  logger.info('the older cluster is removed; the data of its volumes stay', { volumes: node.volumeDirectory });
}
