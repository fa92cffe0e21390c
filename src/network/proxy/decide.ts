// What one Service, or one Pod with host ports, adds to the table of ruleset.ts. Pure. Upstream's nftables mode of kube-proxy
// says which traffic goes where, is masqueraded, refused or dropped.
import { createHash } from 'node:crypto';
import type { EndpointSlice, Pod, Service, ServicePort } from '#api/generated/types.ts';
import { affinityClientsMax, affinityPrefix } from './affinity.ts';
import { usableEndpoints, type ProxyEndpoint } from './endpoints.ts';
import { endpointMapName, familyOf, pickChain, type EndpointMap, type Family, type Protocol } from './ruleset.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';

export interface ProxyElement {
  readonly set: string;
  readonly key: string;
  /** Undefined: an element of a set, not of a map. */
  readonly value: string | undefined;
}

/** A chain or dynamic set of a Service's own: only client affinity needs them. */
export interface ProxyObject {
  readonly type: 'set' | 'chain';
  readonly name: string;
  /** The declaration of a set, or the rules of a chain. */
  readonly body: readonly string[];
}

export interface Contribution {
  readonly elements: readonly ProxyElement[];
  readonly objects: readonly ProxyObject[];
}

export interface ProxyContext {
  readonly nodeName: string;
  /** topology.kubernetes.io/zone of this node; empty when it has none. */
  readonly zone: string;
}

export const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';
export const headlessLabel = 'service.kubernetes.io/headless';
const nothing: Contribution = { elements: [], objects: [] };

/** More slots than this would make one change long; endpoints beyond it get no new connections. */
const slotsMax = 1_000;

const protocolOf = (protocol: string | undefined): Protocol | undefined => {
  const lower = (protocol ?? 'TCP').toLowerCase();
  return lower === 'tcp' || lower === 'udp' || lower === 'sctp' ? lower : undefined;
};

export const isHandledHere = (service: Service): boolean =>
  service.spec.type !== 'ExternalName' &&
  service.spec.clusterIP !== undefined &&
  service.spec.clusterIP !== '' &&
  service.spec.clusterIP !== 'None' &&
  service.metadata.labels?.[proxyNameLabel] === undefined;

export const slicesForProxies = (slices: readonly EndpointSlice[]): readonly EndpointSlice[] =>
  slices.filter(
    (slice) =>
      slice.metadata.labels?.[proxyNameLabel] === undefined && slice.metadata.labels?.[headlessLabel] === undefined,
  );

