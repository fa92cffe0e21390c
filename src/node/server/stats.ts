// /stats/summary: usage of the node and its Pods, as far as the runtime tells.
import type { Clock } from '#base/clock.ts';
import type { Pod } from '#api/generated/types.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { ContainerStats } from '../cri/messages.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import { podUidLabel } from '../pod/runtime-status.ts';
import { timeText } from '../pod/status.ts';

interface StatsOptions {
  readonly clock: Clock;
  readonly machine: NodeMachine;
  readonly nodeName: string;
  readonly pods: () => readonly Pod[];
}

function containerStats(stats: ContainerStats, now: string): object {
  return {
    name: stats.attributes.metadata.name,
    startTime: now,
    cpu: { time: now, usageCoreNanoSeconds: stats.cpu?.usageCoreNanoSeconds?.value ?? 0 },
    memory: { time: now, workingSetBytes: stats.memory?.workingSetBytes?.value ?? 0 },
    rootfs: { time: now, usedBytes: stats.writableLayer?.usedBytes?.value ?? 0 },
  };
}

export async function statsSummary(options: StatsOptions, runtime: ContainerRuntime): Promise<object> {
  const { machine, clock, nodeName } = options;
  const now = timeText(clock.now());
  const facts = machine.facts();
  const available = machine.memoryAvailableBytes();
  const stats = await runtime.listContainerStats();
  return {
    node: {
      nodeName,
      startTime: now,
      memory: { time: now, availableBytes: available, workingSetBytes: facts.memoryBytes - available },
    },
    pods: options.pods().map((pod) => ({
      podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
      startTime: pod.status?.startTime,
      containers: stats
        .filter((one) => one.attributes.labels[podUidLabel] === pod.metadata.uid)
        .map((one) => containerStats(one, now)),
    })),
  };
}
