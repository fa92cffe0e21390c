// What a Pod is to the policies: its addresses, labels and named ports. Pure.
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';

export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  /** It runs on this node, which isolates it. */
  readonly isHere: boolean;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly number: number }[];
}

/**
 * Undefined: policies do not see it. `known`: addresses that the runtime gave it and the API has not yet.
 * Of a Pod that is going, the address may be another's as soon as its containers have ended.
 */
export function policyPod(pod: Pod, nodeName: string, known: readonly string[] | undefined): PolicyPod | undefined {
  if (pod.spec.hostNetwork === true || podIsTerminal(pod)) return undefined;
  const containers = pod.status?.containerStatuses ?? [];
  const ended = containers.length > 0 && containers.every((one) => one.state?.terminated !== undefined);
  if (pod.metadata.deletionTimestamp !== undefined && ended) return undefined;
  const told = pod.status?.podIPs?.map((one) => one.ip) ?? (pod.status?.podIP === undefined ? [] : [pod.status.podIP]);
  const addresses = told.length > 0 ? told : (known ?? []);
  if (addresses.length === 0) return undefined;
  const sidecars = (pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  return {
    namespace: pod.metadata.namespace ?? '',
    labels: pod.metadata.labels ?? {},
    addresses,
    isHere: pod.spec.nodeName === nodeName,
    ports: [...pod.spec.containers, ...sidecars].flatMap(({ ports = [] }) =>
      ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
        name === undefined ? [] : [{ name, protocol: protocol.toLowerCase(), number: containerPort }],
      ),
    ),
  };
}