export function endpointsOf(
  slices: readonly EndpointSlice[],
  family: Family,
  port: ServicePort,
  context: ProxyContext,
): readonly ProxyEndpoint[] {
  const found = new Map<string, ProxyEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== (family === '4' ? 'IPv4' : 'IPv6')) continue;
    const match = slice.ports?.find(
      (one) => (one.name ?? '') === (port.name ?? '') && (one.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    );
    if (match?.port === undefined || match.port === 0) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0];
      if (ip === undefined) continue;
      const ready = endpoint.conditions?.ready ?? true;
      const one: ProxyEndpoint = {
        ip,
        port: match.port,
        ready,
        serving: endpoint.conditions?.serving ?? ready,
        terminating: endpoint.conditions?.terminating ?? false,
        local: endpoint.nodeName === context.nodeName,
        zoneHints: endpoint.hints?.forZones?.map((hint) => hint.name) ?? [],
        nodeHints: endpoint.hints?.forNodes?.map((hint) => hint.name) ?? [],
      };
      const key = `${ip} ${match.port}`;
      // An address may be in two slices while it moves from one to the other: the better word counts.
      if (found.get(key)?.ready !== true) found.set(key, one);
    }
  }
  return [...found.values()].toSorted((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

class Builder {
  readonly elements: ProxyElement[] = [];
  readonly objects: ProxyObject[] = [];

  add(set: string, key: string, value?: string): void {
    this.elements.push({ set, key, value });
  }

  /** Fills the slots of `address` and gives the verdict that takes one of them. */
  spread(
    map: EndpointMap,
    family: Family,
    protocol: Protocol,
    address: string,
    endpoints: readonly ProxyEndpoint[],
  ): string {
    const slots = endpoints.slice(0, slotsMax);
    const name = endpointMapName(map, protocol, family);
    for (const [slot, one] of slots.entries()) this.add(name, `${address} . ${slot}`, `${one.ip} . ${one.port}`);
    return `goto ${pickChain(map, protocol, family, slots.length)}`;
  }

  /** Chains that remember for each client which endpoint it had. The names hold across changes of the endpoints. */
  sticky(
    owner: string,
    family: Family,
    protocol: Protocol,
    endpoints: readonly ProxyEndpoint[],
    timeoutSeconds: number,
  ): string {
    const ip = family === '4' ? 'ip' : 'ip6';
    const id = digest(owner);
    const slots = endpoints.slice(0, slotsMax).map((one) => {
      const name = `${affinityPrefix}${id}-${digest(`${one.ip} ${one.port}`)}`;
      // The time-out is in the name, because a set cannot change it.
      return { ...one, name, clients: `${name}-${timeoutSeconds}s` };
    });
    const chain = `${affinityPrefix}${id}`;
    if (this.objects.some((object) => object.name === chain)) return `goto ${chain}`;
    for (const slot of slots) {
      const to = family === '4' ? `${slot.ip}:${slot.port}` : `[${slot.ip}]:${slot.port}`;
      this.objects.push(
        {
          type: 'set',
          name: slot.clients,
          body: [
            `type ${family === '4' ? 'ipv4_addr' : 'ipv6_addr'}; flags dynamic,timeout; timeout ${timeoutSeconds}s; size ${affinityClientsMax};`,
          ],
        },
        {
          type: 'chain',
          name: slot.name,
          body: [`update @${slot.clients} { ${ip} saddr }`, `meta l4proto ${protocol} dnat ${ip} to ${to}`],
        },
      );
    }
    this.objects.push({
      type: 'chain',
      name: chain,
      body: [
        ...slots.map((slot) => `${ip} saddr @${slot.clients} goto ${slot.name}`),
        `numgen random mod ${slots.length} vmap { ${slots.map((slot, index) => `${index} : goto ${slot.name}`).join(', ')} }`,
      ],
    });
    return `goto ${chain}`;
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Addresses a Service is reached at from outside the cluster, beside node ports. */
const externalAddresses = (service: Service): readonly string[] => [
  ...(service.spec.externalIPs ?? []),
  ...loadBalancerAddresses(service),
];
const loadBalancerAddresses = (service: Service): readonly string[] =>
  service.spec.type === 'LoadBalancer'
    ? (service.status?.loadBalancer?.ingress ?? []).flatMap((one) =>
        one.ip !== undefined && one.ip !== '' && (one.ipMode ?? 'VIP') === 'VIP' ? [one.ip] : [],
      )
    : [];

export function decideService(service: Service, slices: readonly EndpointSlice[], context: ProxyContext): Contribution {
  if (!isHandledHere(service)) return nothing;
  const builder = new Builder();
  const clusterAddresses = service.spec.clusterIPs ?? [service.spec.clusterIP!];
  const addresses = [...clusterAddresses, ...externalAddresses(service)];
  const usable = slicesForProxies(slices);
  const familiesHere = [...new Set(clusterAddresses.map(familyOf))];
  for (const family of familiesHere)
    for (const port of service.spec.ports ?? [])
      decidePort(
        builder,
        service,
        port,
        family,
        addresses,
        clusterAddresses,
        endpointsOf(usable, family, port, context),
        context,
      );
  return builder;
}

function decidePort(
  builder: Builder,
  service: Service,
  port: ServicePort,
  family: Family,
  addresses: readonly string[],
  clusterAddresses: readonly string[],
  endpoints: readonly ProxyEndpoint[],
  context: ProxyContext,
): void {
  const protocol = protocolOf(port.protocol);
  if (protocol === undefined) return;
  const { cluster, local, any } = usableEndpoints(endpoints, context.nodeName, context.zone);
  const internalLocal = service.spec.internalTrafficPolicy === 'Local';
  const externalLocal = service.spec.externalTrafficPolicy === 'Local';
  const sticky = service.spec.sessionAffinity === 'ClientIP';
  const timeoutSeconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800;
  const owner = `${service.metadata.namespace}/${service.metadata.name} ${port.name ?? ''} ${protocol} ${family}`;
  const verdict = (map: EndpointMap, address: string, chosen: readonly ProxyEndpoint[]): string =>
    sticky
      ? builder.sticky(`${owner} ${chosen === local ? 'local' : 'cluster'}`, family, protocol, chosen, timeoutSeconds)
      : builder.spread(map, family, protocol, address, chosen);
  const without = any ? 'drop' : 'goto refuse';

  for (const one of endpoints) if (one.local) builder.add(`hairpin${family}`, `${one.ip} . ${one.ip}`);

  for (const address of new Set(addresses)) {
    if (familyOf(address) !== family) continue;
    const key = `${address} . ${protocol} . ${port.port}`;
    const slotKey = `${address} . ${port.port}`;
    const internal = clusterAddresses.includes(address);
    const chosen = internal && internalLocal ? local : cluster;
    if (chosen.length === 0) builder.add(`refused${family}`, key, internal && internalLocal ? without : 'goto refuse');
    else builder.add(`services${family}`, key, verdict('endpoints', slotKey, chosen));
    if (internal) continue;
    if (!externalLocal) builder.add(`masquerade${family}`, key);
    else if (any)
      builder.add(
        `services-local${family}`,
        key,
        local.length === 0 ? 'drop' : verdict('endpoints-local', slotKey, local),
      );
  }

  if (port.nodePort !== undefined && port.nodePort !== 0) {
    const key = `${protocol} . ${port.nodePort}`;
    if (cluster.length === 0) builder.add(`nodeports-refused${family}`, key, 'goto refuse');
    else builder.add(`nodeports${family}`, key, verdict('nodeport-endpoints', String(port.nodePort), cluster));
    if (!externalLocal) builder.add(`nodeports-masquerade${family}`, key);
    else if (any)
      builder.add(
        `nodeports-local${family}`,
        key,
        local.length === 0 ? 'drop' : verdict('nodeport-endpoints-local', String(port.nodePort), local),
      );
  }

  const ranges = (service.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim());
  if (service.spec.type === 'LoadBalancer' && ranges.length > 0)
    for (const address of loadBalancerAddresses(service)) {
      if (familyOf(address) !== family) continue;
      const key = `${address} . ${protocol} . ${port.port}`;
      builder.add(`firewalled${family}`, key);
      for (const range of new Set(ranges))
        if (familyOf(range) === family) builder.add(`firewall-open${family}`, `${key} . ${range}`);
    }
}

/** Host ports of a Pod on this node. The client's address is kept, as the portmap plugin does. */
export function decidePod(pod: Pod, context: ProxyContext): Contribution {
  if (pod.spec?.nodeName !== context.nodeName || pod.spec.hostNetwork === true) return nothing;
  if (podIsTerminal(pod)) return nothing;
  const addresses = (pod.status?.podIPs ?? []).map((one) => one.ip);
  const builder = new Builder();
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always'),
  ];
  for (const port of containers.flatMap((container) => container.ports ?? [])) {
    const protocol = protocolOf(port.protocol);
    if (protocol === undefined || port.hostPort === undefined || port.hostPort === 0) continue;
    const anyHost =
      port.hostIP === undefined || port.hostIP === '' || port.hostIP === '0.0.0.0' || port.hostIP === '::';
    for (const address of addresses) {
      const family = familyOf(address);
      const endpoint = hostPortEndpoint(address, port.containerPort);
      builder.add(`hairpin${family}`, `${address} . ${address}`);
      if (anyHost)
        builder.add(
          `nodeports${family}`,
          `${protocol} . ${port.hostPort}`,
          builder.spread('nodeport-endpoints', family, protocol, String(port.hostPort), [endpoint]),
        );
      else if (familyOf(port.hostIP!) === family)
        builder.add(
          `services${family}`,
          `${port.hostIP} . ${protocol} . ${port.hostPort}`,
          builder.spread('endpoints', family, protocol, `${port.hostIP} . ${port.hostPort}`, [endpoint]),
        );
    }
  }
  return builder;
}

const hostPortEndpoint = (ip: string, port: number): ProxyEndpoint => ({
  ip,
  port,
  ready: true,
  serving: true,
  terminating: false,
  local: true,
  zoneHints: [],
  nodeHints: [],
});
