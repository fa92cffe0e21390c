// What the certificates of this machine must name. Pure.
import type { InterfaceAddress } from '#host/linux/addresses.ts';
import type { Names } from '#pki/plan.ts';
import type { Configuration } from './config/configuration.ts';
import { addressAt, parseIpv4Range } from './config/ranges.ts';

/** Addresses of containers' and other virtual networks come and go; nobody reaches the API server by them. */
const virtualInterface = /^(veth|cni|docker|podman|br-|flannel|virbr)/;

export function certificateNames(
  configuration: Configuration,
  hostname: string,
  addresses: readonly InterfaceAddress[],
): Names {
  const { cluster, dns, nodeName, nodeIp } = configuration;
  const own = addresses
    .filter((one) => !one.loopback && !virtualInterface.test(one.interface) && !one.address.startsWith('fe80:'))
    .map((one) => one.address);
  const inCluster = ['kubernetes', 'openshift'].flatMap((name) => [
    name,
    `${name}.default`,
    `${name}.default.svc`,
    `${name}.default.svc.${cluster.domain}`,
  ]);
  const apiServer = [
    'localhost',
    '127.0.0.1',
    '::1',
    'kube-apiserver',
    cluster.host,
    nodeName,
    hostname.toLowerCase(),
    nodeIp,
    ...own,
    ...inCluster,
    addressAt(parseIpv4Range(cluster.serviceRange)!, 1),
    `api.${dns.baseDomain}`,
    `api-int.${dns.baseDomain}`,
  ];
  return {
    nodeName,
    apiServer: [...new Set(apiServer)],
    node: [...new Set([nodeName, hostname.toLowerCase(), nodeIp, ...own])],
    ingress: [`*.apps.${dns.baseDomain}`],
    apiServerUrl: cluster.url,
  };
}
