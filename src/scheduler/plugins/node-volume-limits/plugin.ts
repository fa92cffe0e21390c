// A node takes no more volumes of a CSI driver than the driver says there (CSINode).
import type { Pod } from '#api/generated/types.ts';
import { csiVolumeOfClaim } from '#rules/claim-volume.ts';
import { claimsOfPod } from '#rules/pod-claims.ts';
import { resolvable, type ClusterSnapshot, type SchedulerPlugin } from '../../plugin.ts';

/** Adds the Pod's volumes: key to driver. */
function addVolumes(pod: Pod, cluster: ClusterSnapshot, volumes: Map<string, string>): void {
  for (const { name } of claimsOfPod(pod)) {
    const claim = cluster.claim(pod.metadata.namespace!, name);
    const volume = claim && csiVolumeOfClaim(claim, cluster);
    if (volume !== undefined) volumes.set(volume.key, volume.driver);
  }
}

const countByDriver = (drivers: Iterable<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const one of drivers) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
};

export const nodeVolumeLimits: SchedulerPlugin = {
  name: 'NodeVolumeLimits',
  wakesOn: ['node', 'pod-removed', 'volume'],
  filter(pod, info, cluster) {
    if (claimsOfPod(pod).length === 0) return undefined;
    const limits = new Map<string, number>();
    // An empty list is stored as null.
    for (const { name, allocatable } of cluster.csiNode(info.name)?.spec.drivers ?? [])
      if (allocatable?.count !== undefined) limits.set(name, allocatable.count);
    if (limits.size === 0) return undefined;
    const added = new Map<string, string>();
    addVolumes(pod, cluster, added);
    if (added.size === 0) return undefined;
    const there = new Map<string, string>();
    for (const one of info.pods.values()) addVolumes(one, cluster, there);
    for (const { spec } of cluster.attachments(info.name)) {
      const csi = cluster.volume(spec.source.persistentVolumeName ?? '')?.spec.csi;
      if (csi !== undefined) there.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
    }
    const taken = countByDriver(there.values());
    const wanted = countByDriver([...added].filter(([key]) => !there.has(key)).map(([, driver]) => driver));
    for (const [driver, count] of wanted)
      if ((taken.get(driver) ?? 0) + count > (limits.get(driver) ?? Number.POSITIVE_INFINITY))
        return resolvable('node(s) exceed max volume count');
    return undefined;
  },
};
