// Whether this node can run a Pod at all: what upstream's kubelet refuses before it starts anything. A refused Pod is Failed
// with the reason. What the scheduler has decided is not decided again here, but for Pods that were put here past it.
import type { Node, Pod } from '#api/generated/types.ts';
import { effectiveRequests, reservedRequests } from '#rules/effective-requests.ts';
import { hostPortsConflict, hostPortsOf } from '#rules/host-ports.ts';
import { podMatchesNode } from '#rules/matches-node-selector.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { untoleratedTaint } from '#rules/tolerates-taint.ts';
import { qosClass } from './cgroup-names.ts';
import { isCriticalPod } from './critical.ts';
import { isHugePages } from './huge-pages.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

export interface AdmissionInput {
  readonly pod: Pod;
  /** As it is now: a label of a moment ago may be why the Pod is here. */
  readonly node: Node;
  /** Pods of this node that were admitted, without this one. */
  readonly others: readonly Pod[];
  /** Allocatable, in units; cpu in cores. */
  readonly allocatable: Readonly<Record<string, number>>;
  readonly supplementalGroupsPolicy: boolean;
  readonly appArmor: boolean;
  /** Of what the node is short. */
  readonly pressures?: ReadonlySet<string> | undefined;
}

/** Upstream's safe_sysctls.go. */
const safeSysctls: Readonly<Record<string, 'ipc' | 'net'>> = {
  'kernel.shm_rmid_forced': 'ipc',
  'net.ipv4.ip_local_port_range': 'net',
  'net.ipv4.tcp_syncookies': 'net',
  'net.ipv4.ping_group_range': 'net',
  'net.ipv4.ip_unprivileged_port_start': 'net',
  'net.ipv4.ip_local_reserved_ports': 'net',
  'net.ipv4.tcp_keepalive_time': 'net',
  'net.ipv4.tcp_fin_timeout': 'net',
  'net.ipv4.tcp_keepalive_intvl': 'net',
  'net.ipv4.tcp_keepalive_probes': 'net',
  'net.ipv4.tcp_rmem': 'net',
  'net.ipv4.tcp_wmem': 'net',
};

function refusedSysctl({ spec }: Pod): Refusal | undefined {
  const forbidden = (message: string): Refusal => ({
    reason: 'SysctlForbidden',
    message: `forbidden sysctl: ${message}`,
  });
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    // A slash may stand for the dot; the first separator tells which is meant.
    const first = /[./]/.exec(name)?.[0];
    const normal = first === '/' ? name.replaceAll(/[./]/g, (separator) => (separator === '/' ? '.' : '/')) : name;
    const namespace = safeSysctls[normal];
    if (namespace === undefined) return forbidden(`${JSON.stringify(normal)} not allowlisted`);
    if (namespace === 'ipc' ? spec.hostIPC === true : spec.hostNetwork === true)
      return forbidden(`${JSON.stringify(normal)} not allowed with host ${namespace} enabled`);
  }
  return undefined;
}

function wantsAppArmor({ spec }: Pod): boolean {
  const enforced = (profile: { readonly type: string } | undefined) =>
    profile !== undefined && profile.type !== 'Unconfined';
  return (
    enforced(spec.securityContext?.appArmorProfile) ||
    [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])].some((one) =>
      enforced(one.securityContext?.appArmorProfile),
    )
  );
}

function insufficient({ pod, others, allocatable }: AdmissionInput): Refusal | undefined {
  const active = others.filter((one) => !podIsTerminal(one));
  const refuse = (resource: string, requested: number, used: number, capacity: number): Refusal => ({
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  });
  const podsMax = allocatable['pods'];
  if (podsMax !== undefined && active.length + 1 > podsMax) return refuse('pods', 1, active.length, podsMax);
  const requests = effectiveRequests(pod);
  const asked = Object.keys(requests).filter(isHugePages);
  for (const resource of ['cpu', 'memory', 'ephemeral-storage', ...asked]) {
    const requested = requests[resource] ?? 0;
    const limit = allocatable[resource];
    if (requested === 0 || (limit === undefined && !isHugePages(resource))) continue;
    // Of pages of a size that the machine does not know there are none.
    const capacity = Math.floor(resource === 'cpu' ? limit! * 1000 : (limit ?? 0));
    const used = active.reduce((sum, one) => sum + (reservedRequests(one)[resource] ?? 0), 0);
    if (requested > capacity - used) return refuse(resource, requested, used, capacity);
  }
  return undefined;
}

/** What the scheduler would not have chosen this node for; in upstream's order, of which the first counts. */
function failedPredicate({ pod, node, others }: AdmissionInput): Refusal | undefined {
  const refuse = (predicate: string, message: string): Refusal => ({
    reason: predicate,
    message: `Predicate ${predicate} failed: ${message}`,
  });
  if (!podMatchesNode(pod, node)) return refuse('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const wanted = hostPortsOf(pod);
  if (
    wanted.length > 0 &&
    others.some(
      (other) =>
        !podIsTerminal(other) && hostPortsOf(other).some((used) => wanted.some((one) => hostPortsConflict(one, used))),
    )
  )
    return refuse('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  // NoSchedule is the scheduler's alone.
  if (untoleratedTaint(pod.spec.tolerations, node.spec?.taints, ['NoExecute']) !== undefined)
    return refuse('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}

/** What is short is not for new Pods; of memory, those that asked for theirs have it. */
function refusedForPressure(pod: Pod, pressures: ReadonlySet<string>): Refusal | undefined {
  if (pressures.size === 0 || isCriticalPod(pod)) return undefined;
  if (pressures.size === 1 && pressures.has('MemoryPressure')) {
    const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
    const tolerates = untoleratedTaint(pod.spec.tolerations, [taint], ['NoSchedule']) === undefined;
    if (tolerates || qosClass(pod) !== 'BestEffort') return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${[...pressures].join(' ')}]. ` };
}

/** Undefined: it may run here. To be asked before its first container starts, never of one that runs. */
export function admit(input: AdmissionInput): Refusal | undefined {
  const { pod, supplementalGroupsPolicy, appArmor } = input;
  const pressure = input.pressures && refusedForPressure(pod, input.pressures);
  if (pressure !== undefined) return pressure;
  const sysctl = refusedSysctl(pod);
  if (sysctl !== undefined) return sysctl;
  if (!appArmor && wantsAppArmor(pod))
    return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
  const selected = pod.metadata.labels?.['kubernetes.io/os'];
  if (selected !== undefined && selected !== 'linux')
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if (pod.spec.os !== undefined && pod.spec.os.name !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  if (pod.spec.securityContext?.supplementalGroupsPolicy === 'Strict' && !supplementalGroupsPolicy)
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  return insufficient(input) ?? failedPredicate(input);
}
