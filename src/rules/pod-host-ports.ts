// The ports of its node that a Pod takes, and whether two Pods want the same.
import type { PodSpec } from '#api/generated/types.ts';

export interface HostPort {
  readonly protocol: string;
  /** `0.0.0.0` for every address. */
  readonly hostIP: string;
  readonly port: number;
}

export function podHostPorts(spec: PodSpec): readonly HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  return [...(spec.containers ?? []), ...sidecars].flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort = 0 }) => hostPort > 0)
      .map(({ hostPort, hostIP = '', protocol = 'TCP' }) => ({
        protocol,
        hostIP: hostIP === '' || hostIP === '::' ? '0.0.0.0' : hostIP,
        port: hostPort!,
      })),
  );
}

export const hostPortsConflict = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port &&
  a.protocol === b.protocol &&
  (a.hostIP === b.hostIP || a.hostIP === '0.0.0.0' || b.hostIP === '0.0.0.0');

export const conflictingHostPort = (wanted: readonly HostPort[], taken: readonly HostPort[]): HostPort | undefined =>
  wanted.find((one) => taken.some((other) => hostPortsConflict(one, other)));
