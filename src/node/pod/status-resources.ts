// What a container that runs has of CPU and memory, as its status tells it: what the runtime says, else what it was told; in the
// words of what is allocated where that is the same. Upstream's convertContainerStatusResources. Pure.
import type { Container, Pod, ResourceRequirements } from '#api/generated/types.ts';
import { addQuantities, compareQuantities, formatQuantity } from '#api/quantity.ts';
import {
  amountText,
  type ContainerAmounts,
  containerAmounts,
  keepLimits,
  type ResourceRecord,
  sameCgroup,
} from './allocation.ts';
import { podCgroupResources } from './cgroups.ts';
import type { RuntimeContainer } from './runtime-status.ts';

/** Below these the kernel has the same value for all amounts. */
const sharesMin = 2;
const cpuLimitMilliMin = 10;

export function containerStatusResources(
  pod: Pod,
  container: Container,
  running: RuntimeContainer | undefined,
  record: ResourceRecord | undefined,
): ResourceRequirements {
  const allocated = container.resources ?? {};
  if (running === undefined) return allocated;
  const amounts = containerAmounts(pod, container);
  const noted: ContainerAmounts = record?.actuated[container.name] ?? amounts;
  const told = running.resources;
  const parts = {
    requests: {
      cpu: [amounts.cpuRequest, told?.cpuRequest ?? noted.cpuRequest, sharesMin],
      memory: [amounts.memoryRequest, noted.memoryRequest, 0],
    },
    limits: {
      cpu: [amounts.cpuLimit, told?.cpuLimit ?? noted.cpuLimit, cpuLimitMilliMin],
      memory: [amounts.memoryLimit, told?.memoryLimit ?? noted.memoryLimit, 0],
    },
  } as const;
  const result: { requests?: Record<string, string>; limits?: Record<string, string> } = {};
  let differs = false;
  for (const part of ['requests', 'limits'] as const) {
    const list = allocated[part];
    if (list === undefined) continue;
    const own: Record<string, string> = { ...(list as Record<string, string>) };
    for (const name of ['cpu', 'memory'] as const) {
      const [given, has, atLeast] = parts[part][name];
      if (given === has || has === 0 || (given <= atLeast && has <= atLeast)) continue;
      own[name] = amountText(name, has);
      differs = true;
    }
    result[part] = own;
  }
  return differs ? { ...allocated, ...result } : allocated;
}

type Quantities = Readonly<Record<string, string | number>>;

function plus(one: Quantities, other: Quantities = {}): Quantities {
  const sum: Record<string, string | number> = { ...one };
  for (const [name, amount] of Object.entries(other)) {
    const before = sum[name];
    sum[name] = before === undefined ? amount : formatQuantity(addQuantities(String(before), String(amount)));
  }
  return sum;
}

function most(one: Quantities, other: Quantities): Quantities {
  const result: Record<string, string | number> = { ...one };
  for (const [name, amount] of Object.entries(other))
    if (result[name] === undefined || compareQuantities(String(amount), String(result[name])) > 0)
      result[name] = amount;
  return result;
}

/** In the words of the spec: what its containers need at most at one time, or the Pod's own. */
function ofPodAsAWhole({ spec }: Pod, part: 'requests' | 'limits'): Quantities {
  let sum: Quantities = {};
  for (const { resources } of spec.containers) sum = plus(sum, resources?.[part]);
  let sidecars: Quantities = {};
  let peak: Quantities = {};
  for (const { resources, restartPolicy } of spec.initContainers ?? []) {
    const own = resources?.[part];
    if (restartPolicy === 'Always') {
      sum = plus(sum, own);
      sidecars = plus(sidecars, own);
      peak = most(peak, sidecars);
    } else peak = most(peak, plus(sidecars, own));
  }
  const level = Object.entries(spec.resources?.[part] ?? {}).filter(
    ([name]) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-'),
  );
  const all = { ...most(sum, peak), ...Object.fromEntries(level) };
  const overhead = Object.entries(spec.overhead ?? {}).filter(
    ([name]) => part === 'requests' || all[name] !== undefined,
  );
  return plus(all, Object.fromEntries(overhead));
}

/** Of the Pod as a whole: what it was given, and what its cgroup has of it (upstream's convertToAPIPodLevelResourcesStatus). */
export function podStatusResources(
  pod: Pod,
  record: ResourceRecord | undefined,
  isRunning: boolean,
): { resources: ResourceRequirements; allocatedResources?: Quantities } {
  const requests = ofPodAsAWhole(pod, 'requests');
  const limits = ofPodAsAWhole(pod, 'limits');
  const some = (part: 'requests' | 'limits', list: Quantities): ResourceRequirements => {
    // What a Pod that runs is told to have is CPU and memory, and what it asked for as a whole.
    const named = Object.entries(list).filter(
      ([name]) => !isRunning || name === 'cpu' || name === 'memory' || pod.spec.resources?.[part]?.[name] !== undefined,
    );
    return named.length === 0 ? {} : { [part]: Object.fromEntries(named) };
  };
  const actual = isRunning ? cgroupAmounts(pod, record) : {};
  return {
    resources: {
      ...some('limits', { ...limits, ...actual.limits }),
      ...some('requests', { ...requests, ...actual.requests }),
    },
    ...(Object.keys(requests).length === 0 ? {} : { allocatedResources: requests }),
  };
}

/** What the Pod's cgroup was given last, where it is not yet what is allocated. */
function cgroupAmounts(pod: Pod, record: ResourceRecord | undefined): { requests?: Quantities; limits?: Quantities } {
  const cgroup = record?.cgroup;
  if (cgroup === undefined) return {};
  const wanted = keepLimits(podCgroupResources(pod), cgroup);
  if (sameCgroup(wanted, cgroup)) return {};
  const { cpuShares, cpuLimitMilli, memoryLimitBytes } = cgroup;
  return {
    ...(wanted.cpuShares === cpuShares || cpuShares <= sharesMin
      ? {}
      : { requests: { cpu: amountText('cpu', Math.ceil((cpuShares * 1000) / 1024)) } }),
    limits: {
      ...(wanted.cpuLimitMilli === cpuLimitMilli || cpuLimitMilli === undefined
        ? {}
        : { cpu: amountText('cpu', cpuLimitMilli) }),
      ...(wanted.memoryLimitBytes === memoryLimitBytes || memoryLimitBytes === undefined
        ? {}
        : { memory: amountText('memory', memoryLimitBytes) }),
    },
  };
}
