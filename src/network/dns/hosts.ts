// DNS step: names of a file in the form of /etc/hosts, before all others, as CoreDNS's hosts plugin with fallthrough: what it
// does not hold is asked further. Reading the file is not its business.
import { responseCode, type DnsQuestion, type DnsRecord, type DnsResponse } from '#wire/dns-message.ts';
import { isIPv4, isIPv6 } from '#pki/address.ts';
import { addressOfReverseName, canonicalAddress } from './records.ts';

export interface HostsTable {
  /** Addresses by name in lower case. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Names by address. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

/** CoreDNS's default for this plugin. */
const ttl = 3_600;

/** Lines that are none are left out, as the C library does. */
export function parseHosts(text: string): HostsTable {
  const addresses = new Map<string, string[]>();
  const names = new Map<string, string[]>();
  const add = (map: Map<string, string[]>, key: string, value: string): void => {
    const list = map.get(key);
    if (list === undefined) map.set(key, [value]);
    else if (!list.includes(value)) list.push(value);
  };
  for (const line of text.split('\n')) {
    const [first = '', ...rest] = line.replace(/#.*$/, '').trim().split(/\s+/);
    const ip = canonicalAddress(first.replace(/%.*$/, ''));
    if (!isIPv4(ip) && !isIPv6(ip)) continue;
    for (const one of rest) {
      const name = one.toLowerCase().replace(/\.$/, '');
      if (name === '') continue;
      add(addresses, name, ip);
      add(names, ip, name);
    }
  }
  return { addresses, names };
}

/** `table` is asked for each question: the file may change. Undefined: there is none. */
export const hostsStep =
  (table: () => HostsTable | undefined) =>
  (next: (question: DnsQuestion) => Promise<DnsResponse>) =>
  async (question: DnsQuestion): Promise<DnsResponse> => {
    const hosts = table();
    const answers = hosts === undefined ? undefined : recordsOf(question, hosts);
    if (answers === undefined) return next(question);
    return { code: responseCode.noError, authoritative: true, answers, authorities: [], additionals: [] };
  };

/** Undefined: the name is not in the file. Empty: it is, with other types of records. */
function recordsOf({ name, type }: DnsQuestion, hosts: HostsTable): readonly DnsRecord[] | undefined {
  const asked = name.toLowerCase().replace(/\.$/, '');
  const ip = addressOfReverseName(asked);
  if (ip !== undefined)
    return type === 'PTR' ? hosts.names.get(ip)?.map((data) => ({ name, type: 'PTR', ttl, data })) : undefined;
  return hosts.addresses.get(asked)?.flatMap((data): DnsRecord[] => {
    const own = data.includes(':') ? 'AAAA' : 'A';
    return own === type ? [{ name, type: own, ttl, data }] : [];
  });
}
