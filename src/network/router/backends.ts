// The servers behind a Route, with weights, and their place in HAProxy's slots. Pure. A backend has more slots than servers, so
// that Pods come and go through the admin socket, without a reload.
import type { EndpointSlice, Route, RouteTargetReference, Service } from '#api/generated/types.ts';
import { isRestrictedAddress } from './restricted-address.ts';

export interface BackendServer {
  readonly ip: string;
  readonly port: number;
  /** 0 to 256; 0: only for who is bound to it by a cookie. */
  readonly weight: number;
  /** HAProxy looks whether it answers: only where there is another to send requests to. */
  readonly checked: boolean;
  /** The Service that it belongs to, in the Route's namespace. */
  readonly service: string;
  /** It speaks HTTP/2 without TLS. */
  readonly http2: boolean;
  /** Empty: it is none. */
  readonly pod: string;
}

export interface ServiceLookup {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
}

type Address = Pick<BackendServer, 'ip' | 'port' | 'http2' | 'pod'>;

const targetsOf = ({ spec }: Route): readonly RouteTargetReference[] => [spec.to, ...(spec.alternateBackends ?? [])];
const weightOf = ({ weight }: RouteTargetReference): number => weight ?? 100;

/** Services that are to get requests. */
export const activeTargets = (route: Route): number => targetsOf(route).filter((one) => weightOf(one) > 0).length;

export function serversOf(route: Route, lookup: ServiceLookup): readonly BackendServer[] {
  const targets = targetsOf(route)
    .map((target) => ({
      service: target.name,
      weight: weightOf(target),
      addresses: addressesOf(route, target, lookup),
    }))
    .filter((target) => target.addresses.length > 0)
    // Without cookies nobody is bound to a Service that gets nothing.
    .filter((target) => target.weight > 0 || route.spec.tls?.termination !== 'passthrough');
  const active = targets.filter((target) => target.weight > 0);
  // A Service's weight is shared by its endpoints; the heaviest server gets 256, so that small shares are not lost.
  const heaviest = Math.max(...active.map((target) => target.weight / target.addresses.length), 0);
  const shareOf = (weight: number, count: number): number =>
    weight === 0 ? 0 : active.length === 1 ? 1 : Math.max(1, Math.trunc((weight / count / heaviest) * 256));
  const servers = new Map<string, Omit<BackendServer, 'checked'>>();
  for (const { service, weight, addresses } of targets)
    for (const address of addresses) {
      const key = `${address.ip} ${address.port}`;
      const share = shareOf(weight, addresses.length);
      // A Pod behind two of the Services counts once, with the greater share.
      if ((servers.get(key)?.weight ?? -1) < share) servers.set(key, { ...address, service, weight: share });
    }
  const checked = servers.size > 1;
  return [...servers.values()].map((one) => ({ ...one, checked }));
}

function addressesOf(route: Route, target: RouteTargetReference, lookup: ServiceLookup): readonly Address[] {
  const namespace = route.metadata.namespace ?? '';
  const service = lookup.service(namespace, target.name);
  if (service === undefined) return [];
  const wanted = route.spec.port?.targetPort;
  const named = (service.spec.ports ?? []).find((port) => port.targetPort === wanted && wanted !== undefined);
  const found = new Map<string, Address>();
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
      if (ip === undefined || endpoint.conditions?.ready === false || isRestrictedAddress(ip)) continue;
      for (const { port, appProtocol } of ports)
        if (port !== undefined)
          found.set(`${ip} ${port}`, {
            ip,
            port,
            http2: appProtocol === 'h2c' || appProtocol === 'kubernetes.io/h2c',
            pod: endpoint.targetRef?.kind === 'Pod' ? (endpoint.targetRef.name ?? '') : '',
          });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

/** What is in a slot as HAProxy has it. */
export type HeldServer = Pick<BackendServer, 'ip' | 'port' | 'weight' | 'checked'>;
/** What is in each slot; undefined: free. Its length is the backend's number of slots. */
export type Slots<S extends HeldServer = BackendServer> = readonly (S | undefined)[];

const slotsMin = 4;

/** Keeps each server in the slot it has. More servers than slots: room for twice as many, which needs a reload. */
export function assignSlots(before: Slots<HeldServer>, servers: readonly BackendServer[]): Slots {
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
  // The same content is the same list: what was made of it stays good.
  const same = before.length === length && slots.every((one, index) => sameServer(before[index], one));
  return same ? (before as Slots) : slots;
}

const sameServer = (held: Partial<BackendServer> | undefined, now: BackendServer | undefined): boolean =>
  held === now ||
  (held !== undefined &&
    now !== undefined &&
    (Object.keys(now) as (keyof BackendServer)[]).every((field) => held[field] === now[field]));

/** Commands of the admin socket that lead from one content of the slots to the other; both have one length. */
export function slotCommands(backend: string, before: Slots<HeldServer>, after: Slots): readonly string[] {
  return after.flatMap((server, index) => {
    const held = before[index];
    const name = `${backend}/s${index + 1}`;
    if (server === undefined) return held === undefined ? [] : [`set server ${name} state maint`];
    const commands: string[] = [];
    if (held?.ip !== server.ip || held.port !== server.port)
      commands.push(`set server ${name} addr ${server.ip} port ${server.port}`);
    if (held?.weight !== server.weight) commands.push(`set server ${name} weight ${server.weight}`);
    if (held?.checked !== server.checked)
      // The only one is always tried: a check that failed before must not keep it down for ever.
      commands.push(
        ...(server.checked
          ? [`enable health ${name}`]
          : [`disable health ${name}`, ...(held === undefined ? [] : [`set server ${name} health up`])]),
      );
    if (held === undefined) commands.push(`set server ${name} state ready`);
    return commands;
  });
}
