// A volume that is labelled with its zone or region goes to nodes in it. Newer volumes say it by their node affinity instead.
import { claimsOfPod } from '#rules/pod-claims.ts';
import { unresolvable, type SchedulerPlugin } from '../../plugin.ts';

const topologyLabels = [
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
];
const newerName: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
};
/** Between the zones of one label. */
const separator = '__';

export const volumeZone: SchedulerPlugin = {
  name: 'VolumeZone',
  wakesOn: ['node', 'volume'],
  filter(pod, { node }, cluster) {
    // A cluster without zones has nodes without labels of them.
    if (!topologyLabels.some((label) => node.metadata.labels?.[label] !== undefined)) return undefined;
    for (const { name } of claimsOfPod(pod)) {
      const volumeName = cluster.claim(pod.metadata.namespace!, name)?.spec.volumeName ?? '';
      const labels = volumeName === '' ? undefined : cluster.volume(volumeName)?.metadata.labels;
      if (labels === undefined) continue;
      for (const label of topologyLabels) {
        const wanted = labels[label];
        if (wanted === undefined) continue;
        const actual = node.metadata.labels?.[label] ?? node.metadata.labels?.[newerName[label] ?? ''];
        if (actual === undefined || !wanted.split(separator).includes(actual))
          return unresolvable('node(s) had no available volume zone');
      }
    }
    return undefined;
  },
};
