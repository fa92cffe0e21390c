// Which number a port of a Pod has: itself, or that of the container port with this name.
import type { IntOrString, PodSpec, ServicePort } from '#api/generated/types.ts';

/** Undefined: no container of the Pod (sidecars included) names such a port. */
export function resolvePort(spec: PodSpec, port: IntOrString, protocol = 'TCP'): number | undefined {
  if (typeof port === 'number') return port;
  const sidecars = (spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  for (const container of [...(spec.containers ?? []), ...sidecars])
    for (const one of container.ports ?? [])
      if (one.name === port && (one.protocol ?? 'TCP') === protocol) return one.containerPort;
  return undefined;
}

/** Where a Service's port arrives in a Pod. */
export const targetPortOf = (spec: PodSpec, { targetPort, port, protocol }: ServicePort): number | undefined =>
  resolvePort(spec, targetPort === undefined || targetPort === 0 || targetPort === '' ? port : targetPort, protocol);
