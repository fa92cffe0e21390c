// What the certificates of this machine must name, and for which names there are kubeconfigs. Pure.
import type { InterfaceAddress } from '#host/linux/addresses.ts';
import { isIPv4, isIPv6 } from '#pki/address.ts';
import type { NamedCertificate } from '#pki/named-certificates.ts';
import type { Names } from '#pki/plan.ts';
import type { Configuration } from './config/configuration.ts';
import { addressAt, parseIpv4Range } from './config/ranges.ts';

/** Addresses of containers' and other virtual networks come and go; nobody reaches the API server by them. */
const virtualInterface = /^(veth|cni|docker|podman|br-|flannel|virbr)/;

/** What may change while it runs. */
export interface MachineNames {
  readonly hostname: string;
  readonly nodeIp: string;
  readonly addresses: readonly InterfaceAddress[];
}

const isAddress = (name: string): boolean => isIPv4(name) || isIPv6(name);
const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)];

/** Names under which Pods know the API server: no other certificate may claim them. */
export const inClusterNames = (domain: string): readonly string[] =>
  ['kubernetes', 'openshift'].flatMap((name) => [
    name,
    `${name}.default`,
    `${name}.default.svc`,
    `${name}.default.svc.${domain}`,
  ]);

export function certificateNames(
  configuration: Configuration,
  { hostname, nodeIp, addresses }: MachineNames,
  named: readonly NamedCertificate[] = [],
): Names {
  const { cluster, dns, nodeName, apiServer } = configuration;
  const { subjectAltNames } = apiServer;
  const own = addresses
    .filter((one) => !one.loopback && !virtualInterface.test(one.interface) && !one.address.startsWith('fe80:'))
    .map((one) => one.address);
  const host = hostname.toLowerCase();
  const elsewhere = cluster.host === 'localhost' || cluster.host.startsWith('127.') ? [] : [cluster.host];
  const reached = distinct([nodeName, host, ...elsewhere, ...subjectAltNames]);
  return {
    nodeName,
    // All addresses are here: who connects to an address sends no name to choose another certificate by.
    apiServer: distinct([
      'kube-apiserver',
      ...inClusterNames(cluster.domain),
      `api.${dns.baseDomain}`,
      `api-int.${dns.baseDomain}`,
      'localhost',
      '127.0.0.1',
      '::1',
      ...(isAddress(cluster.host) ? [cluster.host] : []),
      nodeIp,
      ...own,
      addressAt(parseIpv4Range(cluster.serviceRanges[0]!)!, 1),
      ...subjectAltNames.filter(isAddress),
    ]),
    external: distinct([...reached.filter((name) => !isAddress(name)), `api.${dns.baseDomain}`]),
    kubeconfigs: reached.filter((name) => !name.startsWith('*.')),
    named: named.flatMap(({ names, authoritiesPem }) =>
      names.filter((name) => !name.startsWith('*.')).map((name) => ({ name, authoritiesPem })),
    ),
    node: distinct([nodeName, host, nodeIp, ...own]),
    ingress: [`*.apps.${dns.baseDomain}`],
    apiServerUrl: cluster.url,
  };
}
