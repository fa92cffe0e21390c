// Where the router listens: addresses and interfaces of the configuration, as far as the machine has them now. Pure.
import { isIPv4, isIPv6 } from '#pki/address.ts';

export interface MachineAddress {
  readonly interface: string;
  readonly address: string;
}

/** HAProxy would not run at all with an address that is not there: it is left out, and told. */
export function listenAddressesOf(
  asked: readonly string[],
  machine: readonly MachineAddress[],
  /** For all addresses: `*` for IPv4, and `::` for IPv6 where the kernel has it. */
  everywhere: readonly string[],
): { readonly addresses: readonly string[]; readonly problems: readonly string[] } {
  if (asked.length === 0) return { addresses: everywhere, problems: [] };
  const addresses = new Set<string>();
  const problems: string[] = [];
  for (const one of asked) {
    const isAddress = isIPv4(one) || isIPv6(one) || one === '*';
    // Link-local addresses mean nothing without their interface.
    const found = machine
      .filter((each) =>
        isAddress ? each.address === one : each.interface === one && !each.address.startsWith('fe80:'),
      )
      .map((each) => each.address);
    if (one === '*' || one === '0.0.0.0' || one === '::') found.push(one === '0.0.0.0' ? '*' : one);
    if (found.length === 0)
      problems.push(
        `the router does not listen on ${one} (ingress.listenAddress): this machine has no such ${isAddress ? 'address' : 'interface with an address'} now`,
      );
    for (const address of found) addresses.add(address);
  }
  return { addresses: [...addresses], problems };
}
