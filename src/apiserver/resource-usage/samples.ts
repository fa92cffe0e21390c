// What a node's /metrics/resource said, and the use between two such answers. Pure. The text comes from another machine: what
// is not understood is left out.

export interface Point {
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  /** Of the processor time, on the node's clock. */
  readonly atMs: number;
}
export interface NodeSample {
  readonly node: Point | undefined;
  /** `namespace/name` -> container -> its use. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Point>>;
}

interface Parts {
  cpuSeconds?: number;
  memoryBytes?: number;
  atMs?: number;
}

const linePattern = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)(?: (\d+))?$/;
const labelPattern = /(?<![a-z_])([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

export function parseSample(text: string): NodeSample {
  const node: Parts = {};
  const pods = new Map<string, Map<string, Parts>>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', valueText, time] = linePattern.exec(line) ?? [];
    const value = Number(valueText);
    if (name === undefined || !Number.isFinite(value) || value < 0) continue;
    const isCpu = name.endsWith('_cpu_usage_seconds_total');
    if (!isCpu && !name.endsWith('_memory_working_set_bytes')) continue;
    const parts = name.startsWith('node_') ? node : name.startsWith('container_') ? partsOf(pods, labels) : undefined;
    if (parts === undefined) continue;
    if (isCpu) {
      parts.cpuSeconds = value;
      parts.atMs = Number(time ?? Number.NaN);
    } else parts.memoryBytes = value;
  }
  const complete = new Map<string, ReadonlyMap<string, Point>>();
  for (const [pod, containers] of pods) {
    const points = new Map<string, Point>();
    for (const [container, parts] of containers) {
      const point = pointOf(parts);
      if (point !== undefined) points.set(container, point);
    }
    if (points.size > 0) complete.set(pod, points);
  }
  return { node: pointOf(node), pods: complete };
}

function partsOf(pods: Map<string, Map<string, Parts>>, text: string): Parts | undefined {
  const labels = new Map([...text.matchAll(labelPattern)].map((match) => [match[1]!, match[2]!]));
  const [namespace, pod, container] = ['namespace', 'pod', 'container'].map((name) => labels.get(name));
  if (namespace === undefined || pod === undefined || container === undefined) return undefined;
  const key = `${namespace}/${pod}`;
  const containers = pods.get(key) ?? new Map<string, Parts>();
  pods.set(key, containers);
  const parts = containers.get(container) ?? {};
  containers.set(container, parts);
  return parts;
}

const pointOf = ({ cpuSeconds, memoryBytes, atMs }: Parts): Point | undefined =>
  cpuSeconds === undefined || memoryBytes === undefined || atMs === undefined || Number.isNaN(atMs)
    ? undefined
    : { cpuSeconds, memoryBytes, atMs };

export interface Use {
  readonly cpuNanocores: number;
  readonly memoryBytes: number;
  readonly windowMs: number;
  readonly atMs: number;
}

/** Undefined: there are no two points of one life; a container that started anew counts from zero again. */
export function useBetween(before: Point | undefined, now: Point | undefined): Use | undefined {
  if (before === undefined || now === undefined || now.atMs <= before.atMs || now.cpuSeconds < before.cpuSeconds)
    return undefined;
  const windowMs = now.atMs - before.atMs;
  const cpuNanocores = Math.floor(((now.cpuSeconds - before.cpuSeconds) / windowMs) * 1e12);
  return { cpuNanocores, memoryBytes: Math.floor(now.memoryBytes), windowMs, atMs: now.atMs };
}
