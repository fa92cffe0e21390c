// Which addresses this machine has, and which of them is the node's when nobody says: no packet is sent to find out.
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

export interface InterfaceAddress {
  readonly interface: string;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly loopback: boolean;
}

/** Interfaces that containers and virtual networks bring: their addresses are not the machine's. */
const virtualInterface = /^(veth|cni|docker|podman|br-|flannel|virbr|tailscale|microshift)/;

export function interfaceAddresses(): readonly InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map((one) => ({
      interface: name,
      address: one.address,
      family: one.family,
      loopback: one.internal,
    })),
  );
}

/** Addresses at which others reach this machine: those of its real interfaces. */
export const reachableAddresses = (addresses: readonly InterfaceAddress[]): readonly string[] =>
  addresses
    .filter(
      (one) => !one.loopback && !virtualInterface.test(one.interface) && !/^(?:169\.254\.|fe80:)/.test(one.address),
    )
    .map((one) => one.address);

export interface InterfaceNetwork {
  readonly interface: string;
  /** Such as `192.168.1.10/24`. */
  readonly cidr: string;
}

/** Networks that the machine itself is in: without loopback and single links, and without those that a Pod network makes. */
export function machineNetworks(interfaces = networkInterfaces()): readonly InterfaceNetwork[] {
  return Object.entries(interfaces).flatMap(([name, addresses]) =>
    /^(veth|cni|flannel|microshift)/.test(name)
      ? []
      : (addresses ?? []).flatMap((one) =>
          one.internal || one.address.startsWith('fe80:') || one.cidr === null
            ? []
            : [{ interface: name, cidr: one.cidr }],
        ),
  );
}

export interface LanInterface {
  readonly name: string;
  /** With their prefix, such as 192.0.2.1/24. */
  readonly addresses: readonly {
    readonly address: string;
    readonly prefix: string;
    readonly family: 'IPv4' | 'IPv6';
  }[];
}

/** Interfaces to other machines. */
export function lanInterfaces(all = networkInterfaces()): readonly LanInterface[] {
  return Object.entries(all).flatMap(([name, addresses]) => {
    const own = (addresses ?? []).filter((one) => !one.internal);
    if (own.length === 0 || virtualInterface.test(name)) return [];
    return [
      { name, addresses: own.map(({ address, family, cidr }) => ({ address, family, prefix: cidr ?? address })) },
    ];
  });
}

/** Interface of the IPv4 default route with the lowest metric, of /proc/net/route's text. */
export function defaultRouteInterface(routes: string): string | undefined {
  let best: { name: string; metric: number } | undefined;
  for (const line of routes.split('\n').slice(1)) {
    const [name, destination, , flags, , , metric, mask] = line.trim().split(/\s+/);
    if (name === undefined || destination !== '00000000' || mask !== '00000000') continue;
    if ((Number.parseInt(flags ?? '0', 16) & 1) === 0) continue;
    const value = Number(metric ?? 0);
    if (best === undefined || value < best.metric) best = { name, metric: value };
  }
  return best?.name;
}

/** The node's address: of the default route's interface, else the first real interface's, else loopback. */
export function chooseNodeAddress(
  addresses: readonly InterfaceAddress[],
  defaultInterface: string | undefined,
): string {
  const candidates = addresses.filter((one) => one.family === 'IPv4' && !one.loopback);
  const chosen =
    candidates.find((one) => one.interface === defaultInterface) ??
    candidates.find((one) => !virtualInterface.test(one.interface) && !one.address.startsWith('169.254.'));
  return chosen?.address ?? '127.0.0.1';
}

/**
 * The node's address of IPv6: the one before while it is there, else of the interface that has the node's IPv4 address, else of the
 * first real interface. Addresses of links alone do not count.
 */
export function chooseNodeIpv6(
  addresses: readonly InterfaceAddress[],
  nodeInterface: string | undefined,
  before: string | undefined,
): string | undefined {
  const candidates = addresses.filter(
    (one) =>
      one.family === 'IPv6' && !one.loopback && !/^fe[89ab]/.test(one.address) && !virtualInterface.test(one.interface),
  );
  const chosen =
    candidates.find((one) => one.address === before) ??
    candidates.find((one) => one.interface === nodeInterface) ??
    candidates[0];
  return chosen?.address;
}

function routesOfIpv4(): string {
  try {
    return readFileSync('/proc/net/route', 'utf8');
  } catch {
    // No procfs: the interfaces alone decide.
    return '';
  }
}

export const detectNodeAddress = (): string =>
  chooseNodeAddress(interfaceAddresses(), defaultRouteInterface(routesOfIpv4()));

export function detectNodeIpv6(before: string | undefined): string | undefined {
  const all = interfaceAddresses();
  const ipv4 = chooseNodeAddress(all, defaultRouteInterface(routesOfIpv4()));
  return chooseNodeIpv6(all, all.find((one) => one.address === ipv4)?.interface, before);
}
