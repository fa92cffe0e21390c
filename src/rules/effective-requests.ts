// What a Pod asks for in all: containers side by side, init containers one after another, sidecars throughout, overhead.
// CPU in thousandths, everything else in units (bytes, pieces).
import type { Container, ContainerStatus, Pod } from '#api/generated/types.ts';
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

function total(
  { spec }: Pod,
  ofContainer: (container: Container) => ResourceAmounts,
  ofPod: ResourceAmounts,
): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const container of spec.containers) add(sum, ofContainer(container));
  const sidecars: Record<string, number> = {};
  const initPeak: Record<string, number> = {};
  for (const container of spec.initContainers ?? []) {
    const own = ofContainer(container);
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
  for (const resource in ofPod)
    if (resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-'))
      sum[resource] = ofPod[resource]!;
  return sum;
}

const requestsOf = new WeakMap<Pod, ResourceAmounts>();
const ownRequests = (container: Container): ResourceAmounts => amountsOf(container.resources?.requests);

function withOverhead(pod: Pod, sum: Record<string, number>): ResourceAmounts {
  add(sum, amountsOf(pod.spec.overhead));
  return sum;
}

/** Requests with overhead; computed once for each (shared) Pod object. */
export function effectiveRequests(pod: Pod): ResourceAmounts {
  let amounts = requestsOf.get(pod);
  if (amounts === undefined) {
    amounts = withOverhead(pod, total(pod, ownRequests, amountsOf(pod.spec.resources?.requests)));
    requestsOf.set(pod, amounts);
  }
  return amounts;
}

/** What it may have at most, of resources that any of its containers has a limit of; with overhead. */
export function effectiveLimits(pod: Pod): ResourceAmounts {
  const sum = total(pod, ({ resources }) => amountsOf(resources?.limits), amountsOf(pod.spec.resources?.limits));
  const overhead = amountsOf(pod.spec.overhead);
  for (const resource in overhead) if ((sum[resource] ?? 0) > 0) sum[resource]! += overhead[resource]!;
  return sum;
}

type Told = Pick<ContainerStatus, 'resources' | 'allocatedResources'>;
const isSame = (one: ResourceList, other: ResourceList): boolean => {
  for (const resource in one) if (one[resource] !== other?.[resource]) return false;
  return true;
};

/** While a Pod gets other resources, the most of what it wants, what it was given and what it has; an infeasible wish takes nothing. */
function reserved(isInfeasible: boolean, spec: ResourceList, told: Told): ResourceAmounts {
  const most: Record<string, number> = isInfeasible ? {} : { ...amountsOf(spec) };
  raise(most, amountsOf(told.resources?.requests));
  raise(most, amountsOf(told.allocatedResources));
  return most;
}

const reservedOf = new WeakMap<Pod, ResourceAmounts>();

const isResizable = (pod: Pod, container: Container): boolean =>
  // Init containers that end have ended, or begin with what the spec says then.
  container.restartPolicy === 'Always' || pod.spec.containers.includes(container);

const isSettled = (spec: ResourceList, told: Told | undefined): boolean =>
  told?.resources === undefined || (isSame(told.resources.requests, spec) && isSame(told.allocatedResources, spec));

/** What the Pod takes of its node: its requests, but for one in the middle of a resize (KEP-1287). */
export function reservedRequests(pod: Pod): ResourceAmounts {
  const { spec, status } = pod;
  if (status === undefined) return effectiveRequests(pod);
  const toldOf = (container: Container): Told | undefined =>
    isResizable(pod, container)
      ? (status.containerStatuses?.find((one) => one.name === container.name) ??
        status.initContainerStatuses?.find((one) => one.name === container.name))
      : undefined;
  const level = spec.resources?.requests;
  const toldOfPod = level === undefined ? undefined : status;
  if (
    isSettled(level, toldOfPod) &&
    spec.containers.every((one) => isSettled(one.resources?.requests, toldOf(one))) &&
    (spec.initContainers ?? []).every((one) => isSettled(one.resources?.requests, toldOf(one)))
  )
    return effectiveRequests(pod);
  let amounts = reservedOf.get(pod);
  if (amounts !== undefined) return amounts;
  const isInfeasible =
    status.conditions?.some((one) => one.type === 'PodResizePending' && one.reason === 'Infeasible') === true;
  const ofPod: Record<string, number> = { ...amountsOf(level) };
  if (toldOfPod?.resources !== undefined) {
    const counted = reserved(isInfeasible, level, toldOfPod);
    // What the Pod as a whole never asked for is the sum of its containers'.
    for (const resource in ofPod) ofPod[resource] = counted[resource] ?? 0;
  }
  const ofContainer = (container: Container): ResourceAmounts => {
    const told = toldOf(container);
    return told?.resources === undefined
      ? ownRequests(container)
      : reserved(isInfeasible, container.resources?.requests, told);
  };
  amounts = withOverhead(pod, total(pod, ofContainer, ofPod));
  reservedOf.set(pod, amounts);
  return amounts;
}
