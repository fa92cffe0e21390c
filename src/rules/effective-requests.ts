// What a Pod asks for in all: containers side by side, init containers one after another, sidecars throughout, overhead.
// CPU in thousandths, everything else in units (bytes, pieces).
import type { Pod, ResourceRequirements } from '#api/generated/types.ts';
import { milliValue, quantityToNumber } from '#api/quantity.ts';

export type ResourceAmounts = Readonly<Record<string, number>>;
type ResourceList = Readonly<Record<string, string | number>> | undefined;

export const amountOf = (resource: string, quantity: string | number): number =>
  resource === 'cpu' ? milliValue(String(quantity)) : Math.ceil(quantityToNumber(String(quantity)));

export function amountsOf(list: ResourceList): ResourceAmounts {
  const amounts: Record<string, number> = {};
  for (const resource in list) amounts[resource] = amountOf(resource, list[resource]!);
  return amounts;
}

function add(into: Record<string, number>, amounts: ResourceAmounts): void {
  for (const resource in amounts) into[resource] = (into[resource] ?? 0) + amounts[resource]!;
}
function raise(into: Record<string, number>, amounts: ResourceAmounts): void {
  for (const resource in amounts) into[resource] = Math.max(into[resource] ?? 0, amounts[resource]!);
}

function total(pod: Pod, part: (resources: ResourceRequirements | undefined) => ResourceList): Record<string, number> {
  const { spec } = pod;
  const sum: Record<string, number> = {};
  for (const container of spec.containers) add(sum, amountsOf(part(container.resources)));
  const sidecars: Record<string, number> = {};
  const initPeak: Record<string, number> = {};
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(part(container.resources));
    if (container.restartPolicy === 'Always') {
      add(sum, own);
      add(sidecars, own);
      raise(initPeak, sidecars);
    } else {
      const together = { ...sidecars };
      add(together, own);
      raise(initPeak, together);
    }
  }
  raise(sum, initPeak);
  const ofPod = amountsOf(part(spec.resources));
  for (const resource in ofPod)
    if (resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-'))
      sum[resource] = ofPod[resource]!;
  return sum;
}

const requestsOf = new WeakMap<Pod, ResourceAmounts>();

/** Requests with overhead; computed once for each (shared) Pod object. */
export function effectiveRequests(pod: Pod): ResourceAmounts {
  let amounts = requestsOf.get(pod);
  if (amounts === undefined) {
    const sum = total(pod, (resources) => resources?.requests);
    add(sum, amountsOf(pod.spec.overhead));
    amounts = sum;
    requestsOf.set(pod, amounts);
  }
  return amounts;
}
