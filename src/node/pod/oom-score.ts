// Whom the kernel ends first when memory runs out. Upstream's qos/policy.go. Pure.
import { amountOf, effectiveRequests } from '#rules/effective-requests.ts';
import type { Container, Pod } from '#api/generated/types.ts';
import { qosClass } from './cgroup-names.ts';

const guaranteed = -997;
const bestEffort = 1000;
const criticalPriority = 2_000_000_000;

const memoryRequest = ({ resources }: Container): number => {
  const quantity = resources?.requests?.['memory'];
  return quantity === undefined ? 0 : amountOf('memory', quantity);
};

/** What the Pod asks for beyond its containers, shared among them. */
function shareOfPod(pod: Pod): number {
  if (pod.spec.resources?.requests === undefined) return 0;
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always'),
  ];
  const ofContainers = effectiveRequests({
    ...pod,
    spec: { ...pod.spec, resources: undefined, overhead: undefined },
  });
  const ofPod = pod.spec.resources.requests['memory'];
  const remaining = (ofPod === undefined ? 0 : amountOf('memory', ofPod)) - (ofContainers['memory'] ?? 0);
  return remaining <= 0 ? 0 : Math.trunc(remaining / containers.length);
}

export function oomScoreAdjust(pod: Pod, container: Container, capacityBytes: number): number {
  if ((pod.spec.priority ?? 0) >= criticalPriority && pod.spec.priorityClassName === 'system-node-critical')
    return guaranteed;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return guaranteed;
  if (qos === 'BestEffort') return bestEffort;
  const share = shareOfPod(pod);
  const adjust = (bytes: number) => 1000 - Math.trunc((1000 * (bytes + share)) / capacityBytes);
  let score = adjust(memoryRequest(container));
  // A sidecar does not go before those that it serves.
  const isSidecar = (pod.spec.initContainers ?? []).some(
    (one) => one.name === container.name && one.restartPolicy === 'Always',
  );
  if (isSidecar) score = Math.min(score, adjust(Math.min(...pod.spec.containers.map(memoryRequest))));
  return Math.min(bestEffort - 1, Math.max(bestEffort + guaranteed, score));
}
