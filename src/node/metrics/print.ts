// GET /metrics of the node's API: what was counted, what can be counted when somebody asks, and the process itself.
import { type Family, familyText, type Line } from '#base/metrics/families.ts';
import type { RuntimeContainer } from '../pod/runtime-status.ts';
import type { AgentMetrics } from './agent-metrics.ts';

export interface PodCounts {
  /** Pods with a sandbox that is ready. */
  readonly sandboxes: number;
  readonly containers: ReadonlyMap<RuntimeContainer['state'], number>;
  /** Of the API: all, and those that have not ended. */
  readonly desired: number;
  readonly active: number;
}

/** Of a volume that a claim stands for. */
export interface ClaimedVolumeUse {
  readonly namespace: string;
  readonly claim: string;
  readonly totalBytes: number | undefined;
  readonly freeBytes: number | undefined;
  readonly usedBytes: number | undefined;
  readonly inodes: number | undefined;
  readonly inodesFree: number | undefined;
  readonly inodesUsed: number | undefined;
}

export interface NodeReadings {
  readonly nodeName: string;
  readonly cgroupVersion: 1 | 2;
  /** Undefined: the agent has not begun with Pods. */
  readonly counts: PodCounts | undefined;
  readonly claimedVolumes: readonly ClaimedVolumeUse[];
}

const gauge = (name: string, help: string, lines: readonly Line[]): Family => ({
  name,
  text: () => familyText(name, 'gauge', help, lines),
});

const one = (value: number, labels: Readonly<Record<string, string>> = {}): readonly Line[] => [['', labels, value]];

function countFamilies({ sandboxes, containers, desired, active }: PodCounts): Family[] {
  const states = [...containers].map(([state, count]): Line => ['', { container_state: state }, count]);
  // Pods of files are not known here: all are the API's, for which upstream leaves the label empty.
  const ofApi = { static: '' };
  return [
    gauge('kubelet_running_pods', 'Pods with a sandbox that is ready.', one(sandboxes)),
    gauge('kubelet_running_containers', 'Containers by state.', states),
    gauge('kubelet_desired_pods', 'Pods that the API has for this node.', one(desired, ofApi)),
    gauge('kubelet_active_pods', 'Pods that count when another is to be let in.', one(active, ofApi)),
  ];
}

const volumeFamilies = (volumes: readonly ClaimedVolumeUse[]): Family[] => {
  const family = (name: string, help: string, value: (volume: ClaimedVolumeUse) => number | undefined): Family =>
    gauge(
      `kubelet_volume_stats_${name}`,
      help,
      volumes.flatMap((volume): Line[] => {
        const told = value(volume);
        const labels = { namespace: volume.namespace, persistentvolumeclaim: volume.claim };
        return told === undefined ? [] : [['', labels, told]];
      }),
    );
  return [
    family('available_bytes', 'Bytes that are free in the volume.', (volume) => volume.freeBytes),
    family('capacity_bytes', 'Bytes that the volume can hold.', (volume) => volume.totalBytes),
    family('inodes', 'Inodes that the volume can hold.', (volume) => volume.inodes),
    family('inodes_free', 'Inodes that are free in the volume.', (volume) => volume.inodesFree),
    family('inodes_used', 'Inodes that are used in the volume.', (volume) => volume.inodesUsed),
    family('used_bytes', 'Bytes that are used in the volume.', (volume) => volume.usedBytes),
  ];
};

export async function printAgentMetrics(metrics: AgentMetrics, readings: NodeReadings): Promise<string> {
  const { processFamilies } = await import('#host/process-metrics.ts');
  const { nodeName, cgroupVersion, counts, claimedVolumes } = readings;
  const read = [
    gauge('kubelet_cgroup_version', 'Version of cgroups on this machine.', one(cgroupVersion)),
    gauge('kubelet_node_name', "The node's name.", one(1, { node: nodeName })),
    ...(counts === undefined ? [] : countFamilies(counts)),
    ...volumeFamilies(claimedVolumes),
    ...processFamilies(),
  ];
  return metrics.registry.text() + read.map((family) => family.text()).join('');
}

/** GET /metrics/probes. */
export async function printProbeMetrics({ probes }: AgentMetrics): Promise<string> {
  const { processFamilies } = await import('#host/process-metrics.ts');
  const start = processFamilies().find((family) => family.name === 'process_start_time_seconds');
  return (start?.text() ?? '') + probes.text();
}
