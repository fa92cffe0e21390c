// A claim that only one Pod may use (ReadWriteOncePod) is used by one Pod.
import type { Pod } from '#api/generated/types.ts';
import { claimsOfPod } from '#rules/pod-claims.ts';
import type { NodeInfo } from '../../node-info.ts';
import { resolvable, type ClusterSnapshot, type SchedulerPlugin } from '../../plugin.ts';

const exclusiveClaims = (pod: Pod, cluster: ClusterSnapshot): readonly string[] =>
  claimsOfPod(pod)
    .map(({ name }) => name)
    .filter(
      (name) => cluster.claim(pod.metadata.namespace!, name)?.spec.accessModes?.includes('ReadWriteOncePod') === true,
    );

function isUsedOn(info: NodeInfo, namespace: string, names: readonly string[]): boolean {
  for (const pod of info.pods.values())
    if (pod.metadata.namespace === namespace && claimsOfPod(pod).some(({ name }) => names.includes(name))) return true;
  return false;
}

export const volumeRestrictions: SchedulerPlugin = {
  name: 'VolumeRestrictions',
  wakesOn: ['node', 'pod-removed', 'volume'],
  filter(pod, info, cluster) {
    const names = exclusiveClaims(pod, cluster);
    if (names.length === 0) return undefined;
    const namespace = pod.metadata.namespace!;
    // On any node; this one as it is tried with or without some of its Pods.
    const used =
      isUsedOn(info, namespace, names) ||
      cluster.nodes.some((one) => one.name !== info.name && isUsedOn(one, namespace, names));
    return used
      ? resolvable(
          'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
        )
      : undefined;
  },
};
