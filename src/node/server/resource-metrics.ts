// /metrics/resource: processor time and memory of the node, its Pods and their containers, as counters, in the text format of
// Prometheus, with upstream's names. Read from cgroups when asked; who asks twice can tell a rate.
import type { CgroupUse } from '#host/node-machine.ts';
import type { StatsOptions } from './stats.ts';

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
}
const families = {
  nodeCpu: { name: 'node_cpu_usage_seconds_total', type: 'counter', help: 'Processor time of the node in seconds' },
  nodeMemory: { name: 'node_memory_working_set_bytes', type: 'gauge', help: 'Working set of the node in bytes' },
  podCpu: { name: 'pod_cpu_usage_seconds_total', type: 'counter', help: 'Processor time of the Pod in seconds' },
  podMemory: { name: 'pod_memory_working_set_bytes', type: 'gauge', help: 'Working set of the Pod in bytes' },
  containerCpu: {
    name: 'container_cpu_usage_seconds_total',
    type: 'counter',
    help: 'Processor time of the container in seconds',
  },
  containerMemory: {
    name: 'container_memory_working_set_bytes',
    type: 'gauge',
    help: 'Working set of the container in bytes',
  },
  containerStart: {
    name: 'container_start_time_seconds',
    type: 'gauge',
    help: 'Start of the container in seconds since the epoch',
  },
  error: {
    name: 'resource_scrape_error',
    type: 'gauge',
    help: '1 if the use of a container could not be read, else 0',
  },
} as const satisfies Readonly<Record<string, Family>>;

/** Of the contents of a label: Prometheus' escapes. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

export async function readResourceMetrics({ clock, machine, runningPods }: StatsOptions): Promise<string> {
  const lines = new Map<keyof typeof families, string[]>();
  const say = (family: keyof typeof families, labels: Labels, value: number | string, atMs?: number): void => {
    const list = lines.get(family) ?? [];
    lines.set(family, list);
    list.push(`${families[family].name}${labelText(labels)} ${value}${atMs === undefined ? '' : ` ${atMs}`}`);
  };
  let failures = 0;
  const use = async (cgroup: string): Promise<{ readonly use: CgroupUse; readonly atMs: number } | undefined> => {
    const found = await machine.cgroupUse(cgroup);
    if (found === undefined) failures++;
    return found && { use: found, atMs: Math.round(clock.now()) };
  };
  const seconds = (nanoseconds: number): string => (nanoseconds / 1e9).toFixed(9);
  const node = await use('');
  if (node !== undefined) {
    say('nodeCpu', {}, seconds(node.use.cpuNanoseconds), node.atMs);
    say('nodeMemory', {}, machine.facts().memoryBytes - machine.memoryAvailableBytes(), node.atMs);
  }
  for (const { pod, cgroup, containers } of runningPods()) {
    const ofPod = { namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name ?? '' };
    const whole = await use(cgroup);
    if (whole !== undefined) {
      say('podCpu', ofPod, seconds(whole.use.cpuNanoseconds), whole.atMs);
      say('podMemory', ofPod, whole.use.memoryWorkingSetBytes, whole.atMs);
    }
    for (const { container, cgroup: inner } of containers) {
      const labels = { container: container.name, ...ofPod };
      const part = await use(inner);
      if (part === undefined) continue;
      say('containerCpu', labels, seconds(part.use.cpuNanoseconds), part.atMs);
      say('containerMemory', labels, part.use.memoryWorkingSetBytes, part.atMs);
      say('containerStart', labels, container.startedAtMs / 1000);
    }
  }
  say('error', {}, failures > 0 ? 1 : 0);
  const parts = [...lines].map(([key, list]) => {
    const { name, type, help } = families[key];
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${list.join('\n')}\n`;
  });
  return parts.join('');
}
