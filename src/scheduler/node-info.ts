// What the scheduler knows of one node: its object, its Pods, what they take. Kept up to date Pod by Pod.
import type { Node, Pod } from '#api/generated/types.ts';
import { amountsOf, reservedRequests, type ResourceAmounts } from '#rules/effective-requests.ts';
import { hostPortsOf, type HostPort } from '#rules/host-ports.ts';

/** For scores only: what a container that asks for nothing is taken to need. */
const assumedCpuMilli = 100;
const assumedMemoryBytes = 200 * 1024 * 1024;

export const scoredRequests = (pod: Pod): { readonly cpu: number; readonly memory: number } => {
  const requests = reservedRequests(pod);
  const without = (resource: string) =>
    pod.spec.containers.filter((one) => one.resources?.requests?.[resource] === undefined).length;
  return {
    cpu: (requests['cpu'] ?? 0) + without('cpu') * assumedCpuMilli,
    memory: (requests['memory'] ?? 0) + without('memory') * assumedMemoryBytes,
  };
};

const hasAntiAffinity = (pod: Pod): boolean =>
  (pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length ?? 0) > 0;

export class NodeInfo {
  node: Node;
  allocatable: ResourceAmounts = {};
  readonly pods = new Map<string, Pod>();
  readonly podsWithAntiAffinity = new Map<string, Pod>();
  readonly requested: Record<string, number> = {};
  readonly scored = { cpu: 0, memory: 0 };
  /** Another one after each change of its Pods. */
  version = 0;

  constructor(node: Node) {
    this.node = node;
    this.setNode(node);
  }
  get name(): string {
    return this.node.metadata.name!;
  }
  setNode(node: Node): void {
    this.node = node;
    this.allocatable = amountsOf(node.status?.allocatable);
  }
  /** With the same Pods, to try something out. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.node);
    for (const pod of this.pods.values()) copy.add(pod);
    return copy;
  }
  add(pod: Pod): void {
    this.remove(pod.metadata.uid!);
    this.pods.set(pod.metadata.uid!, pod);
    if (hasAntiAffinity(pod)) this.podsWithAntiAffinity.set(pod.metadata.uid!, pod);
    this.#count(pod, 1);
  }
  remove(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined) return;
    this.pods.delete(uid);
    this.podsWithAntiAffinity.delete(uid);
    this.#count(pod, -1);
  }
  *hostPorts(): Generator<HostPort> {
    for (const pod of this.pods.values()) yield* hostPortsOf(pod);
  }
  #count(pod: Pod, sign: 1 | -1): void {
    this.version++;
    const requests = reservedRequests(pod);
    for (const resource in requests)
      this.requested[resource] = (this.requested[resource] ?? 0) + sign * requests[resource]!;
    const scored = scoredRequests(pod);
    this.scored.cpu += sign * scored.cpu;
    this.scored.memory += sign * scored.memory;
  }
}
