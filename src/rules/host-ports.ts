// Ports of the node's own addresses that Pods take: each is given once per node.
import type { Pod } from '#api/generated/types.ts';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const anyAddress = '0.0.0.0';

export const hostPortsOf = (pod: Pod): readonly HostPort[] =>
  [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always')].flatMap(
    (container) =>
      (container.ports ?? [])
        .filter((one) => one.hostPort !== undefined && one.hostPort > 0)
        .map((one) => ({ ip: one.hostIP || anyAddress, protocol: one.protocol ?? 'TCP', port: one.hostPort! })),
  );

export const hostPortsConflict = (one: HostPort, other: HostPort): boolean =>
  one.port === other.port &&
  one.protocol === other.protocol &&
  (one.ip === other.ip || one.ip === anyAddress || other.ip === anyAddress);
