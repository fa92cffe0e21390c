// The texts of the node's API below /metrics, by path. What makes them is loaded when somebody first asks.
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { MetricsPath } from '../server/node-api.ts';
import type { StatsOptions } from '../server/stats.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import type { PodCounts } from './print.ts';

export interface MetricTextsOptions extends StatsOptions {
  readonly metrics: AgentMetrics;
  /** Undefined: the agent has not begun with Pods. */
  readonly counts: () => PodCounts | undefined;
}

export function metricTexts(
  options: MetricTextsOptions,
): Readonly<Record<MetricsPath, (runtime: ContainerRuntime) => Promise<string>>> {
  const { metrics, machine, nodeName, counts } = options;
  return {
    async ''() {
      const { printAgentMetrics } = await import('./print.ts');
      return printAgentMetrics(metrics, {
        nodeName,
        cgroupVersion: machine.cgroupVersion(),
        counts: counts(),
        claimedVolumes: [],
      });
    },
    resource: async () => (await import('../server/resource-metrics.ts')).readResourceMetrics(options),
    cadvisor: async (runtime) => new (await import('./cadvisor.ts')).CadvisorMetrics(options).read(runtime),
    probes: async () => (await import('./print.ts')).printProbeMetrics(metrics),
  };
}
