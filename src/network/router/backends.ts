// The servers behind a Route, with weights, and their place in HAProxy's slots. Pure. A backend has more slots than servers, so
// that Pods come and go through the admin socket, without a reload.
import type { EndpointSlice, Route, RouteTargetReference, Service } from '#api/generated/types.ts';

export interface BackendServer {
  readonly ip: string;
  readonly port: number;
  /** 0 to 256. */
  readonly weight: number;
}

export interface ServiceLookup {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
}

export function serversOf(route: Route, lookup: ServiceLookup): readonly BackendServer[] {
  const targets = [route.spec.to, ...(route.spec.alternateBackends ?? [])]
    .map((target) => ({ weight: target.weight ?? 100, addresses: addressesOf(route, target, lookup) }))
    .filter((target) => target.weight > 0 && target.addresses.length > 0);
  // A Service's weight is shared by its endpoints; the heaviest server gets 256, so that small shares are not lost.
  const heaviest = Math.max(...targets.map((target) => target.weight / target.addresses.length), 0);
  const servers = new Map<string, BackendServer>();
  for (const { weight, addresses } of targets)
    for (const { ip, port } of addresses)
      servers.set(`${ip} ${port}`, {
        ip,
        port,
        weight: Math.max(1, Math.round((weight / addresses.length / heaviest) * (targets.length === 1 ? 1 : 256))),
      });
  return [...servers.values()];
}

function addressesOf(
  route: Route,
  target: RouteTargetReference,
  lookup: ServiceLookup,
): readonly { readonly ip: string; readonly port: number }[] {
  const namespace = route.metadata.namespace ?? '';
  const service = lookup.service(namespace, target.name);
  if (service === undefined) return [];
  const wanted = route.spec.port?.targetPort;
  const named = (service.spec.ports ?? []).find((port) => port.targetPort === wanted && wanted !== undefined);
  const found = new Map<string, { readonly ip: string; readonly port: number }>();
  for (const slice of lookup.slices(namespace, target.name)) {
    if (slice.addressType === 'FQDN') continue;
    const ports = (slice.ports ?? []).filter(
      (port) =>
        (port.protocol ?? 'TCP') === 'TCP' &&
        (wanted === undefined ||
          port.name === wanted ||
          String(port.port) === String(wanted) ||
          (named !== undefined && (port.name ?? '') === (named.name ?? ''))),
    );
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0];
      if (ip === undefined || endpoint.conditions?.ready === false) continue;
      for (const { port } of ports) if (port !== undefined) found.set(`${ip} ${port}`, { ip, port });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

/** What is in each slot; undefined: free. Its length is the backend's number of slots. */
export type Slots = readonly (BackendServer | undefined)[];

const slotsMin = 4;

/** Keeps each server in the slot it has. More servers than slots: room for twice as many, which needs a reload. */
export function assignSlots(before: Slots, servers: readonly BackendServer[]): Slots {
  const wanted = new Map(servers.map((server) => [`${server.ip} ${server.port}`, server]));
  let length = Math.max(before.length, slotsMin);
  while (length < servers.length) length *= 2;
  const slots: (BackendServer | undefined)[] = Array.from({ length }, (_, index) => {
    const held = before[index];
    if (held === undefined) return undefined;
    const key = `${held.ip} ${held.port}`;
    const still = wanted.get(key);
    wanted.delete(key);
    return still;
  });
  let free = 0;
  for (const server of wanted.values()) {
    while (slots[free] !== undefined) free++;
    slots[free] = server;
  }
  return slots;
}

/** Commands of the admin socket that lead from one content of the slots to the other; both have one length. */
export function slotCommands(backend: string, before: Slots, after: Slots): readonly string[] {
  return after.flatMap((server, index) => {
    const held = before[index];
    const name = `${backend}/s${index + 1}`;
    if (server === undefined) return held === undefined ? [] : [`set server ${name} state maint`];
    const commands: string[] = [];
    if (held?.ip !== server.ip || held.port !== server.port)
      commands.push(`set server ${name} addr ${server.ip} port ${server.port}`);
    if (held?.weight !== server.weight) commands.push(`set server ${name} weight ${server.weight}`);
    if (held === undefined) commands.push(`set server ${name} state ready`);
    return commands;
  });
}
