// Which endpoints of a Service port take traffic, for the Cluster and for the Local policy: upstream's rules for readiness,
// termination (KEP-1669) and topology hints (KEP-2433, KEP-3015). Pure.

export interface ProxyEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly local: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

export interface Usable {
  readonly cluster: readonly ProxyEndpoint[];
  readonly local: readonly ProxyEndpoint[];
  /** Some endpoint somewhere could take traffic: a Local policy without a local one drops, instead of refusing. */
  readonly any: boolean;
}

const readyElseLast = (endpoints: readonly ProxyEndpoint[]): readonly ProxyEndpoint[] => {
  const ready = endpoints.filter((one) => one.ready);
  return ready.length > 0 ? ready : endpoints.filter((one) => one.serving && one.terminating);
};

function near(endpoints: readonly ProxyEndpoint[], nodeName: string, zone: string): readonly ProxyEndpoint[] {
  const ready = endpoints.filter((one) => one.ready);
  if (ready.length === 0) return endpoints;
  const byHint = (hints: (one: ProxyEndpoint) => readonly string[], wanted: string) =>
    wanted !== '' && ready.every((one) => hints(one).length > 0)
      ? ready.filter((one) => hints(one).includes(wanted))
      : [];
  const sameNode = byHint((one) => one.nodeHints, nodeName);
  if (sameNode.length > 0) return sameNode;
  const sameZone = byHint((one) => one.zoneHints, zone);
  return sameZone.length > 0 ? sameZone : endpoints;
}

export function usableEndpoints(endpoints: readonly ProxyEndpoint[], nodeName: string, zone: string): Usable {
  const cluster = readyElseLast(near(endpoints, nodeName, zone));
  const local = readyElseLast(endpoints.filter((one) => one.local));
  return { cluster, local, any: cluster.length > 0 || local.length > 0 };
}
