// What the names of the cluster mean now: the Kubernetes DNS specification 1.1.0 (and, where it is silent, what CoreDNS's
// kubernetes plugin answers in mode `pods insecure`, as OpenShift runs it). Pure: reads a snapshot, knows no sockets.
import type { EndpointSlice, Service, ServicePort } from '#api/generated/types.ts';
import { responseCode, type DnsQuestion, type DnsRecord, type DnsResponse } from '#wire/dns-message.ts';

export interface ClusterSnapshot {
  namespaceExists(namespace: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  serviceByAddress(ip: string): Service | undefined;
  slicesByAddress(ip: string): readonly EndpointSlice[];
}

export interface ClusterZone {
  /** Without dots at the ends, such as `cluster.local`. */
  readonly domain: string;
  /** Address of this DNS server. */
  readonly address: string;
  /** True for addresses of the Pod and Service ranges: their reverse names are never asked elsewhere. */
  readonly isClusterAddress: (ip: string) => boolean;
}

/** CoreDNS's default for cluster names: short, because Services come and go. */
const ttl = 5;

const address = (name: string, ip: string): DnsRecord =>
  ip.includes(':') ? { name, type: 'AAAA', ttl, data: ip } : { name, type: 'A', ttl, data: ip };

/** Undefined: not a name of the cluster. */
export function answerFromCluster(
  question: DnsQuestion,
  zone: ClusterZone,
  snapshot: ClusterSnapshot,
): DnsResponse | undefined {
  const asked = question.name.toLowerCase().replace(/\.$/, '');
  const reverse = addressOfReverseName(asked);
  if (reverse !== undefined) return answerReverse(question, reverse, zone, snapshot);
  if (asked !== zone.domain && !asked.endsWith(`.${zone.domain}`)) return undefined;
  const labels = asked === zone.domain ? [] : asked.slice(0, -zone.domain.length - 1).split('.');
  const found = find(labels, question, zone, snapshot);
  const soa: DnsRecord = {
    name: zone.domain,
    type: 'SOA',
    ttl,
    data: {
      mname: `ns.dns.${zone.domain}`,
      rname: `hostmaster.${zone.domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: ttl,
    },
  };
  if (labels.length === 0 && question.type === 'SOA') return respond([{ ...soa, name: question.name }], []);
  if (found === undefined)
    return { code: responseCode.noName, authoritative: true, answers: [], authorities: [soa], additionals: [] };
  const wanted = found.records.filter(
    (record) => record.type === question.type || record.type === 'CNAME' || (question.type as string) === 'ANY',
  );
  if (wanted.length === 0)
    return { code: responseCode.noError, authoritative: true, answers: [], authorities: [soa], additionals: [] };
  return respond(wanted, question.type === 'SRV' ? found.additionals : []);
}

const respond = (answers: readonly DnsRecord[], additionals: readonly DnsRecord[]): DnsResponse => ({
  code: responseCode.noError,
  authoritative: true,
  answers,
  authorities: [],
  additionals,
});

interface Found {
  readonly records: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}
const exists: Found = { records: [], additionals: [] };

function find(
  labels: readonly string[],
  question: DnsQuestion,
  zone: ClusterZone,
  snapshot: ClusterSnapshot,
): Found | undefined {
  const name = question.name;
  const type = labels.at(-1);
  const namespace = labels.at(-2);
  if (type === undefined)
    return { records: [{ name, type: 'NS', ttl, data: `ns.dns.${zone.domain}` }], additionals: [] };
  if (type === 'dns-version' && labels.length === 1)
    return { records: [{ name, type: 'TXT', ttl, data: '1.1.0' }], additionals: [] };
  if (type === 'dns' && (labels.length === 1 || (labels.length === 2 && namespace === 'ns')))
    return labels.length === 1 ? exists : { records: [address(name, zone.address)], additionals: [] };
  if (type !== 'svc' && type !== 'pod') return undefined;
  if (namespace === undefined) return exists;
  if (labels.length === 2) return snapshot.namespaceExists(namespace) ? exists : undefined;
  if (type === 'pod') {
    const ip = labels.length === 3 ? addressOfDashes(labels[0]!) : undefined;
    return ip === undefined || !snapshot.namespaceExists(namespace)
      ? undefined
      : { records: [address(name, ip)], additionals: [] };
  }
  const service = snapshot.service(namespace, labels.at(-3)!);
  if (service === undefined) return undefined;
  const before = labels.slice(0, -3);
  if (service.spec.type === 'ExternalName') {
    const target = service.spec.externalName?.replace(/\.$/, '');
    // An address cannot be an alias, though it is a name to the API.
    return before.length > 0 || target === undefined || /^\d+(\.\d+){3}$/.test(target)
      ? undefined
      : { records: [{ name, type: 'CNAME', ttl, data: target }], additionals: [] };
  }
  // One label before the Service is an endpoint of it, whether or not the Service has an address.
  return isHeadless(service) || before.length === 1
    ? findEndpoints(before, name, service, namespace, zone, snapshot)
    : findService(before, name, service, namespace, zone);
}

const isHeadless = (service: Service): boolean => service.spec.clusterIP === 'None';
const fullName = (service: Service, namespace: string, zone: ClusterZone) =>
  `${service.metadata.name}.${namespace}.svc.${zone.domain}`;

/** `_port._protocol`; undefined: not of this form. */
function portQuestion(labels: readonly string[]): { port: string; protocol: string } | undefined {
  const [port, protocol] = labels;
  return labels.length === 2 && port!.startsWith('_') && protocol!.startsWith('_')
    ? { port: port!.slice(1), protocol: protocol!.slice(1) }
    : undefined;
}

const matches = (
  port: Pick<ServicePort, 'name' | 'protocol'>,
  wanted: { port: string; protocol: string } | undefined,
) =>
  wanted === undefined ||
  ((port.name ?? '') === wanted.port && (port.protocol ?? 'TCP').toLowerCase() === wanted.protocol);

const share = (count: number) => Math.max(1, Math.floor(100 / Math.max(1, count)));

function findService(
  before: readonly string[],
  name: string,
  service: Service,
  namespace: string,
  zone: ClusterZone,
): Found | undefined {
  const wanted = portQuestion(before);
  if (before.length > 0 && wanted === undefined) return undefined;
  const ips = service.spec.clusterIPs ?? (service.spec.clusterIP === undefined ? [] : [service.spec.clusterIP]);
  const ports = (service.spec.ports ?? []).filter((port) => matches(port, wanted));
  if (ports.length === 0 && wanted !== undefined) return undefined;
  const target = fullName(service, namespace, zone);
  return {
    records: [
      ...ips.map((ip) => address(name, ip)),
      ...ports.map((port): DnsRecord => ({
        name,
        type: 'SRV',
        ttl,
        data: { priority: 0, weight: share(ports.length), port: port.port, target },
      })),
    ],
    additionals: ips.map((ip) => address(target, ip)),
  };
}

function findEndpoints(
  before: readonly string[],
  name: string,
  service: Service,
  namespace: string,
  zone: ClusterZone,
  snapshot: ClusterSnapshot,
): Found | undefined {
  const wanted = portQuestion(before);
  if (before.length > 1 && wanted === undefined) return undefined;
  const only = before.length === 1 ? before[0] : undefined;
  const records = new Map<string, DnsRecord>();
  const additionals = new Map<string, DnsRecord>();
  const services: { port: number; target: string }[] = [];
  for (const slice of snapshot.slices(namespace, service.metadata.name!)) {
    if (slice.addressType === 'FQDN') continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      for (const ip of endpoint.addresses) {
        const label = endpointLabel(ip, endpoint.hostname);
        if (only !== undefined && label !== only) continue;
        const ports = (slice.ports ?? []).filter((port) => matches(port, wanted));
        if (wanted !== undefined && ports.length === 0) continue;
        records.set(ip, address(name, ip));
        const target = `${label}.${fullName(service, namespace, zone)}`;
        additionals.set(`${target} ${ip}`, address(target, ip));
        for (const port of ports)
          if (port.port !== undefined && !services.some((one) => one.port === port.port && one.target === target))
            services.push({ port: port.port, target });
      }
    }
  }
  // Section 2.4.1 of the specification: without ready endpoints there is no such name.
  if (records.size === 0) return undefined;
  return {
    records: [
      ...records.values(),
      ...services.map(({ port, target }): DnsRecord => ({
        name,
        type: 'SRV',
        ttl,
        data: { priority: 0, weight: share(services.length), port, target },
      })),
    ],
    additionals: [...additionals.values()],
  };
}

const endpointLabel = (ip: string, hostname: string | undefined): string =>
  hostname !== undefined && hostname !== '' ? hostname.toLowerCase() : ip.replace(/[.:]/g, '-');

/** `10-42-0-7` or `fd00--1` of Pod names. */
function addressOfDashes(label: string): string | undefined {
  if (/^\d{1,3}(-\d{1,3}){3}$/.test(label)) {
    const ip = label.replaceAll('-', '.');
    return ip.split('.').every((part) => Number(part) <= 255) ? ip : undefined;
  }
  return /^[0-9a-f-]+$/.test(label) && label.includes('-') && URL.canParse(`http://[${label.replaceAll('-', ':')}]/`)
    ? label.replaceAll('-', ':')
    : undefined;
}

/** The address that a name below in-addr.arpa or ip6.arpa stands for; IPv6 in its canonical short form. */
export function addressOfReverseName(name: string): string | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (four !== null) return [four[4], four[3], four[2], four[1]].join('.');
  if (!/^([0-9a-f]\.){32}ip6\.arpa$/.test(name)) return undefined;
  const digits = name.slice(0, 63).split('.').toReversed().join('');
  return canonicalAddress(digits.match(/.{4}/g)!.join(':'));
}

/** One spelling for an address, so that two of them can be compared. */
export const canonicalAddress = (ip: string): string =>
  ip.includes(':') && URL.canParse(`http://[${ip}]/`) ? new URL(`http://[${ip}]/`).hostname.slice(1, -1) : ip;

function answerReverse(
  question: DnsQuestion,
  ip: string,
  zone: ClusterZone,
  snapshot: ClusterSnapshot,
): DnsResponse | undefined {
  const targets: string[] = [];
  const service = snapshot.serviceByAddress(ip);
  if (service !== undefined) targets.push(fullName(service, service.metadata.namespace!, zone));
  else
    for (const slice of snapshot.slicesByAddress(ip)) {
      const name = slice.metadata.labels?.['kubernetes.io/service-name'];
      if (name === undefined) continue;
      for (const endpoint of slice.endpoints ?? [])
        if (endpoint.conditions?.ready !== false && endpoint.addresses.some((one) => canonicalAddress(one) === ip))
          targets.push(
            `${endpointLabel(ip, endpoint.hostname)}.${name}.${slice.metadata.namespace}.svc.${zone.domain}`,
          );
    }
  if (targets.length === 0)
    return zone.isClusterAddress(ip)
      ? { code: responseCode.noName, authoritative: true, answers: [], authorities: [], additionals: [] }
      : undefined;
  if (question.type !== 'PTR') return respond([], []);
  return respond(
    [...new Set(targets)].map((data): DnsRecord => ({ name: question.name, type: 'PTR', ttl, data })),
    [],
  );
}
