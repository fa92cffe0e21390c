// Which Pods go first when a ReplicaSet shrinks (upstream's ActivePodsWithRanks).
import type { Pod } from '#api/generated/types.ts';
import { podCondition, podIsReady } from '#rules/pod-is-ready.ts';

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** An optional plus or minus and digits without leading zeros, in 32 bits; anything else counts as 0. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[costAnnotation];
  if (text === undefined || !/^(0|-?[1-9][0-9]*)$/.test(text)) return 0;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0;
}
const readySince = (pod: Pod): number => {
  const time = podCondition(pod, 'Ready')?.lastTransitionTime;
  return time === undefined ? 0 : Date.parse(time);
};
const createdAt = (pod: Pod): number =>
  pod.metadata.creationTimestamp === undefined ? 0 : Date.parse(pod.metadata.creationTimestamp);

/** Ages of the same power of two count as equal; among equals the uid decides, so that the choice is random but stable. */
function byLogarithmicAge(one: number, other: number, onePod: Pod, otherPod: Pod, now: number): number {
  if (one === 0 || other === 0) return one === 0 ? -1 : 1;
  const rank = (at: number) => (now - at <= 0 ? -1 : Math.floor(Math.log2((now - at) * 1e6)));
  const difference = rank(one) - rank(other);
  if (difference !== 0) return difference;
  return onePod.metadata.uid! < otherPod.metadata.uid! ? -1 : 1;
}

/** [regular containers' most restarts, restartable init containers' most restarts] */
const restarts = (pod: Pod): readonly [number, number] => {
  const sidecars = new Set(
    pod.spec.initContainers?.filter((one) => one.restartPolicy === 'Always').map((one) => one.name),
  );
  return [
    Math.max(0, ...(pod.status?.containerStatuses ?? []).map((one) => one.restartCount)),
    Math.max(
      0,
      ...(pod.status?.initContainerStatuses ?? [])
        .filter((one) => sidecars.has(one.name))
        .map((one) => one.restartCount),
    ),
  ];
};

/** `related`: Pods whose number on a node makes that node's Pods go first. */
export function deletionOrder(pods: readonly Pod[], related: readonly Pod[], now: number): readonly Pod[] {
  const readyOnNode = new Map<string, number>();
  for (const pod of related)
    if (podIsReady(pod) && pod.spec.nodeName !== undefined)
      readyOnNode.set(pod.spec.nodeName, (readyOnNode.get(pod.spec.nodeName) ?? 0) + 1);
  const rank = (pod: Pod) => readyOnNode.get(pod.spec.nodeName ?? '') ?? 0;
  return pods.toSorted((one, other) => {
    const [oneNode, otherNode] = [one.spec.nodeName ?? '', other.spec.nodeName ?? ''];
    if ((oneNode === '') !== (otherNode === '')) return oneNode === '' ? -1 : 1;
    const phases = (phaseOrder[one.status?.phase ?? ''] ?? 0) - (phaseOrder[other.status?.phase ?? ''] ?? 0);
    if (phases !== 0) return phases;
    const [oneReady, otherReady] = [podIsReady(one), podIsReady(other)];
    if (oneReady !== otherReady) return oneReady ? 1 : -1;
    const cost = deletionCost(one) - deletionCost(other);
    if (cost !== 0) return cost;
    const ranks = rank(other) - rank(one);
    if (ranks !== 0) return ranks;
    if (oneReady && readySince(one) !== readySince(other))
      return byLogarithmicAge(readySince(one), readySince(other), one, other, now);
    const [oneRestarts, otherRestarts] = [restarts(one), restarts(other)];
    if (oneRestarts[0] !== otherRestarts[0]) return otherRestarts[0] - oneRestarts[0];
    if (oneRestarts[1] !== otherRestarts[1]) return otherRestarts[1] - oneRestarts[1];
    if (createdAt(one) !== createdAt(other)) return byLogarithmicAge(createdAt(one), createdAt(other), one, other, now);
    return 0;
  });
}
